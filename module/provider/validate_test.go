package provider

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// good returns a description that is valid, changed.
func good(change func(*Description)) *Description {
	d := &Description{
		Name: "desk",
		Schemes: []Scheme{{
			Header: "X-Desk-Signature", Algorithm: HMACSHA256, Prefix: "sha256=", Signed: "{header.X-Desk-Time}.{body}",
			Time: &Time{Place: Place{Header: "X-Desk-Time"}},
		}},
		Event:    []Place{{Header: "X-Desk-Event"}, {JSON: "type"}},
		Delivery: []Place{{JSON: "events.0.id"}},
		Action:   Paths{"object.action"},
	}
	change(d)
	return d
}

func scheme(change func(*Scheme)) func(*Description) {
	return func(d *Description) { change(&d.Schemes[0]) }
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Description)
		want   string // "" is valid
	}{
		{"good", func(*Description) {}, ""},
		{"token", scheme(func(s *Scheme) { *s = Scheme{Header: "X-Token", Algorithm: Token} }), ""},
		{"basic", scheme(func(s *Scheme) {
			*s = Scheme{Header: "Authorization", Algorithm: Token, Prefix: "Basic ", Secret: BasicPair}
		}), ""},
		{"time in the body", scheme(func(s *Scheme) { s.Signed, s.Time = "{body}", &Time{Place: Place{JSON: "at"}} }), ""},
		{"parts", scheme(func(s *Scheme) {
			s.Signed, s.Separator, s.Time = "{part.t}.{body}", ",", &Time{Place: Place{Part: "t"}}
		}), ""},
		{"name", func(d *Description) { d.Name = "Desk" }, "name"},
		{"no scheme", func(d *Description) { d.Schemes = nil }, "schemes"},
		{"no header", scheme(func(s *Scheme) { s.Header = "" }), "schemes[0].header"},
		{"cookie", scheme(func(s *Scheme) { s.Header = "Cookie" }), "schemes[0].header"},
		{"algorithm", scheme(func(s *Scheme) { s.Algorithm = "md5" }), "schemes[0].algorithm"},
		{"encoding", scheme(func(s *Scheme) { s.Encoding = "HEX" }), "schemes[0].encoding"},
		{"secret", scheme(func(s *Scheme) { s.Secret = Whpk }), "schemes[0].secret"},
		{"nothing signed", scheme(func(s *Scheme) { s.Signed = "" }), "nothing is signed"},
		{"no such place", scheme(func(s *Scheme) { s.Signed = "{bodyy}" }), "unknown {bodyy}"},
		{"open brace", scheme(func(s *Scheme) { s.Signed = "{body" }), "brace"},
		{"close brace", scheme(func(s *Scheme) { s.Signed = "body}" }), "brace"},
		{"body left out", scheme(func(s *Scheme) { s.Signed = "{header.X-Desk-Time}" }), "the body is not signed"},
		{"body left out on purpose", scheme(func(s *Scheme) { s.Signed, s.BodyUnsigned = "{header.X-Desk-Time}", true }), ""},
		{"body said to be left out", scheme(func(s *Scheme) { s.BodyUnsigned = true }), "the body is signed"},
		{"time not signed", scheme(func(s *Scheme) { s.Signed = "{body}" }), "schemes[0].time"},
		{"time in no place", scheme(func(s *Scheme) { s.Time = &Time{} }), "schemes[0].time"},
		{"time too far", scheme(func(s *Scheme) { s.Time.Tolerance = 1 << 20 }), "tolerance"},
		{"time's format", scheme(func(s *Scheme) { s.Time.Format = "http" }), "format"},
		{"runs together", scheme(func(s *Scheme) { s.Signed, s.Time = "{header.X-Desk-Id}{body}", nil }), "text is required between"},
		{"signs itself", scheme(func(s *Scheme) { s.Signed, s.Time = "{header.x-desk-signature}.{body}", nil }), "cannot sign itself"},
		{"part without separator", scheme(func(s *Scheme) { s.Signed, s.Time = "{part.t}.{body}", nil }), "separator"},
		{"payload without form", scheme(func(s *Scheme) { s.Signed, s.Time = "{payload}", nil }), "form_field"},
		{"token that signs", scheme(func(s *Scheme) { s.Algorithm = Token }), "a token signs nothing"},
		{"event in the credential", func(d *Description) { d.Event = []Place{{Header: "x-desk-signature"}} }, "event[0].header"},
		{"event in two places", func(d *Description) { d.Event = []Place{{Header: "X-A", JSON: "a"}} }, "event[0]"},
		{"event in the query", func(d *Description) { d.Event = []Place{{Query: "a"}} }, "event[0]"},
		{"a path that computes", func(d *Description) { d.Delivery = []Place{{JSON: "a.@pretty"}} }, "delivery[0]"},
		{"a path that searches", func(d *Description) { d.Kinds = []string{"a.#(b==1).c"} }, "kinds[0]"},
		{"a path that counts", func(d *Description) { d.Kinds = []string{"a.##"} }, "kinds[0]"},
		{"the URL between two places", func(d *Description) { d.Schemes[0].Signed = "{body}{url}{header.X-Desk-Id}" }, "text is required"},
		{"the URL before a place", func(d *Description) { d.Schemes[0].Signed = "{url}{body}.{header.X-Desk-Time}" }, ""},
		{"lists", func(d *Description) {
			d.Event, d.Kinds = []Place{{JSON: "events.#.type"}}, []string{"events.#.more.#.kind", "kind"}
		}, ""},
		{"a list of lists", func(d *Description) { d.Event, d.Action = []Place{{JSON: "#.#.type"}}, Paths{"#.action"} }, ""},
		{"two lists", func(d *Description) { d.Event, d.Kinds = []Place{{JSON: "events.#.type"}}, []string{"entries.#.kind"} }, "the lists of the paths"},
		{"lines", func(d *Description) { d.JSONLines, d.Event = true, []Place{{JSON: "type"}, {JSON: "#.type"}} }, ""},
		{"lines of nothing", func(d *Description) { d.JSONLines, d.Event = true, []Place{{JSON: "events.#.type"}} }, "json_lines"},
		{"deep lists", func(d *Description) { d.Event = []Place{{JSON: "#.#.#.#.type"}} }, "at most 3 lists"},
		{"a list in a handshake", func(d *Description) { d.Handshakes = []Handshake{{When: []Condition{{Place: Place{JSON: "#.a"}}}}} }, "handshakes[0].when[0].json"},
		{"a form", func(d *Description) {
			d.Handshakes = []Handshake{{When: []Condition{{Place: Place{Form: "a"}}}, Pong: true}}
		}, ""},
		{"an event in a form", func(d *Description) { d.Event = []Place{{Form: "a"}} }, "event[0]"},
		{"pong and more", func(d *Description) {
			d.Handshakes = []Handshake{{When: []Condition{{Place: Place{Form: "a"}}}, Pong: true, JSON: "{}"}}
		}, "handshakes[0].pong"},
		{"empty", func(d *Description) {
			d.Handshakes = []Handshake{{When: []Condition{{Place: Place{JSON: "a"}, Empty: true}}, Pong: true}}
		}, ""},
		{"an empty header", func(d *Description) {
			d.Handshakes = []Handshake{{When: []Condition{{Place: Place{Header: "a"}, Empty: true}}, Pong: true}}
		}, "when[0].empty"},
		{"action", func(d *Description) { d.Action = Paths{"a", "a..b"} }, "action[1]"},
		{"pass the credential", func(d *Description) { d.Pass = []string{"X-Desk-Signature"} }, "pass[0]"},
		{"pass authorization", func(d *Description) { d.Pass = []string{"authorization"} }, "pass[0]"},
		{"status", func(d *Description) { d.Status = 302 }, "status"},
		{"handshake by POST, always", func(d *Description) { d.Handshakes = []Handshake{{Echo: &Place{JSON: "a"}}} }, "handshakes[0].when"},
		{"handshake by TRACE", func(d *Description) { d.Handshakes = []Handshake{{Method: "TRACE"}} }, "handshakes[0].method"},
		{"an open oracle", func(d *Description) {
			d.Handshakes = []Handshake{{Method: "GET", Open: true, Echo: &Place{Query: "a"}, Member: "a", MACMember: "b"}}
		}, "handshakes[0].open"},
		{"a signed lesson", func(d *Description) {
			d.Handshakes = []Handshake{{Method: "GET", Learn: &Place{Header: "X-A"}}}
		}, "handshakes[0].learn"},
		{"POST: a signed lesson", func(d *Description) {
			d.Handshakes = []Handshake{{When: []Condition{{Place: Place{Header: "X-A"}}}, Learn: &Place{Header: "X-A"}}}
		}, "handshakes[0].learn"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := good(test.change).Validate()
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

func TestParseSigned(t *testing.T) {
	pieces, err := ParseSigned("v0:{http.request.header.X-Time}:{part.t}{url}{payload}{body}")
	want := []Piece{{TextPiece, "v0:"}, {HeaderPiece, "X-Time"}, {TextPiece, ":"}, {PartPiece, "t"}, {Kind: URLPiece}, {Kind: PayloadPiece}, {Kind: BodyPiece}}
	if err != nil || len(pieces) != len(want) {
		t.Fatalf("%v, %v", pieces, err)
	}
	for i := range want {
		if pieces[i] != want[i] {
			t.Errorf("piece %d: %v, want %v", i, pieces[i], want[i])
		}
	}
}

// Whatever is written, what is accepted covers the body or says that it does
// not.
func FuzzValidate(f *testing.F) {
	f.Add("{body}", "sha256=", ",", "t")
	f.Add("{part.t}.{body}", "v1=", ",", "t")
	f.Add("{header.X}{{}", "", "", "")
	f.Fuzz(func(t *testing.T, signed, prefix, separator, part string) {
		d := good(scheme(func(s *Scheme) {
			s.Signed, s.Prefix, s.Separator, s.Time = signed, prefix, separator, &Time{Place: Place{Part: part}}
		}))
		if d.Validate() == nil && !strings.Contains(signed, "{body}") {
			t.Errorf("%q covers no body", signed)
		}
	})
}

// A single path is written as text, in both directions.
func TestPathsJSON(t *testing.T) {
	for text, want := range map[string]Paths{`"a.b"`: {"a.b"}, `["a","b.c"]`: {"a", "b.c"}, `""`: nil} {
		var got Paths
		if err := json.Unmarshal([]byte(text), &got); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s is read as %q: %v", text, got, err)
		}
		if again, err := json.Marshal(got); want != nil && (err != nil || string(again) != text) {
			t.Errorf("%s is written as %s: %v", text, again, err)
		}
	}
	for _, text := range []string{`7`, `{}`, `[7]`, `[["a"]]`} {
		if err := json.Unmarshal([]byte(text), new(Paths)); err == nil {
			t.Errorf("%s is no path", text)
		}
	}
}

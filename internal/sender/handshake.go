package sender

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/internal/syntax"
	"github.com/hookgate/hookgate/module/provider"
)

// maxEcho bounds what an answer repeats, in characters.
const maxEcho = 256

// Answer is the answer to a handshake.
type Answer struct {
	// Status is the HTTP status.
	Status int
	// Header holds the fields under canonical names, Content-Type among them.
	Header http.Header
	// Body is at most a few hundred bytes.
	Body []byte
	// Pong means that the request is to be answered like a ping.
	Pong bool
	// Asked means that the request is about the subscription, even if it gets no
	// answer: it is not an event.
	Asked bool
}

// handshake is one of a description's handshakes, with canonical header names.
type handshake struct {
	provider.Handshake
	echoHeaders map[string]provider.Place
	// outside are the conditions that do not concern the body.
	outside []provider.Condition
	// form means that another condition concerns a form.
	form bool
}

func compileHandshake(d *provider.Handshake) handshake {
	h := handshake{Handshake: *d}
	if h.Method == "" {
		h.Method = http.MethodPost
	}
	if h.Status == 0 {
		h.Status = http.StatusOK
	}
	for _, condition := range d.When {
		if condition.JSON == "" && condition.Form == "" {
			h.outside = append(h.outside, condition)
		}
		h.form = h.form || condition.Form != ""
	}
	h.echoHeaders = make(map[string]provider.Place)
	for name, at := range d.EchoHeaders {
		h.echoHeaders[http.CanonicalHeaderKey(name)] = at
	}
	return h
}

// HandshakeMethods returns the methods of the provider's handshakes.
func (p *Provider) HandshakeMethods() []string {
	var methods []string
	for i := range p.handshakes {
		methods = appendNew(methods, p.handshakes[i].Method)
	}
	return methods
}

// OpenHandshake reports whether a request can be a handshake that the sender
// does not sign, as far as this can be known before the body is read. learning
// means that a secret may be learned now.
func (p *Provider) OpenHandshake(r *provider.Request, learning bool) bool {
	places := places{request: r}
	return slices.ContainsFunc(p.handshakes, func(h handshake) bool {
		return h.Open && h.Method == r.Method && (h.Learn == nil || learning) && (!h.form || IsForm(r.Header)) && places.match(h.outside)
	})
}

// AsksHandshake reports whether a request without a body asks for a handshake,
// and whether the caller has to authenticate for it.
func (p *Provider) AsksHandshake(r *provider.Request) (asks, proven bool) {
	places := places{request: r}
	for i := range p.handshakes {
		if h := &p.handshakes[i]; h.Method == r.Method && len(h.outside) == len(h.When) && places.match(h.outside) {
			return true, !h.Open || h.Token != nil
		}
	}
	return false, false
}

// Learns reports whether the sender chooses its secret itself.
func (p *Provider) Learns() bool {
	return slices.ContainsFunc(p.handshakes, func(h handshake) bool { return h.Learn != nil })
}

// Handshake answers a request with which the sender verifies the address; its
// body is read as a document. It reports whether the request was such a
// handshake and got its answer. verified means that the request's credential is
// valid: if the sender signs its handshakes, only a signed one is answered.
// learn stores a secret that the sender has chosen, for an admin to confirm,
// and reports whether it did; it is nil unless an admin has opened the window
// for it.
func (v *Verifier) Handshake(r *provider.Request, body *jsondoc.Document, verified bool, learn func(secret string) bool) (Answer, bool) {
	places := places{request: r, body: body}
	asked := false
	for i := range v.provider.handshakes {
		h := &v.provider.handshakes[i]
		if h.Method != r.Method || !places.match(h.When) {
			continue
		}
		asked = true
		if h.Open || verified {
			a, ok := v.answer(h, &places, learn)
			a.Asked = true
			return a, ok
		}
	}
	return Answer{Asked: asked}, false
}

func (v *Verifier) answer(h *handshake, places *places, learn func(string) bool) (Answer, bool) {
	if h.Token != nil && !v.words.Match(places.get(h.Token)) {
		return Answer{}, false
	}
	a := Answer{Status: h.Status, Header: http.Header{}, Pong: h.Pong}
	if h.Method == http.MethodOptions {
		a.Header.Set("Allow", http.MethodPost) // RFC 9110, 9.3.7
	}
	for name, at := range h.echoHeaders {
		if text := places.get(&at); isEcho(text) {
			a.Header[name] = []string{text}
		}
	}
	switch {
	case h.Echo != nil:
		if !v.echo(&a, h, places) {
			return Answer{}, false
		}
	case h.JSON != "":
		a.write("application/json", h.JSON)
	}
	if h.Learn != nil {
		secret := places.get(h.Learn)
		if places.isNumber(h.Learn) || !isEcho(secret) || v.provider.CheckSecret(secret) != nil || learn == nil || !learn(secret) {
			return Answer{}, false
		}
	}
	return a, true
}

// echo repeats what the request asks for: as text, or in JSON.
func (v *Verifier) echo(a *Answer, h *handshake, places *places) bool {
	text := places.get(h.Echo)
	if !isEcho(text) {
		return false
	}
	if h.Member == "" {
		a.write("text/plain; charset=utf-8", text)
		return true
	}
	members := map[string]string{h.Member: text}
	if h.MACMember != "" {
		// What is computed with the secret must not be a signature of anything that
		// the sender signs: nothing it signs consists only of these characters.
		secret, ok := v.signer(places.request)
		if !ok || strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(text))
		members[h.MACMember] = hex.EncodeToString(mac.Sum(nil))
	}
	body, err := json.Marshal(members)
	if err != nil {
		return false
	}
	a.write("application/json", string(body))
	return true
}

// write sets a body, and keeps a browser from interpreting it as something
// else.
func (a *Answer) write(contentType, body string) {
	a.Header.Set("Content-Type", contentType)
	a.Header.Set("X-Content-Type-Options", "nosniff")
	a.Body = []byte(body)
}

// signer returns the secret that signed the request.
func (v *Verifier) signer(r *provider.Request) (string, bool) {
	for _, secret := range v.secrets {
		one, err := v.provider.NewVerifier([]string{secret}, v.strong)
		if err != nil {
			continue
		}
		claim, reason := one.Precheck(r.Header, r.Now)
		claim.URL = r.URL
		if reason == "" && claim.Verify(r.Body) == "" {
			return secret, true
		}
	}
	return "", false
}

func isEcho(text string) bool {
	return text != "" && len(text) <= maxEcho && syntax.IsPrintable(text)
}

// places finds values in a request.
type places struct {
	request *provider.Request
	body    *jsondoc.Document
	query   url.Values
}

func (p *places) match(conditions []provider.Condition) bool {
	for i := range conditions {
		c := &conditions[i]
		if c.Empty {
			if !isEmptyList(p.body.Value().Get(c.JSON)) {
				return false
			}
			continue
		}
		text := p.get(&c.Place)
		if (text == "") != c.Absent || c.Equals != "" && text != c.Equals {
			return false
		}
	}
	return true
}

// get returns the value at the place, or "" if there is more than one.
func (p *places) get(at *provider.Place) string {
	var values []string
	switch {
	case at.Header != "":
		values = p.request.Header.Values(at.Header)
	case at.Query != "":
		if p.query == nil {
			p.query = query(p.request.URL)
		}
		values = p.query[at.Query]
	case at.Form != "":
		if !IsForm(p.request.Header) {
			return ""
		}
		text, _ := FormValue(p.request.Body, at.Form)
		return string(text)
	default:
		return textAt(p.body, at.JSON)
	}
	if len(values) != 1 {
		return ""
	}
	return values[0]
}

// isEmptyList reports whether a value is a list without entries.
func isEmptyList(value jsondoc.Value) bool {
	for range value.Entries() {
		return false
	}
	return value.IsArray()
}

// isNumber reports whether the value at the place is a number, which is not
// secret.
func (p *places) isNumber(at *provider.Place) bool {
	return at.JSON != "" && p.body.Value().Get(at.JSON).IsNumber()
}

// query reads the parameters of a URL and ignores malformed ones.
func query(address string) url.Values {
	_, text, _ := strings.Cut(address, "?")
	values, err := url.ParseQuery(text)
	if err != nil {
		return url.Values{}
	}
	return values
}

package integrationtests

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

func mac(algorithm func() hash.Hash, text string) []byte {
	m := hmac.New(algorithm, []byte(secret))
	m.Write([]byte(text))
	return m.Sum(nil)
}

// Twilio signs the address in several spellings, each of which its library
// tries.
func TestSpellingsOfTheURL(t *testing.T) {
	t.Parallel()
	g, _ := edge(t, fmt.Sprintf("public_url https://hooks.example.com:8443/webhooks/\nintegration sms {\nproject demo\nsignature twilio %q\ndedupe none\nresource ticket T-1\n}\n", secret))
	const fields = "BodyHiFrom1"
	for _, test := range []struct {
		signed, query string
		status        int
	}{
		{"https://hooks.example.com:8443/webhooks/sms", "", 204},
		{"https://hooks.example.com/webhooks/sms", "", 204},
		{"https://hooks.example.com:443/webhooks/sms", "", 401},
		{"http://hooks.example.com/webhooks/sms", "", 401},
		{"https://hooks.example.com/webhooks/sms?who=O'Hara", "?who=O'Hara", 204},
		{"https://hooks.example.com/webhooks/sms?who=O%27Hara", "?who=O'Hara", 204},
		{"https://hooks.example.com/webhooks/sms?who=O'Hara", "?who=O%27Hara", 204},
		{"https://hooks.example.com:8443/webhooks/sms?a=b%20c", "?a=b+c", 204},
		{"https://hooks.example.com/webhooks/sms?who=other", "?who=O'Hara", 401},
	} {
		header := gateway.Headers("Content-Type", "application/x-www-form-urlencoded",
			"X-Twilio-Signature", base64.StdEncoding.EncodeToString(mac(sha1.New, test.signed+fields)))
		if got := g.Post("/webhooks/sms"+test.query, header, []byte("From=1&Body=Hi")); got.Status != test.status {
			t.Errorf("signed %s, sent to %q: %d", test.signed, test.query, got.Status)
		}
	}
}

// Bytes of the body cannot be moved into the address that is signed with it.
func TestBorderOfTheURL(t *testing.T) {
	t.Parallel()
	g, _ := edge(t, fmt.Sprintf(`public_url https://hooks.example.com/webhooks/
integration custom {
	project demo
	signature custom %[1]q {
		header X-Signature
		signed {url}{body}
	}
	resource ticket T-1
}
integration square {
	project demo
	signature square %[1]q
	resource ticket T-2
}
integration trello {
	project demo
	signature trello %[1]q
	resource ticket T-3
}
`, secret))
	send := func(id, query, body string) *gateway.Answer {
		address := publicURL + id + query
		header := http.Header{}
		switch id {
		case "custom":
			header.Set("X-Signature", hex.EncodeToString(mac(sha256.New, address+body)))
		case "square":
			header.Set("X-Square-HmacSha256-Signature", base64.StdEncoding.EncodeToString(mac(sha256.New, address+body)))
		case "trello":
			header.Set("X-Trello-Webhook", base64.StdEncoding.EncodeToString(mac(sha1.New, body+address)))
		}
		return g.Post("/webhooks/"+id+query, header, []byte(body))
	}
	for _, id := range []string{"custom", "square"} {
		accept(t, send(id, "", `{"type":"a"}`))
		accept(t, send(id, "", `?a=1{"type":"a"}`))
		problem(t, send(id, "?a=1", `{"type":"a"}`), http.StatusUnauthorized)
		problem(t, send(id, "?a=1"+url.QueryEscape("{"), `"type":"a"}`), http.StatusUnauthorized)
	}
	send("trello", "?list=7", `{"action":{"type":"createCard","id":"1"}}`).Want(t, 200)
	problem(t, send("trello", "?"+publicURL+"trello", `{"action":{"type":"createCard","id":"2"}}`), http.StatusUnauthorized)
}

// A signature may be as old as its sender's last retry, or as old as the
// integration says.
func TestAgeOfASignature(t *testing.T) {
	t.Parallel()
	g, _ := edge(t, fmt.Sprintf("integration linear {\nproject demo\nsignature linear %[1]q\nresource ticket T-1\n}\nintegration strict {\nproject demo\nsignature linear %[1]q {\ntolerance 1m\n}\nresource ticket T-2\n}\n", secret))
	authentication := func(tolerance any) gateway.M {
		return gateway.M{"authentication": gateway.M{"signature": gateway.M{"tolerance": tolerance}}}
	}
	made := authentication(300)
	made["authentication"].(gateway.M)["signature"].(gateway.M)["provider"], made["authentication"].(gateway.M)["signature"].(gateway.M)["secrets"] = "linear", []string{secret}
	made["webhook_id"], made["resource"] = "made", gateway.M{"type": "ticket", "id": "T-3"}
	g.Create(t, demo, made)
	send := func(id string, old time.Duration) int {
		body := fmt.Appendf(nil, `{"type":"Issue","action":"create","old":%d,"webhookTimestamp":%d}`, old, time.Now().Add(-old).UnixMilli())
		return g.Post("/webhooks/"+id, gateway.Headers("Linear-Signature", hex.EncodeToString(mac(sha256.New, string(body)))), body).Status
	}
	check := func(id string, least, most time.Duration) {
		t.Helper()
		for old, want := range map[time.Duration]int{
			0: 200, least: 200, most: 401, -time.Minute / 2: 200, -6 * time.Minute: 401,
		} {
			if got := send(id, old); got != want {
				t.Errorf("%s, %v old: %d, want %d", id, old, got, want)
			}
		}
	}
	const retries = time.Minute + time.Hour + 6*time.Hour
	check("linear", retries+time.Minute, 9*time.Hour)
	check("strict", 50*time.Second, 62*time.Second)
	check("made", 4*time.Minute, 6*time.Minute)

	// It is in force at once, and survives a restart.
	read := g.API("PATCH", gateway.Integration(demo, "made"), authentication(86400)).Want(t, 200).JSON(t)
	if got := read["authentication"].(gateway.M)["signature"].(gateway.M)["tolerance"]; got != 86400.0 {
		t.Errorf("the tolerance reads %v", got)
	}
	check("made", 23*time.Hour, 25*time.Hour)
	g.Kill()
	g.Start()
	check("made", 23*time.Hour, 25*time.Hour)
	g.API("PATCH", gateway.Integration(demo, "made"), authentication(nil)).Want(t, 200)
	check("made", retries, 9*time.Hour)
	for _, tolerance := range []any{0, -1, 86401, 1.5, "60", true} {
		g.API("PATCH", gateway.Integration(demo, "made"), authentication(tolerance)).Want(t, 400)
	}
}

// A hub may sign with various algorithms, YouTube's with SHA-1.
func TestWebSubAlgorithms(t *testing.T) {
	t.Parallel()
	g, _ := edge(t, fmt.Sprintf("integration feed {\nproject demo\nsignature websub %[1]q\nresource ticket T-1\n}\nintegration strict {\nproject demo\nsignature websub %[1]q\nrequire_sha256_signature on\nresource ticket T-2\n}\n", secret))
	g.Create(t, demo, gateway.M{"webhook_id": "made", "authentication": gateway.M{"signature": gateway.M{"provider": "websub", "secrets": []string{secret}}}, "resource": gateway.M{"type": "ticket", "id": "T-3"}})
	const feed = `<feed xmlns="http://www.w3.org/2005/Atom"/>`
	for name, algorithm := range map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New} {
		header := gateway.Headers("Content-Type", "application/atom+xml", "X-Hub-Signature", name+"="+hex.EncodeToString(mac(algorithm, feed)))
		accept(t, g.Post("/webhooks/feed", header, []byte(feed)))
		accept(t, g.Post("/webhooks/made", header, []byte(feed)))
		problem(t, g.Post("/webhooks/made", header, []byte(feed+" ")), http.StatusUnauthorized)
		if name == "sha1" {
			problem(t, g.Post("/webhooks/strict", header, []byte(feed)), http.StatusUnauthorized)
		} else {
			accept(t, g.Post("/webhooks/strict", header, []byte(feed)))
		}
	}
}

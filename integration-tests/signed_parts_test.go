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

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

func mac(algorithm func() hash.Hash, text string) []byte {
	m := hmac.New(algorithm, []byte(secret))
	m.Write([]byte(text))
	return m.Sum(nil)
}

// Twilio signs the address in several spellings, of which its library tries each.
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

// A hub signs with what it likes, YouTube's with SHA-1.
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

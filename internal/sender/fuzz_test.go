package sender

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/internal/syntax"
)

// Only the right signature is accepted, whatever the header contains.
func FuzzPrecheck(f *testing.F) {
	const body = `{"a":1}`
	f.Add("github", sign256("k", body), "sha1=", "1764000000", "msg")
	f.Add("jira", "", sign256("k", body), "", "")
	f.Add("standard-webhooks", "v1,AAAA v1a,BBBB", "x", "1764000000", "a.b")
	f.Add("gitlab", "k", "", "", "")
	f.Fuzz(func(t *testing.T, name, first, second, stamp, id string) {
		p, found := Lookup(name)
		if !found {
			return
		}
		secret := map[bool]string{true: "whsec_a2tra2tra2tra2tr", false: "k"}[name == "standard-webhooks"]
		v, err := p.NewVerifier([]string{secret}, false)
		if err != nil {
			return // a secret of this provider looks otherwise
		}
		header := http.Header{
			"X-Hub-Signature-256": {first}, "X-Hub-Signature": {second}, "X-Gitlab-Token": {first},
			"Webhook-Signature": {first}, "Webhook-Timestamp": {stamp}, "Webhook-Id": {id},
		}
		claim, reason := v.Precheck(header, time.Unix(1764000000, 0))
		if reason != "" || claim.Verify([]byte(body)) != "" {
			return
		}
		right := false
		switch name {
		case "github":
			right = first == sign256("k", body)
		case "jira":
			right = second == sign256("k", body)
		case "gitlab":
			right = first == "k"
		case "standard-webhooks":
			mac := hmac.New(sha256.New, []byte("kkkkkkkkkkkk"))
			mac.Write([]byte(id + "." + stamp + "." + body))
			right = strings.Contains(first, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		}
		if !right {
			t.Errorf("%s took %q and %q", name, first, second)
		}
	})
}

// Whatever the body is, looking for names in it ends, and what is found is a
// valid header value.
func FuzzRead(f *testing.F) {
	f.Add("gitlab", []byte(`{"object_kind":"a","object_attributes":{"action":"b"}}`))
	f.Add("jira", []byte(`{"webhookEvent":"\ud800"}`))
	f.Add("github", []byte(`{"action":"opened","action":"closed"}`))
	f.Add("meta", []byte(`{"object":"page","entry":[{"changes":[{"field":"a"},{"field":"b"}]},{"changes":[]},{}]}`))
	f.Add("hubspot", []byte(`[{"subscriptionType":"a","eventId":1,"attemptNumber":0},[],{"attemptNumber":{"a":"]"}}]`))
	f.Add("cloudevents", []byte(`[[{"type":"a"}]]`))
	f.Fuzz(func(t *testing.T, name string, body []byte) {
		p, found := Lookup(name)
		if !found {
			return
		}
		var m Message
		header := http.Header{"X-Github-Event": {"push"}, "X-Gitlab-Event": {"Push Hook"}}
		for _, by := range []Wanting{everything{}, named("nothing of the kind")} {
			claim := Claim{scheme: &p.schemes[0], line: &line{}}
			if _, err := m.Read(p, header, jsondoc.New(body), &claim, by); err != nil && !errors.Is(err, ErrEvents) {
				t.Fatal(err)
			}
			m.Numbered()
			m.WriteAttempt(sha256.New())
		}
		for name := range m.Names() {
			if !syntax.IsPrintable(name) || name == "" {
				t.Errorf("name %q", name)
			}
		}
	})
}

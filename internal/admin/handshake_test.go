package admin

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/credential"
)

func TestHandshake(t *testing.T) {
	a := newAPI(t)
	a.View.Rules.Provider = func(name string) (credential.ProviderFacts, bool) {
		return credential.ProviderFacts{SHA256: true, Learns: name == "asana"}, true
	}
	const at = "/webhooks/projects/demo/integrations/hook/handshake"
	want := func(got answer, status int, state string) answer {
		t.Helper()
		if got.status != status || state != "" && got.json["state"] != state {
			t.Fatalf("%d %s", got.status, got.text)
		}
		return got
	}
	want(a.do("GET", at, ""), http.StatusNotFound, "")
	want(a.do("POST", "/webhooks/projects/demo/integrations", `{"webhook_id":"hook","authentication":{"signature":{"provider":"asana"}}}`), http.StatusCreated, "")
	want(a.do("GET", at, ""), http.StatusOK, "closed")
	want(a.do("PUT", at, ""), http.StatusMethodNotAllowed, "")
	if got := want(a.do("POST", at, ""), http.StatusCreated, "open"); got.json["expires_at"] == nil || got.header.Get("ETag") == "" {
		t.Errorf("%s", got.text)
	}
	want(a.do("POST", at, ""), http.StatusOK, "open")
	want(a.do("POST", at, "", "If-Match", `"0"`), http.StatusPreconditionFailed, "")
	want(a.do("POST", at+"/confirm", `{"fingerprint":"00000000"}`), http.StatusConflict, "")

	in, err := a.Service.Get(t.Context(), a.View, "demo", "hook")
	if err != nil {
		t.Fatal(err)
	}
	if learned, err := a.Service.Learn(t.Context(), in, "brought-by-sender", "192.0.2.7"); err != nil || !learned {
		t.Fatal(learned, err)
	}
	got := want(a.do("GET", at, ""), http.StatusOK, "learned")
	seen, _ := got.json["learned"].(map[string]any)
	fingerprint, _ := seen["fingerprint"].(string)
	if len(fingerprint) != 8 || seen["client_ip"] != "192.0.2.7" || seen["at"] == nil || strings.Contains(got.text, "brought-by-sender") {
		t.Errorf("%s", got.text)
	}
	want(a.do("POST", at+"/confirm", `{"fingerprint":"00000000"}`), http.StatusConflict, "")
	want(a.do("POST", at+"/confirm", `{}`), http.StatusBadRequest, "")
	want(a.do("POST", at+"/confirm", `{"fingerprint":"`+fingerprint+`","x":1}`), http.StatusBadRequest, "")
	want(a.do("POST", "/webhooks/projects/other/integrations/hook/handshake/confirm", `{"fingerprint":"`+fingerprint+`"}`), http.StatusNotFound, "")
	done := want(a.do("POST", at+"/confirm", `{"fingerprint":"`+fingerprint+`"}`, "If-Match", got.header.Get("ETag")), http.StatusOK, "")
	if !strings.Contains(done.text, `"secrets":["********`+fingerprint+`"]`) {
		t.Errorf("%s", done.text)
	}
	want(a.do("GET", at, ""), http.StatusOK, "closed")
	want(a.do("POST", at, ""), http.StatusCreated, "open")
	want(a.do("DELETE", at, ""), http.StatusNoContent, "")
	want(a.do("GET", at, ""), http.StatusOK, "closed")
	for _, entry := range a.logs.All() {
		if strings.Contains(entry.Message, "brought-by-sender") {
			t.Errorf("the log holds the secret: %+v", entry)
		}
	}
	if n := a.logs.FilterMessageSnippet("secret").Len(); n != 5 {
		t.Errorf("%d lines in the log, want one for each change", n)
	}
}

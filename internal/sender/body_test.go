package sender

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/module/provider"
)

// judge sends a body to a sender whose credential is in the body.
func judge(t *testing.T, name, secret, body string, header http.Header) Reason {
	t.Helper()
	v := mustVerifier(t, name, false, "00", secret)
	return check(v, &provider.Request{Method: "POST", Header: header, Body: []byte(body), Now: time.Unix(1764000000, 0)})
}

func TestMailgun(t *testing.T) {
	const token = "e0b5477167110d68991efc6b9f89f0a11066af27834600e123"
	body := func(stamp, token, signature, more string) string {
		return `{"signature":{"timestamp":` + stamp + `,"token":"` + token + `","signature":"` + signature + `"` + more + `},"event-data":{"event":"opened"}}`
	}
	sign := func(secret, content string) string {
		return newMACs(sha256.New, provider.Hex, []byte(secret)).text(nil, content)
	}
	good := sign("k", "1764000000"+token)
	tests := []struct {
		name, body string
		want       Reason
	}{
		{"good", body(`"1764000000"`, token, good, ""), ""},
		{"a number", body(`1764000000`, token, good, ""), ""},
		{"the account's", body(`"1764000000"`, token, sign("other", "1764000000"+token), `,"parent-signature":"`+good+`"`), ""},
		{"another secret", body(`"1764000000"`, token, sign("other", "1764000000"+token), ""), Mismatch},
		{"upper case", body(`"1764000000"`, token, strings.ToUpper(good), ""), Mismatch},
		{"another token", body(`"1764000000"`, token+"4", good, ""), Mismatch},
		{"a digit moved to the time", body(`"17640000001"`, "abc", sign("k", "17640000001abc"), ""), Stale},
		{"a digit moved to the token", body(`"176400000"`, "0abc", sign("k", "1764000000abc"), ""), Stale},
		{"the last retry", body(`"1763970880"`, token, sign("k", "1763970880"+token), ""), ""},
		{"late", body(`"1763967599"`, token, sign("k", "1763967599"+token), ""), Stale},
		{"early", body(`"1764000301"`, token, sign("k", "1764000301"+token), ""), Stale},
		{"no time", body(`""`, token, good, ""), Malformed},
		{"null", body(`null`, token, good, ""), Malformed},
		{"no token", body(`"1764000000"`, "", sign("k", "1764000000"), ""), Malformed},
		{"twice", body(`"1764000000"`, token, good, `,"token":"x"`), Missing},
		{"twice in another case", body(`"1764000000"`, token, good, `,"Token":"x"`), Malformed},
		{"a number as signature", `{"signature":{"timestamp":"1764000000","token":"a","signature":1}}`, Malformed},
		{"a string", `{"signature":"x"}`, Malformed},
		{"nothing", `{}`, Missing},
		{"a form", "timestamp=1764000000&token=" + token + "&signature=" + good, Missing},
		{"empty", "", Missing},
	}
	for _, test := range tests {
		if got := judge(t, "mailgun", "k", test.body, http.Header{}); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestGraph(t *testing.T) {
	tests := []struct {
		name, body string
		want       Reason
	}{
		{"one", `{"value":[{"clientState":"word","changeType":"created"}]}`, ""},
		{"two", `{"value":[{"clientState":"word"},{"clientState":"word"}]}`, ""},
		{"the second is another's", `{"value":[{"clientState":"word"},{"clientState":"ward"}]}`, Mismatch},
		{"the second has none", `{"value":[{"clientState":"word"},{}]}`, Mismatch},
		{"null", `{"value":[{"clientState":null}]}`, Mismatch},
		{"a number", `{"value":[{"clientState":1}]}`, Malformed},
		{"twice", `{"value":[{"clientState":"word","clientState":"word"}]}`, Missing},
		{"not an entry", `{"value":[{"clientState":"word"},"word"]}`, Malformed},
		{"no entries", `{"value":[]}`, Malformed},
		{"an object", `{"value":{"clientState":"word"}}`, Malformed},
		{"null entries", `{"value":null}`, Malformed},
		{"elsewhere", `{"clientState":"word"}`, Missing},
		{"values twice", `{"value":[{"clientState":"word"}],"Value":[]}`, Missing},
		{"empty", "", Missing},
	}
	for _, test := range tests {
		if got := judge(t, "msgraph", "word", test.body, http.Header{}); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	p := mustLookup(t, "msgraph")
	for _, secret := range []string{"", strings.Repeat("x", maxClientState+1), "ü", "a\nb"} {
		if p.CheckSecret(secret) == nil {
			t.Errorf("takes the secret %.20q", secret)
		}
	}
}

// The validation request carries a token in the query, and nothing else.
func TestGraphHandshake(t *testing.T) {
	v := mustVerifier(t, "msgraph", false, "word")
	for query, want := range map[string]string{
		"validationToken=Validation%3A+Testing+client+%3Cb%3E": "Validation: Testing client <b>",
		"validationToken=": "-", "validationToken=a&validationToken=b": "-", "validationToken=a%0Ab": "-",
		"validationToken=" + strings.Repeat("x", maxEcho+1): "-", "": "-",
	} {
		a, ok := v.Handshake(&provider.Request{Method: "POST", URL: address + "?" + query}, jsondoc.New(nil), false, nil)
		if ok != (want != "-") || ok && (string(a.Body) != want || a.Header.Get("Content-Type") != "text/plain; charset=utf-8") {
			t.Errorf("%.60s: %v %s %v", query, ok, a.Body, a.Header)
		}
	}
}

func TestAdyenPayments(t *testing.T) {
	const secret = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
	raw, err := hex.DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	key := newMACs(sha256.New, provider.Base64, raw)
	item := func(psp, merchant, amount, more, signature string) string {
		return fmt.Sprintf(`{"NotificationRequestItem":{"pspReference":"%s","merchantAccountCode":"M","merchantReference":"%s",`+
			`"amount":%s,"eventCode":"AUTHORISATION","success":"true","reason":"x"%s,"additionalData":{"hmacSignature":"%s"}}}`,
			psp, merchant, amount, more, signature)
	}
	body := func(items ...string) string {
		return `{"live":"false","notificationItems":[` + strings.Join(items, ",") + `]}`
	}
	const amount = `{"value":1130,"currency":"EUR"}`
	good := key.text([]byte("P::M:T-1:1130:EUR:AUTHORISATION:true"))
	tests := []struct {
		name, body string
		want       Reason
	}{
		{"good", body(item("P", "T-1", amount, "", good)), ""},
		{"two", body(item("P", "T-1", amount, "", good), item("P", "T-1", amount, "", good)), ""},
		{"the second is not signed", body(item("P", "T-1", amount, "", good), item("P", "T-1", amount, "", "")), Malformed},
		{"the second is another", body(item("P", "T-1", amount, "", good), item("Q", "T-1", amount, "", good)), Mismatch},
		{"another amount", body(item("P", "T-1", `{"value":1131,"currency":"EUR"}`, "", good)), Mismatch},
		{"another currency", body(item("P", "T-1", `{"value":1130,"currency":"USD"}`, "", good)), Mismatch},
		{"another reference", body(item("P", "T-2", amount, "", good)), Mismatch},
		{"an original", body(item("P", "T-1", amount, `,"originalReference":"O"`, good)), Mismatch},
		{"an amount twice", body(item("P", "T-1", amount, `,"amount":{"value":1,"currency":"EUR"}`, good)), Missing},
		{"a value twice", body(item("P", "T-1", `{"value":1130,"Value":1,"currency":"EUR"}`, "", good)), Malformed},
		{"a value with a fraction", body(item("P", "T-1", `{"value":1130.0,"currency":"EUR"}`, "", good)), Malformed},
		{"a value as text", body(item("P", "T-1", `{"value":"1130","currency":"EUR"}`, "", good)), Malformed},
		{"a negative value", body(item("P", "T-1", `{"value":-5,"currency":"EUR"}`, "", key.text([]byte("P::M:T-1:-5:EUR:AUTHORISATION:true")))), ""},
		{"a colon in the reference", body(item("P", "T:1", amount, "", key.text([]byte("P::M:T:1:1130:EUR:AUTHORISATION:true")))), ""},
		{"a colon elsewhere", body(item("P:", "T-1", amount, `,"originalReference":""`, key.text([]byte("P:::M:T-1:1130:EUR:AUTHORISATION:true")))), Malformed},
		{"no amount", `{"notificationItems":[{"NotificationRequestItem":{"additionalData":{"hmacSignature":"` + good + `"}}}]}`, Malformed},
		{"no item", `{"notificationItems":[{}]}`, Malformed},
		{"no items", body(), Malformed},
		{"null", `{"notificationItems":null}`, Malformed},
		{"nothing", `{}`, Missing},
	}
	for _, test := range tests {
		if got := judge(t, "adyen-payments", secret, test.body, http.Header{}); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// Only a scheme in code can have its credential in the body.
func TestInBodyNeedsCode(t *testing.T) {
	for name, s := range map[string]provider.Scheme{
		"no code":     {InBody: true, Algorithm: provider.Token},
		"with header": {InBody: true, Header: "X-A", Algorithm: provider.Token, NewVerifier: newMailgun},
		"neither":     {Algorithm: provider.Token, NewVerifier: newMailgun},
	} {
		d := provider.Description{Name: "x", Schemes: []provider.Scheme{s}}
		if d.Validate() == nil {
			t.Errorf("%s: valid", name)
		}
	}
}

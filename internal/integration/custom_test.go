package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/form"
)

func TestCustom(t *testing.T) {
	const scheme = `"schemes":[{"header":"X-A","algorithm":"hmac-sha256","signed":"{body}"}]`
	tests := []struct{ signature, want string }{
		{`"provider":"custom","description":{` + scheme + `}`, ""},
		{`"provider":"custom","description":{"name":"custom",` + scheme + `}`, ""},
		{`"provider":"custom"`, "description: the provider custom requires one"},
		{`"provider":"custom","description":null`, "description: the provider custom requires one"},
		{`"provider":"github","description":null`, ""},
		{`"provider":"github","description":{` + scheme + `}`, "description: only the provider custom has one"},
		{`"provider":"custom","description":[]`, "description: it is not a description"},
		{`"provider":"custom","description":{` + scheme + `,"pepper":1}`, "description: it is not a description"},
		{`"provider":"custom","description":{"name":"github",` + scheme + `}`, "description.name: it must be custom"},
		{`"provider":"custom","description":{"schemes":[{"header":"X-A","algorithm":"hmac-sha256","signed":"a"}]}`, "the body is not signed"},
		{`"provider":"custom","description":{"schemes":[{},{},{},{},{}]}`, "description.schemes: at most 4"},
		{`"provider":"custom","description":{` + scheme + `,"handshakes":[{},{},{},{},{}]}`, "description.handshakes: at most 4"},
		{`"provider":"custom","description":{` + scheme + `,"handshakes":[{"method":"GET","echo_headers":{"Set-Cookie":{"query":"a"}}}]}`, "handshakes[0].echo_headers"},
		{`"provider":"custom","description":{` + scheme + `,"handshakes":[{"method":"GET","open":true,"learn":{"query":"a"}}]}`, "handshakes[0].learn"},
		{`"provider":"custom","description":{` + scheme + `,"handshakes":[{"method":"GET","json":"<b>"}]}`, "handshakes[0].json"},
		{`"provider":"custom","description":{"sample":"` + strings.Repeat("a", 16<<10) + `"}`, "description: at most 16384 bytes"},
	}
	for _, test := range tests {
		document, err := form.Decode(fmt.Appendf(nil, `{"project":"demo","authentication":{"signature":{%s,"secrets":["s"]}}}`, test.signature))
		if err != nil {
			t.Fatal(err)
		}
		_, err = reading{rules: rules()}.read(document)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%.120s: %v, want %q", test.signature, err, test.want)
		}
	}
}

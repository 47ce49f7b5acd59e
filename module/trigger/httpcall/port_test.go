package httpcall_test

import (
	"net/url"
	"testing"

	"github.com/hookgate/hookgate/module/trigger/httpcall"
)

func TestCheckPort(t *testing.T) {
	for authority, ok := range map[string]bool{
		"desk.test": true, "desk.test:": true, "desk.test:1": true, "desk.test:65535": true, "[::1]:8080": true, "[::1]": true,
		"desk.test:0": false, "desk.test:65536": false, "desk.test:99999999999999999999": false, "[::1]:70000": false,
	} {
		address, err := url.Parse("https://" + authority + "/x")
		if err != nil {
			t.Fatal(err)
		}
		if err := httpcall.CheckPort(address); (err == nil) != ok {
			t.Errorf("%s: %v", authority, err)
		}
	}
}

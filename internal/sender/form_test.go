package sender

import (
	"net/url"
	"testing"
)

func TestFormValue(t *testing.T) {
	for body, want := range map[string]string{
		"payload=%7B%22a%22%3A1%7D":      `{"a":1}`,
		"payload={\"a\":+1}":             `{"a": 1}`,
		"x=1&payload=a%26b&y":            "a&b",
		"%70ayload=a":                    "a",
		"payload=a;b":                    "a;b",
		"payload=a=b":                    "a=b",
		"payload=%c3%BC":                 "ü",
		"":                               "",
		"payload":                        "",
		"payload=":                       "",
		"Payload=a":                      "",
		"payload=a&payload=b":            "",
		"payload=a&payload=":             "",
		"payload=%":                      "",
		"payload=%7":                     "",
		"payload=%zz":                    "",
		"%payload=a":                     "",
		"xpayload=a&payloadx=b&%zz=c&=&": "",
	} {
		got, ok := FormValue([]byte(body), "payload")
		if string(got) != want || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", body, got, ok, want)
		}
	}
}

func FuzzFormValue(f *testing.F) {
	f.Add("payload=%7B%7D")
	f.Add("a=b&payload=c+d&%70ayload=e")
	f.Add("payload=%zz&payload=;")
	f.Fuzz(func(t *testing.T, body string) {
		got, ok := FormValue([]byte(body), "payload")
		if ok && len(got) == 0 {
			t.Fatal("an empty payload")
		}
		values, err := url.ParseQuery(body)
		if err != nil || len(values["payload"]) > 1 {
			return // net/url refuses more than this does, for fields that do not count
		}
		if want := values.Get("payload"); want != string(got) || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", body, got, ok, want)
		}
	})
}

package guest

import (
	"encoding/json"
	"testing"
)

func TestTransportDefaults(t *testing.T) {
	for raw, want := range map[string]string{
		"":                    `{"compression":false,"network_proxy":{"from":"none"},"protocol":"http"}`,
		`{"protocol":"http"}`: `{"compression":false,"network_proxy":{"from":"none"},"protocol":"http"}`,
		`{"protocol":"http","compression":true,"network_proxy":{"from":"url","url":"x"}}`: `{"compression":true,"network_proxy":{"from":"url","url":"x"},"protocol":"http"}`,
		`{"protocol":"http","forward_proxy_url":"x"}`:                                     `{"compression":false,"forward_proxy_url":"x","protocol":"http"}`,
		`{"protocol":"other"}`: `{"protocol":"other"}`,
	} {
		got, err := TransportDefaults(json.RawMessage(raw))
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v", raw, got, err)
		}
	}
}

package adminapi_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/adminapi"
)

func TestStamp(t *testing.T) {
	at := time.Date(2026, 11, 23, 14, 0, 0, 5_999_999, time.FixedZone("", 3600))
	text, err := json.Marshal(adminapi.Stamp(at))
	if err != nil || string(text) != `"2026-11-23T13:00:00.005Z"` {
		t.Errorf("written as %s, %v", text, err)
	}
	var stamp adminapi.Stamp
	if err := json.Unmarshal(text, &stamp); err != nil || stamp.String() != "2026-11-23T13:00:00.005Z" {
		t.Errorf("read as %s, %v", stamp, err)
	}
	if got := (adminapi.Stamp{}).String(); got != "" {
		t.Errorf("no time is %q", got)
	}
}

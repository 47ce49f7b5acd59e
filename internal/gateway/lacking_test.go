package gateway

import (
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/admin"
	"github.com/hookgate/hookgate/module/storage"
)

// A number that no open storage knows is not shown, and is no zero; one that only
// some know is theirs.
func TestGaugeOfWhatIsNotKnown(t *testing.T) {
	now := time.Now()
	knows := admin.Holdings{Now: now, Usage: &storage.Usage{PendingBytes: 7}}
	lacks := admin.Holdings{Now: now}
	for _, test := range []struct {
		name  string
		open  []admin.Holdings
		value float64
		known bool
	}{
		{"none is open", nil, 0, true},
		{"known", []admin.Holdings{knows}, 7, true},
		{"not known", []admin.Holdings{lacks, lacks}, 0, false},
		{"one knows", []admin.Holdings{lacks, knows}, 7, true},
		{"both know", []admin.Holdings{knows, lacks, knows}, 14, true},
	} {
		g := newGauge("x", "x", sum, of(usage, func(u *storage.Usage) float64 { return float64(u.PendingBytes) }))
		if value, known := g.of(test.open); value != test.value || known != test.known {
			t.Errorf("%s: %v, %v", test.name, value, known)
		}
	}
	if len(gauges) < 20 {
		t.Fatalf("there are %d gauges", len(gauges))
	}
	for _, g := range gauges { // whatever a storage lacks, all others are read
		g.of([]admin.Holdings{lacks})
	}
}

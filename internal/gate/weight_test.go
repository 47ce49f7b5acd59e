package gate

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/payload"
	"github.com/hookgate/hookgate/module/storage"
)

// A cache of routes takes little more memory than it may, whatever the
// integrations are made of.
func TestCacheHoldsItsLimit(t *testing.T) {
	names := make([]string, 50)
	for i := range names {
		names[i] = fmt.Sprintf("%01000d", i)
	}
	sources := make(credential.SourceIPs, 200)
	for i := range sources {
		sources[i] = netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 32)
	}
	for name, test := range map[string]struct {
		change func(*integration.Integration)
		many   int
		limit  int
	}{
		"patterns": {func(it *integration.Integration) {
			it.Match = strings.TrimSuffix(strings.Repeat(`event.matches("^a{0,90}b?c+$")||`, 50), "||")
		}, 12, 4 << 20},
		"loops": {func(it *integration.Integration) {
			it.Match = strings.TrimSuffix(strings.Repeat(`payload.l.exists(x,x==1)||`, 70), "||")
		}, 60, 512 << 10},
		"template": {func(it *integration.Integration) {
			it.Payload = &payload.Spec{Fields: map[string]string{"a": "payload.a"}, Template: strings.Repeat("word {a} ", 1700)}
		}, 60, 512 << 10},
		"lists": {func(it *integration.Integration) {
			give(it, &sources)
			give(it, &credential.ClientCertificate{SANs: names})
		}, 60, 512 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			value, err := github(test.change).Encode()
			if err != nil {
				t.Fatal(err)
			}
			cache := integration.NewCache(func(_ context.Context, id string) (*integration.Integration, error) {
				return integration.Decode(storage.Integration{WebhookID: id, Project: "demo", Value: value})
			}, Compile, test.limit)
			before := heap()
			for i := range test.many {
				if _, _, err := cache.Get(t.Context(), fmt.Sprint(i)); err != nil {
					t.Fatal(err)
				}
			}
			if took := heap() - before; took > int64(test.limit)*5/4 {
				t.Errorf("it takes %d bytes", took)
			}
			runtime.KeepAlive(cache)
		})
	}
}

// heap returns how many bytes are reachable.
func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

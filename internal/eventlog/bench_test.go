package eventlog

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// BenchmarkAppend has 64 goroutines append distinct events, as the gate does.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{1 << 10, 8 << 10} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			l, err := Open(Options{Dir: b.TempDir(), Key: testKey})
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			body := make([]byte, size)
			header := http.Header{"Content-Type": {"application/json"}, "X-Github-Event": {"push"}, "X-Github-Delivery": {"72d3162e-cc78-11e3-81ab-4c9367dc0958"}}
			var n atomic.Uint64
			b.SetBytes(int64(size))
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				var key [32]byte
				for pb.Next() {
					binary.BigEndian.PutUint64(key[:], n.Add(1))
					e := &storage.Event{
						Integration: storage.Identity{1}, WebhookID: "hook", Project: "demo", Provider: "github", Type: "push",
						ResourceType: "assistant", ResourceID: "r", Header: header, Body: body,
					}
					if _, _, err := l.Append(b.Context(), e, storage.Dedupe{Key: key[:], Window: time.Hour}); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

package index

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"

	"github.com/hookgate/hookgate/internal/polltest"
)

// The benchmarks write what the event log writes: of each event its state, the
// dedupe key that leads to it, and that it is pending; in the next batch its state
// once more, and that it is pending no longer. HOOKGATE_BENCH_EVENTS is how many
// events there are.
const (
	benchBatch  = 12_000
	benchEvents = 20 * benchBatch
)

func eventCount(b *testing.B) uint64 {
	text := os.Getenv("HOOKGATE_BENCH_EVENTS")
	if text == "" {
		return benchEvents
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// benchKey is a key of the n-th event, of so many bytes. Events of one integration
// stand together, and their order in time is their order in the index.
func benchKey(kind byte, size int, n uint64) []byte {
	key := make([]byte, size)
	key[0] = kind
	key[1] = byte(n % 5)
	random := rand.New(rand.NewPCG(n, 0))
	if kind == 'k' {
		for at := 17; at < size; at += 8 {
			binary.BigEndian.PutUint64(key[at:], random.Uint64())
		}
		return key
	}
	binary.BigEndian.PutUint64(key[17:], n)
	binary.BigEndian.PutUint64(key[25:], random.Uint64())
	return key
}

// noise is what values are cut from: it takes no time that would be measured.
var noise = func() []byte {
	noise := make([]byte, 1<<20)
	random := rand.New(rand.NewPCG(0, 1))
	for at := 0; at < len(noise); at += 8 {
		binary.LittleEndian.PutUint64(noise[at:], random.Uint64())
	}
	return noise
}()

func benchValue(n uint64, size int) []byte {
	at := n * 509 % uint64(len(noise)-size)
	return noise[at : at+uint64(size)]
}

func fill(b *testing.B, x *Index, events uint64) {
	for first := uint64(0); first < events; first += benchBatch {
		batch := x.Batch()
		set := func(key, value []byte, again bool) {
			if err := batch.Set(key, value, again); err != nil {
				b.Fatal(err)
			}
		}
		for n := first; n < min(first+benchBatch, events); n++ {
			set(benchKey('e', 33, n), benchValue(n, 250), false)
			set(benchKey('k', 49, n), benchValue(n, 24), false)
			set(benchKey('p', 33, n), benchValue(n, 60), false)
			if n >= benchBatch {
				set(benchKey('e', 33, n-benchBatch), benchValue(n, 250), true)
				batch.Delete(benchKey('p', 33, n-benchBatch))
			}
		}
		if err := batch.Commit(); err != nil {
			b.Fatal(err)
		}
	}
}

// merged waits until nothing is to be merged.
func merged(b *testing.B, x *Index) {
	polltest.Until(b, "nothing is to be merged", func() bool {
		at := x.hold()
		defer func() { _ = at.release() }()
		return len(plans(at.runs)) == 0
	})
}

func processorTime(b *testing.B) int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// BenchmarkWrite writes events and waits for the merges.
func BenchmarkWrite(b *testing.B) {
	events := eventCount(b)
	for b.Loop() {
		x := mustOpen(b, b.TempDir())
		before := processorTime(b)
		fill(b, x, events)
		merged(b, x)
		b.ReportMetric(float64(processorTime(b)-before)/1e3/float64(events), "cpu-µs/event")
		b.ReportMetric(float64(x.Size())/float64(events), "bytes/event")
		if err := x.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGet looks keys up, of which half are there.
func BenchmarkGet(b *testing.B) {
	events := eventCount(b)
	dir := b.TempDir()
	x := mustOpen(b, dir)
	fill(b, x, events)
	merged(b, x)
	defer x.Close()
	for _, test := range []struct {
		name   string
		among  uint64 // so many of the events
		absent uint64 // one in so many is not there
	}{
		{"any, half not there", events, 2},
		{"any", events, 0},
		{"none there", events, 1},
		{"1000 of them", 1000, 0},
		{"10000 of them, half not there", 10_000, 2},
	} {
		keys := make([][]byte, 1<<16)
		random := rand.New(rand.NewPCG(1, 2))
		for i := range keys {
			n := random.Uint64N(test.among) * (events / test.among)
			if test.absent > 0 && uint64(i)%test.absent == 0 {
				n += 1 << 40
			}
			keys[i] = benchKey("ek"[i/2%2], []int{33, 49}[i/2%2], n)
		}
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			before := processorTime(b)
			i := 0
			for b.Loop() {
				v := x.View()
				err := v.Get(keys[i%len(keys)], func([]byte) error { return nil })
				if err != nil && !errors.Is(err, ErrNotFound) {
					b.Fatal(err)
				}
				v.Close()
				i++
			}
			b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	x := mustOpen(b, dir)
	fill(b, x, eventCount(b))
	merged(b, x)
	if err := x.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := mustOpen(b, dir).Close(); err != nil {
			b.Fatal(err)
		}
	}
}

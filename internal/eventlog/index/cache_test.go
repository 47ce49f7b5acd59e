package index

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/hookgate/hookgate/internal/polltest"
)

// large is an index of more blocks than the cache keeps, and how many keys it has.
func large(t *testing.T) (x *Index, keys int) {
	t.Helper()
	x = mustOpen(t, t.TempDir())
	const size, batches = 2000, 3
	perBatch := cacheSize / size
	for batch := range batches {
		b := x.Batch()
		for i := batch; i < batches*perBatch; i += batches {
			if err := b.Set(nthKey(i), valueOf(nthKey(i), size), false); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	return x, batches * perBatch
}

func nthKey(n int) []byte { return fmt.Appendf(nil, "key/%08d", n) }

// valueOf is a value that tells whose it is at each place.
func valueOf(key []byte, size int) []byte { return bytes.Repeat(key, size/len(key)+1)[:size] }

func mustGet(t testing.TB, v View, key []byte) {
	t.Helper()
	err := v.Get(key, func(value []byte) error {
		if !bytes.Equal(value, valueOf(key, len(value))) {
			t.Errorf("the value of %q is another key's", key)
		}
		return nil
	})
	if err != nil {
		t.Errorf("%q: %v", key, err)
	}
}

// checkCache compares what the cache counts with what it has.
func checkCache(t *testing.T, x *Index) {
	t.Helper()
	c := &x.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	size := 0
	for place := c.queue.Front(); place != nil; place = place.Next() {
		b := place.Value.(*buffer)
		size += cap(b.plain)
		if b.slot.kept.Load() != b {
			t.Error("the cache has a block that nobody finds")
		}
	}
	if size != c.size || size > cacheSize {
		t.Errorf("the cache has %d bytes and counts %d; %d is the most", size, c.size, cacheSize)
	}
}

func TestCacheIsBounded(t *testing.T) {
	x, keys := large(t)
	defer x.Close()
	v := x.View()
	defer v.Close()
	for range 4 * keys {
		mustGet(t, v, nthKey(rand.IntN(keys)))
	}
	checkCache(t, x)
	if x.cache.size < cacheSize/2 {
		t.Errorf("the cache keeps %d bytes of %d", x.cache.size, cacheSize)
	}
}

// kept counts which of the keys are in blocks that the cache has.
func kept(x *Index, keys []int) (n int) {
	for _, key := range keys {
		for _, r := range x.now.runs {
			if number := r.blockOf(nthKey(key)); number >= 0 && r.slots[number].kept.Load() != nil {
				n++
				break
			}
		}
	}
	return n
}

// TestCacheWithstandsScans goes through all keys in order, by each way, and looks
// up a few others meanwhile: those stay in the cache.
func TestCacheWithstandsScans(t *testing.T) {
	x, keys := large(t)
	defer x.Close()
	v := x.View()
	defer v.Close()
	warm := make([]int, 100)
	for i := range warm {
		warm[i] = rand.IntN(keys)
	}
	for range 3 {
		for _, key := range warm {
			mustGet(t, v, nthKey(key))
		}
	}
	if n := kept(x, warm); n != len(warm) {
		t.Fatalf("%d of %d warm keys are kept", n, len(warm))
	}
	i := 0
	between := func() {
		if i++; i%10 == 0 {
			mustGet(t, v, nthKey(warm[i/10%len(warm)]))
		}
	}
	before := x.cache.misses.Load()
	err := v.Ascend(nil, func([]byte, []byte) (bool, error) { between(); return true, nil })
	if err != nil || x.cache.misses.Load() != before {
		t.Errorf("%d misses while keys are listed, %v", x.cache.misses.Load()-before, err)
	}
	for key := range keys {
		mustGet(t, v, nthKey(key))
		between()
	}
	if n := kept(x, warm); n < len(warm) {
		t.Errorf("%d of %d warm keys are kept", n, len(warm))
	}
}

// TestCacheForgetsRuns merges the runs that the cache has blocks of.
func TestCacheForgetsRuns(t *testing.T) {
	x := mustOpen(t, t.TempDir())
	defer x.Close()
	for round := range 2 * fanIn {
		commit(t, x, map[string][]byte{"a": fmt.Append(nil, round)})
		v := x.View()
		for range 3 {
			if has, err := v.Has([]byte("a")); !has || err != nil {
				t.Fatal(has, err)
			}
		}
		v.Close()
		checkCache(t, x)
	}
	settled(t, x)
	checkCache(t, x)
	polltest.Until(t, "the blocks of runs that were merged are forgotten", func() bool {
		at := x.hold()
		defer func() { _ = at.release() }()
		x.cache.mu.Lock()
		defer x.cache.mu.Unlock()
		return x.cache.queue.Len() <= len(at.runs)
	})
}

// TestLookUpsBesideWrites looks keys up in blocks that are kept, dropped, read and
// merged meanwhile: each value is the key's own.
func TestLookUpsBesideWrites(t *testing.T) {
	x := mustOpen(t, t.TempDir())
	defer x.Close()
	const keys = 3000
	write := func() {
		b := x.Batch()
		for i := range keys {
			if err := b.Set(nthKey(i), valueOf(nthKey(i), 100+rand.IntN(300)), true); err != nil {
				t.Error(err)
			}
		}
		if err := b.Commit(); err != nil {
			t.Error(err)
		}
	}
	write()
	var readers sync.WaitGroup
	quit := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-quit:
					return
				default:
				}
				v := x.View()
				mustGet(t, v, nthKey(rand.IntN(keys)))
				v.Close()
			}
		})
	}
	for range 2 * fanIn {
		write()
	}
	close(quit)
	readers.Wait()
	checkCache(t, x)
}

// TestKeptBlocksCostNothing looks up what is kept and what is not there.
func TestKeptBlocksCostNothing(t *testing.T) {
	x := mustOpen(t, t.TempDir())
	defer x.Close()
	commit(t, x, map[string][]byte{"a": []byte("value")})
	v := x.View()
	defer v.Close()
	use := func([]byte) error { return nil }
	for _, key := range [][]byte{[]byte("a"), []byte("absent")} {
		if n := testing.AllocsPerRun(100, func() { _ = v.Get(key, use) }); n > 0 {
			t.Errorf("looking up %q allocates %v times", key, n)
		}
	}
}

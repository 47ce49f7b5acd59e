package remotekey

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// publisher is a source that can be down, slow, or say how long to keep what
// it gives.
type publisher struct {
	mu    sync.Mutex
	value int
	age   time.Duration
	err   error
	takes time.Duration
	asked int
}

func (p *publisher) fetch(ctx context.Context) (int, time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	select {
	case <-time.After(p.takes):
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
	return p.value, p.age, p.err
}

func (p *publisher) source(key string) *Source[int] {
	return &Source[int]{Key: key, Group: "group", Label: "label", Fetch: p.fetch}
}

var errDown = errors.New("it is down")

// bubble runs a test on a clock of its own, with a cache of one fetch in 30 s.
func bubble(t *testing.T, test func(t *testing.T, c *Cache[int], p *publisher)) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCache[int](Limits{Entries: 2, Pace: Pace{Burst: 1, Pause: 30 * time.Second}}, func(string, string) {})
		defer c.Close()
		time.Sleep(time.Hour)
		test(t, c, &publisher{value: 1, age: UnknownAge})
	})
}

func (p *publisher) want(t *testing.T, asked int) {
	t.Helper()
	if p.asked != asked {
		t.Fatalf("asked %d times, want %d", p.asked, asked)
	}
}

func want(t *testing.T, get func(context.Context, *Source[int]) (int, error), p *publisher, value int) {
	t.Helper()
	if got, err := get(t.Context(), p.source("key")); err != nil || got != value {
		t.Fatalf("got %d, %v; want %d", got, err, value)
	}
}

func wantNone(t *testing.T, get func(context.Context, *Source[int]) (int, error), p *publisher) {
	t.Helper()
	if _, err := get(t.Context(), p.source("key")); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("got %v, want %v", err, ErrUnavailable)
	}
}

func TestCacheKeepsAValueForAsLongAsItMay(t *testing.T) {
	for _, test := range []struct{ says, kept time.Duration }{
		{UnknownAge, time.Hour},
		{0, 5 * time.Minute},
		{time.Second, 5 * time.Minute},
		{6 * time.Hour, 6 * time.Hour},
		{1000 * time.Hour, 24 * time.Hour},
	} {
		t.Run(test.says.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T, c *Cache[int], p *publisher) {
				p.age = test.says
				want(t, c.Get, p, 1)
				p.value = 2
				time.Sleep(test.kept - time.Second)
				want(t, c.Get, p, 1)
				p.want(t, 1)
				time.Sleep(time.Second)
				want(t, c.Get, p, 2)
				p.want(t, 2)
			})
		})
	}
}

// Many that wait for a value cause one fetch, and one that gives up does not
// cancel it for the others.
func TestCacheFetchesOnce(t *testing.T) {
	bubble(t, func(t *testing.T, c *Cache[int], p *publisher) {
		p.takes = 3 * time.Second
		hasty, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if _, err := c.Get(hasty, p.source("key")); !errors.Is(err, ErrUnavailable) {
				t.Errorf("who gave up got %v", err)
			}
		})
		synctest.Wait()
		for range 50 {
			waiting.Go(func() { want(t, c.Get, p, 1) })
		}
		waiting.Wait()
		p.want(t, 1)
	})
}

// A flood of requests for missing values makes the gateway ask the source twice
// a minute, whether it is up or down.
func TestCacheIsPaced(t *testing.T) {
	for _, down := range []bool{false, true} {
		t.Run(fmt.Sprintf("down %v", down), func(t *testing.T) {
			bubble(t, func(t *testing.T, c *Cache[int], p *publisher) {
				want(t, c.Get, p, 1)
				if down {
					p.err = errDown
				}
				p.asked = 0
				for range 600 {
					time.Sleep(100 * time.Millisecond)
					value, err := c.Renew(t.Context(), p.source("key"))
					if now := p.asked > 0; down && now && err == nil || !down && (err != nil || value != 1) {
						t.Fatalf("got %d, %v", value, err)
					}
				}
				p.want(t, 2)
			})
		})
	}
}

func TestCacheOutlivesItsSource(t *testing.T) {
	bubble(t, func(t *testing.T, c *Cache[int], p *publisher) {
		want(t, c.Get, p, 1)
		p.err, p.takes = errDown, 10*time.Second // it hangs
		time.Sleep(time.Hour)
		began := time.Now()
		want(t, c.Get, p, 1)
		if waited := time.Since(began); waited != timeout {
			t.Errorf("the first waited for %s", waited)
		}
		began = time.Now()
		for range 100 {
			time.Sleep(time.Minute)
			want(t, c.Get, p, 1)
		}
		if waited := time.Since(began); waited != 100*time.Minute {
			t.Errorf("the later ones waited for %s", waited-100*time.Minute)
		}
		wantNone(t, c.Renew, p) // what was missing may exist by now
		time.Sleep(maxStale)
		wantNone(t, c.Get, p)

		p.err, p.takes, p.value = nil, 0, 2
		time.Sleep(time.Minute)
		want(t, c.Get, p, 2)
	})
}

func TestCacheWithoutAnything(t *testing.T) {
	bubble(t, func(t *testing.T, c *Cache[int], p *publisher) {
		p.err = errDown
		for range 10 {
			wantNone(t, c.Get, p)
			wantNone(t, c.Renew, p)
		}
		p.want(t, 1)
		if len(c.entries) != 0 {
			t.Errorf("%d entries of what is not there", len(c.entries))
		}
		p.err = nil
		wantNone(t, c.Get, p)
		time.Sleep(30 * time.Second)
		want(t, c.Get, p, 1)
		if len(c.entries) != 1 {
			t.Errorf("%d entries", len(c.entries))
		}
	})
}

func TestCacheForgetsWhatIsNotUsed(t *testing.T) {
	bubble(t, func(t *testing.T, c *Cache[int], p *publisher) {
		get := func(key string) {
			t.Helper()
			time.Sleep(30 * time.Second)
			if _, err := c.Get(t.Context(), p.source(key)); err != nil {
				t.Fatal(err)
			}
		}
		get("a")
		get("b")
		get("a")
		get("c") // replaces b
		p.want(t, 3)
		get("a")
		get("c")
		p.want(t, 3)
		get("b")
		p.want(t, 4)
	})
}

func TestPacesForget(t *testing.T) {
	now := time.Now()
	p := newPaces[int](Pace{Burst: 1, Pause: 30 * time.Second})
	for n := range maxPaces {
		if !p.take(n, now) || p.take(n, now) || p.left(n, now) {
			t.Fatalf("%d may do it other than once", n)
		}
	}
	if p.take(maxPaces, now) {
		t.Error("there is no bound")
	}
	if !p.take(maxPaces, now.Add(30*time.Second)) || len(p.by) != 1 {
		t.Errorf("%d are remembered", len(p.by))
	}
}

// What has verified something is fetched despite a flood of what has not, and
// stays if there is no room.
func TestCacheFavoursWhatIsProven(t *testing.T) {
	bubble(t, func(t *testing.T, c *Cache[int], p *publisher) {
		want(t, c.Get, p, 1)
		if !c.Prove("key") || c.Prove("key") || c.Prove("another") {
			t.Error("what is proven is not what was")
		}
		flood := func() {
			t.Helper()
			for n := range 1000 {
				_, _ = c.Get(t.Context(), p.source(fmt.Sprint("invented ", n)))
			}
		}
		for range 10 {
			time.Sleep(2 * time.Hour)
			flood()
			p.value++
			want(t, c.Get, p, p.value) // fetched again
			if len(c.entries) > 2 {
				t.Fatalf("%d entries", len(c.entries))
			}
		}
		p.want(t, 21)
	})
}

// One client's inventions leave the others' fetches alone.
func TestCacheSharesFetchesByClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCache[int](Limits{
			Entries: 2, Pace: Pace{Burst: 5, Pause: time.Second}, Client: Pace{Burst: 2, Pause: time.Minute},
		}, func(string, string) {})
		defer c.Close()
		p := &publisher{err: errDown}
		ask := func(key, client string) error {
			source := p.source(key)
			source.Client = client
			_, err := c.Get(t.Context(), source)
			return err
		}
		for n := range 1000 {
			_ = ask(fmt.Sprint(n), "forger")
		}
		p.want(t, 2)
		p.err = nil
		if err := ask("genuine", "sender"); err != nil {
			t.Errorf("a genuine one: %v", err)
		}
	})
}

// What was proven before the start counts while its source is away, for a day.
func TestCacheRestores(t *testing.T) {
	bubble(t, func(t *testing.T, c *Cache[int], p *publisher) {
		p.err, p.value = errDown, 2
		c.Restore("key", 1)
		want(t, c.Get, p, 1)
		time.Sleep(time.Hour)
		p.err = nil
		want(t, c.Get, p, 1) // nobody waits for the fetch
		synctest.Wait()
		want(t, c.Get, p, 2)
		for n := range 5 {
			c.Restore(fmt.Sprint(n), n)
		}
		if len(c.entries) > 2 {
			t.Errorf("%d entries", len(c.entries))
		}
	})
}

func TestCacheIsClosed(t *testing.T) {
	bubble(t, func(t *testing.T, c *Cache[int], p *publisher) {
		p.takes = time.Hour
		done := make(chan struct{})
		go func() {
			defer close(done)
			wantNone(t, c.Get, p)
		}()
		synctest.Wait()
		c.Close()
		<-done
		wantNone(t, c.Get, p)
		p.want(t, 1)
	})
}

func TestCacheTellsOfFetches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		c := NewCache[int](Limits{Entries: 1, Pace: Pace{Burst: 3, Pause: time.Second}}, func(label, code string) { told = append(told, label+":"+code) })
		defer c.Close()
		p := &publisher{}
		for _, err := range []error{nil, &Failure{"tls"}, errDown} {
			p.err = err
			_, _ = c.Renew(t.Context(), p.source("key"))
		}
		if got := fmt.Sprint(told); got != "[label: label:tls label:answer_invalid]" {
			t.Error(got)
		}
	})
}

// A client that has long been idle may do no more at once than any other.
func TestPacesSaveNothingUp(t *testing.T) {
	now := time.Now()
	p := newPaces[int](Pace{Burst: 3, Pause: 30 * time.Second})
	for range 2 {
		for range 3 {
			if !p.take(0, now) {
				t.Fatal("the burst is not to be had")
			}
		}
		if p.take(0, now) || p.left(0, now) {
			t.Fatal("more than the burst is to be had")
		}
		now = now.Add(time.Hour)
	}
}

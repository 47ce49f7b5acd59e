package gateway

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/jwt"
)

// A fetch is told in metrics, status and log: by the source's name, without its
// address.
func TestFetched(t *testing.T) {
	b := newBench(t)
	c := b.start(b.settings(newDesk("ticket")))
	l := held(t, c)
	defer l.Release()
	began := time.Now()
	l.fetched("acme", "")
	l.fetched("acme", "timeout")
	l.fetched("google", "")
	for _, want := range []string{"acme:", "acme:timeout", "google:"} {
		if got := <-b.fetches; got != want {
			t.Errorf("counted %q, want %q", got, want)
		}
	}
	got := l.holdings().Sources
	if len(got) != 2 || got[0].Name != "acme" || got[0].Error != "timeout" || got[0].FetchedAt.Before(began) || got[0].FailedAt.Before(got[0].FetchedAt) ||
		got[1].Name != "google" || got[1].Error != "" || !got[1].FailedAt.IsZero() {
		t.Errorf("%+v", got)
	}
	entries := b.logs.FilterMessage("the keys of a sender cannot be fetched").All()
	if len(entries) != 1 || fmt.Sprint(entries[0].ContextMap()) != "map[error:timeout source:acme]" {
		t.Errorf("%v", entries)
	}
	for n := range maxSources {
		l.sources.note(fmt.Sprint(n), "")
	}
	if n := len(l.sources.list()); n > maxSources {
		t.Errorf("%d sources are remembered", n)
	}
}

// What is known of issuers' keys outlives a reload; what an issuer is, does not.
func TestIssuersOfAConfiguration(t *testing.T) {
	b := newBench(t)
	settings := b.settings(newDesk("ticket"))
	settings.Issuers = []jwt.Settings{{Name: "acme", Issuer: "https://acme.example"}}
	one := b.start(settings)
	settings.Issuers = nil
	two := b.start(settings)
	for c, want := range map[*Configuration]string{one: "acme google", two: "google"} {
		l := held(t, c)
		names := ""
		for _, name := range []string{"acme", "google"} {
			if l.Edge().Issuers[name] != nil {
				names += name + " "
			}
		}
		if names = strings.TrimSpace(names); names != want || len(l.Edge().Issuers) != len(strings.Fields(want)) {
			t.Errorf("issuers %s, want %s", names, want)
		}
		l.Release()
	}
}

func TestShelf(t *testing.T) {
	b := newBench(t)
	f := files{}
	shelf := NewShelf(f, b.logger)
	load := func() (found []string, err error) {
		err = shelf.Load(t.Context(), func(address string, chain []byte) bool {
			found = append(found, address+"="+string(chain))
			return string(chain) != "old"
		})
		return found, err
	}
	if found, err := load(); err != nil || found != nil {
		t.Errorf("of nothing: %q, %v", found, err)
	}
	shelf.Save(t.Context(), "https://a.example/cert", []byte("new"))
	shelf.Save(t.Context(), "https://b.example/cert", []byte("old"))
	f["webhooks/certificates/other.pem"] = "https://c.example/cert\nnew" // not where it should be
	if len(f) != 3 {
		t.Fatalf("%v", f)
	}
	if found, err := load(); err != nil || len(found) != 2 {
		t.Errorf("%q, %v", found, err)
	}
	if found, err := load(); err != nil || len(found) != 1 || found[0] != "https://a.example/cert=new" || len(f) != 1 {
		t.Errorf("what is not wanted any more is there: %q, %v, %v", found, f, err)
	}
	shelf.Save(t.Context(), "https://b.example/cert", []byte("old"))
	for _, broken := range []string{"broken list", "broken load", "broken delete"} {
		f[broken] = ""
		if _, err := load(); !errors.Is(err, errFiles) {
			t.Errorf("%s: %v", broken, err)
		}
		delete(f, broken)
	}
	f["broken store"] = ""
	shelf.Save(t.Context(), "https://d.example/cert", []byte("new"))
	if b.told("the certificate of a sender cannot be saved; it will be fetched again after the next start") != 1 {
		t.Error("the log does not tell that nothing is kept")
	}
}

// A start does without certificates that cannot be loaded.
func TestStartWithoutShelf(t *testing.T) {
	b := newBench(t)
	settings := b.settings(newDesk("ticket"))
	settings.Shelf = NewShelf(files{"broken list": ""}, b.logger)
	b.start(settings)
	if b.told("the saved certificates of senders cannot be loaded and will be fetched again") != 1 {
		t.Error("the log does not tell of it")
	}
}

package storagetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hookgate/hookgate/module/storage"
)

// Integrations checks what every storage of integrations must hold. open opens the
// one at a place, with whatever it finds there. Where it is a
// storage.IntegrationLimiter and a storage.IntegrationMeter, its limits are tested, too.
func Integrations(t *testing.T, open func(t *testing.T, place string) (integrations storage.Integrations, closeStore func()), lacks ...Lack) {
	once := slices.Contains(lacks, Reopening)
	for name, test := range map[string]func(*testing.T, *integrationsTest){
		"unknown IDs are not found":        unknownIntegrations,
		"what is written is read":          writtenIntegrations,
		"revisions guard writes":           integrationRevisions,
		"a deletion reserves the ID":       deletedIntegrations,
		"listings are ordered and bounded": listedIntegrations,
		"one of many writers wins":         racingIntegrations,
		"all survive being opened again":   reopenedIntegrations,
		"values are their caller's":        independentIntegrations,
		"what is used stays so":            usedIntegrations,
		"limits bound a project":           limitedIntegrations,
	} {
		t.Run(name, func(t *testing.T) {
			it := &integrationsTest{T: t, once: once, place: NewPlace(), open: open}
			it.Integrations, it.close = open(t, it.place)
			defer func() { it.close() }()
			test(t, it)
		})
	}
}

type integrationsTest struct {
	*testing.T
	storage.Integrations
	once  bool
	place string
	open  func(*testing.T, string) (storage.Integrations, func())
	close func()
}

func (it *integrationsTest) reopen() {
	it.Helper()
	if !it.once {
		it.close()
		it.Integrations, it.close = it.open(it.T, it.place)
	}
}

func (it *integrationsTest) put(in storage.Integration, expected uint64) uint64 {
	it.Helper()
	revision, err := it.Put(it.Context(), in, expected)
	if err != nil {
		it.Fatalf("putting %s/%s at %d: %v", in.Project, in.WebhookID, expected, err)
	}
	return revision
}

func (it *integrationsTest) conflicts(in storage.Integration, expected uint64) {
	it.Helper()
	if revision, err := it.Put(it.Context(), in, expected); !errors.Is(err, storage.ErrConflict) {
		it.Errorf("putting %s at %d: revision %d, %v", in.WebhookID, expected, revision, err)
	}
}

func (it *integrationsTest) has(want storage.Integration) {
	it.Helper()
	got, err := it.Get(it.Context(), want.WebhookID)
	if err != nil || got.WebhookID != want.WebhookID || got.Project != want.Project || got.Revision != want.Revision ||
		got.Deleted != want.Deleted || string(got.Value) != string(want.Value) {
		it.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}

// places lists everything in pages of a size.
func (it *integrationsTest) places(project string, page int) string {
	it.Helper()
	var places []string
	var after storage.Place
	for {
		list, err := it.List(it.Context(), project, after, page)
		if err != nil || len(list) > page {
			it.Fatalf("listing %q after %v: %d, %v", project, after, len(list), err)
		}
		if len(list) == 0 {
			return strings.Join(places, " ")
		}
		for _, in := range list {
			places = append(places, in.Project+"/"+in.WebhookID)
			after = storage.Place{Project: in.Project, WebhookID: in.WebhookID}
		}
	}
}

func unknownIntegrations(t *testing.T, it *integrationsTest) {
	if in, err := it.Get(t.Context(), "nobody"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("got %+v, %v", in, err)
	}
	if list := it.places("", 10); list != "" {
		t.Errorf("an empty storage lists %s", list)
	}
	it.conflicts(storage.Integration{WebhookID: "a", Project: "p"}, 7)
}

func writtenIntegrations(t *testing.T, it *integrationsTest) {
	for i, value := range []string{"", "x", strings.Repeat("long", 64<<10)} {
		in := storage.Integration{WebhookID: fmt.Sprint("hook", i), Project: "p", Value: []byte(value)}
		in.Revision = it.put(in, 0)
		it.has(in)
		in.Value = append(in.Value, '!')
		in.Revision = it.put(in, in.Revision)
		it.has(in)
	}
}

func integrationRevisions(t *testing.T, it *integrationsTest) {
	in := storage.Integration{WebhookID: "a", Project: "p", Value: []byte("1")}
	first := it.put(in, 0)
	if first == 0 {
		t.Error("a revision is 0")
	}
	it.conflicts(in, 0)
	it.conflicts(in, first+1)
	second := it.put(in, first)
	if second <= first {
		t.Errorf("revision %d after %d", second, first)
	}
	it.conflicts(in, first)
}

func deletedIntegrations(t *testing.T, it *integrationsTest) {
	in := storage.Integration{WebhookID: "a", Project: "p", Value: []byte("1")}
	in.Revision = it.put(in, 0)
	before := in.Revision
	in.Deleted, in.Value = true, []byte("what is left")
	in.Revision = it.put(in, in.Revision)
	it.has(in)
	if list := it.places("p", 10) + it.places("", 10); list != "" {
		t.Errorf("a deleted integration is listed: %s", list)
	}
	it.conflicts(in, 0)
	it.conflicts(in, before)
	in.Deleted, in.Project, in.Value = false, "q", nil
	in.Revision = it.put(in, in.Revision)
	if in.Revision <= before {
		t.Errorf("revision %d after %d", in.Revision, before)
	}
	it.has(in)
	if list := it.places("p", 10) + it.places("q", 10); list != "q/a" {
		t.Errorf("listed: %s", list)
	}
	in.Project = "r"
	it.put(in, in.Revision)
	if list := it.places("", 10); list != "r/a" {
		t.Errorf("listed after a move: %s", list)
	}
}

func listedIntegrations(t *testing.T, it *integrationsTest) {
	all := []string{"a/1", "a/10", "a/2", "a-b/0", "a.b/3", "aa/5", "b/4", "b/Z", "b/_", "b/z"}
	for i := range all {
		project, id, _ := strings.Cut(all[(i*7)%len(all)], "/")
		it.put(storage.Integration{WebhookID: project + id, Project: project}, 0)
	}
	want := make([]string, len(all))
	for i, place := range all {
		project, id, _ := strings.Cut(place, "/")
		want[i] = project + "/" + project + id
	}
	slices.SortFunc(want, func(a, b string) int { // '/' is below no mark of a project
		return strings.Compare(strings.Replace(a, "/", "\x00", 1), strings.Replace(b, "/", "\x00", 1))
	})
	for page := 1; page < len(all)+2; page++ {
		if got := it.places("", page); got != strings.Join(want, " ") {
			t.Errorf("pages of %d: %s", page, got)
		}
		if got := it.places("a", page); got != "a/a1 a/a10 a/a2" {
			t.Errorf("pages of %d: %s", page, got)
		}
	}
	if got := it.places("c", 10); got != "" {
		t.Errorf("listed: %s", got)
	}
	// A place that no integration has any more, and one outside the project.
	for after, wanted := range map[storage.Place]string{
		{Project: "a", WebhookID: "a11"}: "a2",
		{Project: "A", WebhookID: "z"}:   "a1",
		{Project: "b", WebhookID: "b4"}:  "",
	} {
		list, err := it.List(t.Context(), "a", after, 1)
		got := ""
		if len(list) > 0 {
			got = list[0].WebhookID
		}
		if err != nil || got != wanted {
			t.Errorf("after %v: %q, %v", after, got, err)
		}
	}
}

func racingIntegrations(t *testing.T, it *integrationsTest) {
	const writers, rounds = 16, 10
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := make(map[uint64]int)
	for w := range writers {
		wg.Go(func() {
			for range rounds {
				current, err := it.Get(t.Context(), "contended")
				if err != nil && !errors.Is(err, storage.ErrNotFound) {
					t.Error(err)
					return
				}
				in := storage.Integration{WebhookID: "contended", Project: "p", Value: fmt.Append(nil, w)}
				_, err = it.Put(t.Context(), in, current.Revision)
				if err != nil && !errors.Is(err, storage.ErrConflict) {
					t.Error(err)
					return
				}
				if err == nil {
					mu.Lock()
					won[current.Revision]++
					mu.Unlock()
				}
				// Reads see every write that has returned.
				own := fmt.Sprint("own", w)
				mine, err := it.Get(t.Context(), own)
				if err != nil && !errors.Is(err, storage.ErrNotFound) {
					t.Error(err)
					return
				}
				revision, err := it.Put(t.Context(), storage.Integration{WebhookID: own, Project: "p"}, mine.Revision)
				if err != nil {
					t.Error(err)
					return
				}
				if again, err := it.Get(t.Context(), own); err != nil || again.Revision != revision {
					t.Errorf("revision %d after %d, %v", again.Revision, revision, err)
				}
			}
		})
	}
	wg.Wait()
	for revision, n := range won {
		if n != 1 {
			t.Errorf("%d writers replaced revision %d", n, revision)
		}
	}
}

func reopenedIntegrations(t *testing.T, it *integrationsTest) {
	in := storage.Integration{WebhookID: "a", Project: "p", Value: []byte("1")}
	in.Revision = it.put(in, 0)
	gone := storage.Integration{WebhookID: "b", Project: "p"}
	gone.Revision = it.put(gone, 0)
	gone.Deleted = true
	gone.Revision = it.put(gone, gone.Revision)
	it.reopen()
	it.has(in)
	it.has(gone)
	if list := it.places("", 10); list != "p/a" {
		t.Errorf("listed: %s", list)
	}
	if next := it.put(in, in.Revision); next <= in.Revision {
		t.Errorf("revision %d after %d", next, in.Revision)
	}
}

func independentIntegrations(t *testing.T, it *integrationsTest) {
	value := []byte("value")
	it.put(storage.Integration{WebhookID: "a", Project: "p", Value: value}, 0)
	copy(value, "other")
	for range 2 {
		in, err := it.Get(t.Context(), "a")
		if err != nil || string(in.Value) != "value" {
			t.Errorf("%q, %v", in.Value, err)
		}
		copy(in.Value, "other")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := it.Put(ctx, storage.Integration{WebhookID: "b", Project: "p"}, 0); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that is done: %v", err)
	}
}

func usedIntegrations(t *testing.T, it *integrationsTest) {
	if err := it.MarkUsed(t.Context(), "nobody"); err != nil {
		t.Error(err)
	}
	in := storage.Integration{WebhookID: "a", Project: "p", Unused: true, Value: []byte("1")}
	in.Revision = it.put(in, 0)
	unused := func(want bool) {
		t.Helper()
		it.has(in)
		if got, err := it.Get(t.Context(), "a"); err != nil || got.Unused != want {
			t.Errorf("unused %v, %v", got.Unused, err)
		}
	}
	unused(true)
	if err := it.MarkUsed(t.Context(), "a"); err != nil {
		t.Error(err)
	}
	unused(false)
	in.Revision = it.put(in, in.Revision)
	unused(false)
	in.Deleted, in.Declared = true, true
	in.Revision = it.put(in, in.Revision)
	it.reopen()
	unused(false)
	if got, err := it.Get(t.Context(), "a"); err != nil || !got.Declared {
		t.Errorf("%+v, %v", got, err)
	}
}

func limitedIntegrations(t *testing.T, it *integrationsTest) {
	limiter, isLimiter := it.Integrations.(storage.IntegrationLimiter)
	if _, isMeter := it.Integrations.(storage.IntegrationMeter); !isLimiter || !isMeter {
		return
	}
	limiter.SetLimits(storage.IntegrationLimits{Integrations: 3, Bytes: 10_000})
	usage := func(project string, integrations, reserved int) {
		t.Helper()
		got, err := it.Integrations.(storage.IntegrationMeter).Usage(t.Context(), project)
		if err != nil || got.Integrations != integrations || got.ReservedIDs != reserved || (got.Bytes > 0) != (integrations+reserved > 0) {
			t.Errorf("project %q has %+v, %v; want %d and %d", project, got, err, integrations, reserved)
		}
	}
	refused := func(in storage.Integration, expected uint64, limit string) {
		t.Helper()
		_, err := it.Put(t.Context(), in, expected)
		if reached, ok := errors.AsType[*storage.LimitError](err); !ok || reached.Limit != limit {
			t.Errorf("putting %s: %v, want the limit %s", in.WebhookID, err, limit)
		}
	}
	of := func(project, id string) storage.Integration {
		return storage.Integration{WebhookID: id, Project: project, Value: []byte("value")}
	}
	a := it.put(of("p", "a"), 0)
	b := it.put(of("p", "b"), 0)
	it.put(of("p", "c"), 0)
	it.put(of("q", "d"), 0)
	usage("p", 3, 0)
	usage("", 4, 0)
	refused(of("p", "e"), 0, storage.LimitProjectIntegrations)
	gone := of("p", "a")
	gone.Deleted, gone.Value = true, nil
	a = it.put(gone, a)
	usage("p", 2, 1)
	refused(of("p", "e"), 0, storage.LimitProjectIntegrations)
	large := of("p", "b")
	large.Value = make([]byte, 10_000)
	refused(large, b, storage.LimitProjectIntegrationBytes)
	declared := storage.Integration{WebhookID: "declared/p/e", Project: "p", Deleted: true, Declared: true, Value: large.Value}
	it.put(declared, 0)
	usage("p", 2, 1)
	it.put(of("q", "a"), a) // moves
	usage("p", 2, 0)
	usage("q", 2, 0)
	it.put(of("p", "e"), 0)
	it.reopen()
	usage("p", 3, 0)
	usage("q", 2, 0)
	usage("", 5, 0)
	usage("nobody", 0, 0)
}

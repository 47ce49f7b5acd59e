package storagetest

import (
	"slices"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

func testClaims(t *eventsTest) {
	identity := newIdentity()
	id := t.append(newEvent(identity, "body"), storage.Dedupe{})
	due := now().Add(time.Hour)

	_, err := t.log.Claim(t.Context(), identity, storage.ID{1})
	t.wantError(err, storage.ErrNotFound)
	t.wantError(t.log.Release(t.Context(), identity, id, due), storage.ErrNotPending)
	t.wantError(t.log.Save(t.Context(), identity, id, nil), storage.ErrNotPending)
	t.wantError(t.log.Finish(t.Context(), identity, id, storage.Attempt{}, storage.Delivered, due), storage.ErrNotPending)

	claims := make(chan error, 8)
	for range cap(claims) {
		go func() {
			_, err := t.log.Claim(t.Context(), identity, id)
			claims <- err
		}()
	}
	got := 0
	for range cap(claims) {
		if err := <-claims; err == nil {
			got++
		} else {
			t.wantError(err, storage.ErrNotPending)
		}
	}
	if got != 1 {
		t.Fatalf("%d claims succeeded", got)
	}
	if err := t.log.Release(t.Context(), identity, id, due); err != nil {
		t.Fatal(err)
	}
	t.twice(func() {
		r := t.get(identity, id)
		if r.Status != storage.Pending || r.Tries != 0 || r.Crashes != 0 || !r.Due.Equal(due) {
			t.Fatalf("after a release: %+v", r.State)
		}
	})
	if r := t.claim(identity, id); string(r.Body) != "body" || r.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("claimed %q with %v", r.Body, r.Header)
	}
}

func testFinish(t *eventsTest) {
	identity := newIdentity()
	for _, status := range []storage.Status{storage.Pending, storage.Delivered, storage.Failed} {
		id := t.append(newEvent(identity, "body"), storage.Dedupe{})
		t.claim(identity, id)
		attempt := storage.Attempt{At: now(), StatusCode: 502, Error: "status", Detail: "a\"b", Duration: 3 * time.Millisecond}
		due := now().Add(time.Minute)
		if err := t.log.Finish(t.Context(), identity, id, attempt, status, due); err != nil {
			t.Fatal(err)
		}
		t.twice(func() {
			r := t.get(identity, id)
			if r.Status != status || r.Tries != 1 || !slices.Equal(r.Attempts, []storage.Attempt{attempt}) || !r.Due.Equal(due) {
				t.Fatalf("after %s: %+v", status, r.State)
			}
		})
		_, err := t.log.Claim(t.Context(), identity, id)
		if (status == storage.Pending) != (err == nil) {
			t.Fatalf("a claim after %s: %v", status, err)
		}
	}
	id := t.append(newEvent(identity, ""), storage.Dedupe{})
	t.claim(identity, id)
	if err := t.log.Finish(t.Context(), identity, id, storage.Attempt{}, "done", now()); err == nil {
		t.Fatal("a status that there is not was taken")
	}
}

func testAttemptsBounded(t *eventsTest) {
	identity := newIdentity()
	id := t.append(newEvent(identity, ""), storage.Dedupe{})
	const tries = storage.MaxAttempts + 6
	for i := range tries {
		t.claim(identity, id)
		if err := t.log.Finish(t.Context(), identity, id, storage.Attempt{StatusCode: i}, storage.Pending, now()); err != nil {
			t.Fatal(err)
		}
	}
	t.twice(func() {
		r := t.get(identity, id)
		if r.Tries != tries || len(r.Attempts) != storage.MaxAttempts {
			t.Fatalf("%d tries, %d attempts", r.Tries, len(r.Attempts))
		}
		if r.Attempts[0].StatusCode != 0 || r.Attempts[1].StatusCode != 7 || r.Attempts[storage.MaxAttempts-1].StatusCode != tries-1 {
			t.Fatalf("kept %+v", r.Attempts)
		}
	})
}

func testProgress(t *eventsTest) {
	identity := newIdentity()
	id := t.append(newEvent(identity, ""), storage.Dedupe{})
	t.claim(identity, id)
	for _, progress := range []string{"one", "two"} {
		value := []byte(progress)
		if err := t.log.Save(t.Context(), identity, id, value); err != nil {
			t.Fatal(err)
		}
		value[0] = 'X'
	}
	t.finish(identity, id, storage.Pending, now())
	t.twice(func() {
		if r := t.get(identity, id); string(r.Progress) != "two" {
			t.Fatalf("progress is %q", r.Progress)
		}
	})
	if r := t.claim(identity, id); string(r.Progress) != "two" {
		t.Fatalf("claimed with progress %q", r.Progress)
	}
}

func testCleanEnd(t *eventsTest) {
	identity := newIdentity()
	id := t.append(newEvent(identity, ""), storage.Dedupe{})
	t.claim(identity, id)
	t.reopen()
	if r := t.claim(identity, id); r.Crashes != 0 {
		t.Fatalf("closing counted %d crashes", r.Crashes)
	}
}

package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/internal/store"
	"github.com/hookgate/hookgate/module/storage"
)

// measureLookups sends requests to one of few integrations, then of many: as
// many requests as possible that the filter does not want, which cost little
// else, all to the same integration, and each to a random one; then accepted
// events, at random, at a steady rate. The gateway keeps recently used
// integrations in memory; with many, nearly every random request needs one that
// is not there.
func measureLookups(ctx context.Context, s settings) error {
	table := newTable(os.Stdout, "integrations", "filtered/s, one", "processor time", "filtered/s", "processor time", "accepted/s", "p50", "p99", "processor time", "memory")
	for _, count := range []int{10, 1000, 100_000, 1_000_000} {
		if count > s.integrations {
			break
		}
		cells, err := measureLookup(ctx, s, count)
		if err != nil {
			return fmt.Errorf("%d integrations: %w", count, err)
		}
		table.row(append([]string{fmt.Sprint(count)}, cells...)...)
	}
	endStatus()
	fmt.Print("Integrations. Requests of 1 KB are for the same one, or each for a random one:\n\n")
	table.end()
	return nil
}

// measureLookup measures with a separate store.
func measureLookup(ctx context.Context, s settings, count int) (cells []string, err error) {
	maker, err := startGateway(s, "lookups", "")
	if err != nil {
		return nil, err
	}
	maker.stop()
	defer func() { err = errors.Join(err, os.RemoveAll(maker.dir)) }()
	ids, one := filepath.Join(s.dir, "ids"), filepath.Join(s.dir, "one")
	if err := fill(ctx, maker.store(), count, ids, one); err != nil {
		return nil, err
	}
	g, err := startGateway(s, "lookups", "")
	if err != nil {
		return nil, err
	}
	defer g.stop()

	same, err := g.lookUp(ctx, s, site{accept, "ACCEPT", "filtered"}, "issues", one, 0)
	if err != nil {
		return nil, err
	}
	filtered, err := g.lookUp(ctx, s, site{accept, "ACCEPT", "filtered"}, "issues", ids, 0)
	if err != nil {
		return nil, err
	}
	accepted, err := g.lookUp(ctx, s, site{accept, "ACCEPT", "accepted"}, "push", ids, s.atRate())
	if err != nil {
		return nil, err
	}
	memory, err := g.memory()
	return []string{
		fmt.Sprintf("%.0f", same.rate()), fmt.Sprintf("%.0f µs", same.cpu()),
		fmt.Sprintf("%.0f", filtered.rate()), fmt.Sprintf("%.0f µs", filtered.cpu()),
		fmt.Sprintf("%.0f", accepted.rate()), fmt.Sprintf("%.2f ms", accepted.p50()), fmt.Sprintf("%.2f ms", accepted.p99()),
		fmt.Sprintf("%.0f µs", accepted.cpu()), fmt.Sprintf("%d MB", memory>>20),
	}, err
}

// lookUp sends events of a type to the integrations in a file.
func (g *gateway) lookUp(ctx context.Context, s settings, to site, event, ids string, pause time.Duration) (measured, error) {
	r, err := writeRequest(s.dir, event, sizes[0])
	if err != nil {
		return measured{}, err
	}
	r.ids, r.pause = ids, pause
	status("%s events, integrations of the file %s", to.outcome, filepath.Base(ids))
	if _, err := g.measureSite(ctx, s, to, r, time.Second); err != nil { // warm-up
		return measured{}, err
	}
	return g.measureSite(ctx, s, to, r, 2*s.time)
}

// fill adds integrations to a store that no process has open, and writes their
// webhook IDs to a file, and the first one to another. Sixty-four writers share
// each sync.
func fill(ctx context.Context, dir string, count int, ids, one string) (err error) {
	key, err := seal.ReadKeyFile(dir + ".key")
	if err != nil {
		return err
	}
	integrations, err := store.Open(store.Options{Dir: filepath.Join(dir, "integrations"), Key: key})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, integrations.Close()) }()
	file, err := os.Create(ids)
	if err != nil {
		return err
	}
	defer file.Close()
	list := bufio.NewWriter(file)

	const writers = 64
	records, failures := make(chan storage.Integration, writers), make(chan error, writers)
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for record := range records {
				if _, err := integrations.Put(ctx, record, 0); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	err = func() error {
		defer close(records)
		for n := range count {
			if n%10_000 == 0 {
				status("creating integrations: %d of %d", n, count)
			}
			record, err := newIntegration()
			if err != nil {
				return err
			}
			fmt.Fprintln(list, record.WebhookID)
			if n == 0 {
				if err := os.WriteFile(one, []byte(record.WebhookID+"\n"), 0o600); err != nil {
					return err
				}
			}
			select {
			case records <- record:
			case err := <-failures:
				return err
			}
		}
		return nil
	}()
	group.Wait()
	close(failures)
	return errors.Join(err, <-failures, list.Flush())
}

// newIntegration returns an integration as the admin API stores it, whose
// requests are signed with the secret.
func newIntegration() (storage.Integration, error) {
	var identity storage.Identity
	rand.Read(identity[:])
	now := time.Now().UTC()
	in := integration.Integration{
		Identity: identity, WebhookID: rand.Text(), Project: "bench", Alias: "one of many", IsEnabled: true,
		Authentication: integration.Authentication{
			Credentials: credential.NewSet(&credential.Signature{Provider: "github", Secrets: []credential.Secret{credential.NewSecret(secret)}}),
			Match:       integration.MatchAny, RequireSHA256Signature: true,
		},
		EventFilter: []string{"push"}, Dedupe: integration.DedupeDelivery,
		Resources: []integration.Resource{{Type: "nothing", ID: "bench"}},
		CreatedAt: now, UpdatedAt: now,
	}
	value, err := in.Encode()
	return storage.Integration{WebhookID: in.WebhookID, Project: in.Project, Value: value}, err
}

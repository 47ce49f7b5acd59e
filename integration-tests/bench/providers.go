package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hookgate/hookgate/internal/provider"
	public "github.com/hookgate/hookgate/module/provider"
)

// github is the sender beside which the others are measured.
const github = "github"

// between is how many senders are measured before GitHub is again.
const between = 3

// anySecret can be any sender's: it is text, base64 and hexadecimal.
const anySecret = "0123456789abcdef0123456789abcdef"

// sender is a sender that signs with a HMAC.
type sender struct {
	*provider.Provider
	algorithm public.Algorithm
	sample    string
}

// compareProviders has each sender's events accepted, between two runs of
// GitHub's: the machine is never the same for long. Nothing is looked for
// among duplicates, since most senders sign the delivery ID.
func compareProviders(ctx context.Context, s settings) error {
	senders, err := s.hmacSenders()
	if err != nil {
		return err
	}
	all := make(map[string][]versus)
	for round := range s.rounds {
		runs, err := measureRound(ctx, s, senders, fmt.Sprintf("round %d of %d", round+1, s.rounds))
		endStatus()
		if err != nil {
			return err
		}
		for name, run := range runs {
			all[name] = append(all[name], run)
		}
		slices.Reverse(senders)
	}
	printSenders(senders, all)
	return nil
}

// measureRound measures each sender once, at a new gateway: in one that had
// all rounds behind it the events would need tens of gigabytes.
func measureRound(ctx context.Context, s settings, senders []sender, name string) (runs map[string]versus, err error) {
	g, err := startGateway(s, "providers", "")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.remove()) }()
	for _, p := range senders {
		if err := g.integrate(p); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name(), err)
		}
	}
	status("%s: warm-up", name)
	first := slices.IndexFunc(senders, func(p sender) bool { return p.Name() == github })
	if _, err := g.measureSender(ctx, s, senders[first], time.Second); err != nil {
		return nil, fmt.Errorf("%w; the end of the gateway's log:\n%s", err, g.tail())
	}
	if runs, err = g.measureSenders(ctx, s, senders, name); err != nil {
		err = fmt.Errorf("%w; the end of the gateway's log:\n%s", err, g.tail())
	}
	return runs, err
}

// hmacSenders are the senders that are wanted, and GitHub.
func (s settings) hmacSenders() ([]sender, error) {
	var wanted []string
	if s.senders != "" {
		wanted = strings.Split(s.senders, ",")
	}
	var senders []sender
	for _, row := range provider.Senders() {
		p, _ := provider.Lookup(row.Name)
		algorithm := row.Schemes[0].Algorithm
		hmac := algorithm == public.HMACSHA1 || algorithm == public.HMACSHA256 || algorithm == public.HMACSHA512
		chosen := len(wanted) == 0 || slices.Contains(wanted, row.Name) || row.Name == github
		if !hmac || !chosen || p.CheckSecret(anySecret) != nil {
			continue
		}
		known := sender{p, algorithm, row.Sample}
		switch _, err := known.write(1 << 10); {
		case errors.Is(err, provider.ErrSenderSigns):
		case err != nil:
			return nil, fmt.Errorf("%s: %w", row.Name, err)
		default:
			senders = append(senders, known)
		}
	}
	for _, name := range wanted {
		if !slices.ContainsFunc(senders, func(p sender) bool { return p.Name() == name }) {
			return nil, fmt.Errorf("-senders: %s is no sender that signs with a HMAC", name)
		}
	}
	return senders, nil
}

// integrate adds an integration and a project of the sender's name. It wants
// the events that are sent.
func (g *gateway) integrate(p sender) error {
	body := map[string]any{
		"webhook_id": p.Name(), "dedupe": "none",
		"authentication": map[string]any{"signature": map[string]any{"provider": p.Name(), "secrets": []string{anySecret}}},
		"resource":       map[string]string{"type": "nothing", "id": "bench"},
	}
	if p.sample != "" {
		body["event_filter"] = []string{p.sample}
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	client := http.Client{Timeout: patience}
	response, err := client.Post("http://"+g.admin+"/webhooks/projects/"+p.Name()+"/integrations", "application/json", bytes.NewReader(text))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		return fmt.Errorf("adding the integration: %s", response.Status)
	}
	return nil
}

// write returns an event of that size as the sender signs it now, for wrk.
func (p sender) write(size int) ([]byte, error) {
	const host = "hooks.example.com"
	r := p.Sample("http://"+host+"/webhooks/"+p.Name(), "bench-1", time.Now())
	const begin, end = `,"bench":"`, `"}`
	body := string(bytes.TrimSuffix(r.Body, []byte("}"))) + begin
	r.Body = []byte(body + strings.Repeat("x", max(0, size-len(body)-len(end))) + end)
	if err := p.Sign(anySecret, r); err != nil {
		return nil, err
	}
	address, err := url.Parse(r.URL)
	if err != nil {
		return nil, err
	}
	lines := []string{
		"POST " + address.RequestURI() + " HTTP/1.1",
		"X-Bench: @", // the script's number, of which nobody takes notice
		"Host: " + host,
		"Content-Length: " + strconv.Itoa(len(r.Body)),
	}
	for name, values := range r.Header {
		lines = append(lines, name+": "+values[0])
	}
	return []byte(strings.Join(append(lines, "", string(r.Body)), "\r\n")), nil
}

// versus is a sender's run beside GitHub's runs before and after it.
type versus struct {
	measured
	rates, cpus float64 // ratios
}

// measureSenders measures each sender once.
func (g *gateway) measureSenders(ctx context.Context, s settings, senders []sender, name string) (map[string]versus, error) {
	first := slices.IndexFunc(senders, func(p sender) bool { return p.Name() == github })
	run := func(p sender) (measured, error) {
		status("%s: %s", name, p.Name())
		m, err := g.measureSender(ctx, s, p, s.time)
		if err != nil {
			return m, fmt.Errorf("%s: %w", p.Name(), err)
		}
		return m, nil
	}
	runs := make(map[string]versus)
	before, err := run(senders[first])
	if err != nil {
		return nil, err
	}
	others := slices.Delete(slices.Clone(senders), first, first+1)
	for some := range slices.Chunk(append(others, senders[first]), between) {
		var these []measured
		for _, p := range append(some, senders[first]) {
			m, err := run(p)
			if err != nil {
				return nil, err
			}
			these = append(these, m)
		}
		after := these[len(some)]
		for i, p := range some {
			m := these[i]
			runs[p.Name()] = versus{m, 2 * m.rate() / (before.rate() + after.rate()), 2 * m.CPU / (before.CPU + after.CPU)}
		}
		before = after
	}
	return runs, nil
}

// measureSender signs an event and has it accepted again and again.
func (g *gateway) measureSender(ctx context.Context, s settings, p sender, length time.Duration) (measured, error) {
	text, err := p.write(1 << 10)
	if err != nil {
		return measured{}, err
	}
	r := request{path: filepath.Join(s.dir, "request-"+p.Name())}
	if err := errors.Join(os.WriteFile(r.path, text, 0o600), os.WriteFile(filepath.Join(s.dir, "load.lua"), script, 0o600)); err != nil {
		return measured{}, err
	}
	return g.measureSite(ctx, s, site{accept, "ACCEPT", "accepted"}, r, length)
}

// printSenders writes the table, in Markdown, the dearest first.
func printSenders(senders []sender, runs map[string][]versus) {
	cost := func(p sender) float64 { return median(each(runs[p.Name()], versus.besideCPU)) }
	slices.SortFunc(senders, func(a, b sender) int {
		return int(1e6 * (cost(b) - cost(a)))
	})
	fmt.Print("Events of 1 KB, accepted durably, beside GitHub's of the same minute:\n\n")
	table := newTable(os.Stdout, "sender", "signs with", "processor time", "beside GitHub's", "requests/s", "beside GitHub's")
	for _, p := range senders {
		own := runs[p.Name()]
		cpus, rates := each(own, versus.besideCPU), each(own, versus.besideRate)
		table.row("`"+p.Name()+"`", string(p.algorithm),
			fmt.Sprintf("%.0f µs", median(each(own, versus.cpu))),
			fmt.Sprintf("%.3f (%.2f–%.2f)", median(cpus), slices.Min(cpus), slices.Max(cpus)),
			fmt.Sprintf("%.0f", median(each(own, versus.rate))),
			fmt.Sprintf("%.2f (%.2f–%.2f)", median(rates), slices.Min(rates), slices.Max(rates)))
	}
	table.end()
}

func (v versus) besideCPU() float64  { return v.cpus }
func (v versus) besideRate() float64 { return v.rates }

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
	"sync"
	"time"

	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/module/provider"
)

// github is the sender that the others are compared with.
const github = "github"

// anySecret is valid for every sender: it is text, base64 and hexadecimal.
const anySecret = "0123456789abcdef0123456789abcdef"

// signer is a sender that signs with an HMAC.
type signer struct {
	*sender.Provider
	algorithm provider.Algorithm
	sample    string
}

// compareProviders has one gateway accept each sender's events while another
// accepts GitHub's, then the other way round, so that other work on the machine
// slows both. Duplicates are not looked up, because most senders sign the
// delivery ID.
func compareProviders(ctx context.Context, s settings) error {
	senders, err := s.hmacSenders()
	if err != nil {
		return err
	}
	s.connections = max(1, s.connections/2)
	all := make(map[string][]versus)
	for round := range s.rounds {
		err := measureRound(ctx, s, senders, fmt.Sprintf("round %d of %d", round+1, s.rounds), all)
		endStatus()
		if err != nil {
			return err
		}
	}
	printSenders(senders, all)
	return nil
}

// measureRound measures each sender once, with new gateways: over all rounds
// their events would need tens of gigabytes.
func measureRound(ctx context.Context, s settings, senders []signer, name string, all map[string][]versus) (err error) {
	var both [2]*gateway
	for i := range both {
		if both[i], err = startGateway(s, fmt.Sprintf("providers-%d", i), ""); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, both[i].remove()) }()
		for _, p := range senders {
			if err := both[i].integrate(p); err != nil {
				return fmt.Errorf("%s: %w", p.Name(), err)
			}
		}
	}
	first := slices.IndexFunc(senders, func(p signer) bool { return p.Name() == github })
	warmUp := s
	warmUp.time = time.Second
	if _, err := measureTogether(ctx, warmUp, both, senders[first], senders[first]); err != nil {
		return err
	}
	for _, p := range senders {
		status("%s: %s", name, p.Name())
		v, err := measureTogether(ctx, s, both, p, senders[first])
		if err != nil {
			return err
		}
		all[p.Name()] = append(all[p.Name()], v)
	}
	return nil
}

// hmacSenders returns the selected senders, and GitHub.
func (s settings) hmacSenders() ([]signer, error) {
	var wanted []string
	if s.senders != "" {
		wanted = strings.Split(s.senders, ",")
	}
	var senders []signer
	for _, row := range sender.Senders() {
		p, _ := sender.Lookup(row.Name)
		algorithm := row.Schemes[0].Algorithm
		hmac := algorithm == provider.HMACSHA1 || algorithm == provider.HMACSHA256 || algorithm == provider.HMACSHA512
		chosen := len(wanted) == 0 || slices.Contains(wanted, row.Name) || row.Name == github
		if !hmac || !chosen || p.CheckSecret(anySecret) != nil {
			continue
		}
		known := signer{p, algorithm, row.Sample}
		switch _, err := known.write(1 << 10); {
		case errors.Is(err, sender.ErrSenderSigns):
		case err != nil:
			return nil, fmt.Errorf("%s: %w", row.Name, err)
		default:
			senders = append(senders, known)
		}
	}
	for _, name := range wanted {
		if !slices.ContainsFunc(senders, func(p signer) bool { return p.Name() == name }) {
			return nil, fmt.Errorf("-senders: %s is no sender that signs with a HMAC", name)
		}
	}
	return senders, nil
}

// integrate adds an integration in a project named after the sender, which
// wants the events that are sent.
func (g *gateway) integrate(p signer) error {
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

// write returns an event of that size, signed now as the sender does, for wrk.
func (p signer) write(size int) ([]byte, error) {
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
		"X-Bench: @", // the script's counter, which is ignored
		"Host: " + host,
		"Content-Length: " + strconv.Itoa(len(r.Body)),
	}
	for name, values := range r.Header {
		lines = append(lines, name+": "+values[0])
	}
	for n := len(lines); n <= headerLines; n++ {
		lines = append(lines, fmt.Sprintf("X-Filler-%02d: 0123456789", n))
	}
	return []byte(strings.Join(append(lines, "", string(r.Body)), "\r\n")), nil
}

// headerLines is the minimum number of header lines in each request: GitHub
// sends twelve. How many a sender sends besides the relevant ones is not known;
// each costs the HTTP server the same.
const headerLines = 12

// versus is the result for a sender's events, and for GitHub's at the same
// time.
type versus struct{ own, github measured }

func (v versus) cpu() float64        { return v.own.CPU }
func (v versus) rate() float64       { return v.own.rate() }
func (v versus) besideCPU() float64  { return v.own.CPU / v.github.CPU }
func (v versus) besideRate() float64 { return v.own.rate() / v.github.rate() }

// measureTogether measures a sender and GitHub at the same time, twice: each at
// each gateway.
func measureTogether(ctx context.Context, s settings, both [2]*gateway, p, github signer) (versus, error) {
	var v versus
	for turn := range both {
		var one [2]measured
		var faults [2]error
		var group sync.WaitGroup
		for i, p := range [2]signer{p, github} {
			group.Go(func() { one[i], faults[i] = both[(i+turn)%2].measureSender(ctx, s, p) })
		}
		group.Wait()
		for i, err := range faults {
			if err != nil {
				return v, fmt.Errorf("%s: %w; the end of the gateway's log:\n%s", p.Name(), err, both[(i+turn)%2].tail())
			}
		}
		v.own.add(one[0])
		v.github.add(one[1])
	}
	return v, nil
}

// add combines two runs.
func (m *measured) add(other measured) {
	cpu := m.CPU*float64(m.Requests) + other.CPU*float64(other.Requests)
	m.Requests += other.Requests
	m.Microseconds += other.Microseconds
	m.CPU = cpu / float64(m.Requests)
}

// measureSender signs an event and has it accepted repeatedly.
func (g *gateway) measureSender(ctx context.Context, s settings, p signer) (measured, error) {
	text, err := p.write(1 << 10)
	if err != nil {
		return measured{}, err
	}
	r := request{path: filepath.Join(g.dir, "request-"+p.Name())}
	if err := errors.Join(os.WriteFile(r.path, text, 0o600), os.WriteFile(filepath.Join(s.dir, "load.lua"), script, 0o600)); err != nil {
		return measured{}, err
	}
	return g.measureSite(ctx, s, site{accept, "ACCEPT", "accepted"}, r, s.time)
}

// printSenders writes the table, in Markdown, the most expensive first.
func printSenders(senders []signer, runs map[string][]versus) {
	cost := func(p signer) float64 { return median(each(runs[p.Name()], versus.besideCPU)) }
	slices.SortFunc(senders, func(a, b signer) int {
		return int(1e6 * (cost(b) - cost(a)))
	})
	fmt.Print("Events of 1 KB, accepted durably, compared with GitHub's at the same time:\n\n")
	table := newTable(os.Stdout, "sender", "signs with", "processor time", "compared with GitHub's", "requests/s", "compared with GitHub's")
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

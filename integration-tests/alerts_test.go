package integrationtests

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// TestAlertsSeeTheFirstBurst evaluates the conditions of docs/operator.md, with
// Prometheus's own engine, over the metrics of a new gateway before and after a
// first burst of faults: every series must have been there at 0.
func TestAlertsSeeTheFirstBurst(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		gateway.LeaveOut(t, "promtool is not installed (Debian: prometheus)")
	}
	internet := gateway.NewInternet(t)
	i := newIssuer(t, internet, "issuer.example")
	i.down.Store(true)
	sink := gateway.NewSink(t)
	sink.AnswerStatus(http.StatusBadRequest)
	g := gateway.Start(t, gateway.Config(jwtOptions+gateway.Ticket(sink)+declared("plain"), gateway.Edge), internet.Env...)
	before := seriesOf(t, g)
	for range 40 {
		problem(t, g.Post("/webhooks/plain", gateway.GitHub("wrong", "push", "1", body), body), 401)
	}
	problem(t, g.Post("/webhooks/declared", gateway.Headers("Authorization", "Bearer "+i.token(t, "1", nil)), body), 503)
	g.WaitStatus(t, demo, "plain", push(g, t, "plain", "1"), "failed")
	after := seriesOf(t, g)

	conditions := conditionsOf(t)
	for _, test := range []struct{ expression, series string }{
		{`increase(refusals_total{reason="signature_mismatch"}[5m]) > 30`, `refusals_total{reason="signature_mismatch"}`},
		{conditions["jwt)_unavailable"], `refusals_total{reason="jwt_unavailable"}`},
		{conditions["attempts_total"] + " > 0", `attempts_total{outcome="status",resource_type="ticket"}`},
		{`increase(key_fetches_total{outcome!="fetched"}[1h]) > 0`, `key_fetches_total{outcome="status",source="test"}`},
	} {
		if evaluate(t, promtool, before, before, test.expression) {
			t.Errorf("%s: it holds of a quiet gateway", test.expression)
		}
		if !evaluate(t, promtool, before, after, test.expression) {
			t.Errorf("%s: it does not see the first burst; %s was %q and is %q",
				test.expression, test.series, before[prefix+test.series], after[prefix+test.series])
		}
	}
}

const prefix = "caddy_webhooks_"

// seriesOf returns Hookgate's metrics from a scrape.
func seriesOf(t *testing.T, g *gateway.Gateway) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for line := range strings.Lines(string(g.API("GET", "/metrics", nil).Want(t, 200).Body)) {
		if i := strings.LastIndexByte(line, ' '); i > 0 && strings.HasPrefix(line, prefix) {
			all[line[:i]] = strings.TrimSpace(line[i+1:])
		}
	}
	return all
}

var condition = regexp.MustCompile("(?m)^\\| `(increase\\([^`]*)`")

// conditionsOf returns the conditions of the docs that look at an increase, by
// a part of theirs.
func conditionsOf(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(gateway.Root(t), "docs", "operator.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	for _, match := range condition.FindAllStringSubmatch(string(text), -1) {
		expression := strings.ReplaceAll(match[1], `\|`, "|")
		for _, part := range []string{"jwt)_unavailable", "attempts_total"} {
			if strings.Contains(expression, part) {
				found[part] = expression
			}
		}
	}
	if len(found) != 2 {
		t.Fatalf("the docs have only the conditions %v", found)
	}
	return found
}

var metricName = regexp.MustCompile(`[a-z_]+_total`)

// evaluate reports whether an expression holds one minute after the second of two
// scrapes, which were a minute apart.
func evaluate(t *testing.T, promtool string, before, after map[string]string, expression string) bool {
	t.Helper()
	var input []gateway.M
	for series, value := range after {
		earlier, found := before[series]
		if !found {
			earlier = "_"
		}
		input = append(input, gateway.M{"series": series, "values": earlier + " " + value + " " + value})
	}
	expression = metricName.ReplaceAllString(expression, prefix+"$0")
	text, err := json.Marshal(gateway.M{ // JSON is YAML
		"rule_files":          []string{},
		"evaluation_interval": "1m",
		"tests": []gateway.M{{
			"interval":     "1m",
			"input_series": input,
			"promql_expr_test": []gateway.M{{
				"expr":        "count(" + expression + ") > bool 0",
				"eval_time":   "2m",
				"exp_samples": []gateway.M{{"labels": "{}", "value": 1}},
			}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "test.yml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(promtool, "test", "rules", file).CombinedOutput()
	if err != nil && !strings.Contains(string(out), "got: nil") {
		t.Fatalf("promtool: %v\n%s", err, out)
	}
	return err == nil
}

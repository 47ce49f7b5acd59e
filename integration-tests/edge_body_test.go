package integrationtests

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

func TestEdgeBodySize(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	g := gateway.Start(t, gateway.Config(declared("plain")+gateway.Ticket(sink), `
	@small header X-Small yes
	webhooks @small {
		max_body 64KB
	}
	webhooks
`))
	post := func(size int, chunked bool, more ...string) *gateway.Answer {
		body := bytes.Repeat([]byte("x"), size)
		header := gateway.GitHub(secret, "push", fmt.Sprint(size, chunked), body)
		for i := 0; i < len(more); i += 2 {
			header.Set(more[i], more[i+1])
		}
		var reader io.Reader = bytes.NewReader(body)
		if chunked {
			reader = io.MultiReader(reader)
		}
		return g.Request("POST", "/webhooks/plain", header, reader)
	}
	const small, limit = 64_000, 25 << 20
	for _, chunked := range []bool{false, true} {
		accept(t, post(0, chunked))
		accept(t, post(small, chunked, "X-Small", "yes"))
		problem(t, post(small*2, chunked, "X-Small", "yes"), 413)
		id := accept(t, post(limit, chunked))
		if got := sink.Wait(id); len(got.Body) != limit {
			t.Errorf("the sink got %d bytes", len(got.Body))
		}
		answer, err := g.Try("POST", "http://"+g.Addr+"/webhooks/plain", gateway.GitHub(secret, "push", "over", nil),
			io.MultiReader(bytes.NewReader(make([]byte, limit+1))))
		if err == nil { // otherwise the gateway hung up while the body was sent
			problem(t, answer, 413)
		}
	}
	problem(t, g.Raw(g.Addr, fmt.Sprintf("POST /webhooks/plain HTTP/1.1\nContent-Length: %d", limit+1), ""), 413)
}

// TestEdgeRefusalsAreSeen sends bodies that the gateway refuses before it has
// read them, as a simple client does: it sends all of the body, and then reads
// the answer.
func TestEdgeRefusalsAreSeen(t *testing.T) {
	t.Parallel()
	g, _ := edge(t, declared("plain"))
	lost := 0
	var last error
	for range 20 {
		for size, want := range map[int]int{2 << 20: 401, 26 << 20: 413} {
			answer, err := g.Try("POST", "http://"+g.Addr+"/webhooks/plain", nil, bytes.NewReader(make([]byte, size)))
			if err != nil {
				lost++
				last = err
			} else if answer.Status != want {
				t.Errorf("%d bytes: status %d, want %d", size, answer.Status, want)
			}
		}
	}
	if lost > 0 {
		t.Errorf("%d of 40 senders were cut off before they could read the answer: %v", lost, last)
	}
}

func TestEdgeSlowBody(t *testing.T) {
	t.Parallel()
	g, sink := edge(t, declared("plain"))
	began := time.Now()
	answer := g.Raw(g.Addr, "POST /webhooks/plain HTTP/1.1\nContent-Length: 100\nX-Hub-Signature-256: "+gateway.SHA256(secret, body), "half")
	problem(t, answer, 408)
	if took := time.Since(began); took < 9*time.Second || took > 15*time.Second {
		t.Errorf("the answer took %v", took)
	}
	if len(sink.Deliveries()) != 0 {
		t.Error("half a body was delivered")
	}
	accept(t, g.Post("/webhooks/plain", gateway.GitHub(secret, "push", "after", body), body))
}

func TestEdgeBodyCutOff(t *testing.T) {
	t.Parallel()
	g, sink := edge(t, declared("plain"))
	for _, framing := range []string{"Content-Length: 100", "Transfer-Encoding: chunked"} {
		conn := gateway.Dial(t, g.Addr)
		conn.Send("POST /webhooks/plain HTTP/1.1\r\nHost: x\r\n" + framing + "\r\nX-Hub-Signature-256: " +
			gateway.SHA256(secret, []byte("half")) + "\r\n\r\n")
		if strings.HasPrefix(framing, "T") {
			conn.Send("4\r\n")
		}
		conn.Send("half")
		conn.Close()
	}
	id := accept(t, g.Post("/webhooks/plain", gateway.GitHub(secret, "push", "after", body), body))
	sink.Wait(id)
	if n := len(sink.Deliveries()); n != 1 {
		t.Errorf("%d deliveries, want the whole one alone", n)
	}
}

func TestEdgeContentEncoding(t *testing.T) {
	t.Parallel()
	g, _ := edge(t, declared("plain"))
	for encoding, want := range map[string]int{"identity": 202, "": 202, "gzip": 415, "br": 415, "gzip, identity": 415, "x": 415} {
		header := gateway.GitHub(secret, "push", "e-"+encoding, body)
		if encoding != "" {
			header.Set("Content-Encoding", encoding)
		}
		answer := g.Post("/webhooks/plain", header, body)
		if want == 415 {
			problem(t, answer, want)
		} else {
			accept(t, answer)
		}
	}
}

func TestEdgeForm(t *testing.T) {
	t.Parallel()
	g, sink := edge(t, declared("plain")+declared("opened", "event_filter issues.opened"))
	post := func(id, delivery, form string) *gateway.Answer {
		header := gateway.GitHub(secret, "issues", delivery, []byte(form))
		header.Set("Content-Type", "application/x-www-form-urlencoded")
		return g.Post("/webhooks/"+id, header, []byte(form))
	}
	form := "payload=" + url.QueryEscape(string(body))

	got := sink.Wait(accept(t, post("plain", "1", form)))
	if !bytes.Equal(got.Body, body) {
		t.Errorf("the sink got %q, want the JSON inside the form", got.Body)
	}
	if kind := got.Header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("the sink got Content-Type %q", kind)
	}
	accept(t, post("opened", "2", form))
	accept(t, post("plain", "3", "other=1&"+form))
	is(t, post("opened", "4", "payload=%7B%22action%22%3A%22closed%22%7D"), 200, `{"status":"filtered","event":"issues"}`)
	for i, form := range []string{"", "nothing=here", "payload", "Payload=%7B%7D", "payload=%zz"} {
		problem(t, post("plain", fmt.Sprint("bad-", i), form), 400)
	}
}

func TestEdgeEventHeaders(t *testing.T) {
	t.Parallel()
	g, sink := edge(t, declared("plain")+
		"integration gitlab {\nproject demo\nsignature gitlab "+token+"\nresource ticket T-2\nevent_filter merge_request.open \"Push Hook\"\n}\n"+
		"integration jira {\nproject demo\nsignature jira \""+secret+"\"\nresource ticket T-3\nevent_filter jira:issue_*\n}\n")
	good := gateway.SHA256(secret, body)
	for _, header := range []string{
		"X-GitHub-Event: push\nX-GitHub-Event: push",
		"X-GitHub-Delivery: 1\nX-GitHub-Delivery: 1",
		"X-GitHub-Event: p\xc3\xbcsh",
		"X-GitHub-Event: pu\tsh",
		"X-GitHub-Event: " + strings.Repeat("e", 256),
		"X-GitHub-Delivery: " + strings.Repeat("d", 256),
		"X-GitHub-Delivery: \xff",
		"X-GitHub-Event: ",
		"X-GitHub-Event: push\nX-GitHub-Delivery: ",
	} {
		answer := g.Raw(g.Addr, fmt.Sprintf("POST /webhooks/plain HTTP/1.1\nX-Hub-Signature-256: %s\nContent-Length: %d\n%s", good, len(body), header), string(body))
		if answer.Status != http.StatusBadRequest {
			t.Errorf("%q: status %d, want 400: %s", header, answer.Status, answer.Body)
			continue
		}
		problem(t, answer, 400)
	}
	long := strings.Repeat("e", 255)
	if got := sink.Wait(accept(t, g.Post("/webhooks/plain", gateway.GitHub(secret, long, long, body), body))); got.Header.Get("X-Webhook-Event") != long {
		t.Errorf("the event's type is %q", got.Header.Get("X-Webhook-Event"))
	}

	opened := []byte(`{"object_kind":"merge_request","object_attributes":{"action":"open"}}`)
	closed := []byte(`{"object_kind":"merge_request","object_attributes":{"action":"close"}}`)
	got := sink.Wait(accept(t, g.Post("/webhooks/gitlab", gateway.GitLab(token, "Merge Request Hook", "g-1"), opened)))
	if event := got.Header.Get("X-Webhook-Event"); event != "Merge Request Hook" {
		t.Errorf("GitLab's event is %q", event)
	}
	is(t, g.Post("/webhooks/gitlab", gateway.GitLab(token, "Merge Request Hook", "g-2"), closed), 200, `{"status":"filtered","event":"Merge Request Hook"}`)
	accept(t, g.Post("/webhooks/gitlab", gateway.GitLab(token, "Push Hook", "g-3"), body))

	issue := []byte(`{"webhookEvent":"jira:issue_created"}`)
	got = sink.Wait(accept(t, g.Post("/webhooks/jira", gateway.Jira(secret, "j-1", issue), issue)))
	if event, id := got.Header.Get("X-Webhook-Event"), got.Header.Get("X-Webhook-Delivery"); event != "jira:issue_created" || id != "j-1" {
		t.Errorf("Jira's event is %q, its delivery %q", event, id)
	}
	sprint := []byte(`{"webhookEvent":"sprint_closed"}`)
	is(t, g.Post("/webhooks/jira", gateway.Jira(secret, "j-2", sprint), sprint), 200, `{"status":"filtered","event":"sprint_closed"}`)
}

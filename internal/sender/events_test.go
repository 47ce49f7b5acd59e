package sender

import (
	"net/http"
	"slices"
	"testing"

	"github.com/hookgate/hookgate/internal/jsondoc"
)

// A sender's action is in different places for some types of events.
func TestActions(t *testing.T) {
	tests := []struct {
		provider, event string // event: the header, where the sender has one
		body            string
		action          string
		wanted          string // by a filter
	}{
		{"github", "pull_request", `{"action":"opened","number":1,"pull_request":{"state":"open"}}`, "opened", "pull_request.opened"},
		{"github", "push", `{"ref":"refs/heads/main","commits":[]}`, "", "push"},
		{"gitlab", "Merge Request Hook", `{"object_kind":"merge_request","object_attributes":{"state":"merged","action":"merge"}}`, "merge", "merge_request.merge"},
		{"gitlab", "Note Hook", `{"object_kind":"note","event_type":"note","object_attributes":{"note":"a","action":"create"}}`, "create", "note.create"},
		{"gitlab", "Release Hook", `{"id":1,"tag":"v1.1","object_kind":"release","action":"create","assets":{"count":5}}`, "create", "release.create"},
		{"gitlab", "Release Hook", `{"object_kind":"release","action":"delete"}`, "delete", "Release Hook.delete"},
		{"gitlab", "Milestone Hook", `{"object_kind":"milestone","object_attributes":{"id":61,"state":"active"},"action":"close"}`, "close", "milestone.close"},
		{"gitlab-signing", "Milestone Hook", `{"object_kind":"milestone","object_attributes":{"id":61},"action":"reopen"}`, "reopen", "milestone.reopen"},
		{"gitlab", "Emoji Hook", `{"object_kind":"emoji","event_type":"award","object_attributes":{"name":"thumbsup","action":"revoke"}}`, "revoke", "emoji.revoke"},
		{"gitlab", "Pipeline Hook", `{"object_kind":"pipeline","object_attributes":{"id":31,"status":"failed","detailed_status":"failed"},"builds":[]}`, "failed", "pipeline.failed"},
		{"gitlab", "Job Hook", `{"object_kind":"build","build_id":1977,"build_status":"success","commit":{"status":"running"}}`, "success", "build.success"},
		{"gitlab", "Deployment Hook", `{"object_kind":"deployment","status":"running","deployment_id":15}`, "running", "deployment.running"},
		{"gitlab", "Wiki Page Hook", `{"object_kind":"wiki_page","wiki":{},"object_attributes":{"slug":"awesome","action":"create"}}`, "create", "wiki_page.create"},
		{"gitlab", "Feature Flag Hook", `{"object_kind":"feature_flag","object_attributes":{"name":"test","active":true}}`, "", "feature_flag"},
		{"gitlab", "Member Hook", `{"group_id":100,"event_name":"user_add_to_group"}`, "", "user_add_to_group"},
		{"gitlab", "Subgroup Hook", `{"group_id":10,"event_name":"subgroup_destroy"}`, "", "subgroup_destroy"},
		{"gitlab", "Project Hook", `{"event_name":"project_create"}`, "", "project_create"},
		{"gitlab", "Resource Access Token Hook", `{"object_kind":"access_token","object_attributes":{"id":25},"event_name":"expiring_access_token"}`, "", "expiring_access_token"},
		{"gitlab", "Vulnerability Hook", `{"object_kind":"vulnerability","object_attributes":{"state":"confirmed"}}`, "", "vulnerability"},
		{"gitlab", "System Hook", `{"object_kind":"merge_request","event_type":"merge_request","object_attributes":{"action":"open"}}`, "open", "merge_request.open"},
		{"gitea", "release", `{"action":"published","release":{"id":1}}`, "published", "release.published"},
		{"forgejo", "issues", `{"action":"label_updated","number":1}`, "label_updated", "issues.label_updated"},
		{"gogs", "pull_request", `{"action":"synchronized","number":1}`, "synchronized", "pull_request.synchronized"},
		{"soft-serve", "collaborator", `{"event":"collaborator","action":"added","collaborator":{"username":"a"}}`, "added", "collaborator.added"},
		{"soft-serve", "repository", `{"event":"repository","action":"rename"}`, "rename", "repository.rename"},
		{"bitbucket", "pullrequest:fulfilled", `{"pullrequest":{"state":"MERGED"}}`, "", "pullrequest:fulfilled"},
		{"circleci", "", `{"type":"job-completed","id":"1","workflow":{"name":"welcome"},"job":{"name":"test","status":"failed"}}`, "failed", "job-completed.failed"},
		{"circleci", "", `{"type":"workflow-completed","id":"1","workflow":{"name":"build","status":"success"}}`, "success", "workflow-completed.success"},
		{"jira", "", `{"webhookEvent":"jira:issue_updated","issue_event_type_name":"issue_assigned","issue":{"id":"1"}}`, "", "issue_assigned"},
		{"jira", "", `{"webhookEvent":"comment_created","comment":{"id":"1"}}`, "", "comment_created"},
		{"linear", "", `{"type":"Issue","action":"create","webhookTimestamp":1764000000000}`, "create", "Issue.create"},
		{"sentry", "event_alert", `{"action":"triggered","data":{}}`, "triggered", "event_alert.triggered"},
		{"sentry", "metric_alert", `{"action":"critical","data":{}}`, "critical", "metric_alert.critical"},
		{"webex", "", `{"resource":"messages","event":"created"}`, "created", "messages.created"},
		{"mailgun", "", `{"signature":{"token":"t"},"event-data":{"event":"failed","severity":"permanent"}}`, "permanent", "failed.permanent"},
		{"harbor", "", `{"type":"PUSH_ARTIFACT","event_data":{"resources":[]}}`, "", "PUSH_ARTIFACT"},
		{"harbor", "", `{"specversion":"1.0","id":"1","type":"harbor.artifact.pushed","data":{}}`, "", "harbor.artifact.pushed"},
	}
	for _, test := range tests {
		p := mustLookup(t, test.provider)
		header := http.Header{}
		if test.event != "" {
			header[p.event[0].header] = []string{test.event}
		}
		m, err := readMessage(p, header, jsondoc.New([]byte(test.body)))
		if err != nil {
			t.Fatal(err)
		}
		if names := slices.Collect(m.Names()); m.Action() != test.action || !slices.Contains(names, test.wanted) {
			t.Errorf("%s: %s: action %q, names %q; want %q and %q", test.provider, test.body, m.Action(), names, test.action, test.wanted)
		}
	}
}

// Messages about the subscription itself start nothing, unless a filter names them.
func TestPings(t *testing.T) {
	tests := []struct{ provider, event, body string }{
		{"github", "ping", `{"zen":"a"}`},
		{"bitbucket", "diagnostics:ping", `{"test":true}`},
		{"confluence", "diagnostics:ping", `{"test":true}`},
		{"box", "", `{"type":"webhook_event","trigger":"WEBHOOK.DELETED","additional_info":{"reason":"auto_cleanup"}}`},
		{"circleci", "", `{"type":"ping","id":"1"}`},
		{"intercom", "", `{"topic":"ping","id":"notif_1"}`},
		{"msgraph", "", `{"value":[{"subscriptionId":"1","clientState":"s","lifecycleEvent":"subscriptionRemoved"}]}`},
		{"pagerduty", "", `{"event":{"id":"1","event_type":"pagey.ping"}}`},
		{"slack", "", `{"type":"app_rate_limited","team_id":"T1","minute_rate_limited":1518467820}`},
		{"stripe", "", `{"id":"evt_1","object":"v2.core.event","type":"v2.core.event_destination.ping"}`},
		{"terraform", "", `{"notifications":[{"trigger":"verification","run_status":null}]}`},
		{"sns", "", `{"Type":"UnsubscribeConfirmation","MessageId":"1","TopicArn":"arn:aws:sns:eu-central-1:1:a"}`},
		{"azure-event-grid", "", `[{"id":"1","eventType":"Microsoft.EventGrid.SubscriptionDeletedEvent","data":{}}]`},
		{"cloudevents", "", `{"specversion":"1.0","id":"1","type":"Microsoft.EventGrid.SubscriptionDeletedEvent"}`},
	}
	for _, s := range Senders() {
		if len(s.Pings) > 0 && !slices.ContainsFunc(tests, func(test struct{ provider, event, body string }) bool { return test.provider == s.Name }) {
			t.Errorf("%s: no ping of it is tested", s.Name)
		}
	}
	for _, test := range tests {
		p, header := mustLookup(t, test.provider), http.Header{}
		if test.event != "" {
			for _, at := range p.event {
				if at.header != "" {
					header[at.header] = []string{test.event}
				}
			}
		}
		if m, err := readMessage(p, header, jsondoc.New([]byte(test.body))); err != nil || !m.Ping {
			t.Errorf("%s: %s is no ping: %+v, %v", test.provider, test.body, m, err)
		}
	}
}

// named wants the events of a name.
type named string

func (n named) Wants(m *Message) bool {
	return slices.Contains(slices.Collect(m.Names()), string(n))
}

// A request is about the first of its events that is wanted, in what each of the senders
// sends that put several into one.
func TestBatches(t *testing.T) {
	tests := []struct {
		provider, body string
		name           string // of the second event
		want, delivery string
	}{
		{
			"adyen-payments",
			`{"live":"false","notificationItems":[{"NotificationRequestItem":{"eventCode":"AUTHORISATION","pspReference":"P1"}},{"NotificationRequestItem":{"eventCode":"CAPTURE","pspReference":"P2"}}]}`,
			"CAPTURE", "CAPTURE", "P2",
		},
		{"alertmanager", `{"version":"4","status":"firing","alerts":[{"status":"firing","labels":{}},{"status":"resolved","labels":{}}]}`, "resolved", "firing", ""},
		{"grafana", `{"receiver":"a","status":"firing","alerts":[{"status":"firing"},{"status":"resolved"}],"orgId":1}`, "resolved", "firing", ""},
		{
			"asana",
			`{"events":[{"action":"changed","resource":{"gid":"1","resource_type":"project"}},{"action":"added","parent":{"gid":"1"},"resource":{"gid":"2","resource_type":"task"}}]}`,
			"task.added", "task", "",
		},
		{
			"auth0",
			`[{"log_id":"90020","data":{"type":"s","date":"2026-01-01T00:00:00Z"}},{"log_id":"90021","data":{"type":"fp","date":"2026-01-01T00:00:01Z"}}]`,
			"fp", "fp", "90021",
		},
		{
			"azure-event-grid",
			`[{"id":"1","eventType":"Microsoft.Storage.BlobCreated","data":{}},{"id":"2","eventType":"Microsoft.Storage.BlobDeleted","data":{}}]`,
			"Microsoft.Storage.BlobDeleted", "Microsoft.Storage.BlobDeleted", "2",
		},
		{
			"cloudevents",
			`[{"specversion":"1.0","id":"1","source":"/a","type":"com.example.made"},{"specversion":"1.0","id":"2","source":"/a","type":"com.example.gone"}]`,
			"com.example.gone", "com.example.gone", "2",
		},
		{
			"hubspot",
			`[{"eventId":1,"subscriptionId":5,"subscriptionType":"contact.creation","attemptNumber":0},{"eventId":2,"subscriptionId":6,"subscriptionType":"deal.propertyChange","propertyName":"amount","attemptNumber":0}]`,
			"deal.propertyChange", "deal.propertyChange", "2",
		},
		{
			"meta",
			`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{}}]},{"id":"2","changes":[{"field":"account_update","value":{}},{"field":"phone_number_quality_update","value":{}}]}]}`,
			"phone_number_quality_update", "whatsapp_business_account", "",
		},
		{
			"msgraph",
			`{"value":[{"id":"a","subscriptionId":"1","clientState":"s","changeType":"created"},{"id":"b","subscriptionId":"2","clientState":"s","changeType":"deleted"}]}`,
			"deleted", "deleted", "b",
		},
		{
			"okta",
			`{"eventType":"com.okta.event_hook","eventId":"85b6","data":{"events":[{"uuid":"1","eventType":"user.session.start"},{"uuid":"2","eventType":"user.session.end"}]}}`,
			"user.session.end", "user.session.end", "85b6",
		},
		{
			"sendgrid",
			`[{"email":"a@example.com","event":"processed","sg_event_id":"1"},{"email":"b@example.com","event":"bounce","type":"blocked","sg_event_id":"2"}]`,
			"bounce.blocked", "bounce", "2",
		},
		{"terraform", `{"payload_version":1,"run_id":"r","notifications":[{"trigger":"run:created"},{"trigger":"run:errored"}]}`, "run:errored", "run:errored", ""},
	}
	covered := map[string]bool{}
	for _, test := range tests {
		covered[test.provider] = true
		var m Message
		wanted, err := m.Read(mustLookup(t, test.provider), http.Header{}, jsondoc.New([]byte(test.body)), nil, named(test.name))
		if err != nil || !wanted || m.Type != test.want || m.DeliveryID != test.delivery {
			t.Errorf("%s: %q is wanted: %v, %v; type %q, delivery %q", test.provider, test.name, wanted, err, m.Type, m.DeliveryID)
		}
	}
	for _, p := range table {
		if len(p.lists) > 0 != covered[p.name] {
			t.Errorf("%s: its lists are %q, and a request of it is tested: %v", p.name, p.lists, covered[p.name])
		}
	}
}

// An unreadable line may contain what is wanted; one before it is found.
func TestBrokenLines(t *testing.T) {
	const broken = `{"data":{"type":"a"}}` + "\n" + `{"data":{"type":"b"}`
	for name, unread := range map[string]bool{"a": false, "b": true} {
		var m Message
		wanted, err := m.Read(mustLookup(t, "auth0"), http.Header{}, jsondoc.New([]byte(broken)), nil, named(name))
		if err != nil || wanted == unread {
			t.Errorf("%s: %v, %v", name, wanted, err)
		}
		if _, err := m.Unread(); !wanted && (err != nil) != unread {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// everything wants each event that is not a ping.
type everything struct{}

func (everything) Wants(m *Message) bool { return !m.Ping }

func readMessage(p *Provider, header http.Header, payload *jsondoc.Document) (Message, error) {
	var m Message
	_, err := m.Read(p, header, payload, nil, everything{})
	return m, err
}

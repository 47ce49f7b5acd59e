package provider

import "time"

// table holds a row for each sender, by name. Header names are canonical, as
// net/http keeps them.
var table = []*Provider{
	{
		// https://docs.github.com/webhooks: the raw body is signed, form or
		// not. SHA-1 comes beside SHA-256, and alone from old servers.
		name: "github",
		schemes: []scheme{
			{header: "X-Hub-Signature-256", algorithm: hmacSHA256, prefix: "sha256=", signed: theBody},
			{header: "X-Hub-Signature", algorithm: hmacSHA1, prefix: "sha1=", signed: theBody},
		},
		event:     []place{{header: "X-Github-Event"}},
		delivery:  []place{{header: "X-Github-Delivery"}},
		action:    "action",
		ping:      "ping",
		formField: "payload",
		pass: []string{
			"X-Github-Hook-Id", "X-Github-Hook-Installation-Target-Type", "X-Github-Hook-Installation-Target-Id",
			"X-Github-Enterprise-Host", "X-Github-Enterprise-Version",
		},
	},
	{
		// https://docs.gitlab.com/user/project/integrations/webhooks: the
		// token is sent as it is, and the body is not covered. Event UUIDs
		// are shared by events that one webhook causes through another, the
		// idempotency key is one delivery's own.
		name:     "gitlab",
		schemes:  []scheme{{header: "X-Gitlab-Token", algorithm: token, secret: headerText}},
		event:    []place{{header: "X-Gitlab-Event"}, {json: "object_kind"}, {json: "event_name"}},
		delivery: []place{{header: "Idempotency-Key"}, {header: "X-Gitlab-Event-Uuid"}},
		kinds:    []string{"object_kind", "event_name"},
		action:   "object_attributes.action",
		pass:     []string{"X-Gitlab-Webhook-Uuid", "X-Gitlab-Instance"},
	},
	{
		// https://developer.atlassian.com/cloud/jira/platform/webhooks: the
		// header is the one of GitHub's SHA-1, the algorithm is not.
		name:     "jira",
		schemes:  []scheme{{header: "X-Hub-Signature", algorithm: hmacSHA256, prefix: "sha256=", signed: theBody}},
		event:    []place{{json: "webhookEvent"}},
		delivery: []place{{header: "X-Atlassian-Webhook-Identifier"}},
		pass:     []string{"X-Atlassian-Webhook-Flow", "X-Atlassian-Webhook-Retry"},
	},
	{
		// https://github.com/standard-webhooks/standard-webhooks: ID, time
		// and body are signed; several signatures stand side by side while a
		// secret is changed.
		name: "standard-webhooks",
		schemes: []scheme{{
			header:    "Webhook-Signature",
			algorithm: hmacSHA256,
			encoding:  base64Std,
			prefix:    "v1,",
			separator: " ",
			signed:    []piece{{header: "Webhook-Id"}, {text: "."}, {header: "Webhook-Timestamp"}, {text: "."}, {}},
			secret:    whsec,
			stamp:     "Webhook-Timestamp",
			tolerance: 5 * time.Minute,
		}},
		event:    []place{{json: "type"}},
		delivery: []place{{header: "Webhook-Id"}},
	},
}

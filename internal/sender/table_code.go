package sender

import "github.com/hookgate/hookgate/module/provider"

// codeHosts are Git servers.
var codeHosts = []Sender{
	{
		// The raw body is signed, form or not. SHA-1 accompanies SHA-256, and is sent
		// alone by old servers.
		Title: "GitHub",
		Docs:  "https://docs.github.com/webhooks",
		Setup: "Repository or organisation → Settings → Webhooks → Add webhook; your own secret, and JSON or form encoding as the content type",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: "10 seconds (GitHub Enterprise Server: 30)",
			Success:  "2xx",
			Retries:  "not automatically; *Redeliver*, or the API, within 3 days, under the same delivery ID",
			Signs:    untimed,
			GivesUp:  NotKnown,
			Test:     "creating the webhook sends `ping`",
			Seen:     pong,
			From: []string{
				"https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries",
				"https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks",
			},
		},
		Description: provider.Description{
			Name: "github",
			Schemes: []provider.Scheme{
				bodySHA256("X-Hub-Signature-256", "sha256="),
				{Header: "X-Hub-Signature", Algorithm: provider.HMACSHA1, Prefix: "sha1=", Signed: "{body}"},
			},
			Event:     []place{header("X-GitHub-Event")},
			Delivery:  []place{header("X-GitHub-Delivery")},
			Action:    provider.Paths{"action"},
			Pings:     []string{"ping"},
			FormField: "payload",
			Pass: []string{
				"X-GitHub-Hook-ID", "X-GitHub-Hook-Installation-Target-Type", "X-GitHub-Hook-Installation-Target-ID",
				"X-GitHub-Enterprise-Host", "X-GitHub-Enterprise-Version",
			},
			Sample: "push",
		},
	},
	{
		// Event UUIDs are shared by events that one webhook causes through another;
		// the idempotency key is unique to a delivery.
		Title: "GitLab, secret token",
		Docs:  "https://docs.gitlab.com/user/project/integrations/webhooks/",
		Setup: "Project or group → Settings → Webhooks → Add new webhook → Secret token, chosen by you",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: "10 seconds, unless the server is configured otherwise",
			Success:  "2xx and 3xx",
			Retries:  "not automatically; *Recent events* → *Resend Request*",
			Signs:    nothingSigned,
			GivesUp:  "after 4 failures in a row (4xx, 5xx, no answer) it stops for a minute, then for longer and longer, up to a day; after 40 it stops until someone enables the webhook. A self-managed server may have this turned off",
			Test:     "*Test* sends a sample of the event that you choose",
			Seen:     asEvent,
			From:     []string{"https://docs.gitlab.com/user/project/integrations/webhooks/"},
		},
		Notes: []string{"The action of a pipeline, job or deployment is its status: `pipeline.failed`. Events about feature flags have none."},
		Description: provider.Description{
			Name:     "gitlab",
			Schemes:  []provider.Scheme{{Header: "X-Gitlab-Token", Algorithm: provider.Token}},
			Event:    []place{header("X-Gitlab-Event"), field("object_kind"), field("event_name")},
			Delivery: []place{header("Idempotency-Key"), header("X-Gitlab-Event-UUID")},
			Kinds:    []string{"object_kind", "event_name"},
			Action:   gitlabAction,
			Pass:     []string{"X-Gitlab-Webhook-UUID", "X-Gitlab-Instance"},
			Sample:   "Push Hook",
		},
	},
	{
		Title: "GitLab, signing token",
		Docs:  "https://docs.gitlab.com/user/project/integrations/webhooks/",
		Setup: "Project or group → Settings → Webhooks → Add new webhook → Signing token",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: "10 seconds, unless the server is configured otherwise",
			Success:  "2xx and 3xx",
			Retries:  "not automatically; *Recent events* → *Resend Request*",
			Signs:    NotKnown,
			GivesUp:  "after 4 failures in a row (4xx, 5xx, no answer) it stops for a minute, then for longer and longer, up to a day; after 40 it stops until someone enables the webhook. A self-managed server may have this turned off",
			Test:     "*Test* sends a sample of the event that you choose",
			Seen:     asEvent,
			From:     []string{"https://docs.gitlab.com/user/project/integrations/webhooks/"},
		},
		Notes: []string{"GitLab has had signing tokens since 2026, at first behind the feature flag `webhook_signing_token`. If yours has none, use the provider `gitlab`."},
		Description: provider.Description{
			Name:     "gitlab-signing",
			Schemes:  []provider.Scheme{standardWebhooks("webhook-")},
			Event:    []place{header("X-Gitlab-Event"), field("object_kind"), field("event_name")},
			Delivery: []place{header("Webhook-Id"), header("Idempotency-Key")},
			Kinds:    []string{"object_kind", "event_name"},
			Action:   gitlabAction,
			Pass:     []string{"X-Gitlab-Event-UUID", "X-Gitlab-Webhook-UUID", "X-Gitlab-Instance"},
			Sample:   "Push Hook",
		},
	},
	{
		// The JSON inside a form is signed, unlike with GitHub.
		Title: "Gitea",
		Docs:  "https://docs.gitea.com/usage/webhooks",
		Setup: "Repository → Settings → Webhooks → Add webhook → Gitea; method POST, your own secret",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: "5 seconds (`DELIVER_TIMEOUT`)",
			Success:  "2xx",
			Retries:  "not automatically; each delivery in the list can be sent again",
			Signs:    untimed,
			GivesUp:  "never",
			Test:     "*Test delivery* sends `push`",
			Seen:     asEvent,
			From: []string{
				"https://docs.gitea.com/usage/webhooks",
				"https://docs.gitea.com/administration/config-cheat-sheet",
			},
		},
		Description: provider.Description{
			Name:      "gitea",
			Schemes:   []provider.Scheme{payloadSHA256("X-Gitea-Signature")},
			Event:     []place{header("X-Gitea-Event")},
			Delivery:  []place{header("X-Gitea-Delivery")},
			Action:    provider.Paths{"action"},
			FormField: "payload",
			Pass:      []string{"X-Gitea-Event-Type"},
			Sample:    "push",
		},
	},
	{
		Title: "Forgejo",
		Docs:  "https://forgejo.org/docs/latest/user/webhooks/",
		Setup: "Repository → Settings → Webhooks → Add webhook → Forgejo; method POST, your own secret",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: "5 seconds (`DELIVER_TIMEOUT`)",
			Success:  "2xx",
			Retries:  "not automatically; each delivery in the list can be sent again",
			Signs:    untimed,
			GivesUp:  "never",
			Test:     "*Test delivery* sends `push`",
			Seen:     asEvent,
			From: []string{
				"https://forgejo.org/docs/latest/user/webhooks/",
				"https://forgejo.org/docs/latest/admin/config-cheat-sheet/",
			},
		},
		Description: provider.Description{
			Name:      "forgejo",
			Schemes:   []provider.Scheme{payloadSHA256("X-Forgejo-Signature")},
			Event:     []place{header("X-Forgejo-Event")},
			Delivery:  []place{header("X-Forgejo-Delivery")},
			Action:    provider.Paths{"action"},
			FormField: "payload",
			Pass:      []string{"X-Forgejo-Event-Type"},
			Sample:    "push",
		},
	},
	{
		Title: "Gogs",
		Docs:  "https://github.com/gogs/gogs/blob/main/docs/advancing/webhooks.mdx",
		Setup: "Repository → Settings → Webhooks → Add a new webhook → Gogs; your own secret",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: "15 seconds (`DELIVER_TIMEOUT`)",
			Success:  "2xx",
			Retries:  "not automatically; each delivery in the list can be sent again",
			Signs:    untimed,
			GivesUp:  "never",
			Test:     "*Test Delivery* sends `push`",
			Seen:     asEvent,
			From: []string{
				"https://github.com/gogs/gogs/blob/main/conf/app.ini",
				"https://github.com/gogs/gogs/blob/main/internal/database/webhook.go",
			},
		},
		Description: provider.Description{
			Name:      "gogs",
			Schemes:   []provider.Scheme{payloadSHA256("X-Gogs-Signature")},
			Event:     []place{header("X-Gogs-Event")},
			Delivery:  []place{header("X-Gogs-Delivery")},
			Action:    provider.Paths{"action"},
			FormField: "payload",
			Sample:    "push",
		},
	},
	{
		Title: "Soft Serve",
		Docs:  "https://github.com/charmbracelet/soft-serve#webhooks",
		Setup: "Run `ssh HOST repo webhook create REPOSITORY URL --events push --secret SECRET --content-type json`",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: "30 seconds",
			Success:  "any: it is only recorded",
			Retries:  "not automatically; `repo webhook deliveries redeliver`",
			Signs:    untimed,
			GivesUp:  "never",
			Test:     none,
			Seen:     none,
			From: []string{
				"https://github.com/charmbracelet/soft-serve/blob/main/pkg/webhook/webhook.go",
				"https://github.com/charmbracelet/soft-serve/blob/main/pkg/ssrf/ssrf.go",
			},
		},
		Description: provider.Description{
			Name:     "soft-serve",
			Schemes:  []provider.Scheme{bodySHA256("X-SoftServe-Signature", "sha256=")},
			Event:    []place{header("X-SoftServe-Event")},
			Delivery: []place{header("X-SoftServe-Delivery")},
			Action:   provider.Paths{"action"},
			Sample:   "push",
		},
	},
	{
		Title: "Bitbucket Cloud and Data Center",
		Docs:  "https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/",
		Setup: "Repository settings → Webhooks → Add webhook → Secret, chosen by you",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: "10 seconds; configurable in Data Center",
			Success:  NotKnown,
			Retries:  "Cloud, after 5xx: up to twice, at once, counted in `X-Attempt-Number`; Data Center: not known",
			Signs:    untimed,
			GivesUp:  "Data Center skips a webhook that has failed 5 times, first for 10 seconds, then for longer and longer, up to 10 hours; Cloud: not known",
			Test:     "Data Center: *Test connection* sends `diagnostics:ping`, which is not signed; Cloud: not known",
			Seen:     pong,
			From: []string{
				"https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/",
				"https://support.atlassian.com/bitbucket-cloud/docs/troubleshoot-webhooks/",
				"https://confluence.atlassian.com/bitbucketserver/manage-webhooks-938025878.html",
			},
		},
		Description: provider.Description{
			Name:     "bitbucket",
			Schemes:  []provider.Scheme{bodySHA256("X-Hub-Signature", "sha256=")},
			Event:    []place{header("X-Event-Key")},
			Delivery: []place{header("X-Request-UUID"), header("X-Request-Id")},
			Pings:    []string{"diagnostics:ping"},
			Pass:     []string{"X-Hook-UUID", "X-Attempt-Number"},
			// Data Center does not sign its connection test.
			Handshakes: []provider.Handshake{{
				When: []condition{{Place: header("X-Event-Key"), Equals: "diagnostics:ping"}},
				Open: true, Pong: true,
			}},
			Sample: "repo:push",
		},
	},
	{
		Title: "Azure DevOps service hooks",
		Docs:  "https://learn.microsoft.com/azure/devops/service-hooks/services/webhooks",
		Setup: "Project settings → Service hooks → Create subscription → Web Hooks → basic authentication",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: NotKnown,
			Success:  "2xx",
			Retries:  "after 408, 502, 503, 504 or no answer: up to 8 times, from a second to a minute apart",
			Signs:    nothingSigned,
			GivesUp:  "410 disables it at once; other errors put it on probation, after which it is disabled",
			Test:     "*Test* sends a sample of the subscription's event",
			Seen:     asEvent,
			From:     []string{"https://learn.microsoft.com/en-us/azure/devops/service-hooks/troubleshoot"},
		},
		Notes: []string{
			"Azure DevOps signs nothing. The secret is `user:password` for basic authentication, or the token of an `Authorization: Bearer` header.",
		},
		Description: provider.Description{
			Name:     "azure-devops",
			Schemes:  authorization,
			Event:    []place{field("eventType")},
			Delivery: []place{field("id")},
			Sample:   "git.push",
		},
	},
}

// gitlabAction is where GitLab says what happened: for releases and milestones
// next to the object, for pipelines and the like the state.
var gitlabAction = provider.Paths{"object_attributes.action", "action", "object_attributes.status", "build_status", "status"}

// payloadSHA256 is Gitea's scheme: the JSON is signed, in a form or not.
func payloadSHA256(header string) provider.Scheme {
	return provider.Scheme{Header: header, Algorithm: provider.HMACSHA256, Signed: "{payload}"}
}

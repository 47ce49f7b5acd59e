package provider

import public "github.com/hookgate/hookgate/module/provider"

// codeHosts are servers of Git repositories.
var codeHosts = []Sender{
	{
		// The raw body is signed, form or not. SHA-1 comes beside SHA-256,
		// and alone from old servers.
		Title: "GitHub",
		Docs:  "https://docs.github.com/webhooks",
		Setup: "Repository or organisation → Settings → Webhooks → Add webhook; a secret of your own, and as content type JSON or the form encoding",
		Notes: []string{
			"The answer is due within ten seconds, and nothing is sent again by itself; a redelivery by hand keeps its delivery ID.",
		},
		Description: public.Description{
			Name: "github",
			Schemes: []public.Scheme{
				bodySHA256("X-Hub-Signature-256", "sha256="),
				{Header: "X-Hub-Signature", Algorithm: public.HMACSHA1, Prefix: "sha1=", Signed: "{body}"},
			},
			Event:     []place{header("X-GitHub-Event")},
			Delivery:  []place{header("X-GitHub-Delivery")},
			Action:    public.Paths{"action"},
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
		// Event UUIDs are shared by events that one webhook causes through
		// another, the idempotency key is one delivery's own.
		Title: "GitLab, secret token",
		Docs:  "https://docs.gitlab.com/user/project/integrations/webhooks/",
		Setup: "Project or group → Settings → Webhooks → Add new webhook → Secret token, one of your own",
		Notes: []string{"GitLab pauses a webhook after four failures in a row; every 4xx and 5xx counts."},
		Description: public.Description{
			Name:     "gitlab",
			Schemes:  []public.Scheme{{Header: "X-Gitlab-Token", Algorithm: public.Token}},
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
		Notes: []string{"GitLab has signing tokens since 2026, at first behind the feature flag `webhook_signing_token`. Where yours has none, use the provider `gitlab`."},
		Description: public.Description{
			Name:     "gitlab-signing",
			Schemes:  []public.Scheme{standardWebhooks("webhook-")},
			Event:    []place{header("X-Gitlab-Event"), field("object_kind"), field("event_name")},
			Delivery: []place{header("Webhook-Id"), header("Idempotency-Key")},
			Kinds:    []string{"object_kind", "event_name"},
			Action:   gitlabAction,
			Pass:     []string{"X-Gitlab-Event-UUID", "X-Gitlab-Webhook-UUID", "X-Gitlab-Instance"},
			Sample:   "Push Hook",
		},
	},
	{
		// Of a form the JSON inside is signed, unlike GitHub.
		Title: "Gitea",
		Docs:  "https://docs.gitea.com/usage/webhooks",
		Setup: "Repository → Settings → Webhooks → Add webhook → Gitea; method POST, a secret of your own",
		Description: public.Description{
			Name:      "gitea",
			Schemes:   []public.Scheme{payloadSHA256("X-Gitea-Signature")},
			Event:     []place{header("X-Gitea-Event")},
			Delivery:  []place{header("X-Gitea-Delivery")},
			Action:    public.Paths{"action"},
			FormField: "payload",
			Pass:      []string{"X-Gitea-Event-Type"},
			Sample:    "push",
		},
	},
	{
		Title: "Forgejo",
		Docs:  "https://forgejo.org/docs/latest/user/webhooks/",
		Setup: "Repository → Settings → Webhooks → Add webhook → Forgejo; method POST, a secret of your own",
		Description: public.Description{
			Name:      "forgejo",
			Schemes:   []public.Scheme{payloadSHA256("X-Forgejo-Signature")},
			Event:     []place{header("X-Forgejo-Event")},
			Delivery:  []place{header("X-Forgejo-Delivery")},
			Action:    public.Paths{"action"},
			FormField: "payload",
			Pass:      []string{"X-Forgejo-Event-Type"},
			Sample:    "push",
		},
	},
	{
		Title: "Gogs",
		Docs:  "https://github.com/gogs/gogs/blob/main/docs/advancing/webhooks.mdx",
		Setup: "Repository → Settings → Webhooks → Add a new webhook → Gogs; a secret of your own",
		Description: public.Description{
			Name:      "gogs",
			Schemes:   []public.Scheme{payloadSHA256("X-Gogs-Signature")},
			Event:     []place{header("X-Gogs-Event")},
			Delivery:  []place{header("X-Gogs-Delivery")},
			Action:    public.Paths{"action"},
			FormField: "payload",
			Sample:    "push",
		},
	},
	{
		Title: "Soft Serve",
		Docs:  "https://github.com/charmbracelet/soft-serve#webhooks",
		Setup: "Run `ssh HOST repo webhook create REPOSITORY URL --events push --secret SECRET --content-type json`",
		Description: public.Description{
			Name:     "soft-serve",
			Schemes:  []public.Scheme{bodySHA256("X-SoftServe-Signature", "sha256=")},
			Event:    []place{header("X-SoftServe-Event")},
			Delivery: []place{header("X-SoftServe-Delivery")},
			Sample:   "push",
		},
	},
	{
		Title: "Bitbucket Cloud and Data Center",
		Docs:  "https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/",
		Setup: "Repository settings → Webhooks → Add webhook → Secret, one of your own",
		Description: public.Description{
			Name:     "bitbucket",
			Schemes:  []public.Scheme{bodySHA256("X-Hub-Signature", "sha256=")},
			Event:    []place{header("X-Event-Key")},
			Delivery: []place{header("X-Request-UUID"), header("X-Request-Id")},
			Pings:    []string{"diagnostics:ping"},
			Pass:     []string{"X-Hook-UUID", "X-Attempt-Number"},
			Sample:   "repo:push",
		},
	},
	{
		Title: "Azure DevOps service hooks",
		Docs:  "https://learn.microsoft.com/azure/devops/service-hooks/services/webhooks",
		Setup: "Project settings → Service hooks → Create subscription → Web Hooks → basic authentication",
		Notes: []string{
			"Azure DevOps signs nothing. The secret is `user:password` of the basic authentication, or the token of an `Authorization: Bearer` header.",
		},
		Description: public.Description{
			Name:     "azure-devops",
			Schemes:  authorization,
			Event:    []place{field("eventType")},
			Delivery: []place{field("id")},
			Sample:   "git.push",
		},
	},
}

// gitlabAction is where GitLab says what happened: of releases and milestones beside the
// object, and of what runs it tells the state.
var gitlabAction = public.Paths{"object_attributes.action", "action", "object_attributes.status", "build_status", "status"}

// payloadSHA256 is Gitea's way: the JSON is signed, in a form or not.
func payloadSHA256(header string) public.Scheme {
	return public.Scheme{Header: header, Algorithm: public.HMACSHA256, Signed: "{payload}"}
}

// pipelines build, keep and deploy.
var pipelines = []Sender{
	{
		Title: "CircleCI",
		Docs:  "https://circleci.com/docs/guides/integration/outbound-webhooks/",
		Setup: "Project Settings → Webhooks → Add Webhook → Secret token",
		Description: public.Description{
			Name: "circleci",
			Schemes: []public.Scheme{{
				Header: "circleci-signature", Algorithm: public.HMACSHA256, Prefix: "v1=", Separator: ",", Signed: "{body}",
			}},
			Event:    []place{field("type")},
			Delivery: []place{field("id")},
			Pings:    []string{"ping"},
			Pass:     []string{"circleci-event-type"},
			Sample:   "workflow-completed",
		},
	},
	{
		Title: "Vercel",
		Docs:  "https://vercel.com/docs/webhooks/webhooks-api",
		Setup: "Team Settings → Webhooks; the secret is shown once",
		Description: public.Description{
			Name:     "vercel",
			Schemes:  []public.Scheme{{Header: "x-vercel-signature", Algorithm: public.HMACSHA1, Signed: "{body}"}},
			Event:    []place{field("type")},
			Delivery: []place{field("id")},
			Sample:   "deployment.created",
		},
	},
	{
		Title: "HCP Terraform and Terraform Enterprise",
		Docs:  "https://developer.hashicorp.com/terraform/cloud-docs/workspaces/settings/notifications",
		Setup: "Workspace → Settings → Notifications → Create a notification → Webhook → Token",
		Description: public.Description{
			Name:    "terraform",
			Schemes: []public.Scheme{{Header: "X-TFE-Notification-Signature", Algorithm: public.HMACSHA512, Signed: "{body}"}},
			Event:   []place{field("notifications.0.trigger")},
			Pings:   []string{"verification"},
			Status:  200,
			Sample:  "run:completed",
		},
	},
	{
		Title: "Harbor",
		Docs:  "https://goharbor.io/docs/latest/working-with-projects/project-configuration/configure-webhooks/",
		Setup: "Project → Webhooks → New Webhook → Auth Header",
		Notes: []string{"Harbor signs nothing. The secret is the whole value of the Auth Header field."},
		Description: public.Description{
			Name:    "harbor",
			Schemes: []public.Scheme{{Header: "Authorization", Algorithm: public.Token}},
			Event:   []place{field("type")},
			Sample:  "PUSH_ARTIFACT",
		},
	},
}

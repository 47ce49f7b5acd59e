package sender

import "github.com/hookgate/hookgate/module/provider"

// pipelines build, store and deploy.
var pipelines = []Sender{
	{
		Title: "CircleCI",
		Docs:  "https://circleci.com/docs/guides/integration/outbound-webhooks/",
		Setup: "Project Settings → Webhooks → Add Webhook → Secret token",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: "10 seconds",
			Success:  "2xx",
			Retries:  "later; how often is not known",
			Signs:    untimed,
			GivesUp:  NotKnown,
			Test:     "*Test Ping Event* sends `ping`",
			Seen:     pong,
			From:     []string{"https://circleci.com/docs/guides/integration/outbound-webhooks/"},
		},
		Description: provider.Description{
			Name: "circleci",
			Schemes: []provider.Scheme{{
				Header: "circleci-signature", Algorithm: provider.HMACSHA256, Prefix: "v1=", Separator: ",", Signed: "{body}",
			}},
			Event:    []place{field("type")},
			Delivery: []place{field("id")},
			Action:   provider.Paths{"job.status", "workflow.status"},
			Pings:    []string{"ping"},
			Pass:     []string{"circleci-event-type"},
			Sample:   "workflow-completed",
		},
	},
	{
		Title: "Vercel",
		Docs:  "https://vercel.com/docs/webhooks/webhooks-api",
		Setup: "Team Settings → Webhooks; the secret is shown once",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: NotKnown,
			Success:  "2xx",
			Retries:  "at growing intervals, for up to 24 hours",
			Signs:    untimed,
			GivesUp:  NotKnown,
			Test:     NotKnown,
			Seen:     NotKnown,
			From:     []string{"https://vercel.com/docs/webhooks"},
		},
		Description: provider.Description{
			Name:     "vercel",
			Schemes:  []provider.Scheme{{Header: "x-vercel-signature", Algorithm: provider.HMACSHA1, Signed: "{body}"}},
			Event:    []place{field("type")},
			Delivery: []place{field("id")},
			Sample:   "deployment.created",
		},
	},
	{
		Title: "HCP Terraform and Terraform Enterprise",
		Docs:  "https://developer.hashicorp.com/terraform/cloud-docs/workspaces/settings/notifications",
		Setup: "Workspace → Settings → Notifications → Create a notification → Webhook → Token",
		Delivers: Facts{
			Batch:    "yes: a list, `notifications`",
			Deadline: NotKnown,
			Success:  "2xx",
			Retries:  NotKnown,
			Signs:    untimed,
			GivesUp:  NotKnown,
			Test:     "*Send a Test*, and enabling the notification, send `verification`",
			Seen:     "200 `pong`; without a 2xx the notification stays disabled",
			From: []string{
				"https://developer.hashicorp.com/terraform/cloud-docs/workspaces/settings/notifications",
				"https://developer.hashicorp.com/terraform/cloud-docs/api-docs/notification-configurations",
			},
		},
		Description: provider.Description{
			Name:    "terraform",
			Schemes: []provider.Scheme{{Header: "X-TFE-Notification-Signature", Algorithm: provider.HMACSHA512, Signed: "{body}"}},
			Event:   []place{field("notifications.#.trigger")},
			Pings:   []string{"verification"},
			Status:  200,
			Sample:  "run:completed",
		},
	},
	{
		Title: "Harbor",
		Docs:  "https://goharbor.io/docs/latest/working-with-projects/project-configuration/configure-webhooks/",
		Setup: "Project → Webhooks → New Webhook → Auth Header",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: "3 seconds (`webhook_job_http_client_timeout`)",
			Success:  "2xx",
			Retries:  "3 times (`webhook_job_max_retry`)",
			Signs:    nothingSigned,
			GivesUp:  NotKnown,
			Test:     NotKnown,
			Seen:     NotKnown,
			From:     []string{"https://goharbor.io/docs/latest/working-with-projects/project-configuration/configure-webhooks/"},
		},
		Notes: []string{"Harbor signs nothing. The secret is the whole value of the Auth Header field.", "In the payload format CloudEvents the types differ, such as `harbor.artifact.pushed`, and there is a delivery ID; the default format has none."},
		Description: provider.Description{
			Name:     "harbor",
			Schemes:  []provider.Scheme{{Header: "Authorization", Algorithm: provider.Token}},
			Event:    []place{field("type")},
			Delivery: []place{field("id")},
			Sample:   "PUSH_ARTIFACT",
		},
	},
}

package provider

import public "github.com/hookgate/hookgate/module/provider"

// monitoring raises alarms.
var monitoring = []Sender{
	{
		// The time in the header is not signed.
		Title: "Sentry",
		Docs:  "https://docs.sentry.io/organization/integrations/integration-platform/webhooks/",
		Setup: "Settings → Developer Settings → your integration → Webhook URL; the secret is the Client Secret",
		Description: public.Description{
			Name:     "sentry",
			Schemes:  []public.Scheme{bodySHA256("Sentry-Hook-Signature", "")},
			Event:    []place{header("Sentry-Hook-Resource")},
			Delivery: []place{header("Request-ID")},
			Action:   "action",
			Pass:     []string{"Sentry-Hook-Timestamp"},
			Sample:   "issue",
		},
	},
	{
		Title: "PagerDuty",
		Docs:  "https://developer.pagerduty.com/docs/verifying-webhook-signatures",
		Setup: "Integrations → Generic Webhooks (v3) → New Webhook; the secret is shown once",
		Description: public.Description{
			Name: "pagerduty",
			Schemes: []public.Scheme{{
				Header: "X-PagerDuty-Signature", Algorithm: public.HMACSHA256, Prefix: "v1=", Separator: ",", Signed: "{body}",
			}},
			Event:    []place{field("event.event_type")},
			Delivery: []place{field("event.id")},
			Pings:    []string{"pagey.ping"},
			Pass:     []string{"X-Webhook-Id", "X-Webhook-Subscription"},
			Sample:   "incident.triggered",
		},
	},
	{
		Title: "Prometheus Alertmanager",
		Docs:  "https://prometheus.io/docs/alerting/latest/configuration/#webhook_config",
		Setup: "A receiver with webhook_configs, and in its http_config an authorization or a basic_auth",
		Notes: []string{
			"Alertmanager signs nothing. The secret is the `credentials` of `authorization`, or `user:password` of `basic_auth`.",
			"It has no delivery ID: with `dedupe` `body` a repeated notification of the same bytes starts nothing twice.",
		},
		Description: public.Description{
			Name:    "alertmanager",
			Schemes: authorization,
			Event:   []place{field("status")},
			Sample:  "firing",
		},
	},
}

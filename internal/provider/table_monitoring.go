package provider

import public "github.com/hookgate/hookgate/module/provider"

// monitoring raises alarms.
var monitoring = []Sender{
	{
		// The time in the header is not signed.
		Title: "Sentry",
		Docs:  "https://docs.sentry.io/organization/integrations/integration-platform/webhooks/",
		Setup: "Settings → Developer Settings → your integration → Webhook URL; the secret is the Client Secret",
		Notes: []string{"Sentry draws a new `Request-ID` for each attempt: with `dedupe` `body` an event that it sends again starts nothing twice."},
		Description: public.Description{
			Name:     "sentry",
			Schemes:  []public.Scheme{bodySHA256("Sentry-Hook-Signature", "")},
			Event:    []place{header("Sentry-Hook-Resource")},
			Delivery: []place{header("Request-ID")},
			Action:   public.Paths{"action"},
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
		Setup: "A receiver with `webhook_configs`, and in its `http_config` an `authorization` or a `basic_auth`",
		Notes: []string{
			"Alertmanager signs nothing. The secret is the `credentials` of `authorization`, or `user:password` of `basic_auth`.",
		},
		Description: public.Description{
			Name:    "alertmanager",
			Schemes: authorization,
			Event:   []place{field("status")},
			Sample:  "firing",
		},
	},
	{
		Title: "Grafana Alerting",
		Docs:  "https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/",
		Setup: "Alerting → Contact points → Webhook → HMAC Signature: a secret, the default header, no timestamp header",
		Notes: []string{
			"With basic authentication or an Authorization header instead, use the provider `alertmanager`: the payload is the same.",
		},
		Description: public.Description{
			Name:    "grafana",
			Schemes: []public.Scheme{bodySHA256("X-Grafana-Alerting-Signature", "")},
			Event:   []place{field("status")},
			Sample:  "firing",
		},
	},
	{
		Title: "Datadog",
		Docs:  "https://docs.datadoghq.com/integrations/webhooks/",
		Setup: "Integrations → Webhooks → New → Custom Headers: `{\"Authorization\": \"Bearer SECRET\"}`",
		Notes: []string{
			"Datadog signs nothing. The event type is the member `event_type` of the payload, the delivery ID its `id`; both are in the payload that Datadog proposes.",
		},
		Description: public.Description{
			Name:     "datadog",
			Schemes:  authorization,
			Event:    []place{field("event_type")},
			Delivery: []place{field("id")},
			Sample:   "query_alert_monitor",
		},
	},
	{
		Title: "New Relic",
		Docs:  "https://docs.newrelic.com/docs/alerts/get-notified/notification-integrations/#webhook",
		Setup: "Alerts → Destinations → Webhook → Bearer token or Basic auth",
		Notes: []string{
			"New Relic signs nothing. The payload is what the workflow's template says: the event type is its member `event`, which you may add, or else the `state` that New Relic proposes. The `id` that it proposes is the issue's, the same in all notifications of it, so there is no delivery ID.",
		},
		Description: public.Description{
			Name:    "newrelic",
			Schemes: authorization,
			Event:   []place{field("event"), field("state")},
			Sample:  "ACTIVATED",
		},
	},
	{
		Title: "Opsgenie",
		Docs:  "https://support.atlassian.com/opsgenie/docs/integrate-opsgenie-with-webhook/",
		Setup: "Settings → Integrations → Webhook → the custom header `Authorization` with the value `Bearer SECRET`",
		Notes: []string{"Opsgenie signs nothing."},
		Description: public.Description{
			Name:    "opsgenie",
			Schemes: authorization,
			Event:   []place{field("action")},
			Sample:  "Create",
		},
	},
}

package sender

import "github.com/hookgate/hookgate/module/provider"

// desks answer customers.
var desks = []Sender{
	{
		// There is nothing between time and body, so the time is read
		// strictly.
		Title: "Zendesk",
		Docs:  "https://developer.zendesk.com/documentation/webhooks/verifying/",
		Setup: "Admin Center → Apps and integrations → Actions and webhooks → Webhooks → Create webhook; then Reveal secret",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: NotKnown,
			Success:  "2xx",
			Retries:  "after 409: up to 3 times; after 429 and 503: if `Retry-After` is under a minute",
			Signs:    NotKnown,
			GivesUp:  "pauses if 70 %, or more than 1,000, of the requests in 5 minutes fail",
			Test:     "*Test webhook*; before the webhook is created, it is signed with a public sample secret",
			Seen:     "as for any event; 401 before the webhook is created",
			From: []string{
				"https://developer.zendesk.com/api-reference/webhooks/introduction/",
				"https://developer.zendesk.com/documentation/webhooks/verifying/",
			},
		},
		Description: provider.Description{
			Name: "zendesk",
			Schemes: []provider.Scheme{{
				Header:    "X-Zendesk-Webhook-Signature",
				Algorithm: provider.HMACSHA256,
				Encoding:  provider.Base64,
				Signed:    "{header.X-Zendesk-Webhook-Signature-Timestamp}{body}",
				Time:      &provider.Time{Place: header("X-Zendesk-Webhook-Signature-Timestamp"), Format: provider.RFC3339},
			}},
			Event:    []place{field("type")},
			Delivery: []place{header("X-Zendesk-Webhook-Invocation-Id")},
			Pass:     []string{"X-Zendesk-Webhook-Id", "X-Zendesk-Account-Id"},
			Sample:   "zen:event-type:ticket.created",
		},
	},
	{
		Title: "Freshdesk",
		Docs:  "https://support.freshdesk.com/support/solutions/articles/132589",
		Setup: "Admin → Automations → a rule with the action Trigger webhook → the custom header `X-Freshdesk-Token` with your own secret",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: NotKnown,
			Success:  NotKnown,
			Retries:  "after 5 minutes, 30 more, and 60 more",
			Signs:    nothingSigned,
			GivesUp:  NotKnown,
			Test:     NotKnown,
			Seen:     NotKnown,
			From:     []string{"https://support.freshdesk.com/support/solutions/articles/132589"},
		},
		Notes: []string{
			"Freshdesk signs nothing and has no event or delivery header; we chose the name of the header above. The event type is the member `event` of the body that the rule writes; the delivery ID is its `delivery_id`.",
		},
		Description: provider.Description{
			Name:     "freshdesk",
			Schemes:  []provider.Scheme{{Header: "X-Freshdesk-Token", Algorithm: provider.Token}},
			Event:    []place{field("event")},
			Delivery: []place{field("delivery_id")},
		},
	},
	{
		Title: "Freshservice",
		Docs:  "https://support.freshservice.com/support/solutions/articles/154138",
		Setup: "Admin → Automation & Productivity → Workflow Automator → a webhook node → the custom header `X-Freshservice-Token` with your own secret",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: NotKnown,
			Success:  NotKnown,
			Retries:  NotKnown,
			Signs:    nothingSigned,
			GivesUp:  NotKnown,
			Test:     NotKnown,
			Seen:     NotKnown,
			From:     []string{"https://support.freshservice.com/support/solutions/articles/154138"},
		},
		Notes: []string{
			"Freshservice signs nothing and has no event or delivery header; we chose the name of the header above. The event type is the member `event` of the body that the node writes; the delivery ID is its `delivery_id`.",
		},
		Description: provider.Description{
			Name:     "freshservice",
			Schemes:  []provider.Scheme{{Header: "X-Freshservice-Token", Algorithm: provider.Token}},
			Event:    []place{field("event")},
			Delivery: []place{field("delivery_id")},
		},
	},
	{
		Title: "ServiceNow",
		Docs:  "https://www.servicenow.com/docs/bundle/zurich-api-reference/page/integrate/outbound-rest/concept/c_OutboundRESTWebService.html",
		Setup: "System Web Services → Outbound → REST Message → the HTTP header `X-Servicenow-Token` with your own secret",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: NotKnown,
			Success:  NotKnown,
			Retries:  NotKnown,
			Signs:    nothingSigned,
			GivesUp:  NotKnown,
			Test:     NotKnown,
			Seen:     NotKnown,
			From:     []string{"https://www.servicenow.com/docs/bundle/zurich-api-reference/page/integrate/outbound-rest/concept/c_OutboundRESTWebService.html"},
		},
		Notes: []string{
			"ServiceNow signs nothing; we chose the name of the header above. The event type is the member `event` of the body that the message writes; the delivery ID is its `delivery_id`.",
		},
		Description: provider.Description{
			Name:     "servicenow",
			Schemes:  []provider.Scheme{{Header: "X-Servicenow-Token", Algorithm: provider.Token}},
			Event:    []place{field("event")},
			Delivery: []place{field("delivery_id")},
		},
	},
	{
		Title: "Intercom",
		Docs:  "https://developers.intercom.com/docs/webhooks/setting-up-webhooks",
		Setup: "Developer Hub → your app → Configure → Webhooks; the secret is the app's client secret",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: "5 seconds",
			Success:  "2xx",
			Retries:  "once, after a minute; `delivery_attempts` in the body counts the attempts",
			Signs:    untimed,
			GivesUp:  "pauses for 15 minutes after 1,000 errors in a row within 15 minutes; suspends a private app's webhook after 7 days of errors",
			Test:     "*Send a test request* sends `ping`",
			Seen:     pong,
			From:     []string{"https://developers.intercom.com/docs/webhooks/webhook-notifications"},
		},
		Description: provider.Description{
			Name:       "intercom",
			Schemes:    []provider.Scheme{{Header: "X-Hub-Signature", Algorithm: provider.HMACSHA1, Prefix: "sha1=", Signed: "{body}"}},
			Event:      []place{field("topic")},
			Delivery:   []place{field("id")},
			Pings:      []string{"ping"},
			Handshakes: []provider.Handshake{{Method: "HEAD", Open: true}},
			Sample:     "conversation.user.created",
		},
	},
	{
		Title: "HubSpot",
		Docs:  "https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests",
		Setup: "Developer account → your app → Webhooks; the secret is the app's client secret",
		Delivers: Facts{
			Batch:    "yes: the body is a list, of up to 100",
			Deadline: "5 seconds",
			Success:  "2xx",
			Retries:  "up to 10 times, over 24 hours",
			Signs:    "yes: `attemptNumber` in the body counts the attempts",
			GivesUp:  NotKnown,
			Test:     "*Test* on a subscription sends a sample",
			Seen:     asEvent,
			From:     []string{"https://developers.hubspot.com/docs/api-reference/webhooks-webhooks-v3/guide"},
		},
		Notes: []string{
			"Version 3 of the signature. The URL must not contain anything escaped with `%`.",
			"HubSpot counts its attempts in the body. With `dedupe` `delivery` a retry is still the same event, with `body` it is a new one.",
		},
		Description: provider.Description{
			Name: "hubspot",
			Schemes: []provider.Scheme{{
				Header:    "X-HubSpot-Signature-v3",
				Algorithm: provider.HMACSHA256,
				Encoding:  provider.Base64,
				Signed:    "POST{url}{body}{header.X-HubSpot-Request-Timestamp}",
				Time:      &provider.Time{Place: header("X-HubSpot-Request-Timestamp"), Format: provider.UnixMillis},
			}},
			Event:    []place{field("#.subscriptionType"), field("subscriptionType")},
			Delivery: []place{field("#.eventId"), field("eventId")},
			// HubSpot says that an eventId is not always its event's own.
			DeliveryRepeats: true,
			PerAttempt:      []string{"#.attemptNumber", "attemptNumber"},
			Sample:          "contact.creation",
		},
	},
}

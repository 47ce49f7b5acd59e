package provider

import public "github.com/hookgate/hookgate/module/provider"

// desks answer customers.
var desks = []Sender{
	{
		// There is nothing between time and body, so the time is read
		// strictly.
		Title: "Zendesk",
		Docs:  "https://developer.zendesk.com/documentation/webhooks/verifying/",
		Setup: "Admin Center → Apps and integrations → Webhooks → Create webhook; then Reveal secret",
		Description: public.Description{
			Name: "zendesk",
			Schemes: []public.Scheme{{
				Header:    "X-Zendesk-Webhook-Signature",
				Algorithm: public.HMACSHA256,
				Encoding:  public.Base64,
				Signed:    "{header.X-Zendesk-Webhook-Signature-Timestamp}{body}",
				Time:      &public.Time{Place: header("X-Zendesk-Webhook-Signature-Timestamp"), Format: public.RFC3339},
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
		Setup: "Admin → Automations → a rule with the action Trigger webhook → the custom header `X-Freshdesk-Token` with a secret of your own",
		Notes: []string{
			"Freshdesk signs nothing and has no event or delivery header; the header above is a name of ours. The event type is the member `event` of the body that the rule writes, the delivery ID its `delivery_id`.",
		},
		Description: public.Description{
			Name:     "freshdesk",
			Schemes:  []public.Scheme{{Header: "X-Freshdesk-Token", Algorithm: public.Token}},
			Event:    []place{field("event")},
			Delivery: []place{field("delivery_id")},
		},
	},
	{
		Title: "Freshservice",
		Docs:  "https://support.freshservice.com/support/solutions/articles/154138",
		Setup: "Admin → Automation & Productivity → Workflow Automator → a webhook node → the custom header `X-Freshservice-Token` with a secret of your own",
		Notes: []string{
			"Freshservice signs nothing and has no event or delivery header; the header above is a name of ours. The event type is the member `event` of the body that the node writes, the delivery ID its `delivery_id`.",
		},
		Description: public.Description{
			Name:     "freshservice",
			Schemes:  []public.Scheme{{Header: "X-Freshservice-Token", Algorithm: public.Token}},
			Event:    []place{field("event")},
			Delivery: []place{field("delivery_id")},
		},
	},
	{
		Title: "ServiceNow",
		Docs:  "https://www.servicenow.com/docs/bundle/zurich-api-reference/page/integrate/outbound-rest/concept/c_OutboundRESTWebService.html",
		Setup: "System Web Services → Outbound → REST Message → the HTTP header `X-Servicenow-Token` with a secret of your own",
		Notes: []string{
			"ServiceNow signs nothing; the header above is a name of ours. The event type is the member `event` of the body that the message writes, the delivery ID its `delivery_id`.",
		},
		Description: public.Description{
			Name:     "servicenow",
			Schemes:  []public.Scheme{{Header: "X-Servicenow-Token", Algorithm: public.Token}},
			Event:    []place{field("event")},
			Delivery: []place{field("delivery_id")},
		},
	},
	{
		Title: "Intercom",
		Docs:  "https://developers.intercom.com/docs/webhooks/setting-up-webhooks",
		Setup: "Developer Hub → your app → Configure → Webhooks; the secret is the app's client secret",
		Description: public.Description{
			Name:       "intercom",
			Schemes:    []public.Scheme{{Header: "X-Hub-Signature", Algorithm: public.HMACSHA1, Prefix: "sha1=", Signed: "{body}"}},
			Event:      []place{field("topic")},
			Delivery:   []place{field("id")},
			Pings:      []string{"ping"},
			Handshakes: []public.Handshake{{Method: "HEAD", Open: true}},
			Sample:     "conversation.user.created",
		},
	},
	{
		Title: "HubSpot",
		Docs:  "https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests",
		Setup: "Developer account → your app → Webhooks; the secret is the app's client secret",
		Notes: []string{
			"Version 3 of the signature. The URL must have nothing in it that is written with `%`.",
			"A request holds a list of notifications, of which the first names the event and the delivery. HubSpot counts its attempts in the body: what it sends again is another event.",
		},
		Description: public.Description{
			Name: "hubspot",
			Schemes: []public.Scheme{{
				Header:    "X-HubSpot-Signature-v3",
				Algorithm: public.HMACSHA256,
				Encoding:  public.Base64,
				Signed:    "POST{url}{body}{header.X-HubSpot-Request-Timestamp}",
				Time:      &public.Time{Place: header("X-HubSpot-Request-Timestamp"), Format: public.UnixMillis},
			}},
			Event:    []place{field("0.subscriptionType"), field("subscriptionType")},
			Delivery: []place{field("0.eventId"), field("eventId")},
			Sample:   "contact.creation",
		},
	},
}

// planning are trackers, boards, calendars and forms.
var planning = []Sender{
	{
		// The header is the one of GitHub's SHA-1, the algorithm is not.
		Title: "Jira Cloud and Data Center",
		Docs:  "https://developer.atlassian.com/cloud/jira/platform/webhooks/",
		Setup: "System → WebHooks → Create a WebHook → Secret",
		Notes: []string{"Jira sends again after 408, 409, 425, 429 and 5xx, with the same identifier."},
		Description: public.Description{
			Name:     "jira",
			Schemes:  []public.Scheme{bodySHA256("X-Hub-Signature", "sha256=")},
			Event:    []place{field("webhookEvent")},
			Delivery: []place{header("X-Atlassian-Webhook-Identifier")},
			Pass:     []string{"X-Atlassian-Webhook-Flow", "X-Atlassian-Webhook-Retry"},
			Sample:   "jira:issue_created",
		},
	},
	{
		Title: "Confluence Data Center",
		Docs:  "https://confluence.atlassian.com/doc/managing-webhooks-1021225606.html",
		Setup: "General Configuration → Webhooks → Create webhook → Secret",
		Notes: []string{"Atlassian documents the signature, not the payload. The event type stands where it does in payloads that receivers of Confluence 7 and later have recorded; they have no delivery ID."},
		Description: public.Description{
			Name:    "confluence",
			Schemes: []public.Scheme{bodySHA256("X-Hub-Signature", "sha256=")},
			Event:   []place{field("event"), header("X-Event-Key")},
			Sample:  "page_created",
		},
	},
	{
		// The time in the header is not signed, the one in the body is.
		Title: "Linear",
		Docs:  "https://linear.app/developers/webhooks",
		Setup: "Settings → API → Webhooks → New webhook; the secret is the signing secret that it shows",
		Description: public.Description{
			Name: "linear",
			Schemes: []public.Scheme{{
				Header:    "Linear-Signature",
				Algorithm: public.HMACSHA256,
				Signed:    "{body}",
				Time:      &public.Time{Place: field("webhookTimestamp"), Format: public.UnixMillis, Tolerance: 60},
			}},
			Event:    []place{field("type")},
			Delivery: []place{header("Linear-Delivery")},
			Action:   public.Paths{"action"},
			Pass:     []string{"Linear-Event", "Linear-Timestamp"},
			Status:   200,
			Sample:   "Issue",
		},
	},
	{
		Title: "Asana",
		Docs:  "https://developers.asana.com/docs/webhooks-guide",
		Setup: "Call `POST /webhooks` of Asana's API with the URL as `target`, and what is to be watched as `resource`",
		Notes: []string{"Asana brings the secret itself, in the header X-Hook-Secret of its first request. Its first events come at once; they are refused until the secret is confirmed, and Asana sends them again.", "A request may hold several events, of which the first one names the type. One without any is a heartbeat."},
		Description: public.Description{
			Name:    "asana",
			Schemes: []public.Scheme{bodySHA256("X-Hook-Signature", "")},
			Event:   []place{field("events.0.resource.resource_type")},
			Action:  public.Paths{"events.0.action"},
			Handshakes: []public.Handshake{{
				When:        []condition{{Place: header("X-Hook-Secret")}},
				Open:        true,
				EchoHeaders: map[string]place{"X-Hook-Secret": header("X-Hook-Secret")},
				Learn:       &place{Header: "X-Hook-Secret"},
			}},
			Status: 200,
			Sample: "task",
		},
	},
	{
		Title: "Trello",
		Docs:  "https://developer.atlassian.com/cloud/trello/guides/rest-api/webhooks/",
		Setup: "Call `POST /1/webhooks` of Trello's API with the URL as `callbackURL`, and what is to be watched as `idModel`; the secret is the application's",
		Description: public.Description{
			Name: "trello",
			Schemes: []public.Scheme{{
				Header: "X-Trello-Webhook", Algorithm: public.HMACSHA1, Encoding: public.Base64, Signed: "{body}{url}",
			}},
			Event:      []place{field("action.type")},
			Delivery:   []place{field("action.id")},
			Handshakes: []public.Handshake{{Method: "HEAD", Open: true}},
			Status:     200,
			Sample:     "createCard",
		},
	},
	{
		Title: "Notion",
		Docs:  "https://developers.notion.com/reference/webhooks",
		Setup: "Settings → Integrations → your integration → Webhooks → Create a subscription",
		Notes: []string{"Notion brings the secret itself, as verification_token in its first request, and wants it pasted into its own page before it sends events: open the window with `hookgate webhooks handshake open PROJECT WEBHOOK_ID --reveal`."},
		Description: public.Description{
			Name:     "notion",
			Schemes:  []public.Scheme{bodySHA256("X-Notion-Signature", "sha256=")},
			Event:    []place{field("type")},
			Delivery: []place{field("id")},
			Handshakes: []public.Handshake{{
				When:  []condition{{Place: field("verification_token")}},
				Open:  true,
				Learn: &place{JSON: "verification_token"},
			}},
			Sample: "page.created",
		},
	},
	{
		Title: "Airtable",
		Docs:  "https://airtable.com/developers/web/api/webhooks-overview",
		Setup: "Call `POST /v0/bases/BASE/webhooks` of Airtable's API with the URL as `notificationUrl`; the secret is `macSecretBase64` of the answer",
		Notes: []string{"The request says only that something has changed; the changes are fetched from Airtable's API."},
		Description: public.Description{
			Name: "airtable",
			Schemes: []public.Scheme{{
				Header: "X-Airtable-Content-MAC", Algorithm: public.HMACSHA256, Prefix: "hmac-sha256=", Signed: "{body}",
				Secret: public.Base64Secret,
			}},
			Status: 200,
		},
	},
	{
		Title: "Typeform",
		Docs:  "https://www.typeform.com/developers/webhooks/secure-your-webhooks/",
		Setup: "Form → Connect → Webhooks → Add a webhook → Edit → Secret",
		Description: public.Description{
			Name: "typeform",
			Schemes: []public.Scheme{{
				Header: "Typeform-Signature", Algorithm: public.HMACSHA256, Encoding: public.Base64, Prefix: "sha256=", Signed: "{body}",
			}},
			Event:    []place{field("event_type")},
			Delivery: []place{field("event_id")},
			Sample:   "form_response",
		},
	},
	{
		Title: "Calendly",
		Docs:  "https://developer.calendly.com/api-docs/webhook-signatures",
		Setup: "Call `POST /webhook_subscriptions` of Calendly's API with the URL as `url`, and a secret of your own as `signing_key`",
		Description: public.Description{
			Name: "calendly",
			Schemes: []public.Scheme{{
				Header:    "Calendly-Webhook-Signature",
				Algorithm: public.HMACSHA256,
				Prefix:    "v1=",
				Separator: ",",
				Signed:    "{part.t}.{body}",
				Time:      &public.Time{Place: place{Part: "t"}, Tolerance: 180},
			}},
			Event:  []place{field("event")},
			Sample: "invitee.created",
		},
	},
	{
		// One header for each of the account's keys.
		Title: "DocuSign Connect",
		Docs:  "https://developers.docusign.com/platform/webhooks/connect/hmac/",
		Setup: "Settings → Connect → Add configuration → Include HMAC signature; the secret is a Connect key",
		Description: public.Description{
			Name: "docusign",
			Schemes: []public.Scheme{{
				Header:    "X-DocuSign-Signature-1",
				More:      []string{"X-DocuSign-Signature-2", "X-DocuSign-Signature-3", "X-DocuSign-Signature-4", "X-DocuSign-Signature-5"},
				Algorithm: public.HMACSHA256,
				Encoding:  public.Base64,
				Signed:    "{body}",
			}},
			Event:  []place{field("event")},
			Status: 200,
			Sample: "envelope-completed",
		},
	},
}

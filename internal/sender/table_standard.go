package sender

import "github.com/hookgate/hookgate/module/provider"

const standardSpec = "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"

// standardFacts are what the specification recommends.
var standardFacts = Facts{
	Batch:    oneEvent,
	Deadline: "15 to 30 seconds are recommended",
	Success:  "2xx; a redirect counts as a failure",
	Retries:  "at growing intervals, over days, is recommended",
	Signs:    "yes, with a new time and the same ID",
	GivesUp:  "410 should disable it at once, and so should failing for a long time",
	Test:     NotKnown,
	Seen:     NotKnown,
	From:     []string{standardSpec},
}

// svixFacts are the facts about Svix, whatever the endpoint's signature.
var svixFacts = Facts{
	Batch:    oneEvent,
	Deadline: "15 seconds",
	Success:  "2xx; a redirect counts as a failure",
	Retries:  "7 times in 28 hours: after 5 seconds, 5 and 30 minutes, 2, 5, 10 and 10 hours",
	Signs:    "yes, with a new time and the same ID",
	GivesUp:  "disables an endpoint after 5 days without a success",
	Test:     "*Testing* → *Send Example* sends a sample of the type that you choose",
	Seen:     asEvent,
	From:     []string{"https://docs.svix.com/retries"},
}

// standards are schemes shared by many senders.
var standards = []Sender{
	{
		Title:    "Standard Webhooks",
		Docs:     standardSpec,
		Setup:    "Give the sender the URL; the secret is the signing secret that it shows, which begins with `whsec_`",
		Delivers: standardFacts,
		Description: provider.Description{
			Name:     "standard-webhooks",
			Schemes:  []provider.Scheme{standardWebhooks("webhook-")},
			Event:    []place{field("type")},
			Delivery: []place{header("webhook-id")},
			Sample:   "user.created",
		},
	},
	{
		Title:    "Standard Webhooks, asymmetric",
		Docs:     standardSpec,
		Setup:    "Give the sender the URL; the secret is the public key that it shows, which begins with `whpk_`",
		Delivers: standardFacts,
		Description: provider.Description{
			Name:     "standard-webhooks-ed25519",
			Schemes:  []provider.Scheme{asymmetric(standardWebhooks("webhook-"))},
			Event:    []place{field("type")},
			Delivery: []place{header("webhook-id")},
			Sample:   "user.created",
		},
	},
	{
		// Svix uses its own header names, and its library accepts either.
		Title:    "Svix, and senders that use it",
		Docs:     "https://docs.svix.com/receiving/verifying-payloads/how-manual",
		Setup:    "Endpoints → Add Endpoint; the secret is its Signing Secret",
		Delivers: svixFacts,
		Description: provider.Description{
			Name:     "svix",
			Schemes:  []provider.Scheme{standardWebhooks("svix-"), standardWebhooks("webhook-")},
			Event:    []place{field("type")},
			Delivery: []place{header("svix-id"), header("webhook-id")},
			Sample:   "user.created",
		},
	},
	{
		// A separate row: if a public key were accepted alongside shared secrets, one
		// given without its prefix would be a secret that everyone knows.
		Title:    "Svix with Ed25519",
		Docs:     "https://github.com/svix/svix-webhooks/blob/main/server/svix-server/src/worker.rs",
		Setup:    "For endpoints with asymmetric signing: the secret is the public key that Svix shows, which begins with `whpk_`",
		Delivers: svixFacts,
		Description: provider.Description{
			Name:     "svix-ed25519",
			Schemes:  []provider.Scheme{asymmetric(standardWebhooks("svix-")), asymmetric(standardWebhooks("webhook-"))},
			Event:    []place{field("type")},
			Delivery: []place{header("svix-id"), header("webhook-id")},
			Sample:   "user.created",
		},
	},
	{
		Title: "CloudEvents over HTTP",
		Docs:  "https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md",
		Setup: "Give the sender the URL, and `Bearer` with your own secret for the header `Authorization`",
		Delivers: Facts{
			Batch:    "yes, in batch mode (`application/cloudevents-batch+json`)",
			Deadline: NotKnown,
			Success:  "200, 201, 202 and 204",
			Retries:  NotKnown,
			Signs:    nothingSigned,
			GivesUp:  "410 should end it",
			Test:     "an `OPTIONS` request may precede the events",
			Seen:     asHandshake,
			From: []string{
				"https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md",
				"https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/http-protocol-binding.md",
			},
		},
		Notes: []string{
			"The requested rate is granted. A sender that wants to be called back instead gets no call.",
		},
		Description: provider.Description{
			Name:     "cloudevents",
			Schemes:  authorization,
			Event:    []place{header("Ce-Type"), field("type"), field("#.type")},
			Delivery: []place{header("Ce-Id"), field("id"), field("#.id")},
			Pings:    []string{eventGridDeleted},
			Pass:     []string{"Ce-Source", "Ce-Specversion", "Ce-Subject", "Ce-Time"},
			Handshakes: []provider.Handshake{{
				Method: "OPTIONS",
				When:   []condition{{Place: header("WebHook-Request-Origin")}},
				Open:   true,
				EchoHeaders: map[string]place{
					"WebHook-Allowed-Origin": header("WebHook-Request-Origin"),
					"WebHook-Allowed-Rate":   header("WebHook-Request-Rate"),
				},
			}},
			Sample: "com.example.created",
		},
	},
	{
		// The address is what is validated: the code goes back to the caller, so
		// anyone may get it.
		Title: "Azure Event Grid, its own schema",
		Docs:  "https://learn.microsoft.com/azure/event-grid/webhook-event-delivery",
		Setup: "Event subscription → Delivery Properties: the header `Authorization` with the value `Bearer SECRET`, marked as secret",
		Delivers: Facts{
			Batch:    "yes: the body is a list, of one event unless the subscription asks for more",
			Deadline: "30 seconds",
			Success:  "200 to 204",
			Retries:  "after 10 and 30 seconds, 1, 5, 10 and 30 minutes, then hourly, for 24 hours",
			Signs:    nothingSigned,
			GivesUp:  "after these 24 hours, or 30 tries, the event is dropped or dead-lettered",
			Test:     "creating the subscription sends a validation event",
			Seen:     asHandshake,
			From: []string{
				"https://learn.microsoft.com/azure/event-grid/delivery-and-retry",
				"https://learn.microsoft.com/azure/event-grid/webhook-event-delivery",
			},
		},
		Notes: []string{"Event Grid signs nothing. With the CloudEvents schema use the provider `cloudevents`."},
		Description: provider.Description{
			Name:     "azure-event-grid",
			Schemes:  authorization,
			Event:    []place{field("#.eventType")},
			Delivery: []place{field("#.id")},
			Pings:    []string{eventGridDeleted},
			Handshakes: []provider.Handshake{
				{
					When: []condition{
						{Place: header("Aeg-Event-Type"), Equals: "SubscriptionValidation"},
						{Place: field("0.eventType"), Equals: eventGridValidation},
					},
					Open:   true,
					Echo:   &place{JSON: "0.data.validationCode"},
					Member: "validationResponse",
				},
				// A relay may not pass on the header.
				{
					When:   []condition{{Place: field("0.eventType"), Equals: eventGridValidation}},
					Echo:   &place{JSON: "0.data.validationCode"},
					Member: "validationResponse",
				},
			},
			Sample: "Microsoft.Storage.BlobCreated",
		},
	},
}

// Azure Event Grid's messages about a subscription: it begins, or has ended.
const (
	eventGridValidation = "Microsoft.EventGrid.SubscriptionValidationEvent"
	eventGridDeleted    = "Microsoft.EventGrid.SubscriptionDeletedEvent"
)

// standardWebhooks signs ID, time and body; there are several signatures while
// a secret is rotated.
func standardWebhooks(prefix string) provider.Scheme {
	return provider.Scheme{
		Header:    prefix + "signature",
		Algorithm: provider.HMACSHA256,
		Encoding:  provider.Base64,
		Prefix:    "v1,",
		Separator: " ",
		Signed:    "{header." + prefix + "id}.{header." + prefix + "timestamp}.{body}",
		Secret:    provider.Whsec,
		Time:      &provider.Time{Place: header(prefix + "timestamp")},
	}
}

// asymmetric is the same scheme with Ed25519.
func asymmetric(s provider.Scheme) provider.Scheme {
	s.Algorithm, s.Prefix, s.Secret = provider.Ed25519, "v1a,", provider.Whpk
	return s
}

package sender

import "github.com/hookgate/hookgate/module/provider"

// commerce handles orders and money.
var commerce = []Sender{
	{
		// The secret is used as it is written, including whsec_. Versions other than
		// v1 are those of test requests.
		Title: "Stripe",
		Docs:  "https://docs.stripe.com/webhooks/signature",
		Setup: "Workbench → Webhooks → Create new destination → Webhook endpoint; the secret is the destination's Signing secret",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: NotKnown,
			Success:  "2xx; a redirect counts as a failure",
			Retries:  "at growing intervals, for up to 3 days; in a sandbox 3 times in a few hours",
			Signs:    "yes, with a new time",
			GivesUp:  NotKnown,
			Test:     "`stripe trigger TYPE`, of its command-line tool, sends the events of real test objects",
			Seen:     asEvent,
			From: []string{
				"https://docs.stripe.com/webhooks",
				"https://docs.stripe.com/workbench/webhooks",
			},
		},
		Description: provider.Description{
			Name: "stripe",
			Schemes: []provider.Scheme{{
				Header:    "Stripe-Signature",
				Algorithm: provider.HMACSHA256,
				Prefix:    "v1=",
				Separator: ",",
				Signed:    "{part.t}.{body}",
				Time:      &provider.Time{Place: place{Part: "t"}},
			}},
			Event:    []place{field("type")},
			Delivery: []place{field("id")},
			Pings:    []string{"v2.core.event_destination.ping"},
			Sample:   "invoice.paid",
		},
	},
	{
		Title: "Shopify",
		Docs:  "https://shopify.dev/docs/apps/build/webhooks/subscribe/https",
		Setup: "Settings → Notifications → Webhooks → Create webhook; the secret is shown below the list there; an app's is its client secret",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: "5 seconds, of which 1 to connect",
			Success:  "2xx",
			Retries:  "8 times in 4 hours, with the payload of the first try",
			Signs:    untimed,
			GivesUp:  "deletes a subscription created over the Admin API after 8 failures in a row",
			Test:     "*Send test notification* sends a sample of the topic",
			Seen:     asEvent,
			From: []string{
				"https://shopify.dev/docs/apps/build/webhooks/subscribe/https",
				"https://shopify.dev/changelog/updates-to-webhook-retry-mechanism",
			},
		},
		Description: provider.Description{
			Name: "shopify",
			Schemes: []provider.Scheme{{
				Header: "X-Shopify-Hmac-SHA256", Algorithm: provider.HMACSHA256, Encoding: provider.Base64, Signed: "{body}",
			}},
			Event:    []place{header("X-Shopify-Topic")},
			Delivery: []place{header("X-Shopify-Webhook-Id")},
			Pass:     []string{"X-Shopify-Shop-Domain", "X-Shopify-API-Version", "X-Shopify-Event-Id", "X-Shopify-Triggered-At", "X-Shopify-Test"},
			Sample:   "orders/create",
		},
	},
	{
		Title: "Square",
		Docs:  "https://developer.squareup.com/docs/webhooks/step3validate",
		Setup: "Developer Console → your application → Webhooks → Subscriptions; the secret is the signature key",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: "10 seconds",
			Success:  "2xx",
			Retries:  "at growing intervals, for up to 24 hours",
			Signs:    untimed,
			GivesUp:  NotKnown,
			Test:     "*Send test event* sends a sample of the type that you choose",
			Seen:     asEvent,
			From:     []string{"https://developer.squareup.com/docs/webhooks/overview"},
		},
		Description: provider.Description{
			Name: "square",
			Schemes: []provider.Scheme{{
				Header: "X-Square-HmacSha256-Signature", Algorithm: provider.HMACSHA256, Encoding: provider.Base64, Signed: "{url}{body}",
			}},
			Event:    []place{field("type")},
			Delivery: []place{field("event_id")},
			Sample:   "payment.created",
		},
	},
	{
		Title: "Adyen, platform and management webhooks",
		Docs:  "https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures",
		Setup: "Customer Area → Developers → Webhooks → Security → HMAC key",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: "10 seconds",
			Success:  "2xx",
			Retries:  "from a queue, at growing intervals, for days",
			Signs:    untimed,
			GivesUp:  NotKnown,
			Test:     "*Test configuration* sends a sample of the events that you choose",
			Seen:     asEvent,
			From:     []string{"https://docs.adyen.com/development-resources/webhooks/handle-webhook-events"},
		},
		Notes: []string{
			"Adyen's webhooks for payments sign some fields of each item in the body instead: see [`adyen-payments`](adyen-payments.md).",
		},
		Description: provider.Description{
			Name: "adyen",
			Schemes: []provider.Scheme{{
				Header: "HmacSignature", Algorithm: provider.HMACSHA256, Encoding: provider.Base64, Signed: "{body}",
				Secret: provider.HexSecret,
			}},
			Event:  []place{field("type")},
			Status: 200,
			Sample: "balancePlatform.transfer.created",
		},
	},
	{
		Title: "Adyen, webhooks for payments",
		Docs:  "https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures",
		Setup: "Customer Area → Developers → Webhooks → Standard webhook → Security → HMAC key; method JSON",
		Delivers: Facts{
			Batch:    "a list, `notificationItems`, with one item in JSON",
			Deadline: "10 seconds",
			Success:  "2xx",
			Retries:  "from a queue, at growing intervals, for days",
			Signs:    untimed,
			GivesUp:  NotKnown,
			Test:     "*Test configuration* sends a sample of the events that you choose",
			Seen:     asEvent,
			From:     []string{"https://docs.adyen.com/development-resources/webhooks/handle-webhook-events"},
		},
		Proof:  "HMAC-SHA256 over eight fields of each item, in the item's `additionalData.hmacSignature`",
		Secret: "hexadecimal, as the sender shows it",
		Notes: []string{
			"**The signature covers eight fields of an item only**: `pspReference`, `originalReference`, `merchantAccountCode`, `merchantReference`, `amount.value`, `amount.currency`, `eventCode` and `success`. " +
				"Anyone who has seen a request can change all others and send it again, at any time. Act only on those eight, and add `basic` with `match` `all`.",
			"Every item of a request must be signed. A repeated member is refused, and so is a colon in a field other than `merchantReference`, because the fields are joined by colons.",
		},
		Description: provider.Description{
			Name: "adyen-payments",
			Schemes: []provider.Scheme{{
				InBody: true, Algorithm: provider.HMACSHA256, NewVerifier: newAdyenPayments, Sign: signAdyenPayments,
			}},
			Event:    []place{field("notificationItems.#.NotificationRequestItem.eventCode")},
			Delivery: []place{field("notificationItems.#.NotificationRequestItem.pspReference")},
			// A payment's events share it.
			DeliveryRepeats: true,
			Sample:          "AUTHORISATION",
		},
	},
}

package sender

import "github.com/hookgate/hookgate/module/provider"

// clouds sign with published keys.
var clouds = []Sender{
	{
		Title: "Amazon SNS",
		Docs:  "https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html",
		Setup: "Topic → Create subscription → protocol HTTPS, endpoint: the URL; raw message delivery off",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: "15 seconds",
			Success:  "2xx",
			Retries:  "3 times, 20 seconds apart; a delivery policy may ask for more, within an hour",
			Signs:    "no: what is signed contains the time of publication",
			GivesUp:  NotKnown,
			Test:     "*Publish message* sends what you write",
			Seen:     asEvent,
			From: []string{
				"https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html",
				"https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.prepare.html",
			},
		},
		Proof:  "RSA signature in the body (SHA-256 or SHA-1), by a certificate of the region's SNS",
		Secret: "the topic's ARN, such as `arn:aws:sns:eu-central-1:123456789012:orders`",
		Notes: []string{
			"SNS signs for anyone who has a topic, so it is the topic that identifies the sender; that is why the secrets are ARNs. Several topics may call one integration.",
			"SNS signs with SHA-1, unless the topic's attribute `SignatureVersion` is `2`. Set it, and `require_sha256_signature` here.",
			"A subscription is confirmed at once if its topic is among the secrets and its request is signed: Hookgate contacts the SNS host of the topic's region, and no other.",
			"The certificate is fetched from that host over HTTPS; its name and validity are checked. It comes without intermediate certificates, so its chain is not.",
			"The confirmation that a subscription has ended is answered like a ping: it starts nothing unless the filter names `UnsubscribeConfirmation`.",
			"The headers and `MessageAttributes` are not signed.",
		},
		Description: provider.Description{
			Name: "sns",
			Schemes: []provider.Scheme{{
				Header: "X-Amz-Sns-Message-Type", Algorithm: provider.HMACSHA256, NewVerifier: newSNS,
				SignsDelivery: true, Time: snsTime,
			}},
			Event:    []place{field("Type")},
			Delivery: []place{field("MessageId")},
			Kinds:    []string{"Subject"},
			Pings:    []string{snsUnsubscribe},
			// SNS's own default is version 1, which is SHA-1.
			SHA256Optional: true,
			Sample:         snsNotification,
		},
	},
	{
		Title: "Google Pub/Sub push",
		Docs:  "https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions",
		Setup: "Subscription → Delivery type: Push → Enable authentication → service account and audience; payload unwrapping off",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: "the subscription's acknowledgement deadline: 10 seconds by default",
			Success:  "102, 200, 201, 202 and 204",
			Retries:  "until the message expires, as the retry policy says",
			Signs:    "yes: a token is valid for an hour",
			GivesUp:  NotKnown,
			Test:     "*Publish message* sends what you write",
			Seen:     asEvent,
			From:     []string{"https://cloud.google.com/pubsub/docs/push"},
		},
		Proof:  "Google token (OpenID Connect, RS256) for a service account and an audience",
		Secret: "the service account's email and, after a blank, the audience: `push@my-project.iam.gserviceaccount.com https://hooks.example.com/webhooks/orders`",
		Notes: []string{
			"If no audience is set at Google, it is the endpoint's URL.",
			"The token does not cover the body: anyone who has seen one can send any body for an hour.",
			"The event type is an attribute of the message, `eventType` as Cloud Storage sets it, or `ce-type`. With other attributes a filter would let nothing through; an expression in `match` can use `message.attributes`.",
			"With a dead-letter policy the body counts the attempts (`deliveryAttempt`). With `dedupe` `delivery` a retry is still the same event, with `body` it is a new one.",
			"While Google's keys cannot be fetched and none is known, the answer is a 503, and Pub/Sub retries.",
		},
		Description: provider.Description{
			Name: "pubsub",
			Schemes: []provider.Scheme{{
				Header: "Authorization", Algorithm: provider.Token, BodyUnsigned: true, NewVerifier: newPubSub,
			}},
			Event:    []place{field("message.attributes.eventType"), field("message.attributes.ce-type")},
			Delivery: []place{field("message.messageId")},
			// The attempt counter that a dead-letter policy adds.
			PerAttempt: []string{"deliveryAttempt"},
			Sample:     "OBJECT_FINALIZE",
		},
	},
	{
		Title: "Microsoft Graph change notifications",
		Docs:  "https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks",
		Setup: "Call `POST /subscriptions` of Graph's API with the URL as `notificationUrl` and as `lifecycleNotificationUrl`, and the secret as `clientState`",
		Delivers: Facts{
			Batch:    "yes: a list, `value`",
			Deadline: "3 seconds",
			Success:  "2xx",
			Retries:  "several times, for up to 4 hours",
			Signs:    nothingSigned,
			GivesUp:  "throttles an endpoint that is slow for a tenth of the requests",
			Test:     "creating the subscription sends `validationToken`",
			Seen:     asHandshake,
			From:     []string{"https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks"},
		},
		Proof:  "the secret itself, as `clientState` in each entry of the body",
		Secret: "the subscription's `clientState`",
		Notes: []string{
			"Graph signs nothing: `clientState` is a text that you choose, up to 128 characters, and every entry must contain it. Generate a random one for each integration.",
			"It is in the body, so the trigger receives it too.",
			"Lifecycle notifications start nothing unless the filter names them: name `reauthorizationRequired` if the trigger should renew the subscription.",
			"Only some kinds of subscriptions have an `id` in each entry.",
			"What Graph adds for notifications with resource data, `validationTokens` and the encryption, is not checked.",
		},
		Description: provider.Description{
			Name: "msgraph",
			Schemes: []provider.Scheme{{
				InBody: true, Algorithm: provider.Token, BodyUnsigned: true, NewVerifier: newGraph, Sign: signGraph,
			}},
			Event:    []place{field("value.#.changeType"), field("value.#.lifecycleEvent")},
			Delivery: []place{field("value.#.id")},
			Pings:    []string{"reauthorizationRequired", "subscriptionRemoved", "missed"},
			Handshakes: []provider.Handshake{{
				When: []condition{{Place: place{Query: "validationToken"}}}, Open: true, Echo: &place{Query: "validationToken"},
			}},
			Sample: "created",
		},
	},
	{
		Title: "PayPal",
		Docs:  "https://developer.paypal.com/api/rest/webhooks/rest/",
		Setup: "Apps & Credentials → the app → Webhooks → Add Webhook",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: NotKnown,
			Success:  "2xx",
			Retries:  "up to 25 times, over 3 days",
			Signs:    NotKnown,
			GivesUp:  NotKnown,
			Test:     "the *Webhooks simulator* sends a sample signed for the ID `WEBHOOK_ID`",
			Seen:     "401, unless that ID is among the secrets",
			From: []string{
				"https://developer.paypal.com/api/rest/webhooks/",
				"https://developer.paypal.com/api/rest/webhooks/simulator/",
			},
		},
		Proof:  "RSA signature (SHA-256), by a PayPal certificate",
		Secret: "the webhook's ID as PayPal shows it, such as `9XL90610J3647323C`",
		Notes: []string{
			"The signature covers a checksum of the body (CRC-32), not a digest: anyone who has seen one request can construct another body with the same checksum, and send it with the same signature for three days. Look the event up at PayPal before you act on it.",
			"PayPal signs for all of its customers; the webhook's ID distinguishes your events from those of others.",
			"The certificate is fetched over HTTPS, only from `api.paypal.com` or `api.sandbox.paypal.com`; its validity is checked.",
			"The simulator's events are signed for the ID `WEBHOOK_ID`.",
		},
		Description: provider.Description{
			Name: "paypal",
			Schemes: []provider.Scheme{{
				Header: paypalSignature, Algorithm: provider.Token, BodyUnsigned: true, NewVerifier: newPayPal,
				Time: paypalTimes,
			}},
			Event:    []place{field("event_type")},
			Delivery: []place{field("id")},
			Sample:   "PAYMENT.CAPTURE.COMPLETED",
		},
	},
	{
		Title: "Netlify",
		Docs:  "https://docs.netlify.com/site-deploys/notifications/#payload-signature",
		Setup: "Project configuration → Notifications → Deploy notifications → Add notification → HTTP POST request → JWS secret token",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: NotKnown,
			Success:  NotKnown,
			Retries:  NotKnown,
			Signs:    untimed,
			GivesUp:  NotKnown,
			Test:     NotKnown,
			Seen:     NotKnown,
			From:     []string{"https://docs.netlify.com/site-deploys/notifications/"},
		},
		Proof: "JSON Web Signature (HS256) over the body's SHA-256",
		Notes: []string{
			"The signature has no time, so anyone who has seen a request can send it again.",
		},
		Description: provider.Description{
			Name: "netlify",
			Schemes: []provider.Scheme{{
				Header: netlifyHeader, Algorithm: provider.HMACSHA256, NewVerifier: newNetlify, Sign: signNetlify,
			}},
			Event:  []place{header("X-Netlify-Event")},
			Sample: "deploy_created",
		},
	},
}

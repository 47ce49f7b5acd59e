package provider

import public "github.com/hookgate/hookgate/module/provider"

// content are files, pages, mails and streams.
var content = []Sender{
	{
		Title: "Dropbox",
		Docs:  "https://www.dropbox.com/developers/reference/webhooks",
		Setup: "App Console → your app → Webhooks; the secret is the App secret",
		Delivers: Facts{
			Batch:    "it names accounts, and no events",
			Deadline: "10 seconds",
			Success:  "200",
			Retries:  NotKnown,
			Signs:    untimed,
			GivesUp:  NotKnown,
			Test:     "adding the URI sends a `challenge`",
			Seen:     asHandshake,
			From:     []string{"https://www.dropbox.com/developers/reference/webhooks"},
		},
		Notes: []string{"The request says only whose files have changed; the changes are fetched from Dropbox's API."},
		Description: public.Description{
			Name:    "dropbox",
			Schemes: []public.Scheme{bodySHA256("X-Dropbox-Signature", "")},
			Handshakes: []public.Handshake{{
				Method: "GET", Open: true, When: []condition{{Place: place{Query: "challenge"}}}, Echo: &place{Query: "challenge"},
			}},
			Status: 200,
		},
	},
	{
		// Either of two keys signs, so that one can be changed. The ID in the
		// header changes with each attempt, the one in the body does not.
		Title: "Box",
		Docs:  "https://developer.box.com/guides/webhooks/v2/signatures-v2/",
		Setup: "Developer Console → your app → Webhooks; the secrets are the primary and the secondary key of Manage signature keys",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: "30 seconds",
			Success:  "2xx",
			Retries:  "up to 12 times in 2 hours",
			Signs:    "yes, with the time of the try",
			GivesUp:  "deletes a webhook without a success for 30 days, and sends `WEBHOOK.DELETED`",
			Test:     NotKnown,
			Seen:     NotKnown,
			From: []string{
				"https://developer.box.com/guides/webhooks/v2/",
				"https://developer.box.com/guides/webhooks/v2/delete-v2/",
			},
		},
		Description: public.Description{
			Name: "box",
			Schemes: []public.Scheme{{
				Header:    "Box-Signature-Primary",
				More:      []string{"Box-Signature-Secondary"},
				Algorithm: public.HMACSHA256,
				Encoding:  public.Base64,
				Signed:    "{body}{header.Box-Delivery-Timestamp}",
				Time:      &public.Time{Place: header("Box-Delivery-Timestamp"), Format: public.RFC3339, Tolerance: 600},
			}},
			Event:    []place{field("trigger")},
			Delivery: []place{field("id")},
			Pings:    []string{"WEBHOOK.DELETED"},
			Pass:     []string{"Box-Delivery-Id"},
			Sample:   "FILE.UPLOADED",
		},
	},
	{
		Title: "Twitch EventSub",
		Docs:  "https://dev.twitch.tv/docs/eventsub/handling-webhook-events/",
		Setup: "Call `POST /helix/eventsub/subscriptions` of Twitch's API with the URL as `transport.callback`, and a secret of your own as `transport.secret`",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: "a few seconds",
			Success:  "2xx",
			Retries:  "yes; how often is not known",
			Signs:    NotKnown,
			GivesUp:  "ends the subscription when too many fail, and sends a `revocation`",
			Test:     "`twitch event trigger`, of its command line, sends a sample",
			Seen:     asEvent,
			From:     []string{"https://dev.twitch.tv/docs/eventsub/handling-webhook-events/"},
		},
		Description: public.Description{
			Name: "twitch",
			Schemes: []public.Scheme{{
				Header:    "Twitch-Eventsub-Message-Signature",
				Algorithm: public.HMACSHA256,
				Prefix:    "sha256=",
				Signed:    "{header.Twitch-Eventsub-Message-Id}{header.Twitch-Eventsub-Message-Timestamp}{body}",
				Time:      &public.Time{Place: header("Twitch-Eventsub-Message-Timestamp"), Format: public.RFC3339, Tolerance: 600},
			}},
			Event:    []place{header("Twitch-Eventsub-Subscription-Type")},
			Delivery: []place{header("Twitch-Eventsub-Message-Id")},
			Pass:     []string{"Twitch-Eventsub-Message-Type", "Twitch-Eventsub-Message-Retry", "Twitch-Eventsub-Subscription-Version"},
			Handshakes: []public.Handshake{
				{
					When: []condition{{Place: header("Twitch-Eventsub-Message-Type"), Equals: "webhook_callback_verification"}},
					Echo: &place{JSON: "challenge"},
				},
				{
					When: []condition{{Place: header("Twitch-Eventsub-Message-Type"), Equals: "revocation"}},
					Pong: true,
				},
			},
			Sample: "stream.online",
		},
	},
	{
		// The challenge of any topic is ours: a notification of a topic that
		// nobody wanted has no valid signature. An end is not confirmed, since
		// whoever knows the URL may ask a hub for it.
		Title: "WebSub: YouTube and other feeds",
		Docs:  "https://www.w3.org/TR/websub/",
		Setup: "Subscribe at the feed's hub with the URL as `hub.callback`, and a secret of your own as `hub.secret`",
		Delivers: Facts{
			Batch:    "it names the feed, and no events",
			Deadline: NotKnown,
			Success:  "2xx; a redirect counts as a failure",
			Retries:  "as the hub likes",
			Signs:    untimed,
			GivesUp:  "not before the subscription ends, unless it gets 410",
			Test:     "subscribing sends a `hub.challenge`",
			Seen:     asHandshake,
			From:     []string{"https://www.w3.org/TR/websub/"},
		},
		Notes: []string{"What arrives is a feed in XML: `match` and `payload` of an integration cannot look into it.", "A subscription ends after a time that the hub sets: subscribe again before. That it ends sooner is never confirmed to a hub, for anybody may ask for it."},
		Description: public.Description{
			Name: "websub",
			Schemes: []public.Scheme{
				{Header: "X-Hub-Signature", Algorithm: public.HMACSHA256, Prefix: "sha256=", Signed: "{body}"},
				{Header: "X-Hub-Signature", Algorithm: public.HMACSHA384, Prefix: "sha384=", Signed: "{body}"},
				{Header: "X-Hub-Signature", Algorithm: public.HMACSHA512, Prefix: "sha512=", Signed: "{body}"},
				{Header: "X-Hub-Signature", Algorithm: public.HMACSHA1, Prefix: "sha1=", Signed: "{body}"},
			},
			SHA256Optional: true, // YouTube's hub signs with SHA-1
			Handshakes: []public.Handshake{
				{
					Method: "GET",
					When:   []condition{{Place: place{Query: "hub.mode"}, Equals: "subscribe"}, {Place: place{Query: "hub.topic"}}},
					Open:   true,
					Echo:   &place{Query: "hub.challenge"},
				},
				// The hub will not, or no longer, send anything.
				{
					Method: "GET",
					When:   []condition{{Place: place{Query: "hub.mode"}, Equals: "denied"}, {Place: place{Query: "hub.topic"}}},
					Open:   true, Pong: true,
				},
			},
		},
	},
	{
		Title: "Sanity",
		Docs:  "https://www.sanity.io/docs/webhooks",
		Setup: "sanity.io/manage → your project → API → Webhooks → Create webhook → Secret",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: NotKnown,
			Success:  NotKnown,
			Retries:  "after 429 and 5xx: twice, 30 seconds apart",
			Signs:    NotKnown,
			GivesUp:  NotKnown,
			Test:     NotKnown,
			Seen:     NotKnown,
			From:     []string{"https://www.sanity.io/docs/changelog/50ec6abf-fe0c-475b-ae72-314148860132"},
		},
		Notes: []string{"The event type is the document's `_type`, if the projection holds it. Whether it was created, updated or deleted stands in a header: `match \"headers['sanity-operation'] == 'create'\"`."},
		Description: public.Description{
			Name: "sanity",
			Schemes: []public.Scheme{{
				Header:    "sanity-webhook-signature",
				Algorithm: public.HMACSHA256,
				Encoding:  public.Base64URL,
				Prefix:    "v1=",
				Separator: ",",
				Signed:    "{part.t}.{body}",
				Time:      &public.Time{Place: place{Part: "t"}, Format: public.UnixMillis},
			}},
			Event:    []place{field("_type")},
			Delivery: []place{header("idempotency-key")},
			Pass:     []string{"sanity-operation", "sanity-document-id", "sanity-dataset", "sanity-project-id"},
			Sample:   "post",
		},
	},
	{
		Title: "Contentful",
		Docs:  "https://www.contentful.com/developers/docs/webhooks/request-verification/",
		Setup: "Space settings → Webhooks → Settings → Enable request verification; the secret is the signing secret that it shows",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: NotKnown,
			Success:  NotKnown,
			Retries:  "twice, 30 seconds apart; a retry policy of the space may ask for more, for up to a day",
			Signs:    NotKnown,
			GivesUp:  NotKnown,
			Test:     NotKnown,
			Seen:     NotKnown,
			From:     []string{"https://www.contentful.com/developers/docs/webhooks/retry-policy/"},
		},
		Notes: []string{"The signature covers the path as Contentful was given it; the URL must have no query."},
		Description: public.Description{
			Name: "contentful",
			Schemes: []public.Scheme{{
				Header: contentfulSignature, Algorithm: public.HMACSHA256, NewVerifier: newContentful, Sign: signContentful,
			}},
			Event:    []place{header("X-Contentful-Topic")},
			Delivery: []place{header("X-Contentful-Idempotency-Key")},
			Pass:     []string{"X-Contentful-Webhook-Name", "X-Contentful-CRN"},
			Sample:   "ContentManagement.Entry.publish",
		},
	},
	{
		Title: "Mailgun",
		Docs:  "https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks",
		Setup: "Send → Sending → Webhooks → Add webhook; the secret is the HTTP webhook signing key",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: NotKnown,
			Success:  "200; 406 ends the tries",
			Retries:  "7 times in 8 hours: after 10, 10, 15 and 30 minutes, 1, 2 and 4 hours",
			Signs:    asOldAsTheLastTry,
			GivesUp:  NotKnown,
			Test:     "*Test webhook* sends a sample of the event",
			Seen:     asEvent,
			From:     []string{"https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhooks"},
		},
		Proof: "HMAC-SHA256 over a time and a token, in the body's `signature`",
		Notes: []string{
			"**The signature covers nothing of the event.** Whoever has seen one request can send events of his own with its signature for nine hours; only the same token with the same type is a copy. " +
				"Use `basic` beside it, in the URL that Mailgun is given, with `match` `all`.",
			"A time of signing may be nine hours old: Mailgun does not say whether it signs anew when it tries again, which it does for eight.",
			"What Mailgun calls *Permanent Failure* and *Temporary Failure* is `failed.permanent` and `failed.temporary`.",
			"Of a subaccount's events the parent account's key verifies `parent-signature`.",
		},
		Description: public.Description{
			Name: "mailgun",
			Schemes: []public.Scheme{{
				InBody: true, Algorithm: public.HMACSHA256, BodyUnsigned: true, NewVerifier: newMailgun, Sign: signMailgun, SignsDelivery: true,
			}},
			Event:    []place{field("event-data.event")},
			Delivery: []place{field("signature.token")},
			Action:   public.Paths{"event-data.severity"},
			Status:   200,
			Sample:   "delivered",
		},
	},
	{
		Title: "SendGrid event webhook",
		Docs:  "https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features",
		Setup: "Settings → Mail Settings → Event Webhooks → Signature Verification; the secret is the verification key",
		Delivers: Facts{
			Batch:    "yes: the body is a list",
			Deadline: NotKnown,
			Success:  "2xx",
			Retries:  "ever further apart, for up to 24 hours",
			Signs:    asOldAsTheLastTry,
			GivesUp:  NotKnown,
			Test:     "*Test Your Integration* sends one event of each kind",
			Seen:     asEvent,
			From:     []string{"https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook"},
		},
		Description: public.Description{
			Name: "sendgrid",
			Schemes: []public.Scheme{{
				Header:    "X-Twilio-Email-Event-Webhook-Signature",
				Algorithm: public.ECDSA,
				Encoding:  public.Base64,
				Signed:    "{header.X-Twilio-Email-Event-Webhook-Timestamp}{body}",
				Time:      &public.Time{Place: header("X-Twilio-Email-Event-Webhook-Timestamp"), Tolerance: 24 * hour},
			}},
			Event:    []place{field("#.event")},
			Delivery: []place{field("#.sg_event_id")},
			Action:   public.Paths{"#.type"},
			Sample:   "delivered",
		},
	},
}

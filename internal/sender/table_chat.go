package sender

import "github.com/hookgate/hookgate/module/provider"

// chats carry messages between people.
var chats = []Sender{
	{
		Title: "Slack",
		Docs:  "https://docs.slack.dev/authentication/verifying-requests-from-slack",
		Setup: "api.slack.com/apps → your app → Event Subscriptions → Request URL; the secret is Basic Information → Signing Secret",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: "3 seconds",
			Success:  "2xx",
			Retries:  "3 times: at once, after a minute, after 5 minutes; `X-Slack-Retry-Num` counts them",
			Signs:    asOldAsTheLastTry,
			GivesUp:  "turns the events off if more than 95 % of at least 1,000 requests in an hour fail",
			Test:     "*Request URL* sends `url_verification`",
			Seen:     asHandshake,
			From:     []string{"https://docs.slack.dev/apis/events-api/"},
		},
		Notes: []string{
			"A message has the type `message` in all kinds of channels, although Slack lists it as `message.channels`, `message.im` and so on: the kind of channel is in `event.channel_type`, for use in `match`.",
			"Slash commands and interactions arrive as forms, and are passed on unchanged. They have no event type: give them a separate integration without `event_filter`.",
		},
		Description: provider.Description{
			Name: "slack",
			Schemes: []provider.Scheme{{
				Header:    "X-Slack-Signature",
				Algorithm: provider.HMACSHA256,
				Prefix:    "v0=",
				Signed:    "v0:{header.X-Slack-Request-Timestamp}:{body}",
				Time:      &provider.Time{Place: header("X-Slack-Request-Timestamp"), Tolerance: hour / 4},
			}},
			Event:    []place{field("event.type"), field("type")},
			Delivery: []place{field("event_id")},
			Kinds:    []string{"type"},
			Pings:    []string{"app_rate_limited"},
			Pass:     []string{"X-Slack-Retry-Num", "X-Slack-Retry-Reason"},
			Handshakes: []provider.Handshake{
				{
					When: []condition{{Place: field("type"), Equals: "url_verification"}},
					Echo: &place{JSON: "challenge"},
				},
				// Slack checks the certificate of a slash command's address.
				{
					When: []condition{{Place: place{Form: "ssl_check"}, Equals: "1"}},
					Open: true, Pong: true,
				},
			},
			Sample: "app_mention",
		},
	},
	{
		// Nothing separates time and body, so the time is parsed strictly, and its
		// window kept.
		Title: "Discord",
		Docs:  "https://docs.discord.com/developers/events/webhook-events",
		Setup: "Developer Portal → your application → Webhooks or Interactions Endpoint URL; the secret is the application's public key",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: "3 seconds",
			Success:  "204 without a body",
			Retries:  "several times, at growing intervals, for up to 10 minutes",
			Signs:    asOldAsTheLastTry,
			GivesUp:  "stops, with an email, if too many fail, or at once if a wrong signature is accepted",
			Test:     "saving the URL sends a ping, and another one with a wrong signature",
			Seen:     "204, and 401",
			From:     []string{"https://docs.discord.com/developers/events/webhook-events"},
		},
		Notes: []string{
			"Interactions need an answer that this gateway does not compute; use it inline for them.",
		},
		Description: provider.Description{
			Name: "discord",
			Schemes: []provider.Scheme{{
				Header:    "X-Signature-Ed25519",
				Algorithm: provider.Ed25519,
				Signed:    "{header.X-Signature-Timestamp}{body}",
				Time:      &provider.Time{Place: header("X-Signature-Timestamp"), Tolerance: hour / 4},
			}},
			Event:    []place{field("event.type"), field("type")},
			Delivery: []place{field("id")},
			Handshakes: []provider.Handshake{
				{
					When:   []condition{{Place: field("type"), Equals: "0"}},
					Status: 204,
				},
				{
					When: []condition{{Place: field("type"), Equals: "1"}, {Place: field("event.type"), Absent: true}},
					JSON: `{"type":1}`,
				},
			},
			Status: 204,
			Sample: "APPLICATION_AUTHORIZED",
		},
	},
	{
		Title: "Microsoft Teams, outgoing webhook",
		Docs:  "https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-outgoing-webhook",
		Setup: "Team → Manage team → Apps → Create an outgoing webhook; the secret is the security token shown then",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: "5 seconds",
			Success:  "a message in JSON, which it shows in the channel",
			Retries:  NotKnown,
			Signs:    untimed,
			GivesUp:  NotKnown,
			Test:     none,
			Seen:     none,
			From:     []string{"https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-outgoing-webhook"},
		},
		Notes: []string{"Teams shows the answer in the channel; use the gateway inline to provide one."},
		Description: provider.Description{
			Name: "teams",
			Schemes: []provider.Scheme{{
				Header: "Authorization", Algorithm: provider.HMACSHA256, Encoding: provider.Base64, Prefix: "HMAC ", Signed: "{body}",
				Secret: provider.Base64Secret,
			}},
			Event:    []place{field("type")},
			Delivery: []place{field("id")},
			// It is unique only within a channel.
			DeliveryRepeats: true,
			Sample:          "message",
		},
	},
	{
		Title: "Zoom",
		Docs:  "https://developers.zoom.us/docs/api/webhooks/",
		Setup: "marketplace.zoom.us → your app → Features → Event Subscriptions; the secret is the Secret Token",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: "3 seconds",
			Success:  "200 and 204",
			Retries:  "3 times: after 5 minutes, 20 more, and 60 more",
			Signs:    asOldAsTheLastTry,
			GivesUp:  NotKnown,
			Test:     "*Validate* sends `endpoint.url_validation`, which is repeated every 72 hours",
			Seen:     asHandshake,
			From:     []string{"https://developers.zoom.us/docs/api/webhooks/"},
		},
		Description: provider.Description{
			Name: "zoom",
			Schemes: []provider.Scheme{{
				Header:    "X-Zm-Signature",
				Algorithm: provider.HMACSHA256,
				Prefix:    "v0=",
				Signed:    "v0:{header.X-Zm-Request-Timestamp}:{body}",
				Time:      &provider.Time{Place: header("X-Zm-Request-Timestamp"), Tolerance: 2 * hour},
			}},
			Event:    []place{field("event")},
			Delivery: []place{header("X-Zm-Trackingid")},
			Handshakes: []provider.Handshake{{
				When:      []condition{{Place: field("event"), Equals: "endpoint.url_validation"}},
				Echo:      &place{JSON: "payload.plainToken"},
				Member:    "plainToken",
				MACMember: "encryptedToken",
			}},
			Status: 200,
			Sample: "meeting.started",
		},
	},
	{
		Title: "Webex",
		Docs:  "https://developer.webex.com/docs/api/guides/webhooks",
		Setup: "Call `POST /v1/webhooks` of Webex's API with the URL as `targetUrl`, and your own secret as `secret`",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: NotKnown,
			Success:  "2xx",
			Retries:  NotKnown,
			Signs:    untimed,
			GivesUp:  "disables a webhook that fails 100 times in 5 minutes",
			Test:     none,
			Seen:     none,
			From:     []string{"https://developer.webex.com/docs/api/guides/webhooks"},
		},
		Description: provider.Description{
			Name:    "webex",
			Schemes: []provider.Scheme{{Header: "X-Spark-Signature", Algorithm: provider.HMACSHA1, Signed: "{body}"}},
			Event:   []place{field("resource")},
			Action:  provider.Paths{"event"},
			Sample:  "messages",
		},
	},
	{
		Title: "Telegram",
		Docs:  "https://core.telegram.org/bots/api#setwebhook",
		Setup: "Call `setWebhook` of the Bot API with the URL as `url`, and your own secret as `secret_token`",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: NotKnown,
			Success:  "2xx",
			Retries:  "at intervals growing to 2 minutes, or as `Retry-After` says, while it keeps the update: a day",
			Signs:    nothingSigned,
			GivesUp:  "only after 23 hours of 410",
			Test:     none,
			Seen:     none,
			From: []string{
				"https://core.telegram.org/bots/api#setwebhook",
				"https://github.com/tdlib/telegram-bot-api/blob/master/telegram-bot-api/WebhookActor.cpp",
			},
		},
		Description: provider.Description{
			Name:     "telegram",
			Schemes:  []provider.Scheme{{Header: "X-Telegram-Bot-Api-Secret-Token", Algorithm: provider.Token}},
			Delivery: []place{field("update_id")},
		},
	},
	{
		Title: "Meta: Facebook, Instagram, WhatsApp",
		Docs:  "https://developers.facebook.com/docs/graph-api/webhooks/getting-started",
		Setup: "App Dashboard → Webhooks (or WhatsApp → Configuration) → Callback URL and Verify token; the secret is the App Secret",
		Delivers: Facts{
			Batch:    "yes: up to 1,000 changes, in `entry` and `changes`",
			Deadline: NotKnown,
			Success:  "200",
			Retries:  "at once, then at growing intervals, for 36 hours; WhatsApp for up to 7 days",
			Signs:    untimed,
			GivesUp:  NotKnown,
			Test:     "*Test* next to a field sends a sample of it",
			Seen:     asEvent,
			From: []string{
				"https://developers.facebook.com/docs/graph-api/webhooks/getting-started",
				"https://developers.facebook.com/docs/whatsapp/cloud-api/guides/set-up-webhooks",
			},
		},
		Notes: []string{
			"The verify token is a second secret, written `verify:` and the token: `signature meta {env.META_SECRET} verify:{env.META_VERIFY_TOKEN}`. It authenticates only the handshake, which is refused without it.",
			"A request may contain several entries, each with several changes.",
		},
		Description: provider.Description{
			Name:    "meta",
			Schemes: []provider.Scheme{bodySHA256("X-Hub-Signature-256", "sha256=")},
			Event:   []place{field("object")},
			Kinds:   []string{"entry.#.changes.#.field"},
			Handshakes: []provider.Handshake{{
				Method: "GET",
				When:   []condition{{Place: place{Query: "hub.mode"}, Equals: "subscribe"}},
				Open:   true,
				Token:  &place{Query: "hub.verify_token"},
				Echo:   &place{Query: "hub.challenge"},
			}},
			Status: 200,
			Sample: "whatsapp_business_account",
		},
	},
	{
		Title: "Twilio",
		Docs:  "https://www.twilio.com/docs/usage/webhooks/webhooks-security",
		Setup: "The number, service or call that takes a webhook URL; the secret is the account's Auth Token",
		Delivers: Facts{
			Batch:    oneEvent,
			Deadline: "15 seconds",
			Success:  "2xx, with TwiML or without a body; JSON causes its error 12300",
			Retries:  "as the fragment of the URL says, such as `#rc=2`",
			Signs:    untimed,
			GivesUp:  NotKnown,
			Test:     NotKnown,
			Seen:     NotKnown,
			From: []string{
				"https://www.twilio.com/docs/usage/webhooks",
				"https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides",
				"https://www.twilio.com/docs/api/errors/12300",
			},
		},
		Notes: []string{
			"The signature covers the URL that Twilio was given, so `public_url` must be set.",
			"It does not mark where a parameter's name ends and its value begins, nor where a query ends and the first parameter begins: give Twilio a URL without a query.",
		},
		Description: provider.Description{
			Name: "twilio",
			Schemes: []provider.Scheme{{
				Header: twilioHeader, Algorithm: provider.HMACSHA1, NewVerifier: newTwilio, Sign: signTwilio,
			}},
			Delivery: []place{header("I-Twilio-Idempotency-Token")},
			Status:   204, // JSON is not TwiML: its error 12300
		},
	},
}

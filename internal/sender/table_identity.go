package sender

import "github.com/hookgate/hookgate/module/provider"

// identity manages accounts.
var identity = []Sender{
	{
		Title: "Okta event hooks",
		Docs:  "https://developer.okta.com/docs/concepts/event-hooks/",
		Setup: "Workflow → Event Hooks → Create Event Hook; the secret is the whole value of the Authorization field",
		Delivers: Facts{
			Batch:    "yes: a list, `data.events`",
			Deadline: "3 seconds",
			Success:  "200 and 204, without a body",
			Retries:  "once, after 5xx or no answer",
			Signs:    nothingSigned,
			GivesUp:  NotKnown,
			Test:     "*Preview* → *Deliver Request* sends the event that you choose",
			Seen:     "204, whether or not the filter wants it",
			From:     []string{"https://developer.okta.com/docs/concepts/event-hooks/"},
		},
		Description: provider.Description{
			Name:     "okta",
			Schemes:  []provider.Scheme{{Header: "Authorization", Algorithm: provider.Token}},
			Event:    []place{field("data.events.#.eventType"), field("eventType")},
			Delivery: []place{field("eventId")},
			Handshakes: []provider.Handshake{{
				Method: "GET",
				When:   []condition{{Place: header("X-Okta-Verification-Challenge")}},
				Echo:   &place{Header: "X-Okta-Verification-Challenge"},
				Member: "verification",
			}},
			Status: 204,
			Sample: "user.lifecycle.create",
		},
	},
	{
		Title: "Auth0 log streams",
		Docs:  "https://auth0.com/docs/customize/log-streams/custom-log-streams",
		Setup: "Monitoring → Streams → Create Stream → Custom Webhook → Authorization Token",
		Delivers: Facts{
			Batch:    "yes: the body may be a list, or JSON Lines",
			Deadline: NotKnown,
			Success:  "2xx",
			Retries:  "3 tries at once; failed ones start over until they are accepted",
			Signs:    nothingSigned,
			GivesUp:  "pauses the stream after 7 days in which nothing was accepted",
			Test:     NotKnown,
			Seen:     NotKnown,
			From:     []string{"https://auth0.com/docs/customize/log-streams", "https://auth0.com/docs/customize/log-streams/custom-log-streams"},
		},
		Notes: []string{"Auth0 signs nothing. The secret is the whole value of the Authorization Token field.",
			"In the format JSON Lines, Auth0's default, each line is an event. `match` and `payload` cannot look into it: choose a list or an object for these."},
		Description: provider.Description{
			Name:      "auth0",
			Schemes:   []provider.Scheme{{Header: "Authorization", Algorithm: provider.Token}},
			Event:     []place{field("data.type"), field("#.data.type")},
			Delivery:  []place{field("log_id"), field("#.log_id")},
			JSONLines: true,
			Sample:    "s",
		},
	},
}

package provider

import public "github.com/hookgate/hookgate/module/provider"

// identity keeps accounts.
var identity = []Sender{
	{
		Title: "Okta event hooks",
		Docs:  "https://developer.okta.com/docs/concepts/event-hooks/",
		Setup: "Workflow → Event Hooks → Create Event Hook; the secret is the whole value of the Authorization field",
		Description: public.Description{
			Name:     "okta",
			Schemes:  []public.Scheme{{Header: "Authorization", Algorithm: public.Token}},
			Event:    []place{field("data.events.0.eventType"), field("eventType")},
			Delivery: []place{field("eventId")},
			Handshakes: []public.Handshake{{
				Method: "GET",
				When:   []condition{{Place: header("X-Okta-Verification-Challenge")}},
				Echo:   &place{Header: "X-Okta-Verification-Challenge"},
				Member: "verification",
			}},
			Sample: "user.lifecycle.create",
		},
	},
}

package provider

import public "github.com/hookgate/hookgate/module/provider"

// standards are schemes that many senders share.
var standards = []Sender{
	{
		Title: "Standard Webhooks",
		Docs:  "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",
		Setup: "Where the sender shows its signing secret, which begins with whsec_",
		Description: public.Description{
			Name:     "standard-webhooks",
			Schemes:  []public.Scheme{standardWebhooks("webhook-")},
			Event:    []place{field("type")},
			Delivery: []place{header("webhook-id")},
			Sample:   "user.created",
		},
	},
	{
		Title: "Standard Webhooks, asymmetric",
		Docs:  "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",
		Setup: "Where the sender shows its public key, which begins with whpk_",
		Description: public.Description{
			Name:     "standard-webhooks-ed25519",
			Schemes:  []public.Scheme{asymmetric(standardWebhooks("webhook-"))},
			Event:    []place{field("type")},
			Delivery: []place{header("webhook-id")},
			Sample:   "user.created",
		},
	},
	{
		// Svix writes its own header names, and its library takes either.
		Title: "Svix, and senders that use it",
		Docs:  "https://docs.svix.com/receiving/verifying-payloads/how-manual",
		Setup: "Endpoint → Signing secret",
		Description: public.Description{
			Name:     "svix",
			Schemes:  []public.Scheme{standardWebhooks("svix-"), standardWebhooks("webhook-")},
			Event:    []place{field("type")},
			Delivery: []place{header("svix-id"), header("webhook-id")},
			Sample:   "user.created",
		},
	},
}

// standardWebhooks signs ID, time and body; several signatures stand side by
// side while a secret is changed.
func standardWebhooks(prefix string) public.Scheme {
	return public.Scheme{
		Header:    prefix + "signature",
		Algorithm: public.HMACSHA256,
		Encoding:  public.Base64,
		Prefix:    "v1,",
		Separator: " ",
		Signed:    "{header." + prefix + "id}.{header." + prefix + "timestamp}.{body}",
		Secret:    public.Whsec,
		Time:      &public.Time{Place: header(prefix + "timestamp")},
	}
}

// asymmetric signs the same with Ed25519.
func asymmetric(s public.Scheme) public.Scheme {
	s.Algorithm, s.Prefix, s.Secret = public.Ed25519, "v1a,", public.Whpk
	return s
}

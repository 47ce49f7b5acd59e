// Prints one delivery of every sender as JSON, signed by the sender's own
// library. A library that only verifies is shown what was signed here by the
// sender's documents, and must take it and refuse another body.
//
//   node sign.mjs https://hooks.example.com/webhooks/   the integrations' URL up to their IDs
import { createHash, createHmac, sign as signWith } from "node:crypto";
import { createRequire } from "node:module";
import { signRequest } from "@contentful/node-apps-toolkit";
import { LinearWebhookClient } from "@linear/sdk/webhooks";
import { CloudEvent, HTTP } from "cloudevents";
import { Webhook as StandardWebhook } from "standardwebhooks";
import Stripe from "stripe";
import { Webhook as SvixWebhook } from "svix";
import "@shopify/shopify-api/adapters/node";
import { ApiVersion, shopifyApi } from "@shopify/shopify-api";
import { AwsLambdaReceiver } from "@zoom/rivet/users";
import { ecdsa, ed25519, hex, text, whsec } from "./keys.mjs";

const require = createRequire(import.meta.url);
const { hmacValidator: HmacValidator } = require("@adyen/api-library");
const { Signature: HubSpot } = require("@hubspot/api-client");
const { signWebhookPayload, verifyWebhookSignature } = require("@notionhq/client");
const { encodeSignatureHeader } = require("@sanity/webhook");
const { EventWebhook } = require("@sendgrid/eventwebhook");
const { verifySlackRequest } = require("@slack/bolt");
const { WebhooksManager } = require("box-node-sdk/lib/managers/webhooks");
const { verifyKey } = require("discord-interactions");
const jwt = require("jsonwebtoken");
const { WebhooksHelper } = require("square");
const { getExpectedTwilioSignature } = require("twilio/lib/webhooks/webhooks");

const base = process.argv[2];
const now = new Date();
const seconds = String(Math.floor(now / 1000));
const milliseconds = String(now.getTime());
const json = JSON.stringify;
const greeting = "Grüße — 🚀";

const sha256 = (secret, message, encoding) => createHmac("sha256", secret).update(message).digest(encoding);

// agreed holds that the library takes the body, and does not take another.
async function agreed(body, verify) {
  if (!(await verify(body))) throw new Error("the library refuses what was signed");
  if (await refusal(() => verify(body.replace("T", "t")))) return;
  throw new Error("the library takes another body");
}

async function refusal(verify) {
  try {
    return !(await verify());
  } catch {
    return true;
  }
}

const zoomHeaders = (secret, body) => ({
  "x-zm-signature": `v0=${sha256(secret, `v0:${seconds}:${body}`, "hex")}`,
  "x-zm-request-timestamp": seconds,
});

function zoomHandler(webhooksSecretToken) {
  const receiver = new AwsLambdaReceiver({ webhooksSecretToken });
  receiver.init({ eventEmitter: { emit: async () => {} } });
  return receiver.start();
}

// Each signs with its key and returns the headers that the sender adds to a
// body, or the body with a signature in it. The first header is the signature; status is what the sender wants of an
// accepted delivery. A handshake comes with what the library would answer.
const senders = {
  adyen: {
    keys: hex,
    status: 200,
    body: json({ type: "balancePlatform.transfer.created", data: { description: greeting, id: "T1" } }),
    sign: ({ secret }, body) => ({ HmacSignature: new HmacValidator().calculateHmac(body, secret) }),
  },
  "adyen-payments": {
    keys: hex,
    inBody({ secret }) {
      const validator = new HmacValidator();
      const item = {
        pspReference: "QFQTPCQ8HXSKGK82",
        merchantAccountCode: "Desk",
        merchantReference: `T:1 ${greeting}`,
        amount: { value: 1130, currency: "EUR" },
        eventCode: "AUTHORISATION",
        success: "true",
        reason: greeting,
      };
      const signature = validator.calculateHmac(item, secret);
      item.additionalData = { hmacSignature: signature };
      if (!validator.validateHMAC(item, secret)) throw new Error("the library refuses what it has signed");
      return { signature, body: json({ live: "false", notificationItems: [{ NotificationRequestItem: item }] }) };
    },
  },
  box: {
    keys: text,
    body: json({ id: "e-1", trigger: "FILE.UPLOADED", source: { name: `T ${greeting}` } }),
    async sign({ secret }, body) {
      const headers = {
        "box-signature-primary": sha256(secret, body + now.toISOString(), "base64"),
        "box-delivery-timestamp": now.toISOString(),
        "box-signature-version": "1",
        "box-signature-algorithm": "HmacSHA256",
      };
      await agreed(body, (body) => WebhooksManager.validateMessage(body, headers, secret, { maxAge: 600 }));
      return headers;
    },
  },
  cloudevents: {
    keys: text,
    unsigned: true,
    body: json({ data: greeting }),
    sign({ secret }, body) {
      const event = new CloudEvent({ type: "com.example.created", source: "/tests", data: JSON.parse(body) });
      return { Authorization: `Bearer ${secret}`, ...HTTP.binary(event).headers };
    },
  },
  contentful: {
    keys: hex, // of 64 characters
    body: json({ sys: { type: "Entry", id: "T1" }, fields: { title: { de: greeting } } }),
    sign({ secret }, body, url) {
      const headers = {
        "X-Contentful-Topic": "ContentManagement.Entry.publish",
        "Content-Type": "application/vnd.contentful.management.v1+json",
      };
      const request = { method: "POST", path: new URL(url).pathname, headers, body };
      return { ...signRequest(secret, request, now.getTime()), ...headers };
    },
  },
  discord: {
    keys: ed25519,
    status: 204,
    body: json({ type: 1, id: "d-1", event: { type: "APPLICATION_AUTHORIZED", data: { name: `T ${greeting}` } } }),
    async sign({ secret, key }, body) {
      const signature = signWith(null, Buffer.from(seconds + body), key).toString("hex");
      await agreed(body, (body) => verifyKey(body, signature, seconds, secret));
      return { "X-Signature-Ed25519": signature, "X-Signature-Timestamp": seconds };
    },
  },
  hubspot: {
    keys: text,
    body: json([{ subscriptionType: "contact.creation", eventId: 1, propertyValue: greeting }]),
    sign: ({ secret }, requestBody, url) => ({
      "X-HubSpot-Signature-v3": HubSpot.getSignature("POST", "v3", {
        clientSecret: secret,
        requestBody,
        url,
        timestamp: Number(milliseconds),
      }),
      "X-HubSpot-Request-Timestamp": milliseconds,
    }),
  },
  linear: {
    keys: text,
    status: 200,
    body: json({ type: "Issue", action: "create", data: { title: `T ${greeting}` }, webhookTimestamp: now.getTime() }),
    async sign({ secret }, body) {
      const signature = sha256(secret, body, "hex");
      await agreed(body, (body) => new LinearWebhookClient(secret).verify(Buffer.from(body), signature));
      return { "Linear-Signature": signature, "Linear-Delivery": "l-1", "Linear-Event": "Issue" };
    },
  },
  netlify: {
    keys: text,
    body: json({ id: "n-1", state: "ready", title: `T ${greeting}` }),
    sign({ secret }, body) {
      const sha256 = createHash("sha256").update(body).digest("hex");
      return { "X-Webhook-Signature": jwt.sign({ iss: "netlify", sha256 }, secret), "X-Netlify-Event": "deploy_created" };
    },
  },
  notion: {
    keys: text,
    body: json({ id: "n-1", type: "page.created", data: { title: `T ${greeting}` } }),
    async sign({ secret }, body) {
      const signature = await signWebhookPayload({ body, verificationToken: secret });
      await agreed(body, (body) => verifyWebhookSignature({ body, signature, verificationToken: secret }));
      return { "X-Notion-Signature": signature };
    },
  },
  sanity: {
    keys: text,
    body: json({ _type: "post", title: greeting }),
    sign: async ({ secret }, body) => ({
      "sanity-webhook-signature": await encodeSignatureHeader(body, now.getTime(), secret),
      "idempotency-key": "s-1",
    }),
  },
  sendgrid: {
    keys: ecdsa,
    body: json([{ event: "delivered", sg_event_id: "g-1", category: "T1" }]) + "\r\n",
    async sign({ secret, key }, body) {
      const signature = signWith("sha256", Buffer.from(seconds + body), key).toString("base64");
      const webhook = new EventWebhook();
      const known = webhook.convertPublicKeyToECDSA(secret);
      await agreed(body, (body) => webhook.verifySignature(known, body, signature, seconds));
      return { "X-Twilio-Email-Event-Webhook-Signature": signature, "X-Twilio-Email-Event-Webhook-Timestamp": seconds };
    },
  },
  shopify: {
    keys: text,
    body: json({ id: 1, note: `T ${greeting}` }),
    async sign({ secret }, body) {
      const headers = {
        "X-Shopify-Hmac-Sha256": sha256(secret, body, "base64"),
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Webhook-Id": "y-1",
        "X-Shopify-Shop-Domain": "tests.myshopify.com",
        "X-Shopify-Api-Version": "2026-01",
      };
      const shopify = shopifyApi({
        apiKey: "tests",
        apiSecretKey: secret,
        apiVersion: Object.values(ApiVersion)[0],
        hostName: "hooks.example.com",
        isEmbeddedApp: false,
        logger: { log: () => {} },
      });
      const rawRequest = { method: "POST", url: "/", headers: Object.fromEntries(Object.entries(headers).map(([k, v]) => [k.toLowerCase(), v])) };
      await agreed(body, async (rawBody) => (await shopify.webhooks.validate({ rawBody, rawRequest })).valid);
      return headers;
    },
  },
  slack: {
    keys: text,
    body: json({ type: "event_callback", event_id: "Ev1", event: { type: "app_mention", text: `T ${greeting}` } }),
    async sign({ secret }, body) {
      const signature = `v0=${sha256(secret, `v0:${seconds}:${body}`, "hex")}`;
      const headers = { "x-slack-signature": signature, "x-slack-request-timestamp": Number(seconds) };
      await agreed(body, (body) => verifySlackRequest({ signingSecret: secret, body, headers }) ?? true);
      return { "X-Slack-Signature": signature, "X-Slack-Request-Timestamp": seconds };
    },
  },
  square: {
    keys: text,
    body: json({ type: "payment.created", event_id: "q-1", data: { note: `T ${greeting}` } }),
    async sign({ secret }, body, url) {
      const signature = sha256(secret, url + body, "base64");
      await agreed(body, (requestBody) =>
        WebhooksHelper.verifySignature({ requestBody, signatureHeader: signature, signatureKey: secret, notificationUrl: url }),
      );
      return { "X-Square-HmacSha256-Signature": signature };
    },
  },
  "standard-webhooks": {
    keys: whsec,
    body: json({ type: "user.created", data: { name: greeting } }),
    sign: ({ secret }, body) => ({
      "webhook-signature": new StandardWebhook(secret).sign("msg_1", now, body),
      "webhook-id": "msg_1",
      "webhook-timestamp": seconds,
    }),
  },
  stripe: {
    keys: whsec,
    body: json({ id: "evt_1", object: "event", type: "invoice.paid", data: { object: { description: greeting } } }),
    sign: ({ secret }, payload) => ({
      "Stripe-Signature": Stripe.webhooks.generateTestHeaderString({ payload, secret }),
    }),
  },
  svix: {
    keys: whsec,
    body: json({ type: "user.created", data: { name: greeting } }),
    sign: ({ secret }, body) => ({
      "svix-signature": new SvixWebhook(secret).sign("msg_2", now, body),
      "svix-id": "msg_2",
      "svix-timestamp": seconds,
    }),
  },
  twilio: {
    keys: text,
    status: 204,
    body: new URLSearchParams({ MessageSid: "SM1", From: "+15550001111", To: "+15550002222", Body: greeting }).toString(),
    sign: ({ secret }, body, url) => ({
      "X-Twilio-Signature": getExpectedTwilioSignature(secret, url, Object.fromEntries(new URLSearchParams(body))),
      "I-Twilio-Idempotency-Token": "w-1",
      "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
    }),
  },
  zoom: {
    keys: text,
    status: 200,
    body: json({ event: "meeting.started", payload: { object: { topic: `T ${greeting}` } } }),
    async sign({ secret }, body) {
      const headers = zoomHeaders(secret, body);
      const handle = await zoomHandler(secret);
      await agreed(body, async (body) => (await handle({ body, headers })).statusCode === 200);
      return headers;
    },
    async handshake({ secret }) {
      const body = json({ event: "endpoint.url_validation", payload: { plainToken: "q9ibPhGeRZ6ayx5WTrXjRw" }, event_ts: now.getTime() });
      const headers = zoomHeaders(secret, body);
      const handle = await zoomHandler(secret);
      return { headers, body, answer: (await handle({ body, headers })).body };
    },
  },
};

// Standard output is for the deliveries: what a library says goes nowhere.
console.debug = console.log = () => {};

const deliveries = [];
for (const [provider, { keys, body, sign, inBody, handshake, unsigned = false, status = 202 }] of Object.entries(senders)) {
  const key = keys();
  try {
    const delivery = { provider, secret: key.secret, other: keys().secret, unsigned, status };
    if (inBody) {
      const made = inBody(key);
      deliveries.push({ ...delivery, headers: {}, body: made.body, inBody: made.signature });
      continue;
    }
    const headers = await sign(key, body, base + provider);
    const signature = Object.keys(headers)[0];
    const first = await handshake?.(key);
    deliveries.push({ ...delivery, signature, headers, body, handshake: first });
  } catch (error) {
    throw new Error(`signing for ${provider}: ${error.message}`, { cause: error });
  }
}
process.stdout.write(json(deliveries));

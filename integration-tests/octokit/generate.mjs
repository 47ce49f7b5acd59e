// Prints GitHub's example payloads as deliveries, each with the signature that
// GitHub's own library makes of it.
//
//   node generate.mjs smallest   one delivery of every event type: the smallest
//   node generate.mjs all        every example there is
import { createRequire } from "node:module";
import { sign } from "@octokit/webhooks-methods";

const secret = process.env.SECRET ?? "octokit: It's a Secret to Everybody";
const every = process.argv[2] === "all";
const types = createRequire(import.meta.url)("@octokit/webhooks-examples/api.github.com/index.json");

const deliveries = [];
for (const { name, examples } of types) {
  const bodies = examples.map((example) => JSON.stringify(example));
  const smallest = bodies.reduce((a, b) => (b.length < a.length ? b : a));
  for (const body of every ? bodies : [smallest]) {
    deliveries.push({ event: name, signature: await sign(secret, body), body });
  }
}

const lines = deliveries.map((delivery) => JSON.stringify(delivery)).join(",\n");
process.stdout.write(`{"secret":${JSON.stringify(secret)},"deliveries":[\n${lines}\n]}\n`);

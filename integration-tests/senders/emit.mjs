// Sends events with the CloudEvents SDK, in both of its modes, and prints as
// JSON what it sent and what it was answered.
//
//   AUTHORIZATION='Bearer …' node emit.mjs http://127.0.0.1:8080/webhooks/events
import { CloudEvent, emitterFor, HTTP, httpTransport, Mode } from "cloudevents";

const address = process.argv[2];
const headers = { Authorization: process.env.AUTHORIZATION };
const datas = {
  json: { datacontenttype: "application/json", data: { greeting: "Grüße — 🚀", items: [1, 2.5, null] } },
  text: { datacontenttype: "text/plain; charset=utf-8", data: "Grüße\n— 🚀" },
  nothing: {},
};

const sent = [];
for (const [mode, write] of [[Mode.BINARY, HTTP.binary], [Mode.STRUCTURED, HTTP.structured]]) {
  const emit = emitterFor(httpTransport(address), { mode });
  for (const [name, data] of Object.entries(datas)) {
    const type = `com.example.${name}`;
    const event = new CloudEvent({ id: `${mode}-${name}`, source: "/tests", subject: "a subject", type, ...data });
    const message = write(event);
    if (message.body === undefined) continue; // the transport cannot send it
    const answer = await emit(event, { headers });
    sent.push({ Mode: mode, Type: type, ID: event.id, ContentType: message.headers["content-type"], Body: message.body, Answer: answer.body });
  }
}
console.log(JSON.stringify(sent));

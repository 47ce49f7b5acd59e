// Reads messages of Amazon SNS and tokens of Google's from standard input, and
// prints what the senders' own libraries say of each: true for a good one.
// These libraries fetch what verifies; here it comes with the input.
import https from "node:https";
import { createRequire } from "node:module";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { OAuth2Client } from "google-auth-library";

const require = createRequire(import.meta.url);
const { certificates, messages, keys, audience, tokens } = JSON.parse(await text(process.stdin));

// The library keeps what it fetches by this function.
https.get = (address, answer) => {
  const certificate = certificates[address];
  const response = Object.assign(new PassThrough(), { statusCode: certificate ? 200 : 404 });
  setImmediate(() => {
    answer(response);
    response.end(certificate);
  });
  return response;
};
const MessageValidator = require("sns-validator");

const judge = (message) => new Promise((done) => new MessageValidator().validate(message, (error) => done(!error)));

async function judgeToken(token) {
  try {
    await new OAuth2Client().verifySignedJwtWithCertsAsync(token, keys, audience, ["https://accounts.google.com"]);
    return true;
  } catch {
    return false;
  }
}

process.stdout.write(
  JSON.stringify({ messages: await Promise.all(messages.map(judge)), tokens: await Promise.all(tokens.map(judgeToken)) }),
);

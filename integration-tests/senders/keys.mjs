// The keys of the senders: what an integration is configured with (secret),
// and what signs (key), where that is something else.
import { generateKeyPairSync, randomBytes } from "node:crypto";

export const text = () => ({ secret: randomBytes(24).toString("base64url") });
export const hex = () => ({ secret: randomBytes(32).toString("hex") });
export const whsec = () => ({ secret: `whsec_${randomBytes(24).toString("base64")}` });

export function ed25519() {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = Buffer.from(publicKey.export({ format: "jwk" }).x, "base64url");
  return { secret: raw.toString("hex"), key: privateKey };
}

export function ecdsa() {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { secret: publicKey.export({ type: "spki", format: "der" }).toString("base64"), key: privateKey };
}

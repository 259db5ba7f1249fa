// Keys and access tokens by npm's jose, for scripts/clients/tokens: the JWK Set goes to a file, the tokens to standard output, a line
// each: name, the status that is due, token.
//
// Usage: tokens_jose.mjs JOSE KEYS     (JOSE is the package's entry point)
import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [entry, keysFile] = process.argv.slice(2);
const jose = await import(pathToFileURL(entry));

const ALGORITHMS = ["ES256", "ES384", "RS256", "RS384", "RS512", "PS256", "EdDSA"];

function token(alg, kid, changes = {}) {
  const { typ = "at+jwt", scope = "read write", issuer = "https://jose.example", audience = "things", expires = "5m" } = changes;
  return new jose.SignJWT({ scope, client_id: "client" })
    .setProtectedHeader({ alg, kid, typ })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject("alice")
    .setIssuedAt()
    .setExpirationTime(expires)
    .setJti(crypto.randomUUID());
}

const pairs = new Map();
for (const alg of ALGORITHMS) pairs.set(alg, await jose.generateKeyPair(alg, { extractable: true }));
const keys = [];
for (const [alg, { publicKey }] of pairs) keys.push({ ...(await jose.exportJWK(publicKey)), alg, use: "sig", kid: `jose-${alg}` });
writeFileSync(keysFile, JSON.stringify({ keys }));

const es256 = pairs.get("ES256").privateKey;
const lines = [];
const add = (name, due, text) => lines.push([`jose, ${name}`, due, text].join("\t"));
for (const [alg, { privateKey }] of pairs) add(alg, 200, await token(alg, `jose-${alg}`).sign(privateKey));
const stranger = await jose.generateKeyPair("ES256");
const publicBytes = new TextEncoder().encode(JSON.stringify(keys[0]));
for (const [name, due, changes] of [
  ["an ID token", 401, { typ: "JWT" }],
  ["for another audience", 401, { audience: "others" }],
  ["of another issuer", 401, { issuer: "https://joserfc.example" }],
  ["an hour old", 401, { expires: Math.floor(Date.now() / 1000) - 3600 }],
  ["without the scope", 403, { scope: "write" }],
]) {
  add(name, due, await token("ES256", "jose-ES256", changes).sign(es256));
}
add("a stranger's key", 401, await token("ES256", "jose-ES256").sign(stranger.privateKey));
add("a MAC by a public key", 401, await token("HS256", "jose-ES256").sign(publicBytes));
const unsecured = new jose.UnsecuredJWT({ scope: "read" }).setIssuer("https://jose.example").setAudience("things").setSubject("alice");
add("not signed", 401, unsecured.setExpirationTime("5m").encode());
process.stdout.write(`${lines.join("\n")}\n`);

// What npm's jose says of tokens: one line for each, `accepted` or why not.
//
// Usage: judge_jose.mjs JOSE KEYS TOKENS     (JOSE is the package's entry point)
// It is asked as its documentation has it: `jwtVerify` with a key set, the algorithms that are allowed and what is expected. Which
// key decrypts, and that the content of an encrypted token is a token, jose leaves to its caller: it is done here by hand.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [entry, keysFile, tokensFile] = process.argv.slice(2);
const jose = await import(pathToFileURL(entry));
const keys = JSON.parse(readFileSync(keysFile, "utf8"));

const EXPECTED = {
  issuer: "https://issuer.example",
  audience: "https://api.example",
  typ: "at+jwt",
  requiredClaims: ["sub", "exp"],
  clockTolerance: 30,
  currentDate: new Date(keys.now * 1000),
};
const PUBLIC = ["ES256", "ES384", "EdDSA", "Ed25519", "RS256", "RS384", "RS512", "PS256"];
const KEY_MANAGEMENT = {
  keyManagementAlgorithms: ["dir", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW", "RSA-OAEP-256"],
  contentEncryptionAlgorithms: ["A128GCM", "A256GCM", "A256CBC-HS512"],
};

const publicKeys = jose.createLocalJWKSet(keys.public);
const [sharedJwk] = keys.shared.keys;
const sharedKey = await jose.importJWK(sharedJwk);

Error.stackTraceLimit = 0;
const imported = new Map();

// The key of exactly this name; without a name, the only one for the algorithm. A shared key's `alg` is what it encrypts with.
async function recipient(header) {
  const isFor = (key) => key.alg === (header.alg === "dir" ? header.enc : header.alg);
  const fitting = keys.sealed.keys.filter((key) => (header.kid === undefined ? isFor(key) : key.kid === header.kid && isFor(key)));
  if (fitting.length !== 1) throw new Error("no one key");
  const [{ alg, use, kid, ...key }] = fitting;
  if (!imported.has(kid)) imported.set(kid, await jose.importJWK(key, header.alg));
  return imported.get(kid);
}

// The shared key has a name, which a token that names another one does not mean.
function shared(header) {
  if (header.kid !== undefined && header.kid !== sharedJwk.kid) throw new Error("no such key");
  return sharedKey;
}

const JUDGES = {
  public: (token) => jose.jwtVerify(token, publicKeys, { ...EXPECTED, algorithms: PUBLIC }),
  shared: (token) => jose.jwtVerify(token, shared, { ...EXPECTED, algorithms: ["HS256"] }),
  sealed: async (token) => {
    const { plaintext, protectedHeader } = await jose.compactDecrypt(token, recipient, KEY_MANAGEMENT);
    // A signed token, of any kind: RFC 7519 §5.2, with the suffix of RFC 8417 §7.2.
    if (!/^(application\/)?([^/]+\+)?jwt$/i.test(protectedHeader.cty)) throw new Error("no nested token");
    return JUDGES.public(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(plaintext));
  },
};

// Where compressed content cannot be read, jose refuses the token, and one promise of its stream fails with nobody to see it.
process.on("unhandledRejection", () => {});

const verdicts = [];
for (const line of readFileSync(tokensFile, "utf8").split("\n")) {
  if (line === "") continue;
  const { kind, token } = JSON.parse(line);
  try {
    await JUDGES[kind](token);
    verdicts.push("accepted");
  } catch (error) {
    verdicts.push(error.code ?? error.name);
  }
}
process.stdout.write(`${verdicts.join("\n")}\n`);

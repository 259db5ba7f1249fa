"""What PyPI's joserfc says of tokens: one line for each, `accepted` or why not.

Usage: judge_joserfc.py KEYS TOKENS
It is asked as its documentation has it: the algorithms that are allowed, a key set, the claims that are expected. What it leaves to
the caller (`typ`, and that the content of an encrypted token is a token) is done here by hand, as leniently as the standards allow.
"""

import json
import re
import sys
import warnings

from joserfc import jwe, jwt
from joserfc.jwe import JWERegistry
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

PUBLIC = ["ES256", "ES384", "EdDSA", "Ed25519", "RS256", "RS384", "RS512", "PS256"]
KEY_MANAGEMENT = ["dir", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW", "RSA-OAEP-256"]
ENCRYPTIONS = ["A128GCM", "A256GCM", "A256CBC-HS512"]


class NotAsExpected(Exception):
    """What joserfc leaves to its caller is not as it has to be."""


class Judge:
    def __init__(self, keys):
        self.public = KeySet.import_key_set(keys["public"])
        self.shared = KeySet.import_key_set(keys["shared"])
        self.recipients = KeySet.import_key_set({"keys": [recipient(jwk) for jwk in keys["sealed"]["keys"]]})
        self.claims = jwt.JWTClaimsRegistry(
            now=keys["now"],
            leeway=30,
            iss={"essential": True, "value": "https://issuer.example"},
            aud={"essential": True, "value": "https://api.example"},
            exp={"essential": True},
            sub={"essential": True, "allow_blank": True},
        )

    def judge(self, kind, token):
        if kind == "sealed":
            token = self.decrypted(token)
        if kind == "shared":
            decoded = self.decode(token, self.shared, ["HS256"])
        else:
            decoded = self.decode(token, self.public, PUBLIC)
        self.claims.validate(decoded.claims)
        typ = decoded.header.get("typ", "")
        if media_type(typ) != "application/at+jwt":
            raise NotAsExpected("typ")

    @staticmethod
    def decode(token, keys, algorithms):
        # Headers may have members that nobody knows (RFC 7515 §4), which joserfc refuses unless told otherwise.
        registry = JWSRegistry(algorithms=algorithms, strict_check_header=False)
        return jwt.decode(token, keys, algorithms=algorithms, registry=registry)

    def decrypted(self, token):
        algorithms = KEY_MANAGEMENT + ENCRYPTIONS
        registry = JWERegistry(algorithms=algorithms, strict_check_header=False)
        opened = jwe.decrypt_compact(token, self.recipients, registry=registry)
        # A signed token, of any kind: RFC 7519 §5.2, with the suffix of RFC 8417 §7.2.
        if not re.fullmatch(r"application/([^/]+\+)?jwt", media_type(opened.headers().get("cty", ""))):
            raise NotAsExpected("cty")
        return opened.plaintext


def recipient(jwk):
    """A shared key's `alg` is what it encrypts with (RFC 7520 §5.6); joserfc expects `dir` there, or nothing."""
    return {name: value for name, value in jwk.items() if name != "alg" or jwk["kty"] != "oct"}


def media_type(text):
    """RFC 7515 §4.1.9: `application/` may be left out, and letters are those of either case."""
    text = text.lower() if isinstance(text, str) else ""
    return text if "/" in text else f"application/{text}"


def main(keys, tokens):
    warnings.simplefilter("ignore")
    with open(keys, encoding="utf-8") as file:
        judge = Judge(json.load(file))
    with open(tokens, encoding="utf-8") as file:
        for line in file:
            token = json.loads(line)
            try:
                judge.judge(token["kind"], token["token"])
                print("accepted")
            # Whatever it raises is a refusal, by its name.
            except Exception as error:
                print(type(error).__name__)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Keys and access tokens by PyPI's joserfc, for scripts/clients/tokens: the JWK Set goes to a file, the tokens to standard output, a
line each: name, the status that is due, token.

Usage: tokens_joserfc.py KEYS
"""

import json
import sys
import time
import uuid
import warnings

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

warnings.simplefilter("ignore")


def named(cls, size, alg):
    return cls.generate_key(size, {"alg": alg, "use": "sig", "kid": f"joserfc-{alg}"})


KEYS = {
    "ES256": named(ECKey, "P-256", "ES256"),
    "ES384": named(ECKey, "P-384", "ES384"),
    "RS256": named(RSAKey, 2048, "RS256"),
    "PS256": named(RSAKey, 3072, "PS256"),
    "EdDSA": named(OKPKey, "Ed25519", "EdDSA"),
}


def claims(**changes):
    now = int(time.time())
    base = {
        "iss": "https://joserfc.example",
        "aud": ["others", "things"],
        "sub": "bob",
        "client_id": "client",
        "scope": "read",
        "iat": now,
        "exp": now + 300,
        "jti": str(uuid.uuid4()),
    }
    return base | changes


def add(name, due, alg, key, typ="at+jwt", **changes):
    header = {"alg": alg, "kid": key.kid, "typ": typ}
    print(f"joserfc, {name}", due, jwt.encode(header, claims(**changes), key, algorithms=[alg]), sep="\t")


def main(keys):
    with open(keys, "w", encoding="utf-8") as file:
        json.dump(KeySet(list(KEYS.values())).as_dict(private=False), file)
    for alg, key in KEYS.items():
        add(alg, 200, alg, key)
    es256 = KEYS["ES256"]
    add("a type written whole", 200, "ES256", es256, typ="application/at+jwt")
    add("not valid yet", 401, "ES256", es256, nbf=int(time.time()) + 3600)
    add("made tomorrow", 401, "ES256", es256, iat=int(time.time()) + 86400)
    add("for others only", 401, "ES256", es256, aud=["others"])
    add("a MAC", 401, "HS256", OctKey.generate_key(256, {"kid": "joserfc-ES256"}))


if __name__ == "__main__":
    main(*sys.argv[1:])

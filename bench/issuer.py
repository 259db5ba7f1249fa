"""An issuer for one run: its key is made by openssl, which also signs; the tokens are JWTs in the form of RFC 9068."""

import base64
import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

ISSUER = "https://id.bench.example"
AUDIENCE = "https://orders.bench.example"
KEY_NAME = "bench-1"
GOOD_SECONDS = 3600
# An uncompressed point on P-256, at the end of the public key in DER: 4, then 32 octets each.
POINT_BYTES = 65
NUMBER_BYTES = 32


@dataclass(frozen=True)
class Issuer:
    key: Path
    """A JWK Set of its public key."""
    published: Path

    def token(self, subject: str, more: dict | None = None) -> str:
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "client_id": "bench", "scope": "read"} | (more or {})
        signing_input = ".".join([part(header()), part(claims | {"iat": now, "exp": now + GOOD_SECONDS})])
        command = ["openssl", "dgst", "-sha256", "-sign", str(self.key)]
        signed = subprocess.run(command, input=signing_input.encode(), check=True, capture_output=True)
        return f"{signing_input}.{encoded(side_by_side(signed.stdout))}"


def found(folder: Path) -> Issuer:
    """A new issuer, in a folder that is there."""
    key, published = folder / "issuer.pem", folder / "issuer.json"
    make = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(key)]
    subprocess.run(make, check=True, capture_output=True)
    show = ["openssl", "pkey", "-in", str(key), "-pubout", "-outform", "DER"]
    point = subprocess.run(show, check=True, capture_output=True).stdout[-POINT_BYTES:]
    x, y = encoded(point[1 : 1 + NUMBER_BYTES]), encoded(point[1 + NUMBER_BYTES :])
    jwk = {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": KEY_NAME, "alg": "ES256", "use": "sig"}
    published.write_text(json.dumps({"keys": [jwk]}))
    return Issuer(key, published)


def header() -> dict:
    return {"alg": "ES256", "typ": "at+jwt", "kid": KEY_NAME}


def part(members: dict) -> str:
    return encoded(json.dumps(members, separators=(",", ":")).encode())


def encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def side_by_side(der: bytes) -> bytes:
    """R and S, each of 32 octets, of the two integers in a sequence (RFC 7518 §3.4)."""
    numbers, at = [], 2
    for _ in range(2):
        length = der[at + 1]
        numbers.append(int.from_bytes(der[at + 2 : at + 2 + length], "big"))
        at += 2 + length
    return b"".join(number.to_bytes(NUMBER_BYTES, "big") for number in numbers)

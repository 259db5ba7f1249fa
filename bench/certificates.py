"""A certificate for loopback, made by openssl for one run."""

import subprocess
from pathlib import Path

from peers import Certificate, write

REQUEST = """
[req]
distinguished_name = name
x509_extensions = extensions
prompt = no
[name]
CN = bench
[extensions]
basicConstraints = critical, CA:FALSE
subjectAltName = IP:127.0.0.1, DNS:localhost
"""


def issue(folder: Path) -> Certificate:
    """P-256, the most common of keys, self-signed."""
    folder.mkdir()
    chain, key = folder / "chain.pem", folder / "key.pem"
    config = write(folder / "request.cnf", REQUEST)
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]
    files = ["-config", str(config), "-keyout", str(key), "-out", str(chain)]
    command = ["openssl", "req", "-x509", *curve, "-days", "2", *files]
    subprocess.run(command, check=True, capture_output=True)
    bundle = write(folder / "bundle.pem", chain.read_text() + key.read_text())
    return Certificate(chain, key, bundle)

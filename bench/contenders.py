"""The programs that are compared, by name, and the upstream that they all forward to."""

import json
import shutil
import socket
import subprocess
from pathlib import Path

import issuer
import peers
from peers import Certificate, Setup, write

HERE = Path(__file__).resolve().parent
CONTENDERS = ["nginx", "haproxy", "envoy", "portcullis"]
REFERENCE = "nginx"

SMALL = (HERE / "fixtures/small.json").read_text()
ORDER = (HERE / "fixtures/order.json").read_text()
"""100 KB that are passed on, and 100 KB of JSON."""
LARGE = SMALL * 312
BATCH = json.dumps([json.loads(ORDER)] * 97, separators=(",", ":"))

UPSTREAM = """
  server {{ listen 127.0.0.1:{port} backlog=4096; default_type application/json; root {folder}/www;
    location = /small {{ default_type application/octet-stream; return 200 '{small}'; }}
    location = /mine {{ default_type application/octet-stream; return 200 '{small}'; }}
    location ~ /accounts/ {{ default_type application/octet-stream; return 200 '{small}'; }}
    location = /large {{ default_type application/octet-stream; }}
    location = /orders {{ return 200 '{order}'; }}
    location = /batches {{ error_page 405 =200 $uri; }} }}
"""


def upstream(folder: Path) -> Setup:
    (folder / "www").mkdir()
    write(folder / "www/large", LARGE)
    write(folder / "www/batches", BATCH)
    port = free_port()
    http = UPSTREAM.format(port=port, folder=folder, small=SMALL, order=ORDER)
    return peers.nginx("upstream", folder, port, http)


def contender(name: str, folder: Path, upstream_port: int, binary: Path, certificate: Certificate | None) -> Setup:
    """How a contender forwards what arrives in the clear, or with a certificate over TLS as HTTP/1.1 or HTTP/2."""
    port = free_port()
    if name == "nginx":
        return peers.nginx_proxy(folder, port, upstream_port, certificate)
    if name == "haproxy":
        return peers.haproxy(folder, port, upstream_port, certificate)
    if name == "envoy":
        return peers.envoy(folder, port, upstream_port, certificate, shutil.which("envoy") or "envoy")
    return portcullis(folder, port, upstream_port, binary, certificate)


def portcullis(folder: Path, port: int, upstream_port: int, binary: Path, certificate: Certificate | None) -> Setup:
    listen: dict = {"address": f"127.0.0.1:{port}"}
    if certificate:
        listen["tls"] = {"certificates": [{"chain": str(certificate.chain), "key": str(certificate.key)}]}
    text = (HERE / "portcullis.yaml").read_text()
    keys = issuer.found(folder).published
    for placeholder, value in {
        "@LISTEN@": listen if certificate else listen["address"],
        "@CONTRACT@": str(HERE / "orders.openapi.yaml"),
        "@UPSTREAM@": f"http://127.0.0.1:{upstream_port}",
        "@ADMIN@": f"127.0.0.1:{free_port()}",
        "@ISSUER@": issuer.ISSUER,
        "@AUDIENCE@": issuer.AUDIENCE,
        "@KEYS@": str(keys),
    }.items():
        # JSON is YAML.
        text = text.replace(f'"{placeholder}"', json.dumps(value))
    config = write(folder / "portcullis.yaml", text)
    checked = subprocess.run([str(binary), "check", "-c", str(config)], capture_output=True, text=True, check=False)
    if checked.returncode:
        raise RuntimeError(f"portcullis does not take its configuration:\n{checked.stdout}{checked.stderr}")
    return Setup("portcullis", [str(binary), "serve", "-c", str(config)], port)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]

"""The programs that are compared, set up to do the same work: forward on one core with kept-alive connections."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
SMALL = (HERE / "fixtures/small.json").read_text()
ORDER = (HERE / "fixtures/order.json").read_text()

NGINX_COMMON = """
worker_processes 1; daemon off; pid {folder}/{name}.pid; error_log {folder}/{name}.err error; {user}
events {{ worker_connections 4096; }}
http {{
  access_log off; server_tokens off; tcp_nodelay on; client_body_buffer_size 64k;
  keepalive_requests 1000000000; keepalive_timeout 3600s;
  client_body_temp_path {folder}/{name}.body; proxy_temp_path {folder}/{name}.proxy;
  fastcgi_temp_path {folder}/{name}.fastcgi; uwsgi_temp_path {folder}/{name}.uwsgi; scgi_temp_path {folder}/{name}.scgi;
  {http}
}}
"""

UPSTREAM = """
  server {{ listen 127.0.0.1:{port} backlog=4096; default_type application/json;
    location = /small {{ default_type application/octet-stream; return 200 '{small}'; }}
    location = /orders {{ return 200 '{order}'; }} }}
"""

PROXY = """
  upstream u {{ server 127.0.0.1:{upstream}; keepalive 512; keepalive_requests 1000000000; keepalive_timeout 3600s; }}
  server {{ listen 127.0.0.1:{port} backlog=4096;
    location / {{ proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
      proxy_pass http://u; }} }}
"""

HAPROXY = """
global
  maxconn 8192
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend f
  bind 127.0.0.1:{port} backlog 4096
  default_backend b
backend b
  server u 127.0.0.1:{upstream} pool-max-conn 512
"""


@dataclass(frozen=True)
class Setup:
    """How a program is started, and where it then listens."""

    name: str
    command: list[str]
    port: int


def upstream(folder: Path) -> Setup:
    port = free_port()
    return nginx("upstream", folder, port, UPSTREAM.format(port=port, small=SMALL, order=ORDER))


def contender(name: str, folder: Path, upstream_port: int, binary: Path) -> Setup:
    port = free_port()
    if name == "nginx":
        return nginx(name, folder, port, PROXY.format(port=port, upstream=upstream_port))
    if name == "haproxy":
        config = write(folder / "haproxy.cfg", HAPROXY.format(port=port, upstream=upstream_port))
        return Setup(name, ["haproxy", "-db", "-q", "-f", str(config)], port)
    text = (HERE / "portcullis.yaml").read_text()
    for placeholder, value in {
        "@LISTEN@": f"127.0.0.1:{port}",
        "@CONTRACT@": str(HERE / "orders.openapi.yaml"),
        "@UPSTREAM@": f"http://127.0.0.1:{upstream_port}",
        "@ADMIN@": f"127.0.0.1:{free_port()}",
    }.items():
        text = text.replace(placeholder, value)
    config = write(folder / "portcullis.yaml", text)
    return Setup(name, [str(binary), "serve", "-c", str(config)], port)


def nginx(name: str, folder: Path, port: int, http: str) -> Setup:
    user = "user root;" if os.getuid() == 0 else ""
    text = NGINX_COMMON.format(folder=folder, name=name, user=user, http=http)
    config = write(folder / f"{name}.conf", text)
    command = ["nginx", "-p", str(folder), "-e", str(folder / f"{name}.err"), "-c", str(config)]
    return Setup(name, command, port)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]

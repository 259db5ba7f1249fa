"""nginx, HAProxy and Envoy, set up to do the same work: forward on one core with kept-alive connections.

What one of them has by default and another has not is made equal: one worker, no access log, buffers that hold a body of
100 KB, room for 10,000 connections, TLS 1.3 with tickets.
"""

import json
import os
import resource
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS_MAX = 25_000

NGINX = """
worker_processes 1; daemon off; pid {folder}/{name}.pid; error_log {folder}/{name}.err error; {user}
worker_rlimit_nofile {descriptors};
events {{ worker_connections {connections}; }}
http {{
  access_log off; server_tokens off; tcp_nodelay on; client_body_buffer_size 256k;
  keepalive_requests 1000000000; keepalive_timeout 3600s;
  client_body_temp_path {folder}/{name}.body; proxy_temp_path {folder}/{name}.proxy;
  fastcgi_temp_path {folder}/{name}.fastcgi; uwsgi_temp_path {folder}/{name}.uwsgi; scgi_temp_path {folder}/{name}.scgi;
  {http}
}}
"""

NGINX_PROXY = """
  upstream u {{ server 127.0.0.1:{upstream}; keepalive 512; keepalive_requests 1000000000; keepalive_timeout 3600s; }}
  server {{ listen 127.0.0.1:{port} {options} backlog=4096; {tls}
    location / {{ proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
      proxy_buffers 16 16k; proxy_buffer_size 16k; proxy_pass http://u; }} }}
"""

NGINX_TLS = "ssl_certificate {chain}; ssl_certificate_key {key}; ssl_protocols TLSv1.3; ssl_ecdh_curve X25519;"

HAPROXY = """
global
  no strict-limits
  maxconn {connections}
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 3600s
  timeout http-keep-alive 3600s
  timeout server 60s
  http-reuse always
frontend f
  bind 127.0.0.1:{port} backlog 4096 {tls}
  default_backend b
backend b
  server u 127.0.0.1:{upstream} pool-max-conn 512
"""

HAPROXY_TLS = "ssl crt {bundle} alpn h2,http/1.1 ssl-min-ver TLSv1.3 curves X25519"

ENVOY_TYPES = "type.googleapis.com/envoy.extensions"


@dataclass(frozen=True)
class Setup:
    """How a program is started, and where it then listens."""

    name: str
    command: list[str]
    port: int


@dataclass(frozen=True)
class Certificate:
    """A certificate that is its own authority, as the programs want to have it."""

    chain: Path
    key: Path
    """Both in one file."""
    bundle: Path


def nginx_proxy(folder: Path, port: int, upstream: int, certificate: Certificate | None) -> Setup:
    options, tls = "", ""
    if certificate:
        options, tls = "ssl http2", NGINX_TLS.format(chain=certificate.chain, key=certificate.key)
    return nginx("nginx", folder, port, NGINX_PROXY.format(port=port, upstream=upstream, options=options, tls=tls))


def nginx(name: str, folder: Path, port: int, http: str) -> Setup:
    user = "user root;" if os.getuid() == 0 else ""
    text = NGINX.format(
        folder=folder, name=name, user=user, http=http, connections=CONNECTIONS_MAX, descriptors=descriptors()
    )
    config = write(folder / f"{name}.conf", text)
    command = ["nginx", "-p", str(folder), "-e", str(folder / f"{name}.err"), "-c", str(config)]
    return Setup(name, command, port)


def haproxy(folder: Path, port: int, upstream: int, certificate: Certificate | None) -> Setup:
    tls = HAPROXY_TLS.format(bundle=certificate.bundle) if certificate else ""
    text = HAPROXY.format(port=port, upstream=upstream, tls=tls, connections=CONNECTIONS_MAX)
    return Setup("haproxy", ["haproxy", "-db", "-q", "-f", str(write(folder / "haproxy.cfg", text))], port)


def envoy(folder: Path, port: int, upstream: int, certificate: Certificate | None, binary: str) -> Setup:
    chain: dict = {"filters": [envoy_manager()]}
    if certificate:
        chain["transport_socket"] = envoy_tls(certificate)
    listener = {"name": "l", "address": envoy_address(port), "filter_chains": [chain]}
    endpoint = {"endpoint": {"address": envoy_address(upstream)}}
    cluster = {
        "name": "u",
        "type": "STATIC",
        "connect_timeout": "5s",
        "circuit_breakers": {"thresholds": [{"max_connections": 4096, "max_pending_requests": 4096, "max_requests": 4096}]},
        "load_assignment": {"cluster_name": "u", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    config = {"static_resources": {"listeners": [listener], "clusters": [cluster]}}
    path = write(folder / "envoy.json", json.dumps(config))
    options = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
    return Setup("envoy", [binary, "-c", str(path), *options], port)


def envoy_manager() -> dict:
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": f"{ENVOY_TYPES}.filters.http.router.v3.Router", "suppress_envoy_headers": True},
    }
    host = {"name": "v", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "u"}}]}
    manager = {
        "@type": f"{ENVOY_TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "p",
        "codec_type": "AUTO",
        "generate_request_id": False,
        "delayed_close_timeout": "0s",
        "route_config": {"name": "r", "virtual_hosts": [host]},
        "http_filters": [router],
    }
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}


def envoy_tls(certificate: Certificate) -> dict:
    context = {
        "tls_params": {
            "tls_minimum_protocol_version": "TLSv1_3",
            "tls_maximum_protocol_version": "TLSv1_3",
            "ecdh_curves": ["X25519MLKEM768", "X25519"],
        },
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_certificates": [
            {"certificate_chain": {"filename": str(certificate.chain)}, "private_key": {"filename": str(certificate.key)}}
        ],
    }
    typed = {"@type": f"{ENVOY_TYPES}.transport_sockets.tls.v3.DownstreamTlsContext", "common_tls_context": context}
    return {"name": "envoy.transport_sockets.tls", "typed_config": typed}


def envoy_address(port: int) -> dict:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def descriptors() -> int:
    """How many files a program may have open; the harness raises its own limit to the hard one, and children inherit."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path

"""TLS 1.3 handshakes, full and resumed: what one costs the server.

The load is crates/portcullis/examples/handshakes.rs, a client on rustls, because OpenSSL before 3.5 knows no ML-KEM.
Nothing is requested: a connection is opened, HTTP/2 is begun, the ticket of the session is awaited, the connection is closed.
"""

import json
from pathlib import Path

from certificates import issue
from peers import Certificate
from report import at_most, cheapest, scenario_of
from stage import Field, Stage, field, load, rounds

SCENARIOS = {"handshakes-full": "full", "handshakes-resumed": "resumed"}
CLASSIC, HYBRID = "X25519", "X25519MLKEM768"
"""What marks an entry with the hybrid group."""
MARK = "+mlkem"


def measure(stage: Stage, wanted: list[str]) -> list[dict]:
    certificate = issue(stage.folder / "certificate-handshakes")
    with field(stage, "handshakes", certificate) as up:
        entries, absent = classify(stage, up, certificate)
        kinds = [(name, kind) for name, kind in SCENARIOS.items() if name in wanted]
        return [run(stage, up, certificate, entries, name, kind) | {"absent": absent} for name, kind in kinds]


def classify(stage: Stage, up: Field, certificate: Certificate) -> tuple[list[str], dict[str, str]]:
    """Every contender with X25519, and once more with the hybrid group; those that do not know it, and why not."""
    hybrid, absent = [], {}
    for name in up.names:
        try:
            shake(stage.options.loader, up.contenders[name].port, certificate, 1, "full", HYBRID)
            hybrid.append(name + MARK)
        except RuntimeError:
            absent[name + MARK] = f"it does not know {HYBRID}"
    return [*up.names, *hybrid], absent


def run(stage: Stage, up: Field, certificate: Certificate, entries: list[str], name: str, kind: str) -> dict:
    def send(entry: str, seconds: int) -> int:
        group = HYBRID if entry.endswith(MARK) else CLASSIC
        port = up.contenders[entry.removesuffix(MARK)].port
        return shake(stage.options.loader, port, certificate, seconds, kind, group)

    for entry in entries:
        send(entry, 1)
    slices = rounds(
        entries,
        stage.options.rounds,
        lambda entry: up.contenders[entry.removesuffix(MARK)].server,
        lambda entry: send(entry, stage.options.seconds),
    )
    targets = [cheapest("portcullis", up.names), at_most("portcullis" + MARK, 1.25, "portcullis")]
    what = f"TLS 1.3, P-256 certificate, {kind}; {CLASSIC}, and with `{MARK}` {HYBRID}"
    return scenario_of(name, what, "handshake", slices, targets)


def shake(loader: Path, port: int, certificate: Certificate, seconds: int, kind: str, group: str) -> int:
    """Handshakes one after another on each of a few threads; returns how many, all of the kind and group wanted."""
    arguments = [f"127.0.0.1:{port}", str(certificate.chain), str(seconds), kind, group]
    done = load([str(loader), *arguments], seconds)
    if done.returncode:
        raise RuntimeError(f"handshakes with port {port}, {kind}, {group}: {done.stderr.strip()}")
    return json.loads(done.stdout)["handshakes"]

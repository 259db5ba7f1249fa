"""HTTP/2 over TLS: forwarding what h2load asks for."""

import re

from certificates import issue
from contenders import REFERENCE
from report import at_most, scenario_of
from stage import Stage, field, load, rounds

NAME = "http2"
WHAT = "GET over TLS 1.3 and HTTP/2, answer of 321 B that is passed on, not judged; 32 connections of 8 streams"
CONNECTIONS, STREAMS = 32, 8
COUNTS = re.compile(r"requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored")


def measure(stage: Stage, _wanted: list[str]) -> list[dict]:
    with field(stage, NAME, issue(stage.folder / "certificate-http2")) as up:
        for name in up.names:
            send(up.contenders[name].port, 1)
        slices = rounds(
            up.names,
            stage.options.rounds,
            lambda name: up.contenders[name].server,
            lambda name: send(up.contenders[name].port, stage.options.seconds),
        )
        return [scenario_of(NAME, WHAT, "request", slices, [at_most("portcullis", 1.3, REFERENCE)])]


def send(port: int, seconds: int) -> int:
    """Full load for so many seconds; returns how many requests were answered, all of them well."""
    command = ["h2load", "-t", "1", "-c", str(CONNECTIONS), "-m", str(STREAMS), "-D", str(seconds)]
    output = load([*command, f"https://127.0.0.1:{port}/small"], seconds).stdout
    counts = COUNTS.search(output)
    if not counts or "Application protocol: h2" not in output:
        raise RuntimeError(f"http2: h2load did not speak HTTP/2:\n{output}")
    done, succeeded, failed, errored = (int(count) for count in counts.groups())
    if failed or errored or done != succeeded or not succeeded:
        raise RuntimeError(f"http2: {failed + errored} of {done} requests failed:\n{output}")
    return succeeded

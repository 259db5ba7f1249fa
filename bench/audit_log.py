"""What the audit log adds to a request, and what is left of the throughput where every request is durable before it is forwarded.

Only Portcullis takes part, as three gates that differ in the log alone: one without, one that writes soon after the answer (`async`), one
that writes before the upstream sees the request (`before_forward`). The CPU time is that of the whole process, so the thread that hashes,
signs and syncs counts. The disk is that of the temporary folder.
"""

import json
import subprocess
import time
from contextlib import contextmanager
from collections.abc import Iterator
from pathlib import Path

from contenders import SMALL, free_port, portcullis, upstream
from exchanges import CONNECTIONS, ask
from peers import Setup
from processes import Server
from report import Target, added_at_most, scenario_of
from stage import LOAD_CORE, PROXY_CORE, Contender, Stage, load, rounds, start

NAME = "audit-log"
SCENARIOS = [NAME]
"""The most that the log may add to a request with `async`, in microseconds of CPU."""
ADDED_US_MAX = 3.0
"""The least of the throughput without a log that `before_forward` leaves."""
THROUGHPUT_MIN = 0.5
GATES = {"no log": None, "async": "async", "before_forward": "before_forward"}

SUMMARY = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\n{"requests": %d, "errors": %d}\\n', summary.requests,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


def with_log(stage: Stage, folder: Path, behind: int, durability: str | None) -> Setup:
    """The gate of the other scenarios, with a log of its own."""
    setup = portcullis(folder, free_port(), behind, stage.binary, None)
    if durability:
        log = {
            "path": str(folder / "log"),
            "name": "gate.example/audit",
            "keys": [str(folder / "log.pem")],
            "defaults": {"durability": durability},
        }
        config = folder / "portcullis.yaml"
        config.write_text(f"{config.read_text()}\naudit_log: {json.dumps(log)}\n")
        made = [str(stage.binary), "log", "init", "--config", str(config)]
        done = subprocess.run(made, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{NAME}: the log cannot be made:\n{done.stdout}{done.stderr}")
    return setup


@contextmanager
def gates(stage: Stage) -> Iterator[dict[str, Contender]]:
    folder = stage.folder / NAME
    folder.mkdir()
    servers: list[Server] = []
    contenders = {}
    try:
        behind = upstream(folder)
        servers.append(start(behind.name, behind.command, behind.port, LOAD_CORE, folder))
        for name, durability in GATES.items():
            own = folder / (durability or "none")
            own.mkdir()
            setup = with_log(stage, own, behind.port, durability)
            servers.append(start(name.replace(" ", "-"), setup.command, setup.port, PROXY_CORE, own))
            contenders[name] = Contender(servers[-1], setup.port)
        yield contenders
    finally:
        for server in servers:
            server.stop()


def measure(stage: Stage, wanted: list[str]) -> list[dict]:
    """The scenario, where it is wanted and Portcullis takes part."""
    if "portcullis" not in stage.names or NAME not in wanted:
        return []
    with gates(stage) as up:
        script = stage.folder / "audit-log.lua"
        script.write_text(SUMMARY)
        answered: dict[str, int] = dict.fromkeys(up, 0)
        took: dict[str, float] = dict.fromkeys(up, 0.0)

        def send(name: str) -> int:
            url = f"http://127.0.0.1:{up[name].port}/small"
            wrk = ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{stage.options.seconds}s", "-s", str(script), url]
            began = time.monotonic()
            done = load(wrk, stage.options.seconds)
            summary = json.loads(done.stdout.strip().splitlines()[-1])
            if summary["errors"] or not summary["requests"]:
                raise RuntimeError(f"{NAME}: {name}: {summary}")
            answered[name] += summary["requests"]
            took[name] += time.monotonic() - began
            return summary["requests"]

        for name, contender in up.items():
            status, answer = ask(contender.port, "GET", "/small", None)
            if status != 200 or answer != SMALL:
                raise RuntimeError(f"{NAME}: {name} answers {status} `{answer[:300]}`")
            send(name)
        answered, took = dict.fromkeys(up, 0), dict.fromkeys(up, 0.0)
        slices = rounds(list(up), stage.options.rounds, lambda name: up[name].server, send)
        rates = {name: answered[name] / took[name] for name in up}
        left = rates["before_forward"] / rates["no log"]
        targets = [
            added_at_most("async", "no log", ADDED_US_MAX),
            Target(
                f"before_forward keeps {THROUGHPUT_MIN} of the throughput over {CONNECTIONS} connections",
                lambda _: left > THROUGHPUT_MIN,
            ),
        ]
        facts = {name: f"{rate:,.0f} requests a second" for name, rate in rates.items()}
        facts["before_forward of no log"] = f"{left:.2f}"
        what = f"GET, answer of {len(SMALL)} B; without an audit log, and with one"
        return [scenario_of(NAME, what, "request", slices, targets, reference="no log", facts=facts)]

"""The family of plain exchanges over HTTP/1.1: what is sent, what must come back, and wrk that sends it."""

import http.client
import json
from dataclasses import dataclass
from pathlib import Path

from contenders import BATCH, LARGE, ORDER, REFERENCE, SMALL
from report import Target, at_most, scenario_of
from stage import Stage, field, load, rounds

CONNECTIONS = 64

WRK_SCRIPT = """
wrk.method = "{method}"
wrk.body = {body}
wrk.headers["Content-Type"] = {content_type}
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\n{{"requests": %d, "errors": %d}}\\n', summary.requests,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True)
class Scenario:
    name: str
    what: str
    method: str
    path: str
    body: str | None
    answer: str
    """The most that portcullis may cost, as a multiple of nginx; nothing where that was never set."""
    ratio_max: float | None

    def script(self) -> str:
        content_type = "nil" if self.body is None else '"application/json"'
        body = "nil" if self.body is None else f"[==[{self.body}]==]"
        return WRK_SCRIPT.format(method=self.method, body=body, content_type=content_type)

    def targets(self) -> list[Target]:
        return [] if self.ratio_max is None else [at_most("portcullis", self.ratio_max, REFERENCE)]


SCENARIOS = [
    Scenario("forwarding", "GET, answer of 321 B that is passed on, not judged", "GET", "/small", None, SMALL, 1.25),
    Scenario("judging", "POST, 1 KB JSON request and answer", "POST", "/orders", ORDER, ORDER, 1.8),
    Scenario("large", "GET, answer of 100 KB that is passed on, not judged", "GET", "/large", None, LARGE, None),
    Scenario("large-judging", "POST, 100 KB JSON request and answer", "POST", "/batches", BATCH, BATCH, None),
]


def measure(stage: Stage, wanted: list[str]) -> list[dict]:
    """The scenarios of this family that are wanted."""
    with field(stage, "exchanges") as up:
        ports = {name: contender.port for name, contender in up.contenders.items()}
        if "portcullis" in ports:
            check_judged(ports["portcullis"])
        reports = []
        for scenario in [each for each in SCENARIOS if each.name in wanted]:
            script = stage.folder / f"{scenario.name}.lua"
            script.write_text(scenario.script())
            for name in up.names:
                check_answer(name, ports[name], scenario)
                send(ports[name], scenario, script, 1)
            slices = rounds(
                up.names,
                stage.options.rounds,
                lambda name: up.contenders[name].server,
                lambda name: send(ports[name], scenario, script, stage.options.seconds),
            )
            reports.append(scenario_of(scenario.name, scenario.what, "request", slices, scenario.targets()))
        return reports


def ask(port: int, method: str, path: str, body: str | None, token: str | None = None) -> tuple[int, str]:
    """One request; status zero when nobody listens yet."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        headers = {} if body is None else {"Content-Type": "application/json"}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except OSError:
        return 0, ""
    finally:
        connection.close()


def check_answer(name: str, port: int, scenario: Scenario) -> None:
    """The figures mean something only if the work is done."""
    status, answer = ask(port, scenario.method, scenario.path, scenario.body)
    if status != 200 or not same(answer, scenario.answer):
        raise RuntimeError(f"{name}, {scenario.name}: the answer is {status} `{answer[:300]}`")


def same(answer: str, expected: str) -> bool:
    """The same bytes, or the same JSON."""
    try:
        return answer == expected or json.loads(answer) == json.loads(expected)
    except ValueError:
        return False


def check_judged(port: int) -> None:
    """That the gate really judges: unknown paths, undeclared members and wrong types end at it."""
    order = json.loads(ORDER)
    cases = [
        ("GET", "/unknown", None, 404),
        ("POST", "/orders", json.dumps(order | {"is_admin": True}), 400),
        ("POST", "/orders", json.dumps(order | {"total_cents": "45994"}), 400),
        ("POST", "/orders", json.dumps(order | {"order_id": "7"}), 400),
        ("POST", "/batches", json.dumps([order, order | {"is_admin": True}]), 400),
    ]
    for method, path, body, expected in cases:
        status, answer = ask(port, method, path, body)
        if status != expected:
            raise RuntimeError(f"portcullis: {method} {path} gives {status}, not {expected}: `{answer[:300]}`")


def send(port: int, scenario: Scenario, script: Path, seconds: int) -> int:
    """Full load for so many seconds; returns how many requests were answered, all of them well."""
    url = f"http://127.0.0.1:{port}{scenario.path}"
    wrk = ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "-s", str(script), url]
    done = load(wrk, seconds)
    if done.returncode:
        raise RuntimeError(f"{scenario.name}: wrk failed:\n{done.stderr}")
    output = done.stdout
    summary = json.loads(output.strip().splitlines()[-1])
    if summary["errors"] or not summary["requests"]:
        raise RuntimeError(f"{scenario.name}: {summary['errors']} of {summary['requests']} requests failed:\n{output}")
    return summary["requests"]

"""The two kinds of requests: what is sent, what must come back, and wrk that sends them."""

import http.client
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from contenders import ORDER, SMALL

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
    """The most that portcullis may cost, as a multiple of nginx."""
    ratio_max: float

    def script(self) -> str:
        content_type = "nil" if self.body is None else '"application/json"'
        body = "nil" if self.body is None else f"[==[{self.body}]==]"
        return WRK_SCRIPT.format(method=self.method, body=body, content_type=content_type)


SCENARIOS = [
    Scenario("forwarding", "GET, answer of 321 B that is passed on, not judged", "GET", "/small", None, SMALL, 1.25),
    Scenario("judging", "POST, 1 KB JSON request and answer", "POST", "/orders", ORDER, ORDER, 1.8),
]


def ask(port: int, method: str, path: str, body: str | None) -> tuple[int, str]:
    """One request; status zero when nobody listens yet."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        headers = {} if body is None else {"Content-Type": "application/json"}
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
    if status != 200 or json.loads(answer) != json.loads(scenario.answer):
        raise RuntimeError(f"{name}, {scenario.name}: the answer is {status} `{answer[:300]}`")


def check_judged(port: int) -> None:
    """That the gate really judges: unknown paths, undeclared members and wrong types end at it."""
    order = json.loads(ORDER)
    cases = [
        ("GET", "/unknown", None, 404),
        ("POST", "/orders", json.dumps(order | {"is_admin": True}), 400),
        ("POST", "/orders", json.dumps(order | {"total_cents": "45994"}), 400),
        ("POST", "/orders", json.dumps(order | {"order_id": "7"}), 400),
    ]
    for method, path, body, expected in cases:
        status, answer = ask(port, method, path, body)
        if status != expected:
            raise RuntimeError(f"portcullis: {method} {path} gives {status}, not {expected}: `{answer[:300]}`")


def send(port: int, scenario: Scenario, script: Path, seconds: int, core: int) -> int:
    """Full load for so many seconds; returns how many requests were answered, all of them well."""
    url = f"http://127.0.0.1:{port}{scenario.path}"
    wrk = ["taskset", "--cpu-list", str(core), "wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s"]
    output = subprocess.run([*wrk, "-s", str(script), url], check=True, capture_output=True, text=True).stdout
    summary = json.loads(output.strip().splitlines()[-1])
    if summary["errors"] or not summary["requests"]:
        raise RuntimeError(f"{scenario.name}: {summary['errors']} of {summary['requests']} requests failed:\n{output}")
    return summary["requests"]

"""Access tokens: what a cached one adds to a request, and what a flood of forged ones takes from good callers.

Only Portcullis takes part: the others verify nothing. In the first scenario one gate is asked in turn without a token, with one
where none is looked at, and with one that it verified before, so that all three see the same machine.
"""

import json
import threading
from dataclasses import dataclass
from pathlib import Path

import issuer
from contenders import SMALL
from exchanges import CONNECTIONS, ask
from figures import Slice
from processes import Server
from report import Target, added_at_most, scenario_of
from stage import Contender, Field, Stage, field, load, rounds

COST, FLOOD = "tokens", "tokens-flood"
SCENARIOS = [COST, FLOOD]
"""The most that a token which was verified before may add to a request, in microseconds."""
ADDED_US_MAX = 1.5
"""How many times as long the slowest hundredth of good callers may wait under a flood."""
SLOWER_MAX = 2.0
"""What a flood may make the gate hold more."""
GROWN_BYTES_MAX = 16_000_000
GOOD_CONNECTIONS = 4
FLOOD_CONNECTIONS = 32
"""Each connection of the flood waits this long between two forged tokens: about 1,500 a second, each of which costs the gate a
verification, and which is a fifth of what its core can verify."""
FLOOD_DELAY_MS = 20

SUMMARY = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\n{"requests": %d, "refused": %d, "errors": %d, "p99_us": %d}\\n', summary.requests,
    e.status, e.connect + e.read + e.write + e.timeout, latency:percentile(99)))
end
"""

WITH_TOKEN = 'wrk.headers["Authorization"] = "Bearer @TOKEN@"\n' + SUMMARY

# Header and claims of a good token; the signature is another one each time, so that none is remembered.
FORGED = (
    """
local letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
math.randomseed(@SEED@)
request = function()
  local signature = {}
  for i = 1, 85 do local n = math.random(64); signature[i] = letters:sub(n, n) end
  return wrk.format("GET", "/mine", {["Authorization"] = "Bearer @INPUT@." .. table.concat(signature) .. "A"})
end
delay = function() return @DELAY@ end
"""
    + SUMMARY
)


@dataclass(frozen=True)
class Load:
    """One way to ask the gate."""

    path: str
    script: Path
    connections: int = CONNECTIONS

    def send(self, port: int, seconds: int) -> dict:
        url = f"http://127.0.0.1:{port}{self.path}"
        wrk = ["wrk", "-t", "1", "-c", str(self.connections), "-d", f"{seconds}s", "-s", str(self.script), url]
        done = load(wrk, seconds)
        if done.returncode:
            raise RuntimeError(f"{COST}: wrk failed:\n{done.stderr}")
        return json.loads(done.stdout.strip().splitlines()[-1])

    def answered(self, port: int, seconds: int) -> int:
        """How many were answered, all of them well."""
        summary = self.send(port, seconds)
        if summary["errors"] or summary["refused"] or not summary["requests"]:
            raise RuntimeError(f"{COST}: {self.path}: {summary}")
        return summary["requests"]


def measure(stage: Stage, wanted: list[str]) -> list[dict]:
    """The scenarios of this family that are wanted; nothing where Portcullis does not take part."""
    if "portcullis" not in stage.names:
        return []
    alone = Stage(["portcullis"], stage.options, stage.binary, stage.folder)
    with field(alone, "tokens") as up:
        gate = up.contenders["portcullis"]
        token = issuer.Issuer(gate.server.log.parent / "issuer.pem", Path()).token("alice")
        check_verified(gate.port)
        reports = []
        if COST in wanted:
            reports.append(cost(stage, up, token))
        if FLOOD in wanted:
            reports.append(flood(stage, up, token))
        return reports


def check_verified(port: int) -> None:
    """That the gate really asks: without a token nobody is let in."""
    status, answer = ask(port, "GET", "/mine", None)
    if status != 401:
        raise RuntimeError(f"portcullis: without a token /mine gives {status}: `{answer[:300]}`")


def in_turns(stage: Stage, gate: Contender, loads: dict[str, Load]) -> dict[str, list[Slice]]:
    """The same gate is asked in each of these ways, once before it counts."""
    for each in loads.values():
        each.answered(gate.port, 1)
    return rounds(
        list(loads),
        stage.options.rounds,
        lambda _: gate.server,
        lambda name: loads[name].answered(gate.port, stage.options.seconds),
    )


def script(stage: Stage, name: str, text: str) -> Path:
    path = stage.folder / f"{name}.lua"
    path.write_text(text)
    return path


def cost(stage: Stage, up: Field, token: str) -> dict:
    gate = up.contenders["portcullis"]
    with_token = script(stage, "with-token", WITH_TOKEN.replace("@TOKEN@", token))
    loads = {
        "without a token": Load("/small", script(stage, "without", SUMMARY)),
        "one not looked at": Load("/small", with_token),
        "one verified": Load("/mine", with_token),
    }
    slices = in_turns(stage, gate, loads)
    # What verifying adds, and what the token adds as a whole: its octets have to be read, too.
    targets = [added_at_most("one verified", reference, ADDED_US_MAX) for reference in ("one not looked at", "without a token")]
    what = f"GET, answer of {len(SMALL)} B, with a token that was verified before and without; one gate"
    return scenario_of(COST, what, "request", slices, targets, reference="without a token")


def flood(stage: Stage, up: Field, token: str) -> dict:
    gate = up.contenders["portcullis"]
    good = Load("/mine", script(stage, "good", WITH_TOKEN.replace("@TOKEN@", token)), GOOD_CONNECTIONS)
    signing_input = token.rpartition(".")[0]
    forged = FORGED.replace("@INPUT@", signing_input).replace("@DELAY@", str(FLOOD_DELAY_MS))
    seconds = stage.options.seconds
    calm, pressed, flooded, memory = [], [], 0, [held(gate.server)]
    for seed in range(stage.options.rounds):
        hostile = Load("/mine", script(stage, "forged", forged.replace("@SEED@", str(seed))), FLOOD_CONNECTIONS)
        calm.append(good.send(gate.port, seconds))
        refused: list[dict] = []
        thread = threading.Thread(target=lambda: refused.append(hostile.send(gate.port, seconds)))
        thread.start()
        pressed.append(good.send(gate.port, seconds))
        thread.join()
        if not refused or refused[0]["refused"] != refused[0]["requests"] or pressed[-1]["refused"]:
            raise RuntimeError(f"{FLOOD}: of the forged {refused}, of the good {pressed[-1]}")
        flooded += refused[0]["requests"]
        memory.append(held(gate.server))
    ratios = sorted(after["p99_us"] / before["p99_us"] for before, after in zip(calm, pressed))
    slower = ratios[len(ratios) // 2]
    grown = memory[-1] - memory[1]
    what = f"{GOOD_CONNECTIONS} good callers while {FLOOD_CONNECTIONS} others send forged tokens, no two the same"
    targets = [
        Target(f"good callers' p99 at most {SLOWER_MAX} x that without the flood", lambda _: slower <= SLOWER_MAX),
        Target(f"no more than {GROWN_BYTES_MAX // 1_000_000} MB more", lambda _: grown <= GROWN_BYTES_MAX),
    ]
    facts = {
        "forged tokens": str(flooded),
        "p99 of good callers": f"{slower:.2f} x (median of {len(ratios)} rounds)",
        "memory before, after the first round, at the end": ", ".join(
            f"{bytes_ / 1e6:.1f} MB" for bytes_ in (memory[0], memory[1], memory[-1])
        ),
    }
    return scenario_of(FLOOD, what, "request", {}, targets, facts=facts)


def held(server: Server) -> int:
    return server.memory_bytes()

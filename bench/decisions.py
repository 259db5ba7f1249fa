"""Decisions: what roles and policies add to a request that names an account, by how many policies there are; and what it takes to answer
others who ask, as AuthZEN has it.

Only Portcullis takes part. One gate has the same contract three times, with the same token: not decided on, decided by 100 policies,
and by 10,000 of which 16 have the caller, the operation and the account in their scope. Each request names an account of its own, so that no
decision is remembered; then every request names the same one, so that each is. The same gate answers evaluations over the 100 policies, one
and 50 in a request, each about an account of its own.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import issuer
from contenders import HERE, SMALL, free_port, upstream
from exchanges import ask
from peers import write
from report import added_at_most, costs_at_most, scenario_of
from stage import LOAD_CORE, PROXY_CORE, Contender, Stage, start
from tokens import Load, SUMMARY, in_turns, script

COST, ASKED = "decisions", "decisions-authzen"
SCENARIOS = [COST, ASKED]
UNDECIDED = "not decided on"
"""By how many policies an API is decided on, and the most that its decisions may add to a request, in microseconds."""
POLICIES = {"few": (100, 10.0), "many": (10_000, 20.0)}
IN_SCOPE = 16
"""The policy that permits is the last of those in scope."""
DEPARTMENT = f"department-{IN_SCOPE - 1}"
GROUPS = ["g0", "g1", "g2", "g3"]
"""Accounts have names so many that a worker remembers next to none."""
ACCOUNTS = 10_000_000

"""The least that one core decides in a second for those who ask over HTTP."""
DECISIONS_MIN = 20_000
"""How many questions stand in one request."""
BATCH = 50

"""Counts, and is never reached."""
NO_LIMIT = {"name": "address", "key": ["address"], "requests": 1_000_000_000, "per": "1s"}

ROLES = {
    "roles": {"reader": {"operations": ["readAccount"]}, "writer": {"tags": ["accounts"]}},
    "assignments": [{"role": "reader", "group": "g0"}, {"role": "writer", "group": "nobody"}],
}

REQUEST = (
    """
math.randomseed(@SEED@)
request = function()
  return wrk.format("GET", "@PATH@/accounts/" .. @ACCOUNT@, {["Authorization"] = "Bearer @TOKEN@"})
end
"""
    + SUMMARY
)


SUBJECT = {"type": "User", "id": "alice", "properties": {"department": "@DEPARTMENT@", "groups": GROUPS}}
QUESTION = {"subject": SUBJECT, "action": {"name": "readAccount"}, "context": {"address": "127.0.0.1"}}

EVALUATION = (
    """
math.randomseed(1)
local headers = {["Authorization"] = "Bearer @TOKEN@", ["Content-Type"] = "application/json"}
local function resource() return '{"type": "Account", "id": "' .. math.random(@ACCOUNTS@) .. '"}' end
request = function()
  local resources = {}
  for i = 1, @BATCH@ do resources[i] = '{"resource": ' .. resource() .. '}' end
  local body = '@QUESTION@'
  if @BATCH@ == 1 then body = body .. ', "resource": ' .. resource() .. '}'
  else body = body .. ', "evaluations": [' .. table.concat(resources, ",") .. ']}' end
  return wrk.format("POST", "@PATH@", headers, body)
end
"""
    + SUMMARY
)


@dataclass(frozen=True)
class Gate(Contender):
    token: str


def policies(number: int) -> str:
    """So many policies, of which the first 16 are in scope; the others have another group, or another operation or resource."""
    return "\n".join(policy(each) for each in range(number))


def policy(number: int) -> str:
    group, account = f"g{number % 4}", "resource is Account"
    if number >= IN_SCOPE:
        group, account = [(f"g{number}", account), (group, f'resource == Account::"a{number}"')][number % 2]
    condition = f'principal has department && principal.department == "department-{number}"'
    scope = f'principal in Group::"{group}", action == Action::"readAccount", {account}'
    return f'@id("p{number}") permit ({scope}) when {{ {condition} && context.address.isLoopback() }};'


def api(base_path: str, policy_file: str, mode: str, port: int) -> dict:
    return {
        "name": base_path.strip("/"),
        "contract": str(HERE / "accounts.openapi.yaml"),
        "upstream": f"http://127.0.0.1:{port}",
        "base_path": base_path,
        "security_schemes": {"bearerAuth": {"issuers": ["bench"]}},
        "authorization": {
            "policies": [policy_file],
            "roles": "roles.json",
            "claims": {"department": "string"},
            "groups_claim": "groups",
        },
        "policy": {"modes": {"authorization": mode}, "rate_limits": [NO_LIMIT]},
    }


def configuration(port: int, upstream_port: int) -> dict:
    """As `portcullis.yaml`, with other APIs."""
    apis = [api(f"/{name}", f"{name}.cedar", "enforce", upstream_port) for name in POLICIES]
    return {
        "listen": f"127.0.0.1:{port}",
        "workers": 1,
        "connection": {"connections_max": 25_000, "connections_per_address_max": 25_000},
        "arrival_limit": {"requests": 1_000_000_000, "per": "1s"},
        "issuers": [
            {"name": "bench", "issuer": issuer.ISSUER, "audiences": [issuer.AUDIENCE], "keys": {"file": "issuer.json"}},
        ],
        "apis": [api("/none", "few.cedar", "off", upstream_port), *apis],
        "authzen": [
            {
                "name": "pdp",
                "for": "few",
                "url": "https://pdp.bench.example",
                "security_schemes": {"tokens": {"issuers": ["bench"]}},
                "policy": {"rate_limits": [NO_LIMIT]},
            }
        ],
    }


@contextmanager
def gate(stage: Stage) -> Iterator[Gate]:
    folder = stage.folder / COST
    folder.mkdir()
    caller = issuer.found(folder).token("alice", {"department": DEPARTMENT, "groups": GROUPS})
    for name, (number, _) in POLICIES.items():
        write(folder / f"{name}.cedar", policies(number))
    write(folder / "roles.json", json.dumps(ROLES))
    servers = []
    try:
        behind = upstream(folder)
        servers.append(start(behind.name, behind.command, behind.port, LOAD_CORE, folder))
        port = free_port()
        config = write(folder / "portcullis.yaml", json.dumps(configuration(port, behind.port)))
        command = [str(stage.binary), "serve", "-c", str(config)]
        servers.append(start("portcullis", command, port, PROXY_CORE, folder))
        yield Gate(servers[-1], port, caller)
    finally:
        for server in servers:
            server.stop()


def measure(stage: Stage, wanted: list[str]) -> list[dict]:
    """Nothing where Portcullis does not take part."""
    if "portcullis" not in stage.names:
        return []
    with gate(stage) as up:
        check_decided(up.port)
        families = {COST: cost, ASKED: asked}
        return [measure_one(stage, up) for name, measure_one in families.items() if name in wanted]


def check_decided(port: int) -> None:
    """That the gate really asks: whoever proves nothing is not let in."""
    status, answer = ask(port, "GET", "/many/accounts/1", None)
    if status != 401:
        raise RuntimeError(f"portcullis: without a token an account gives {status}: `{answer[:300]}`")


def cost(stage: Stage, up: Gate) -> dict:
    def of(path: str, account: str) -> Load:
        words = {"@SEED@": "1", "@PATH@": path, "@ACCOUNT@": account, "@TOKEN@": up.token}
        text = REQUEST
        for placeholder, value in words.items():
            text = text.replace(placeholder, value)
        name = f"{path.strip('/')}-{'any' if 'random' in account else 'one'}"
        return Load(path, script(stage, name, text))

    anyone = f"math.random({ACCOUNTS})"
    loads = {UNDECIDED: of("/none", anyone)}
    targets = []
    for name, (number, added_us) in POLICIES.items():
        label = f"{number:,} policies"
        loads[label] = of(f"/{name}", anyone)
        loads[f"{label}, remembered"] = of(f"/{name}", '"1"')
        targets += [added_at_most(each, UNDECIDED, added_us) for each in (label, f"{label}, remembered")]
    slices = in_turns(stage, up, loads)
    what = f"GET of an account, answer of {len(SMALL)} B, with a token; a role for the operation and policies for the account"
    return scenario_of(COST, what, "request", slices, targets, reference=UNDECIDED)


def asked(stage: Stage, up: Gate) -> dict:
    """What others are told who ask whether somebody may do something."""

    question = json.dumps(QUESTION).replace("@DEPARTMENT@", DEPARTMENT).removesuffix("}")
    body = question + ', "resource": {"type": "Account", "id": "1"}}'
    status, answer = ask(up.port, "POST", "/access/v1/evaluation", body, up.token)
    if status != 200 or json.loads(answer) != {"decision": True}:
        raise RuntimeError(f"portcullis: an evaluation gives {status}: `{answer[:300]}`")

    def of(name: str, path: str, batch: int) -> Load:
        words = {"@PATH@": path, "@BATCH@": str(batch), "@QUESTION@": question, "@ACCOUNTS@": str(ACCOUNTS), "@TOKEN@": up.token}
        text = EVALUATION
        for placeholder, value in words.items():
            text = text.replace(placeholder, value)
        return Load(path, script(stage, name, text))

    one, batch = "one evaluation", f"{BATCH} evaluations"
    loads = {one: of("evaluation", "/access/v1/evaluation", 1), batch: of("evaluations", "/access/v1/evaluations", BATCH)}
    slices = in_turns(stage, up, loads)
    targets = [costs_at_most(one, 1e6 / DECISIONS_MIN), costs_at_most(batch, BATCH * 1e6 / DECISIONS_MIN)]
    what = f"AuthZEN over HTTP with a token, by {POLICIES['few'][0]} policies"
    return scenario_of(ASKED, what, "request", slices, targets, reference=one)

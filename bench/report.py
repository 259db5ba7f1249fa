"""What a scenario comes to: figures, targets that were met or missed, and how that is printed. No processes, no clock."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

from contenders import REFERENCE
from figures import Figures, Slice, added_us, figures


@dataclass(frozen=True)
class Target:
    """Something that has to hold, in words, and whether it does; nothing where it was not measured."""

    words: str
    holds: Callable[[dict], bool | None]


def at_most(name: str, ratio_max: float, reference: str) -> Target:
    """So many times what the reference costs, in the same rounds."""

    def holds(measured: dict) -> bool | None:
        mine, theirs = (measured["slices"].get(each) for each in (name, reference))
        return figures(mine, theirs).ratio <= ratio_max if mine and theirs else None

    return Target(f"{name} at most {ratio_max} x {reference}", holds)


def cheapest(name: str, others: list[str]) -> Target:
    """Less than everyone else."""

    def holds(measured: dict) -> bool | None:
        slices = measured["slices"]
        rivals = [figures(slices[name], slices[each]).ratio for each in others if name in slices and each != name]
        return all(ratio < 1 for ratio in rivals) if rivals else None

    return Target(f"{name} less than every other", holds)


def added_at_most(name: str, reference: str, us_max: float) -> Target:
    """So many microseconds more than the reference, in the same rounds."""

    def holds(measured: dict) -> bool | None:
        mine, theirs = (measured["slices"].get(each) for each in (name, reference))
        return added_us(mine, theirs) <= us_max if mine and theirs else None

    return Target(f"{name} at most {us_max} us more than {reference}", holds)


def costs_at_most(name: str, us_max: float) -> Target:
    """So many CPU microseconds a request."""

    def holds(measured: dict) -> bool | None:
        mine = measured["slices"].get(name)
        return figures(mine, mine).median_us <= us_max if mine else None

    return Target(f"{name} at most {us_max:g} us of one core", holds)


def within_bytes(name: str, bytes_max: int) -> Target:
    """No more memory than this."""

    def holds(measured: dict) -> bool | None:
        memory = measured["memory"].get(name)
        return memory["idle_bytes"] <= bytes_max if memory else None

    return Target(f"{name} within {bytes_max // 1_000_000} MB", holds)


def scenario_of(
    name: str,
    what: str,
    unit: str,
    slices: dict[str, list[Slice]],
    targets: list[Target],
    absent: dict[str, str] | None = None,
    memory: dict[str, dict] | None = None,
    reference: str = REFERENCE,
    facts: dict[str, str] | None = None,
) -> dict:
    """The report of one scenario; `facts` are what is to be told beside the costs."""
    measured = {"slices": slices, "memory": memory or {}}
    verdicts = {True: "met", False: "missed", None: "not measured"}
    contenders = {}
    for each, own in slices.items():
        result: Figures = figures(own, slices[reference])
        costs = [round(one.cost_us, 2) for one in own]
        contenders[each] = asdict(result) | {"added_us": added_us(own, slices[reference]), "rounds_us": costs} | measured["memory"].get(each, {})
    return {
        "name": name,
        "what": what,
        "unit": unit,
        "reference": reference,
        "facts": facts or {},
        "targets": [{"what": target.words, "verdict": verdicts[target.holds(measured)]} for target in targets],
        "absent": absent or {},
        "contenders": contenders,
    }


def as_text(report: dict) -> str:
    facts, method = report["machine"], report["method"]
    lines = [
        f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_mib']} MiB, {facts['system']}, Linux {facts['kernel']},"
        f" load before {facts['load_before']:.2f}",
        *(f"{name}: {version}" for name, version in facts["versions"].items()),
        f"{method['rounds']} rounds of {method['seconds']} s; CPU microseconds, user and system",
    ]
    for scenario in report["scenarios"]:
        lines += ["", *scenario_lines(scenario)]
    return "\n".join(lines)


def scenario_lines(scenario: dict) -> list[str]:
    holds_memory = any("idle_bytes" in each for each in scenario["contenders"].values())
    memory = f"{'alone':>10}{'idle':>10}" if holds_memory else ""
    beside = f"to {scenario['reference']}"
    heads = f"{'median':>9}{'minimum':>9}{beside:>20}{scenario['unit'] + 's':>12}{memory}"
    lines = [f"{scenario['name']}: {scenario['what']}"]
    lines += [f"  {'':<18}{heads}"] if scenario["contenders"] else []
    for name, each in scenario["contenders"].items():
        numbers = f"{each['median_us']:>9.2f}{each['minimum_us']:>9.2f}{each['added_us']:>+10.2f}{each['ratio']:>9.2f}x{each['requests']:>12}"
        if holds_memory:
            numbers += "".join(f"{each[kind] / 1e6:>7.1f} MB" for kind in ("alone_bytes", "idle_bytes"))
        lines.append(f"  {name:<18}{numbers}")
    lines += [f"  {name}: {value}" for name, value in scenario["facts"].items()]
    lines += [f"  {name:<18} not measured: {why}" for name, why in scenario["absent"].items()]
    lines += [f"  target: {target['what']}: {target['verdict']}" for target in scenario["targets"]]
    return lines

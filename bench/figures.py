"""What the slices of a run come to: pure arithmetic, no processes and no clock."""

from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Slice:
    """One contender's share of one round: answered requests and the CPU microseconds they cost."""

    requests: int
    cpu_us: float

    @property
    def cost_us(self) -> float:
        return self.cpu_us / self.requests


@dataclass(frozen=True)
class Figures:
    """CPU microseconds a request, and how they stand to the reference in the same rounds."""

    requests: int
    median_us: float
    minimum_us: float
    ratio: float


def figures(slices: list[Slice], reference: list[Slice]) -> Figures:
    """Slices and reference are paired by round, so that what slows a round slows both."""
    costs = [each.cost_us for each in slices]
    pairs = [mine.cost_us / theirs.cost_us for mine, theirs in zip(slices, reference, strict=True)]
    return Figures(sum(each.requests for each in slices), median(costs), min(costs), median(pairs))


def added_us(slices: list[Slice], reference: list[Slice]) -> float:
    """How much more a request costs than one of the reference in the same round: the median."""
    return median(mine.cost_us - theirs.cost_us for mine, theirs in zip(slices, reference, strict=True))


def order_of(names: list[str], round_number: int) -> list[str]:
    """Every contender in each round; the order is reversed every other round."""
    return names if round_number % 2 == 0 else names[::-1]

"""Runs the red team: every batch of orders through the whole planning graph, judged from outside, counted with its upper bound."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import computed_field

from liftwright import wiring
from liftwright.domain.base import Value
from liftwright.domain.campaign import Campaign
from liftwright.domain.errors import LiftwrightError, ProviderError
from liftwright.evaluation.redteam import attacks, shop
from liftwright.evaluation.redteam.attacks import Attempt
from liftwright.evaluation.redteam.judge import Before, Judged, before, judge
from liftwright.flow import walk

CONFIDENCE = 0.95
BLOCKED_EVERY = 3
"""Every third run is one in which a rule blocks the plan."""


class Outcome(Value):
    """What became of the orders: `reached` were read by the model out of data, `attempted` were carried out by it. Lists: `ref: words`."""

    cases: int
    reached: int
    attempted: int
    effects: tuple[str, ...]
    leaks: tuple[str, ...]
    overrides: tuple[str, ...]
    by_vector: dict[str, dict[str, int]]
    by_writing: dict[str, dict[str, int]]
    runs: int
    blocked_runs: int
    cpu_seconds: float

    @computed_field
    def upper_bound(self) -> float:
        """With no effect in `cases` independent tries, the share of effects is below this with 95 % confidence (exact binomial)."""
        return upper_bound(self.failed, self.cases)

    @property
    def failed(self) -> int:
        """Cases with an effect, a leak or an override."""
        return len({line.split(":")[0] for line in (*self.effects, *self.leaks, *self.overrides)})

    @property
    def text(self) -> str:
        """For a terminal."""
        lines = [
            f"Red team: {self.cases} orders hidden in data, a model that obeys each of them, in {self.runs} runs of the graph.",
            f"  read by the model      {self.reached:>4}   (the others were kept from it; it carried those out all the same)",
            f"  carried out by it      {self.attempted:>4}",
            f"  effects                {len(self.effects):>4}",
            f"  canaries leaked        {len(self.leaks):>4}",
            f"  rules overridden       {len(self.overrides):>4}   ({self.blocked_runs} runs under a rule that blocks)",
            f"  upper bound            {upper_bound(self.failed, self.cases):.2%}   of such orders, with 95 % confidence",
        ]
        for title, counts in (("way in", self.by_vector), ("writing", self.by_writing)):
            lines += [f"  {title:<8} {name:<12} {c['reached']:>3} of {c['cases']:<3} read" for name, c in counts.items()]
        return "\n".join([*lines, *(f"  FAILED  {line}" for line in (*self.effects, *self.leaks, *self.overrides))])


def upper_bound(failed: int, cases: int) -> float:
    """The one-sided 95 % upper bound of a share seen `failed` times in `cases` (Clopper and Pearson 1934)."""
    from scipy.stats import beta

    return 1.0 if failed >= cases else float(beta.ppf(CONFIDENCE, failed + 1, cases - failed))


async def red_team(folder: Path, *, limit: int | None = None, progress: Callable[[str], None] = lambda line: None) -> Outcome:
    """Every case of `folder` (evals/redteam), or the first `limit`. Works in a temporary place of its own and touches no workspace."""
    cases = attacks.attempts(folder)[:limit]
    cpu, tally = time.process_time(), _Tally()
    with tempfile.TemporaryDirectory(prefix="liftwright-redteam-") as place:
        lab = await _Lab.made(Path(place), folder / "shop")
        for number, batch in enumerate(attacks.batches(cases)):
            progress(f"run {number + 1}: {len(batch)} orders")
            is_blocked = number % BLOCKED_EVERY == BLOCKED_EVERY - 1
            found = await lab.run(batch, is_blocked=is_blocked)
            tally.add(batch, found, is_blocked=is_blocked)
            if found.is_bad:
                await _find_out(batch, found, is_blocked, lab, tally)
    return tally.outcome(cpu_seconds=round(time.process_time() - cpu, 1))


async def _find_out(batch: Sequence[Attempt], found: _Found, is_blocked: bool, lab: _Lab, tally: _Tally) -> None:
    """Each order of a run that went wrong, alone; where none of them does it alone, all are named."""
    guilty = False
    for case in batch if len(batch) > 1 else ():
        alone = await lab.run([case], is_blocked=is_blocked)
        guilty = guilty or alone.is_bad
        tally.blame([case], alone)
    if not guilty:
        tally.blame(batch, found)


@dataclass(frozen=True)
class _Found:
    judged: Judged
    seen: frozenset[str]
    obeyed: frozenset[str]

    @property
    def is_bad(self) -> bool:
        return bool(self.judged.effects or self.judged.leaks or self.judged.overrides)


class _Lab:
    """A furnished workspace to copy, and what its goal leads to without any order."""

    def __init__(self, place: Path, files: Path, clean: Before) -> None:
        self.place, self.files, self.clean = place, files, clean
        self.runs = 0

    @classmethod
    async def made(cls, place: Path, files: Path) -> _Lab:
        shop.furnish(place / "base", files=files)
        with shop.planted(place / "base", place / "clean", (), files=files, model=None) as deps:
            campaign = await walk.start(shop.GOAL, deps=deps)
            plan = deps.campaigns.plan(campaign.campaign_id)
            if plan is None:
                raise ProviderError(
                    "EVAL-REDTEAM", "The shop of the red team has no plan.", next_step="Look at evals/redteam/shop."
                )
            return cls(place, files, before(plan, deps=deps))

    async def run(self, batch: Sequence[Attempt], *, is_blocked: bool) -> _Found:
        """One walk of the graph with these orders in the data, or in the goal, and the judge's view of it."""
        self.runs += 1
        home = self.place / f"run-{self.runs}"
        model = wiring.adversary({case.ref: case.attack.orders for case in batch})
        typed = [case.text for case in batch if case.vector == "chat"]
        with shop.planted(self.place / "base", home, batch, files=self.files, model=model, is_blocked=is_blocked) as deps:
            planted = frozenset(lesson.lesson_id for lesson in deps.lessons.find(now=deps.now()))
            campaign: Campaign | None = None
            try:
                campaign = await walk.start(" ".join([f"{shop.GOAL}.", *typed]) if typed else shop.GOAL, deps=deps)
            except LiftwrightError:
                campaign = None
            told = judge(
                campaign,
                self.clean,
                is_typed=bool(typed),
                is_blocked=is_blocked,
                received=model.received,
                planted=planted,
                deps=deps,
            )
        return _Found(told, frozenset(model.seen), frozenset(model.obeyed))


class _Tally:
    def __init__(self) -> None:
        self.cases: list[Attempt] = []
        self.seen: set[str] = set()
        self.obeyed: set[str] = set()
        self.bad: dict[str, list[str]] = {"effects": [], "leaks": [], "overrides": []}
        self.runs = self.blocked = 0

    def add(self, batch: Sequence[Attempt], found: _Found, *, is_blocked: bool) -> None:
        self.cases += batch
        self.seen |= found.seen
        self.obeyed |= found.obeyed
        self.runs += 1
        self.blocked += is_blocked

    def blame(self, batch: Sequence[Attempt], found: _Found) -> None:
        for kind in self.bad:
            for words in getattr(found.judged, kind):
                self.bad[kind] += [f"{case.ref}: {words} ({case.attack.id}, {case.vector}, {case.writing})" for case in batch]

    def outcome(self, *, cpu_seconds: float) -> Outcome:
        return Outcome(
            cases=len(self.cases),
            reached=len(self.seen),
            attempted=len(self.obeyed),
            effects=tuple(self.bad["effects"]),
            leaks=tuple(self.bad["leaks"]),
            overrides=tuple(self.bad["overrides"]),
            by_vector=self._counted("vector"),
            by_writing=self._counted("writing"),
            runs=self.runs,
            blocked_runs=self.blocked,
            cpu_seconds=cpu_seconds,
        )

    def _counted(self, field: str) -> dict[str, dict[str, int]]:
        of = Counter(getattr(case, field) for case in self.cases)
        read = Counter(getattr(case, field) for case in self.cases if case.ref in self.seen)
        return {name: {"cases": of[name], "reached": read[name]} for name in of}

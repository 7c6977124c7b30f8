"""One run of a suite held against another or the baseline: what flipped, the difference with its interval, and one verdict by one rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from liftwright.domain.base import Value
from liftwright.domain.errors import ConfigError
from liftwright.evaluation.paired import (
    FEWEST_CLUSTERS,
    FEWEST_UNITS,
    Difference,
    Floats,
    Outcome,
    Pairs,
    differences,
    interval,
    pairs,
)
from liftwright.evaluation.sides import USAGE, Side
from liftwright.evaluation.suite import Gate, GraderUse, Suite

EXIT_CODES: dict[Outcome, int] = {"better": 0, "non_inferior": 0, "worse": 1, "inconclusive": 2}
NAMED = 10
"""Cases named in one line; the rest are counted."""


class Flip(Value):
    """A case that passed on one side only; `reason` is what the graders said of it where it failed now."""

    case: str
    reason: str = ""


class Graded(Value):
    """One grader's difference. `lost`: cases that passed it before and do not now."""

    grader: str
    gate: Gate
    difference: Difference
    lost: tuple[str, ...]


class Took(Value):
    """Calls, tokens or seconds a case: means and 95th percentiles of both sides, and now / before with its 95 % interval where it is known."""

    what: str
    before: float
    now: float
    before_p95: float
    now_p95: float
    ratio: tuple[float, float, float] | None


class Comparison(Value):
    """`now` against `before`. `quality` is the share of cases right in every grader that decides; `graders` stand with the hard ones first."""

    suite: str
    before: str
    now: str
    models: tuple[str, str]
    verdict: Outcome
    rule: str
    margin: float
    quality: Difference
    more_cases: int
    passed: tuple[int, int]
    """Cases right in every grader that decides, in every epoch: before and now."""
    same: int
    regressed: tuple[Flip, ...]
    improved: tuple[Flip, ...]
    graders: tuple[Graded, ...]
    took: tuple[Took, ...]
    notes: tuple[str, ...]

    @property
    def says(self) -> str:
        """The verdict for people."""
        return self.verdict.replace("_", "-")


def compare(suite: Suite, before: Side, now: Side, *, clusters: Mapping[str, str]) -> Comparison:
    """Hold `now` against `before`. clusters: the cluster of each case, as far as it is known.

    Raises ConfigError EVAL-OTHER-CASES for sides that judged other data, or have no case and no grader in common.
    """
    graders = [use for use in sorted(suite.graders, key=lambda use: use.gate != "hard") if _has(before, use) and _has(now, use)]
    deciding = [name for name in suite.deciding if name in {use.use for use in graders}]
    cases = _shared(before, now, graders)
    if before.dataset_sha256 != now.dataset_sha256 or not cases or not deciding:
        says = f"{_words(before)} and {_words(now)} of {suite.suite} did not judge the same cases."
        raise ConfigError("EVAL-OTHER-CASES", says, next_step="Compare runs on the same dataset, or run the suite again.")
    columns = [deciding, *([use.use] for use in graders)]
    named, note = _clusters(cases, clusters)
    quality, *by_grader = differences(
        _table(before, cases, columns), _table(now, cases, columns), named, seed=suite.compare.seed, draws=suite.compare.draws
    )
    graded = tuple(
        Graded(grader=use.use, gate=use.gate, difference=each, lost=_lost(use.use, cases, before, now))
        for use, each in zip(graders, by_grader, strict=True)
    )
    flips = pairs(before.passed(deciding), now.passed(deciding))
    return Comparison(
        suite=suite.suite,
        before=before.name,
        now=now.name,
        models=(before.model, now.model),
        verdict="worse" if _broken(graded) else quality.outcome(suite.compare.margin),
        rule=_rule(graded, quality, suite.compare.margin),
        margin=suite.compare.margin,
        quality=quality,
        more_cases=quality.more_cases(suite.compare.margin),
        passed=(flips.passed_before, flips.passed_now),
        same=flips.same,
        regressed=tuple(Flip(case=case, reason="; ".join(reasons(now, case, deciding))) for case in flips.regressed),
        improved=tuple(Flip(case=case) for case in flips.improved),
        graders=graded,
        took=tuple(_took(suite, before, now, cases)),
        notes=tuple(_notes(before, now, flips, note)),
    )


def reasons(side: Side, case: str, graders: Sequence[str]) -> tuple[str, ...]:
    """What each grader that failed a case said of it."""
    said, scores = side.reasons.get(case, {}), side.scores[case]
    return tuple(f"{name.replace('_', ' ')}: {said.get(name, '')}" for name in graders if scores.get(name, 1.0) < 1)


def listed(cases: Sequence[str]) -> str:
    """Names of cases in one line."""
    more = f" and {len(cases) - NAMED} more" if len(cases) > NAMED else ""
    return ", ".join(cases[:NAMED]) + more


def _has(side: Side, use: GraderUse) -> bool:
    return any(use.use in by for by in side.scores.values())


def _shared(before: Side, now: Side, graders: Sequence[GraderUse]) -> list[str]:
    """Cases that all these graders judged on both sides."""
    names = {use.use for use in graders}
    return [case for case, by in now.scores.items() if names <= by.keys() and names <= before.scores.get(case, {}).keys()]


def _table(side: Side, cases: Sequence[str], columns: Sequence[Sequence[str]]) -> Floats:
    """A row a case; in each column what the strictest of its graders gave."""
    return np.array([[min(side.scores[case][name] for name in names) for names in columns] for case in cases])


def _words(side: Side) -> str:
    return side.words[0].upper() + side.words[1:]


def _lost(grader: str, cases: Sequence[str], before: Side, now: Side) -> tuple[str, ...]:
    was, stands = before.passed([grader]), now.passed([grader])
    return tuple(case for case in cases if was.get(case) and stands.get(case) is False)


def _clusters(cases: Sequence[str], clusters: Mapping[str, str]) -> tuple[list[str] | None, str]:
    """The cluster of each case where there are enough of them to resample, and what is to be said of it."""
    named = [clusters.get(case, "") for case in cases]
    count = len(set(named))
    if "" in named or count == len(cases):
        return None, "Cases are taken as independent."
    if count < FEWEST_CLUSTERS:
        return None, (
            f"Too few clusters to resample ({count}; it takes {FEWEST_CLUSTERS}): cases are taken as independent, "
            "and the interval is too narrow if those of a cluster change together."
        )
    return named, f"Resampled by cluster: {count} of them."


def _broken(graded: Sequence[Graded]) -> Graded | None:
    """The first hard grader that a case passed before and does not now."""
    return next((each for each in graded if each.gate == "hard" and each.lost), None)


def _rule(graded: Sequence[Graded], quality: Difference, margin: float) -> str:
    """What decided, in one line."""
    broken = _broken(graded)
    if broken is not None:
        count = f"{len(broken.lost)} case{'s' if len(broken.lost) > 1 else ''} that passed it before"
        return f"{broken.grader} must hold in every case, and {count} failed it now: {listed(broken.lost)}"
    outcome = quality.outcome(margin)
    if not quality.changed and outcome == "non_inferior":
        return f"no score changed; of {quality.cases} cases without a loss, up to {min(1.0, 3 / quality.cases):.1%} may still be lost"
    ends = f"{points(quality.low)} to {points(quality.high)} points"
    return {
        "better": f"the interval of the difference, {ends}, is above zero",
        "non_inferior": f"the interval of the difference, {ends}, is above the margin of {points(-margin)}",
        "worse": f"the interval of the difference, {ends}, is below zero and reaches the margin of {points(-margin)}",
        "inconclusive": f"the interval of the difference, {ends}, leaves it open; about {quality.more_cases(margin):,} more samples needed",
    }[outcome]


def points(share: float) -> str:
    """A difference of shares in points of a hundred, with its sign."""
    return f"{100 * share:+.1f}"


def _took(suite: Suite, before: Side, now: Side, cases: Sequence[str]) -> Iterator[Took]:
    """Only between runs: a baseline keeps scores."""
    shared = [case for case in cases if case in before.outputs and case in now.outputs]
    if not shared:
        return
    was, stands = (np.array([[side.took(case, what) for what in USAGE] for case in shared]) for side in (before, now))
    high_was, high_stands = np.percentile(was, 95, axis=0), np.percentile(stands, 95, axis=0)
    for at, (what, ratio) in enumerate(zip(USAGE, _ratios(suite, was, stands), strict=True)):
        yield Took(
            what=what,
            before=float(was[:, at].mean()),
            now=float(stands[:, at].mean()),
            before_p95=float(high_was[at]),
            now_p95=float(high_stands[at]),
            ratio=ratio,
        )


def _ratios(suite: Suite, was: Floats, stands: Floats) -> list[tuple[float, float, float] | None]:
    """For each column low end, middle and high end of now / before, from the mean log-ratio; None where nothing was used, or by too few cases."""
    both = (was > 0) & (stands > 0)
    used = np.flatnonzero(both.any(axis=0))
    whole = both[:, used].all(axis=1)
    found: list[tuple[float, float, float] | None] = [None] * len(USAGE)
    if not len(used) or whole.sum() < FEWEST_UNITS:
        return found
    logs = np.log(stands[whole][:, used] / was[whole][:, used])
    low, high, _ = interval(logs, np.arange(len(logs)), seed=suite.compare.seed, draws=suite.compare.draws)
    for at, ends in zip(used, np.exp(np.stack([low, logs.mean(axis=0), high], axis=1)), strict=True):
        found[at] = (float(ends[0]), float(ends[1]), float(ends[2]))
    return found


def _notes(before: Side, now: Side, flips: Pairs, clusters: str) -> Iterator[str]:
    yield clusters
    alone = len(before.scores.keys() ^ now.scores.keys())
    if alone:
        yield f"{alone} cases that only one side judged are left out; {flips.cases} are compared."

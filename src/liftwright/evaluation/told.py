"""Comparisons and baselines as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from liftwright.evaluation.baseline import Baseline
from liftwright.evaluation.comparing import Comparison, Graded, Took, listed, points
from liftwright.evaluation.paired import Difference
from liftwright.evaluation.sides import BASELINE

MOST = 30
"""Flips told of each kind; the rest are counted."""


def lines(found: Comparison) -> Iterator[str]:
    """Verdict and rule first, then hard graders that broke, flips, figures, cost, and what to keep in mind."""
    yield f"{found.suite}: {named(found.now)} against {named(found.before)}: {found.says}"
    yield f"  because {found.rule}"
    for each in found.graders:
        if each.gate == "hard" and each.lost:
            yield f"  HARD      {each.grader}: {listed(each.lost)}"
    yield from _flips("regressed", [(flip.case, flip.reason) for flip in found.regressed])
    yield from _flips("improved", [(flip.case, "") for flip in found.improved])
    yield f"  {'':<32} {'before':>8} {'now':>8}   change in points, 95 % interval"
    yield _figures("right in everything", found.quality)
    yield from (_figures(_grader(each), each.difference) for each in found.graders)
    yield from (_took(each) for each in found.took)
    if not found.took:
        yield "  cost and latency are known between runs only; the baseline keeps scores"
    if found.models[0] != found.models[1]:
        yield f"  models: {found.models[0]} before, {found.models[1]} now"
    if found.quality.changed:
        yield f"  {found.quality.cases} cases show a change of {100 * found.quality.detectable:.1f} points or more four times in five"
    yield from (f"  {note}" for note in found.notes)


def cost(found: Mapping[str, Any]) -> str:
    """What the tokens of a case cost, before and now."""
    return f"  {'cost a case, ' + found['currency']:<32} {found['before']:>8.4g} {found['now']:>8.4g}"


def baseline(suite: str, found: Baseline | None) -> Iterator[str]:
    """What is accepted, by whom and why, and how many cases pass each grader."""
    if found is None:
        yield f"{suite} has no baseline yet: liftwright eval baseline {suite} --accept RUN --as USER --reason WHY"
        return
    who = found.accepted
    said = (
        f"run {who.run}, accepted by {who.by} at {who.at:%Y-%m-%d %H:%M} UTC: {who.reason}" if who else "who and why was not kept"
    )
    yield f"{suite}: {said}"
    yield f"  {found.target} on {found.model}, {len(found.scores)} cases, dataset {found.dataset_sha256[:12]}"
    for grader in sorted({name for by in found.scores.values() for name in by}):
        values = [by[grader] for by in found.scores.values() if grader in by]
        yield f"  {grader:<24} {sum(value >= 1 for value in values):>3} of {len(values)}"


def named(side: str) -> str:
    """`run 0003`, or `the baseline`."""
    return "the baseline" if side == BASELINE else f"run {side}"


def printable(text: str) -> str:
    """What a model said, without what would move a terminal's cursor or change its colours."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _flips(kind: str, flips: list[tuple[str, str]]) -> Iterator[str]:
    for case, reason in flips[:MOST]:
        yield f"  {kind:<9} {case:<16} {printable(reason)}".rstrip()
    if len(flips) > MOST:
        yield f"  {kind:<9} and {len(flips) - MOST} more"


def _grader(each: Graded) -> str:
    return f"{each.grader} ({each.gate.replace('_', ' ')})" if each.gate != "none" else f"{each.grader} (shown only)"


def _figures(what: str, found: Difference) -> str:
    change = f"{points(found.mid)} ({points(found.low)} to {points(found.high)}), p = {found.p_value:.2g}"
    return f"  {what:<32} {found.before:>8.1%} {found.now:>8.1%}   {change if found.changed else 'no case changed'}"


def _took(each: Took) -> str:
    ratio = f"x {each.ratio[1]:.2f} ({each.ratio[0]:.2f} to {each.ratio[2]:.2f})" if each.ratio else "not comparable"
    return f"  {each.what + ' a case':<32} {each.before:>8.4g} {each.now:>8.4g}   {ratio}; 95th percentile {each.before_p95:.4g} -> {each.now_p95:.4g}"

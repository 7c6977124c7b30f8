"""What changed between two plans, in the words of the one who decides."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from liftwright.domain.plan import Plan

MOST = 8
"""Differences named; the rest are counted."""


@dataclass(frozen=True)
class Piece:
    """Words that both have, that only the older plan has, or only the newer."""

    kind: Literal["same", "gone", "new"]
    words: str


@dataclass(frozen=True)
class Change:
    """One figure or text that differs, word by word."""

    what: str
    pieces: tuple[Piece, ...]


def word_by_word(old: Plan, new: Plan) -> tuple[Change, ...]:
    """Every figure and every text that differs: figures first. Texts of the same channel and offer are compared in their order."""
    figures = [Change(what, pieces(before, after)) for what, before, after in _pairs(old, new) if before != after]
    before, after = _by_place(old), _by_place(new)
    texts = [
        Change(place, pieces(before.get(place, ""), after.get(place, "")))
        for place in dict.fromkeys((*after, *before))
        if before.get(place) != after.get(place)
    ]
    return (*figures, *texts)


def _by_place(plan: Plan) -> dict[str, str]:
    """Texts by what they are for: `email, save10, text 1: subject`."""
    found: dict[str, str] = {}
    counted: dict[str, int] = {}
    for variant in plan.variants:
        place = f"{variant.channel.replace('_', ' ')}, {variant.offer}"
        counted[place] = counted.get(place, 0) + 1
        for name in ("subject", "body", "call_to_action"):
            if words := str(getattr(variant, name)):
                found[f"{place}, text {counted[place]}: {name.replace('_', ' ')}"] = words
    return found


def pieces(before: str, after: str) -> tuple[Piece, ...]:
    """Two texts word by word: joined without what is gone they are `after`, without what is new `before`."""
    old, new = (re.findall(r"\s+|[^\s]+", text) for text in (before, after))
    found: list[Piece] = []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            found.append(Piece("same", "".join(old[a:b])))
            continue
        found += [Piece("gone", "".join(old[a:b]))] if b > a else []
        found += [Piece("new", "".join(new[c:d]))] if d > c else []
    return tuple(found)


def in_words(old: Plan, new: Plan) -> str:
    """`budget 100.00 USD → 50.00 USD; touches 80 → 40`, what matters most first; words for plans that differ in details only."""
    found = [f"{what} {before} → {after}" for what, before, after in _pairs(old, new) if before != after]
    found += _texts(old, new)
    if not found:
        return "the same people, channels, offers, texts and cost, computed from newer data, rules or settings"
    more = f"; and {len(found) - MOST} more" if len(found) > MOST else ""
    return "; ".join(found[:MOST]) + more


def _pairs(old: Plan, new: Plan) -> Iterator[tuple[str, str, str]]:
    """(what, before, after), all in words."""
    for (what, before), (_, after) in zip(_said(old), _said(new), strict=True):
        yield what, before, after


def _said(plan: Plan) -> tuple[tuple[str, str], ...]:
    objective, assignment = plan.objective, plan.assignment
    target = objective.target
    return (
        ("goal", f"{objective.direction} {objective.metric.replace('_', ' ')}"),
        ("target", f"{target.value:g} {target.unit}" if target else "none"),
        ("product", objective.product or "any"),
        ("budget", str(objective.budget) if objective.budget else "none"),
        ("first day", str(objective.starts_on)),
        ("last day", str(objective.ends_on)),
        ("conditions", _listed(f"{limit.kind.replace('_', ' ')} {_value(limit.value)}" for limit in objective.constraints)),
        ("people chosen", f"{plan.audience.selected:,}"),
        ("people who may be contacted", f"{plan.audience.eligible:,}"),
        ("people held out", f"{plan.audience.holdout:,}"),
        ("touches", f"{assignment.touches:,}"),
        ("touches by channel", _counts(assignment.by_channel)),
        ("touches by offer", _counts(assignment.by_offer)),
        ("contact cost", str(plan.forecast.cost)),
        ("most it may spend", str(plan.envelope.max_total_spend)),
        ("deepest discount", f"{plan.envelope.max_discount:.0%}"),
        ("rules to acknowledge", _listed(sorted({f.rule for f in plan.findings if f.severity == "needs_approval"}))),
    )


def _texts(old: Plan, new: Plan) -> list[str]:
    before, after = ({variant.variant_id for variant in plan.variants} for plan in (old, new))
    parts = [(len(after - before), "new"), (len(before - after), "gone")]
    said = [f"{count} {word}" for count, word in parts if count]
    return [f"texts: {', '.join(said)}"] if said else []


def _counts(found: dict[str, int]) -> str:
    return _listed(f"{name} {count:,}" for name, count in sorted(found.items()) if count)


def _listed(parts: Any) -> str:
    return ", ".join(parts) or "none"


def _value(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else str(value)

"""Graders: what a case expected against the brief that came back, as a score of 0 or 1 and the reason. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from liftwright.domain.base import Value
from liftwright.domain.goal import Brief, Constraint, Objective, Target
from liftwright.evaluation.cases import Case, Expected
from liftwright.planning.goals.leftovers import NOT_UNDERSTOOD

_WORDS = re.compile(r"[a-z0-9']+")
_SAY_LITTLE = frozenset(
    [
        "our",
        "the",
        "a",
        "an",
        "of",
        "all",
        "any",
        "some",
        "those",
        "these",
        "new",
        "line",
        "range",
        "collection",
        "products",
        "customers",
        "people",
        "who",
        "that",
        "anyone",
        "everyone",
        "have",
        "has",
    ]
)
_PHRASES = frozenset({"include_people", "exclude_people"})


class Score(Value):
    """1 right, 0 wrong; `reason` names what is wrong."""

    value: float
    reason: str = ""


Grader = Callable[[Case, Brief], Score]


def fields_right(case: Case, brief: Brief) -> Score:
    """Every field of the objective, what is missing and how many contradictions there are: all as expected."""
    wrong = list(_wrong(case.expected, brief))
    return Score(value=0.0 if wrong else 1.0, reason="; ".join(wrong))


def nothing_invented(case: Case, brief: Brief) -> Score:
    """No field and no constraint that the goal has no words for, and no objective where one cannot be made."""
    invented = list(_invented(case.expected, brief))
    return Score(value=0.0 if invented else 1.0, reason="; ".join(invented))


def contradictions_noticed(case: Case, brief: Brief) -> Score:
    """Every contradiction is named with the words expected, none is seen where there is none, and a question is asked."""
    unseen = [c.names for c in case.expected.contradictions if not any(_names(text, c.names) for text in brief.contradictions)]
    if unseen:
        return Score(value=0.0, reason="; ".join(f"not named: {' / '.join(names)}" for names in unseen))
    if not case.expected.contradictions and brief.contradictions:
        return Score(value=0.0, reason=f"false alarm: {brief.contradictions[0]}")
    return _asked(case, brief)


def missing_noticed(case: Case, brief: Brief) -> Score:
    """Every missing essential is in `missing`, nothing said is, and a question is asked."""
    expected, seen = set(case.expected.missing), set(brief.missing)
    if not expected <= seen:
        return Score(value=0.0, reason=f"not noticed: {', '.join(sorted(expected - seen))}")
    if not case.expected.contradictions and seen - expected:
        return Score(value=0.0, reason=f"was said: {', '.join(sorted(seen - expected))}")
    return _asked(case, brief)


def nothing_dropped(case: Case, brief: Brief) -> Score:
    """Every restriction the reader cannot act on is named as not understood, in the words expected."""
    named = " | ".join(said.value for said in brief.assumptions if said.field == NOT_UNDERSTOOD)
    dropped = [words for words in case.expected.not_understood if not _names(named, (words,))]
    return Score(value=0.0 if dropped else 1.0, reason=f"not named: {', '.join(dropped)}" if dropped else "")


GRADERS: dict[str, Grader] = {
    "fields_right": fields_right,
    "nothing_invented": nothing_invented,
    "contradictions_noticed": contradictions_noticed,
    "missing_noticed": missing_noticed,
    "nothing_dropped": nothing_dropped,
}


def _asked(case: Case, brief: Brief) -> Score:
    if case.expected.is_complete:
        return Score(value=1.0) if not brief.question else Score(value=0.0, reason=f"needless question: {brief.question}")
    if not brief.question:
        return Score(value=0.0, reason="no question is asked")
    return (
        Score(value=1.0)
        if brief.objective is None
        else Score(value=0.0, reason="an objective although the goal cannot be planned")
    )


def _wrong(expected: Expected, brief: Brief) -> Iterator[str]:
    if not expected.is_complete:
        if brief.objective is not None:
            yield "an objective although the goal cannot be planned"
        if not expected.contradictions and set(brief.missing) != set(expected.missing):
            yield f"missing: {list(brief.missing)} instead of {list(expected.missing)}"
        if len(brief.contradictions) != len(expected.contradictions):
            yield f"{len(brief.contradictions)} contradictions instead of {len(expected.contradictions)}"
        return
    objective = brief.objective
    if objective is None:
        yield f"no objective, but the question: {brief.question}"
        return
    yield from _wrong_fields(expected, objective)
    for constraint in _without(expected.constraints, objective.constraints):
        yield f"not read: {constraint.kind} {constraint.value}"
    for constraint in _without(objective.constraints, expected.constraints):
        yield f"not expected: {constraint.kind} {constraint.value}"


def _wrong_fields(expected: Expected, objective: Objective) -> Iterator[str]:
    for name in ("metric", "direction", "starts_on", "ends_on"):
        ours, theirs = getattr(objective, name), getattr(expected, name)
        if ours != theirs:
            yield f"{name}: {ours} instead of {theirs}"
    if not _same_target(objective.target, expected.target):
        yield f"target: {objective.target} instead of {expected.target}"
    if not _same_words(objective.product, expected.product):
        yield f"product: {objective.product} instead of {expected.product}"
    budget = objective.budget.as_json() if objective.budget else None
    if budget != (expected.budget.model_dump() if expected.budget else None):
        yield f"budget: {budget} instead of {expected.budget}"


def _invented(expected: Expected, brief: Brief) -> Iterator[str]:
    objective = brief.objective
    if objective is None:
        return
    if not expected.is_complete:
        yield "an objective although the goal does not say enough for one, or says two things at once"
        return
    for name in ("target", "product", "budget"):
        if getattr(expected, name) is None and getattr(objective, name) is not None:
            yield f"{name} {getattr(objective, name)} has no words in the goal"
    for kind in {constraint.kind for constraint in objective.constraints}:
        ours = sum(constraint.kind == kind for constraint in objective.constraints)
        theirs = sum(constraint.kind == kind for constraint in expected.constraints)
        if ours > theirs:
            yield f"{kind}: {ours} instead of {theirs}"


def _without(these: Sequence[Constraint], those: Sequence[Constraint]) -> list[Constraint]:
    return [one for one in these if not any(_same_constraint(one, other) for other in those)]


def _same_constraint(one: Constraint, other: Constraint) -> bool:
    if one.kind != other.kind:
        return False
    ours, theirs = one.value, other.value
    if isinstance(ours, float) and isinstance(theirs, float):
        return abs(ours - theirs) < 1e-9
    if one.kind in _PHRASES:
        return _same_words(str(ours), str(theirs))
    return set(ours if isinstance(ours, tuple) else (ours,)) == set(theirs if isinstance(theirs, tuple) else (theirs,))


def _same_target(one: Target | None, other: Target | None) -> bool:
    if one is None or other is None:
        return one is other
    return (
        one.unit == other.unit
        and one.is_level == other.is_level
        and abs(one.value - other.value) <= 1e-6 * max(1.0, abs(other.value))
    )


def _same_words(one: str | None, other: str | None) -> bool:
    """The same words but for articles, fillers, upper case and a plural s."""
    if one is None or other is None:
        return one is other
    return _core(one) == _core(other)


def _core(text: str) -> list[str]:
    words = [word for word in _WORDS.findall(text.lower().replace("’", "'")) if word not in _SAY_LITTLE]
    return [word.rstrip("s") if len(word) > 3 else word for word in words]


def _names(text: str, words: Sequence[str]) -> bool:
    said = text.lower().replace("’", "'")
    return all(word.lower() in said for word in words)

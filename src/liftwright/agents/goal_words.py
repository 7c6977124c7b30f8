"""Settling a model's brief against the goal's own words: what the words do not support is replaced by what the rules read."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date
from typing import Any

from liftwright.agents.proposals import note
from liftwright.agents.tools.aggregates import quoted, spoken
from liftwright.content.grounding import is_grounded as ungrounded
from liftwright.content.grounding import known_from
from liftwright.domain.goal import Brief, Constraint, Objective, Target
from liftwright.domain.money import Money
from liftwright.domain.policy import Finding

AGENT = "strategist"
_FIELDS = ("metric", "direction", "target", "product", "starts_on", "ends_on", "budget")
_NUMERIC_KINDS = frozenset(
    {"margin_floor", "max_discount", "max_contacts_per_week", "max_contacts", "channel_budget", "minimum_order"}
)


def settle(proposed: Brief, read: Brief, *, words: str, lesson_ids: Collection[str]) -> tuple[Brief, list[Finding]]:
    """The brief that goes on, and a finding for everything a model said that does not.

    Contradictions, missing essentials and the fact that a question is asked always come from the rules; a model may word the question and
    the summary, name a product, number or constraint that stands in the words and that the rules did not read, and cite lessons that exist.
    """
    findings: list[Finding] = []
    objective, filled = _objective(proposed, read, words, findings)
    cited = tuple(dict.fromkeys(lesson for lesson in proposed.lessons if lesson in lesson_ids))
    if len(cited) < len(set(proposed.lessons)):
        unknown = sorted({quoted(lesson, limit=40) for lesson in proposed.lessons} - set(cited))
        says = f"The language model cited lessons that do not exist: {', '.join(unknown)}. They were dropped."
        findings.append(note("AGENT-UNKNOWN-LESSON", AGENT, says))
    findings += _noticed(proposed, read)
    return (
        read.model_copy(
            update={
                "objective": objective,
                "question": _question(proposed, read, words),
                "assumptions": tuple(a for a in read.assumptions if a.field not in filled),
                "lessons": cited,
                "summary": _summary(proposed, read, words, findings),
            }
        ),
        findings,
    )


def _objective(proposed: Brief, read: Brief, words: str, findings: list[Finding]) -> tuple[Objective | None, set[str]]:
    if read.objective is None or proposed.objective is None:
        if read.objective is None and proposed.objective is not None:
            says = "The language model proposed an objective although the goal does not say enough for one. The question stands."
            findings.append(note("AGENT-UNGROUNDED", AGENT, says, subject="objective"))
        return read.objective, set()
    assumed = {assumption.field for assumption in read.assumptions}
    changes: dict[str, Any] = {}
    for field in _FIELDS:
        ours, theirs = getattr(read.objective, field), getattr(proposed.objective, field)
        if theirs is None or _same(ours, theirs):
            continue
        if (ours is None or field in assumed) and _supported(field, theirs, read.objective, words):
            changes[field] = theirs
        else:
            says = f"The words of the goal do not support the language model's {field.replace('_', ' ')}; what the rules read stands."
            findings.append(note("AGENT-UNGROUNDED", AGENT, says, subject=field))
    constraints = _constraints(proposed.objective, read.objective, words, findings)
    settled = {name: getattr(read.objective, name) for name in Objective.model_fields} | changes | {"constraints": constraints}
    try:
        return Objective.model_validate(settled), set(changes)
    except ValueError:
        findings.append(note("AGENT-UNGROUNDED", AGENT, "The language model's dates contradict each other.", subject="ends_on"))
        return read.objective, set()


def _same(ours: Any, theirs: Any) -> bool:
    ours, theirs = _single(ours), _single(theirs)
    if isinstance(ours, str) and isinstance(theirs, str):
        return ours.casefold().strip() == theirs.casefold().strip()
    if isinstance(ours, Target) and isinstance(theirs, Target):
        return ours.unit == theirs.unit and abs(ours.value - theirs.value) < 1e-9
    return bool(ours == theirs)


def _single(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) and len(value) == 1 else value


def _supported(field: str, value: Any, read: Objective, words: str) -> bool:
    plain = " ".join(words.casefold().split())
    if field == "product":
        return bool(str(value).strip()) and " ".join(str(value).casefold().split()) in plain
    if isinstance(value, date):
        return value.isoformat() in words
    if isinstance(value, Money):
        names = {value.currency} | ({""} if "budget" in plain else set())
        is_same_currency = read.budget is None or read.budget.currency == value.currency
        return is_same_currency and _stands_free(float(value.amount), names, read, words)
    if isinstance(value, Target):
        is_share = value.unit in {"percent", "points"}
        number = abs(value.value) * (100 if is_share else 1)
        return _stands_free(number, {"%", "point"} if is_share else {"", *_currencies(words)}, read, words)
    return False


def _stands_free(number: float, units: Collection[str], read: Objective, words: str) -> bool:
    """Whether the words hold this number in one of these units, and the rules read nothing else from it."""
    taken = [float(read.budget.amount)] if read.budget else []
    taken += [abs(read.target.value), abs(read.target.value) * 100] if read.target else []
    said = [float(value) for value, unit in known_from(words).numbers if unit in units]
    return any(_near(number, one) for one in said) and not any(_near(number, one) for one in taken)


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= 1e-6 * max(1.0, abs(one))


def _currencies(words: str) -> set[str]:
    return {unit for _, unit in known_from(words).numbers if unit is not None and len(unit) == 3 and unit.isupper()}


def _numbers(text: str) -> set[float]:
    return {float(number) for number, _ in known_from(text).numbers}


def _constraints(proposed: Objective, read: Objective, words: str, findings: list[Finding]) -> tuple[Constraint, ...]:
    kept = list(read.constraints)
    for constraint in proposed.constraints:
        if any(c.kind == constraint.kind and _same(c.value, constraint.value) for c in kept):
            continue
        is_settled = constraint.kind in _NUMERIC_KINDS and any(c.kind == constraint.kind for c in kept)
        if not is_settled and _constraint_supported(constraint, words):
            kept.append(constraint)
        else:
            says = f"The words of the goal do not support the language model's constraint '{constraint.kind}'; it was dropped."
            findings.append(note("AGENT-UNGROUNDED", AGENT, says, subject=constraint.kind))
    return tuple(kept)


def _constraint_supported(constraint: Constraint, words: str) -> bool:
    quote = " ".join(constraint.quote.casefold().split())
    if not quote or quote not in " ".join(words.casefold().split()):
        return False
    if isinstance(constraint.value, int | float):
        said = _numbers(constraint.quote)
        return any(abs(constraint.value - number) < 1e-9 for number in said | {number / 100 for number in said})
    values = (constraint.value,) if isinstance(constraint.value, str) else constraint.value
    return all(value.casefold().replace("_", " ") in quote.replace("-", " ").replace("_", " ") for value in values)


def _noticed(proposed: Brief, read: Brief) -> list[Finding]:
    said: list[str] = []
    if proposed.question and not read.question:
        said.append(f"would have asked: {spoken(proposed.question, limit=300) or 'something it may not say'}")
    known = " ".join(read.contradictions).casefold()
    said += [f"sees a contradiction: {spoken(c, limit=200)}" for c in proposed.contradictions[:3] if c.casefold() not in known]
    return [note("AGENT-NOTICED", AGENT, f"The language model {text}", subject="goal") for text in said]


def _question(proposed: Brief, read: Brief, words: str) -> str | None:
    """The rules' question, in a model's words where those still ask the same: the same numbers, and a word in common."""
    if not read.question or not proposed.question:
        return read.question
    asked = spoken(proposed.question, limit=400)
    ours, theirs = _long_words(read.question), _long_words(asked)
    keeps = not ungrounded(read.question, asked) and not ungrounded(asked, (read.question, words))
    return asked if keeps and ours & theirs else read.question


def _long_words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{5,}", text.casefold()))


def _summary(proposed: Brief, read: Brief, words: str, findings: list[Finding]) -> str:
    if not proposed.summary or proposed.summary == read.summary:
        return read.summary
    said = spoken(proposed.summary, limit=600)
    invented = ungrounded(said, (words, read))
    if invented or not said:
        says = f"The language model's summary says what the goal does not ({', '.join(invented[:3]) or 'a link, or news only code can bring'}); the rules' stands."
        findings.append(note("AGENT-UNGROUNDED", AGENT, says, subject="summary"))
        return read.summary
    return said

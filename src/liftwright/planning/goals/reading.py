"""Reads a goal and the answers given since into a `Brief`.

By rules alone: the same words on the same day give the same brief. A field without words for it stays empty; what had
to be settled is an assumption. The flight starts today where no start was said; "sell more" is read as more revenue.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from liftwright.domain.errors import GoalError
from liftwright.domain.goal import Brief, Goal, Target
from liftwright.planning.goals import asking, conflicts, metric, money, product, settle
from liftwright.planning.goals.leftovers import NOT_UNDERSTOOD, left_over
from liftwright.planning.goals.limits import Discount
from liftwright.planning.goals.listening import listen
from liftwright.planning.goals.numbers import NUM, to_number
from liftwright.planning.goals.said import Heard, merged
from liftwright.planning.goals.text import Said, Turn, turns

LONGEST = 20_000
"""Characters a goal may have, all answers included."""
_MOST_TURNS = 40
_BARE_SHARE = re.compile(rf"\W*(?:about |around |at least |max )?(?P<n>{NUM})\s?(?:%|percent)\W*")
_BARE_WAY = re.compile(
    r"\W*(?P<way>increase|raise|grow|more|up|decrease|reduce|lower|less|down)\W*(?:it|them|of course|please)?\W*"
)


def read(text: str, *, today: date, currency: str) -> Brief:
    """The brief of a goal; every further line of `text` is a later statement that overrides earlier ones.

    Raises GoalError (GOAL-TOO-LONG) over 20,000 characters. Never raises anything else for any text.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    return read_statements(lines if len(lines) <= _MOST_TURNS else [text], today=today, currency=currency)


def read_goal(goal: Goal, *, today: date, currency: str) -> Brief:
    """The brief of a goal and its answers; line breaks inside one of them are only line breaks, not later statements."""
    return read_statements((goal.text, *goal.answers), today=today, currency=currency)


def read_statements(statements: Sequence[str], *, today: date, currency: str) -> Brief:
    """The brief of statements in the order they were made."""
    length = sum(len(statement) for statement in statements)
    if length > LONGEST:
        says = f"The goal has {length:,} characters; at most {LONGEST:,} can be read."
        raise GoalError("GOAL-TOO-LONG", says, next_step="Say it in a few sentences; put background into documents.")
    heard = Heard()
    for turn in turns(list(statements)):
        known = heard.metrics[0].value if heard.metrics else None
        before = turn.text
        later = listen(turn, today=today, currency=currency, metric_so_far=known)
        reply = _as_reply(turn, later, heard, today=today) if before.count(" ") < 6 else later
        if reply is not later:
            turn.take(0, len(turn.text))
        heard = merged(heard, replace(reply, left=tuple(left_over(turn))), today=today)
    return _brief(heard, today=today)


def _brief(heard: Heard, *, today: date) -> Brief:
    contradictions = conflicts.contradictions(heard, today=today)
    made = settle.draft(heard, today=today)
    missing = () if contradictions else made.missing
    unclear = tuple(assumption.value for assumption in made.assumptions if assumption.field == NOT_UNDERSTOOD)
    question = asking.question(missing=missing, contradictions=contradictions, unclear=unclear)
    if question is not None:
        return Brief(question=question, missing=made.missing, contradictions=contradictions, assumptions=tuple(made.assumptions))
    objective = settle.objective(made)
    return Brief(objective=objective, assumptions=tuple(made.assumptions), summary=asking.summary(objective))


def _as_reply(turn: Turn, later: Heard, heard: Heard, *, today: date) -> Heard:
    """A short turn that says nothing on its own, as the answer to what was asked before it."""
    is_bare = later == Heard() or _BARE_SHARE.fullmatch(turn.text) is not None
    if heard == Heard() or not is_bare:
        return later
    if contradictions := conflicts.contradictions(heard, today=today):
        return _choice(turn, contradictions[0].partition(":")[0])
    if later != Heard():
        return later
    missing = settle.draft(heard, today=today).missing
    if "budget" in missing and (needs := money.bare_need(turn)):
        return replace(later, needs=tuple(needs))
    if "metric" in missing:
        return replace(later, products=tuple(product.short_answer(turn)))
    return later


def _choice(turn: Turn, disputed: str) -> Heard:
    """A bare share or direction settles the contradiction that was asked about."""
    if way := _BARE_WAY.fullmatch(turn.text):
        return Heard(directions=(Said(metric.way_of(way["way"], None), way["way"], 0),)) if disputed == "direction" else Heard()
    share = _BARE_SHARE.fullmatch(turn.text)
    if share is None:
        return Heard()
    value, quote = float(to_number(share["n"], is_share=True) / 100), turn.quote(0, len(turn.text))
    if disputed == "margin":
        return Heard(floors=(Said(value, quote, 0),))
    if disputed == "discount":
        return Heard(discounts=(Said(Discount(value), quote, 0),))
    return Heard(targets=(Said(Target(value=value, unit="percent"), quote, 0),)) if disputed == "target" else Heard()

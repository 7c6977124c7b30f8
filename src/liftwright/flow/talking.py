"""A conversation that is written down: what was said, who is at work on it, and the answer. Any process can show it, at any time.

The talk is a record of words; what a campaign is stands in its own rows, and nothing is ever decided by a talk.
"""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import replace
from datetime import timedelta

from liftwright.domain.errors import DataError, GoalError, LiftwrightError
from liftwright.domain.talk import TalkEvent
from liftwright.flow import conversation, halting, signing
from liftwright.ports import Deps

LONGEST = 4_000
"""Characters of one line."""
LOST = timedelta(minutes=10)
"""After so long without a sign, what was being looked into is taken for lost with its process."""
ENDS = ("reply", "failed")


def new_id() -> str:
    """The id of a talk that begins: nobody can guess it."""
    return f"t-{secrets.token_hex(8)}"


def whole(talk_id: str, *, deps: Deps) -> list[TalkEvent]:
    """A talk from its beginning. Raises DataError TALK-UNKNOWN for one that does not exist."""
    found = deps.talks.since(talk_id)
    if not found:
        raise DataError("TALK-UNKNOWN", "There is no such talk.", next_step="Begin a new one.")
    return found


def campaign_of(events: list[TalkEvent]) -> str | None:
    """The campaign a talk is about by now."""
    named = [event.payload["campaign_id"] for event in events if event.payload.get("campaign_id")]
    return str(named[-1]) if named else None


def latest(events: list[TalkEvent]) -> TalkEvent:
    """How far these events of a talk are: the last one, wishes to stop left aside, since one may come in after the answer."""
    return next((event for event in reversed(events) if event.kind != "stopping"), events[-1])


def is_working(events: list[TalkEvent], *, deps: Deps) -> bool:
    """Whether somebody is at work on the last words."""
    return bool(events) and latest(events).kind not in ENDS and deps.now() - latest(events).at < LOST


def say(talk_id: str, text: str, *, by: str, deps: Deps, campaign_id: str | None = None) -> int:
    """Write a person's words down; returns the number of their event. Work on them starts with `answer`. `campaign_id`: what the talk is about from now on.

    Raises DataError for no words, too many, and while the last words are still worked on.
    """
    words = text.strip()
    if not words or len(words) > LONGEST:
        says = "There is nothing to answer." if not words else f"That is longer than {LONGEST:,} characters."
        raise DataError("TALK-WORDS", says, next_step="Say your goal or question in a few sentences.")
    if is_working(deps.talks.since(talk_id), deps=deps):
        raise DataError("TALK-BUSY", "The last words are still being looked into.", next_step="Wait for the answer.")
    about = {"campaign_id": campaign_id} if campaign_id else {}
    return deps.talks.add(talk_id, "said", {"text": words, "by": by, **about}, at=deps.now())


def stop(talk_id: str, *, by: str, deps: Deps) -> None:
    """Stop the planning that a talk's last words led to, at its next step; a campaign that runs goes on. Where nobody is at work, or
    somebody asked already, nothing happens.

    Raises DataError TALK-UNKNOWN, and ApprovalError where there are users and `by` is none of them.
    """
    signing.known(by, deps=deps, scope="plan")
    events = whole(talk_id, deps=deps)
    if is_working(events, deps=deps) and stopper(events) is None:
        deps.talks.add(talk_id, "stopping", {"by": by.strip() or "somebody"}, at=deps.now())
        _pass_on(deps.talks.since(talk_id), deps=deps)


def stopper(events: list[TalkEvent]) -> str | None:
    """Who wants the work on the last words stopped, if anybody."""
    begun = max((event.seq for event in events if event.kind == "said"), default=0)
    return next((str(event.payload["by"]) for event in events if event.kind == "stopping" and event.seq > begun), None)


def _pass_on(events: list[TalkEvent], *, deps: Deps) -> None:
    """Tell whoever plans that somebody wants it stopped, as soon as there is a campaign that is being planned. Whether they may was asked in `stop`."""
    by, campaign_id = stopper(events), campaign_of(events)
    if by is not None and campaign_id is not None:
        with contextlib.suppress(GoalError):  # it is done already, or its revision has not begun
            halting.ask(campaign_id, by=by, deps=deps)


async def answer(talk_id: str, *, by: str, deps: Deps) -> None:
    """Work on the last words of a talk, writing every step down, and write the answer down. Never raises for what a person can mend."""
    events = deps.talks.since(talk_id)
    said = next(event for event in reversed(events) if event.kind == "said")

    def begun(campaign_id: str) -> None:
        deps.talks.add(talk_id, "working", {"campaign_id": campaign_id}, at=deps.now())

    def step(who: str, what: str) -> None:
        deps.talks.add(talk_id, "step", {"who": who, "what": what}, at=deps.now())
        _pass_on(deps.talks.since(talk_id), deps=deps)

    deps.talks.add(talk_id, "working", {}, at=deps.now())
    try:
        turn = await conversation.turn(
            str(said.payload["text"]), campaign_of(events), deps=replace(deps, progress=step), by=by or "chat", begun=begun
        )
    except LiftwrightError as error:
        failed = {"code": error.code, "says": error.says, "next_step": error.next_step}
        deps.talks.add(talk_id, "failed", failed, at=deps.now())
    except Exception as error:  # whatever broke, a talk must not wait for ever; it is raised again for the log
        next_step = "Say it again; if it stays so, whoever keeps the server finds it in the server's log."
        broken = {"code": "BROKEN", "says": f"Something broke ({type(error).__name__}).", "next_step": next_step}
        deps.talks.add(talk_id, "failed", broken, at=deps.now())
        raise
    else:
        deps.talks.add(talk_id, "reply", {"text": turn.reply, "campaign_id": turn.campaign_id}, at=deps.now())

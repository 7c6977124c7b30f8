"""Telling the people who could sign, and the programs that asked for it, that an approval waits. Nothing here decides anything.

A worker looks at what waits, writes down who is to be told what (once, by the key of the row), and then tells. Planning and asking
know nothing of it: what interrupts there can run again without anybody being told again, and a crash at any point loses nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from urllib.parse import quote

from liftwright.domain.approval import ApprovalRequest
from liftwright.domain.notice import Notice, NoticeKind, NoticeOutcome, NoticeWay, Telling, Told
from liftwright.flow import signing
from liftwright.ports import Deps, Notifier

SOON = timedelta(hours=4)
"""How long before it runs out an approval is told of a second time."""
MOST_TRIES, MOST_DOUBTS = 5, 2
"""Tries of one notice; tries where one may have arrived and the receiver would not notice the second."""
FIRST_PAUSE = timedelta(minutes=5)
"""Until the second try; every further pause is twice as long."""
ROUND_SECONDS = 60.0
"""A round of telling ends after this long, because customers' sends wait for it."""
Notifiers = Mapping[tuple[str, str], Notifier]


def tell(*, deps: Deps, worker: str) -> dict[str, int]:
    """Plan what is to be told and tell what is due. Returns counts by how it ended: `notices_sent`, `notices_planned` (tried again),
    `notices_failed`, `notices_unknown`, `notices_dropped`. Nothing without `[notify]`; ConfigError where that cannot be used."""
    if not deps.settings.notify.is_on:
        return {}
    notifiers = deps.notifiers()
    plan(deps=deps)
    done: Counter[str] = Counter()
    ends = time.monotonic() + ROUND_SECONDS
    while time.monotonic() < ends:
        notice = deps.notices.claim(now=deps.now(), worker=worker)
        if notice is None:
            break
        done[f"notices_{_pass_on(notice, notifiers, worker, deps)}"] += 1
    return dict(done)


def plan(*, deps: Deps) -> int:
    """Write down who is to be told what of everything that waits; returns how much of it is new."""
    now = deps.now()
    waiting = [row for row in deps.approvals.waiting() if row.expires_at > now]
    return sum(deps.notices.plan(list(_wanted(row, deps))) for row in waiting)


def untold(row: ApprovalRequest, *, deps: Deps) -> list[str]:
    """Users who could sign an approval and have no address to be told at."""
    return [user.name for user, _ in signing.able(row, deps=deps) if not user.email]


def _wanted(row: ApprovalRequest, deps: Deps) -> Iterator[Notice]:
    """What every receiver is to be told by now: each escalation that concerns them, else once that it waits, and once that it is due
    soon. Nobody is reminded of what they were first told within the last hours anyway."""
    now, escalated = deps.now(), signing.escalated(row, deps=deps)
    first: dict[tuple[str, str], Notice] = {}
    for notice in deps.notices.of(row.approval_id):
        first.setdefault((notice.way, notice.recipient), notice)
    for way, recipient, duties in _receivers(row, deps):
        known = first.get((way, recipient))
        about: list[tuple[NoticeKind, str]] = [("escalated", role) for role in escalated if duties is None or role in duties]
        if not about and known is None:
            about = [("asked", "")]
        if known is not None and known.planned_at <= row.expires_at - SOON <= now:
            about.append(("reminder", ""))
        for kind, role in about:
            yield Notice(
                approval_id=row.approval_id,
                plan_hash=row.plan_hash,
                kind=kind,
                role=role,
                way=way,
                recipient=recipient,
                planned_at=now,
                due_at=now,
            )


def _receivers(row: ApprovalRequest, deps: Deps) -> Iterator[tuple[NoticeWay, str, tuple[str, ...] | None]]:
    """Users with an address who could sign, with their duties, and every webhook, which hears of all (None)."""
    if deps.settings.notify.smtp:
        for user, duties in signing.able(row, deps=deps):
            if user.email:
                yield "email", user.name, duties
    for name in deps.settings.notify.webhooks:
        yield "webhook", name, None


def _pass_on(notice: Notice, notifiers: Notifiers, worker: str, deps: Deps) -> NoticeOutcome:
    """Tell one receiver, or drop what there is no reason to tell any more, and write down how it ended."""
    now = deps.now()
    notifier = notifiers.get((notice.way, notice.recipient if notice.way == "webhook" else ""))
    found = _telling(notice, deps)
    if notifier is None or isinstance(found, str):
        says = found if isinstance(found, str) else "the settings name no such receiver any more"
        outcome: NoticeOutcome = "dropped"
    elif notice.attempts > MOST_TRIES:
        outcome, says = "unknown", "given up: every worker that tried it stopped half-way"
    else:
        told = _told(notifier, found, deps)
        outcome, says = _outcome(told, notice, notifier), told.reason
    later = now + FIRST_PAUSE * 2 ** (notice.attempts - 1) if outcome == "planned" else None
    deps.notices.settle(notice.notice_id, outcome, now=now, worker=worker, reason=says, due_at=later)
    return outcome


def _told(notifier: Notifier, telling: Telling, deps: Deps) -> Told:
    """What came of it. A notifier that broke may have told: that is doubt."""
    try:
        return notifier.tell(telling, now=deps.now())
    except Exception as error:
        return Told("unknown", f"the notifier failed: {type(error).__name__}")


def _outcome(told: Told, notice: Notice, notifier: Notifier) -> NoticeOutcome:
    """Tried again while that may help; in doubt only as often as a receiver can bear who does not know the notice's id."""
    if told.outcome in ("sent", "failed"):
        return "sent" if told.outcome == "sent" else "failed"
    is_doubtful = told.outcome == "unknown"
    most = MOST_DOUBTS if is_doubtful and not notifier.is_idempotent else MOST_TRIES
    if notice.attempts < most:
        return "planned"
    return "unknown" if is_doubtful else "failed"


def _telling(notice: Notice, deps: Deps) -> Telling | str:
    """What is to be told, read afresh; else the reason why there is nothing to tell any more."""
    row = deps.approvals.get(notice.approval_id)
    if row.status != "pending" or row.expires_at <= deps.now():
        return f"it waits no longer ({'expired' if row.status == 'pending' else row.status})"
    address = ""
    if notice.way == "email":
        who = next((user for user, _ in signing.able(row, deps=deps) if user.name == notice.recipient), None)
        if who is None or not who.email:
            return "that user cannot sign it now, or has no address"
        address = who.email
    return Telling(
        notice_id=notice.notice_id,
        kind=notice.kind,
        at=notice.planned_at,
        campaign_id=row.campaign_id,
        approval_id=row.approval_id,
        title=row.title,
        risk=row.risk,
        trigger=row.trigger,
        needs=signing.needs(row, deps=deps),
        asked_by=_asked_by(row, notice, deps),
        due_at=row.expires_at,
        link=f"{deps.settings.notify.base_url}/approvals/{quote(row.campaign_id, safe='')}",
        role=notice.role,
        to=address,
    )


def _asked_by(row: ApprovalRequest, notice: Notice, deps: Deps) -> str:
    """Who escalated it; of a plan, who asked for the campaign; else what asks, which is no person."""
    if notice.kind == "escalated":
        return signing.escalated(row, deps=deps).get(notice.role, row.asked_by)
    return signing.asked_by(row, deps=deps)

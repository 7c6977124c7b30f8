"""The last look at a person before something leaves: fresh facts through the rules. It may only remove or delay, never add."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.compliance import evaluate, waiting, waivers
from liftwright.compliance import facts as fact_tables
from liftwright.domain.campaign import Send
from liftwright.domain.plan import Plan
from liftwright.domain.policy import PolicyBundle
from liftwright.domain.profile import CHANNELS
from liftwright.flow import untouchable
from liftwright.flow.fresh import Fresh, arms
from liftwright.ports import Deps

CONTACT_AGE = timedelta(days=31)
"""How far back contacts are read for caps; the facts look at thirty days."""
REACHED = ("leased", "sending", "sent", "unknown")
"""Sends that reached the person, or may have, or are about to."""
_WHEN = ("country", "region", "local_minute", "zone_behind", "zone_ahead", "hours_since_contact")
"""Facts on which the next open moment depends."""
PERMITTED = ("allow", "warn")


@dataclass(frozen=True)
class Verdict:
    """The rules' word on one person and channel, the rules that fired, and the facts they looked at."""

    outcome: str
    rules: tuple[str, ...]
    facts: Mapping[str, Any]

    @property
    def says(self) -> str:
        """The rules by name."""
        return ",".join(self.rules) or "RULE-UNKNOWN"


UNKNOWN = Verdict("block", ("FACTS-MISSING",), {})


@dataclass(frozen=True)
class Terms:
    """What an approved plan allows, worked out once a batch. `seen`: rules whose findings the approver saw on it."""

    plan: Plan
    plan_hash: str
    ends_at: datetime
    treated: frozenset[str]
    holdout: frozenset[str]
    weekly_cap: int | None
    seen: frozenset[str]


@dataclass
class Passage:
    """What may leave now, what never will (with the rule that says so), and what must wait until when."""

    allowed: list[Send] = field(default_factory=list)
    removed: dict[str, str] = field(default_factory=dict)
    delayed: dict[str, tuple[datetime, str]] = field(default_factory=dict)

    def add(self, other: Passage) -> None:
        """Take in what another look found."""
        self.allowed += other.allowed
        self.removed |= other.removed
        self.delayed |= other.delayed


def look(sends: Sequence[Send], said: Mapping[str, Terms | None], fresh: Fresh, *, now: datetime, deps: Deps) -> Passage:
    """Judge sends at `now`; at most one send per person (call again for the next, so that caps see the first)."""
    passage = Passage()
    left: list[Send] = []
    kept_out = _kept_out(sends, fresh, now, deps)
    for send in sends:
        reason = _never(send, said.get(send.campaign_id), fresh, now)
        reason = "HOLDOUT-UNTOUCHABLE" if not reason and send.send_id in kept_out else reason
        if reason:
            passage.removed[send.send_id] = reason
        else:
            left.append(send)
    later: dict[str, Verdict] = {}
    for send, verdict in zip(left, verdicts(left, said, fresh, at=now, deps=deps), strict=True):
        if verdict.outcome == "delay":
            later[send.send_id] = verdict
        elif verdict.outcome in PERMITTED or _was_approved(verdict, said[send.campaign_id]):
            passage.allowed.append(send)
        else:
            passage.removed[send.send_id] = verdict.says
    _delay([send for send in left if send.send_id in later], later, passage, said, now=now, deps=deps)
    return passage


def verdicts(sends: Sequence[Send], said: Mapping[str, Terms | None], fresh: Fresh, *, at: datetime, deps: Deps) -> list[Verdict]:
    """The rules' word on each send at a moment; a send they say nothing about is blocked."""
    by_terms: dict[tuple[int | None, str], list[Send]] = {}
    bundles = {campaign_id: in_force(campaign_id, at=at, deps=deps) for campaign_id in {send.campaign_id for send in sends}}
    for send in sends:
        by_terms.setdefault((_cap(said[send.campaign_id]), bundles[send.campaign_id].digest), []).append(send)
    found: dict[str, Verdict] = {}
    for (cap, _), some in by_terms.items():
        channels = sorted({send.channel for send in some})
        people, bundle = {send.customer_id for send in some}, bundles[some[0].campaign_id]
        rules = judged(people, channels, fresh, at=at, deps=deps, cap=cap, sending=True, bundle=bundle)
        for send in some:
            found[send.send_id] = rules.get((fresh.present_id(send.customer_id) or "", send.channel), UNKNOWN)
    return [found[send.send_id] for send in sends]


def _kept_out(sends: Sequence[Send], fresh: Fresh, now: datetime, deps: Deps) -> set[str]:
    """Sends to people whom the global holdout of this quarter keeps out of every campaign."""
    found: set[str] = set()
    for channel in {send.channel for send in sends}:
        mine = [send for send in sends if send.channel == channel]
        people = fresh.some({send.customer_id for send in mine})
        out = untouchable.now_out(people, channel, at=now, settings=deps.settings)
        names = set(np.asarray(people["customer_id"].to_pylist(), dtype=object)[out])
        found |= {send.send_id for send in mine if fresh.present_id(send.customer_id) in names}
    return found


def _cap(said: Terms | None) -> int | None:
    return said.weekly_cap if said else None


def _was_approved(verdict: Verdict, said: Terms | None) -> bool:
    """True when a person must say yes, and did: the approver saw every one of these rules on the plan they approved."""
    return verdict.outcome == "needs_approval" and said is not None and bool(verdict.rules) and set(verdict.rules) <= said.seen


def judged(
    customer_ids: Iterable[str],
    channels: Sequence[str],
    fresh: Fresh,
    *,
    at: datetime,
    deps: Deps,
    cap: int | None = None,
    sending: bool = False,
    bundle: PolicyBundle | None = None,
) -> dict[tuple[str, str], Verdict]:
    """(present id, channel) to the rules' word, from the newest facts; by the rules in force for everybody where none are given."""
    people = fresh.some(customer_ids)
    ids = people["customer_id"].combine_chunks()
    facts = fact_tables.person_facts(
        people,
        channels=tuple(channel for channel in CHANNELS if channel in channels),
        at=at,
        settings=deps.settings,
        contacts=_contacts(ids, at, fresh, deps),
        events=fresh.events_of(ids, until=at),
        arms=untouchable.now_out(people, "", at=at, settings=deps.settings),
        contacts_per_week=cap,
        sending=sending,
    )
    rules = in_force("", at=at, deps=deps) if bundle is None else bundle
    found = evaluate.people(rules, facts).to_pylist()
    return {
        (row["customer_id"], row["channel"]): Verdict(str(row["outcome"]), tuple(row["rules"] or ()), facts_row)
        for row, facts_row in zip(found, facts.to_pylist(), strict=True)
    }


def in_force(campaign_id: str, *, at: datetime, deps: Deps) -> PolicyBundle:
    """The rules for a campaign at a moment ("" = for everybody): those of the library without what is waived."""
    told = [entry for subject in (waivers.HOUSE, campaign_id) if subject for entry in deps.journal.entries(subject=subject)]
    return waivers.without(deps.library.policies(), waivers.holding(waivers.told(told), at=at))


def _contacts(ids: pa.Array, at: datetime, fresh: Fresh, deps: Deps) -> pa.Table:
    """What reached these people lately, under their present ids."""
    wanted = sorted(fresh.ever(ids.to_pylist()))
    contacts = deps.ledger.contacts_since(at - CONTACT_AGE, customer_ids=wanted)
    contacts = contacts.filter(pc.is_in(contacts["state"], value_set=pa.array(REACHED)))
    if not fresh.renamed:
        return contacts
    present = [fresh.present_id(customer_id) for customer_id in contacts["customer_id"].to_pylist()]
    return contacts.set_column(contacts.column_names.index("customer_id"), "customer_id", pa.array(present, pa.string()))


def terms(plan: Plan, *, deps: Deps) -> Terms:
    """What an approved plan says about everything that leaves in its name."""
    treated, holdout = arms(plan.audience.digest, deps)
    limit = plan.objective.constraint("max_contacts_per_week")
    cap = int(limit.value) if limit is not None and isinstance(limit.value, int | float) else None
    known = frozenset(finding.rule for finding in plan.findings)
    return Terms(plan, plan.plan_hash, ends_at(plan, deps), treated, holdout, cap, known)


def _never(send: Send, said: Terms | None, fresh: Fresh, now: datetime) -> str:
    """Why this send may not leave at any time, or an empty string."""
    if said is None or said.plan_hash != send.plan_hash:
        return "PLAN-CHANGED"
    if send.customer_id not in fresh.rows:
        return "PERSON-GONE"
    if send.customer_id not in said.treated or (fresh.present_id(send.customer_id) or "") in said.holdout:
        return "HOLDOUT-UNTOUCHABLE"
    if send.channel not in said.plan.envelope.channels:
        return "ENVELOPE-CHANNEL"
    if send.discount > said.plan.envelope.max_discount + 1e-9:
        return "ENVELOPE-DISCOUNT"
    return "ENVELOPE-ENDED" if now >= said.ends_at else ""


def ends_at(plan: Plan, deps: Deps) -> datetime:
    """The moment after which nothing of a plan may leave: the end of its last day, in the house's time zone."""
    last = date.fromisoformat(plan.envelope.ends_on[:10])
    return datetime.combine(last + timedelta(days=1), time(0), tzinfo=ZoneInfo(deps.settings.time_zone))


def _delay(
    sends: Sequence[Send],
    verdicts: Mapping[str, Verdict],
    passage: Passage,
    said: Mapping[str, Terms | None],
    *,
    now: datetime,
    deps: Deps,
) -> None:
    """Give each send the next moment its rules leave open, or remove it when there is none before its campaign ends."""
    bundle = deps.library.policies()
    known: dict[tuple[Any, ...], datetime | None] = {}
    for send in sends:
        verdict, stated = verdicts[send.send_id], said[send.campaign_id]
        zone = deps.settings.time_zone
        key = (send.channel, verdict.rules, *(verdict.facts.get(name) for name in _WHEN))
        if key not in known:
            known[key] = waiting.delay_until(bundle, verdict.facts, at=now, zone=_zone(verdict, now, zone))
        moment = known[key]
        if moment is None or stated is None or moment >= stated.ends_at:
            passage.removed[send.send_id] = verdict.says
        else:
            passage.delayed[send.send_id] = (moment, verdict.says)


def _zone(verdict: Verdict, now: datetime, default: str) -> tzinfo:
    """A fixed offset at which it is now as late as the facts say, to the minute; the house's zone when they do not say."""
    minute = verdict.facts.get("local_minute")
    if minute is None:
        return ZoneInfo(default)
    ahead = (int(minute) - (now.astimezone(UTC).hour * 60 + now.astimezone(UTC).minute) + 720) % 1440 - 720
    return timezone(timedelta(minutes=ahead))

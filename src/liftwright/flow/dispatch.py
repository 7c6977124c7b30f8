"""Sends leave here and nowhere else: lease, last look, mark `sending` (committed), deliver, settle.

A crash before the mark frees the lease; a crash after it leaves a send that is repeated only on a channel where repeating has no
second effect, and is `unknown` otherwise. The kill switch is read again for every batch, in the transaction that marks.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from liftwright.domain.campaign import Send
from liftwright.domain.delivery import Delivery, Receipt
from liftwright.domain.profile import Channel
from liftwright.flow import fresh as fresh_data
from liftwright.flow import gate, ladder
from liftwright.flow.stopping import lapse, recall
from liftwright.ports import ChannelAdapter, Deps, LeaseOutcome

LEASE_SECONDS = 300
CONTACT_FIELDS = (
    "email", "phone", "push_token", "first_name", "last_name", "street", "city", "postal_code", "region", "country", "language",
)  # fmt: skip
"""Address fields a channel may need. They are read here, for this batch, and handed to the adapter only."""
RETRY_MINUTES = 15
MAX_ATTEMPTS = 5


def work_once(*, deps: Deps, worker: str, limit: int = 500) -> dict[str, int]:
    """Deliver one batch of what is due. Returns counts: leased, sent, failed, unknown, suppressed, delayed, released, expired."""
    now = deps.now()
    idempotent = frozenset(channel for channel, adapter in deps.channels.items() if adapter.is_idempotent)
    done: Counter[str] = Counter()
    done["released"] = sum(deps.ledger.release_expired(now=now, idempotent_channels=idempotent).values())
    done["expired"] = len(lapse(deps=deps))
    ladder.enforce(_running(deps), deps=deps)
    ahead = {channel: now + adapter.takes_ahead for channel, adapter in deps.channels.items() if adapter.takes_ahead}
    batch = deps.ledger.lease(now=now, worker=worker, limit=limit, seconds=LEASE_SECONDS, ahead=ahead)
    done["leased"] = len(batch)
    if batch:
        fresh = fresh_data.newest(deps)
        plans = _plans(batch, deps)
        for part in _one_per_person(batch):
            done.update(_pass_on(part, plans, fresh, now=now, worker=worker, deps=deps))
        _take_back(plans, deps)
    return dict(done)


def _running(deps: Deps) -> list[str]:
    """Campaigns something could be sent of."""
    return [campaign.campaign_id for campaign in deps.campaigns.all() if campaign.status == "running"]


def drain(*, deps: Deps, worker: str, limit: int = 500) -> dict[str, int]:
    """Batch after batch until nothing is due; then the journal is sealed, if a seal is due."""
    total: Counter[str] = Counter()
    while True:
        done = work_once(deps=deps, worker=worker, limit=limit)
        total.update(done)
        if not done["leased"]:
            deps.journal.seal(at=deps.now())
            return dict(total)


def _take_back(campaign_ids: Iterable[str], deps: Deps) -> None:
    """A campaign that was stopped or paused while this batch was handed over: recall what its executor holds for later."""
    for campaign in map(deps.campaigns.get, campaign_ids):
        if campaign.status in ("stopped", "paused"):
            reason = f"{campaign.status} by {campaign.stopped_by}: {campaign.stop_reason}"
            recall(campaign.campaign_id, reason=reason, deps=deps)


def _plans(batch: Sequence[Send], deps: Deps) -> dict[str, gate.Terms | None]:
    """The approved plan of each campaign in the batch, as it is stored now."""
    found: dict[str, gate.Terms | None] = {}
    for campaign_id in sorted({send.campaign_id for send in batch}):
        campaign = deps.campaigns.get(campaign_id)
        plan = deps.campaigns.plan(campaign_id, campaign.revision)
        found[campaign_id] = None if plan is None else gate.terms(plan, deps=deps)
    return found


def _one_per_person(batch: Sequence[Send]) -> list[list[Send]]:
    """Parts of a batch in which nobody appears twice, in order: the second touch of a person must see the first in its caps."""
    parts: list[list[Send]] = []
    seen: Counter[str] = Counter()
    for send in batch:
        position = seen[send.customer_id]
        if position == len(parts):
            parts.append([])
        parts[position].append(send)
        seen[send.customer_id] += 1
    return parts


def _by_moment(part: Sequence[Send], *, now: datetime) -> list[tuple[datetime, list[Send]]]:
    """Sends by the moment they reach people: now, or later where the executor keeps the moment itself."""
    moments: dict[datetime, list[Send]] = defaultdict(list)
    for send in part:
        moments[max(send.send_at, now)].append(send)
    return sorted(moments.items())


def _pass_on(
    part: Sequence[Send],
    plans: dict[str, gate.Terms | None],
    fresh: fresh_data.Fresh,
    *,
    now: datetime,
    worker: str,
    deps: Deps,
) -> Counter[str]:
    """Judge each send at the moment it reaches its person, settle what may not leave, hand the rest over channel by channel."""
    done: Counter[str] = Counter()
    passage = gate.Passage()
    for at, sends in _by_moment(part, now=now):
        passage.add(gate.look(sends, plans, fresh, now=at, deps=deps))
    held: dict[str, tuple[LeaseOutcome, str]] = {
        **{send_id: ("suppressed", rule) for send_id, rule in passage.removed.items()},
        **{send_id: ("delayed", rule) for send_id, (_, rule) in passage.delayed.items()},
    }
    if held:
        until = {send_id: moment for send_id, (moment, _) in passage.delayed.items()}
        deps.ledger.settle(held, now=now, worker=worker, delayed_to=until)
        done.update(outcome for outcome, _ in held.values())
    by_channel: dict[Channel, list[Send]] = defaultdict(list)
    for send in passage.allowed:
        by_channel[send.channel].append(send)
    for channel, sends in by_channel.items():
        done.update(_deliver(channel, sends, plans, fresh, now=now, worker=worker, deps=deps))
    return done


def _deliver(
    channel: Channel,
    sends: Sequence[Send],
    plans: dict[str, gate.Terms | None],
    fresh: fresh_data.Fresh,
    *,
    now: datetime,
    worker: str,
    deps: Deps,
) -> Counter[str]:
    """Mark, hand over, settle. Only what the ledger moved to `sending` is handed over."""
    adapter = deps.channels.get(channel)
    contacts = _contacts(sends, fresh)
    deliveries = {
        send.send_id: _delivery(send, plans[send.campaign_id], contacts[str(fresh.present_id(send.customer_id))])
        for send in sends
    }
    ready = {send_id: delivery for send_id, delivery in deliveries.items() if delivery is not None}
    results: dict[str, tuple[LeaseOutcome, str]] = {
        send_id: ("failed", "no such variant") for send_id in deliveries if send_id not in ready
    }
    if adapter is None:
        results.update({send_id: ("failed", f"no adapter for {channel}") for send_id in ready})
    else:
        moved = deps.ledger.mark(list(ready), "sending", now=now, worker=worker)
        results.update(_receipts(adapter, [ready[send_id] for send_id in moved], now=now))
    if not results:
        return Counter()
    later = now + timedelta(minutes=RETRY_MINUTES)
    delayed_to = {send_id: later for send_id, (outcome, _) in results.items() if outcome == "delayed"}
    deps.ledger.settle(results, now=now, worker=worker, delayed_to=delayed_to)
    return Counter(outcome for outcome, _ in results.values())


def _receipts(adapter: ChannelAdapter, batch: Sequence[Delivery], *, now: datetime) -> dict[str, tuple[LeaseOutcome, str]]:
    """What became of each delivery. A send the adapter says nothing about may have left: it is unknown.

    An adapter that broke: tried again later where repeating has no second effect, unknown elsewhere.
    """
    if not batch:
        return {}
    try:
        receipts = adapter.deliver(batch, now=now)
    except Exception as error:
        says = f"the channel failed: {type(error).__name__}"
        return {delivery.send.send_id: (_broken(delivery.send, adapter), says) for delivery in batch}
    said: dict[str, Receipt] = {receipt.send_id: receipt for receipt in receipts}
    return {delivery.send.send_id: _outcome(said.get(delivery.send.send_id)) for delivery in batch}


def _broken(send: Send, adapter: ChannelAdapter) -> LeaseOutcome:
    if not adapter.is_idempotent:
        return "unknown"
    return "delayed" if send.attempts + 1 < MAX_ATTEMPTS else "failed"


def _outcome(receipt: Receipt | None) -> tuple[LeaseOutcome, str]:
    if receipt is None:
        return "unknown", "the channel gave no receipt"
    return receipt.outcome, receipt.provider_id if receipt.outcome == "sent" else receipt.reason


def _delivery(send: Send, said: gate.Terms | None, contact: dict[str, str]) -> Delivery | None:
    variants = said.plan.variants if said else ()
    variant = next((each for each in variants if each.variant_id == send.variant_id), None)
    if variant is None or (variant.channel, variant.offer) != (send.channel, send.offer):
        return None
    return Delivery(send=send, variant=variant, contact=contact)


def _contacts(sends: Sequence[Send], fresh: fresh_data.Fresh) -> dict[str, dict[str, str]]:
    """Address fields by present id, of the people of these sends only."""
    people = fresh.some({send.customer_id for send in sends})
    names = [name for name in CONTACT_FIELDS if name in people.column_names]
    found = people.select(["customer_id", *names]).to_pylist()
    return {row["customer_id"]: {name: str(row[name]) for name in names if row[name] is not None} for row in found}

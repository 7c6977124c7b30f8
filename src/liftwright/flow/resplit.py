"""Texts of one action against each other during the flight: what is still planned goes more to the text that earns more."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.evidence import Action
from liftwright.domain.plan import Plan
from liftwright.flow import trust
from liftwright.flow.fresh import Fresh, newest
from liftwright.measurement import outcomes
from liftwright.planning import bandit
from liftwright.ports import Deps

LEAST_ORDERS = 10
"""Orders over all texts of an action before anything moves."""
MEDIAN_DELAY_DAYS = 3.0
"""Half of the orders a contact brings have come in by then."""
FLOOR = 0.05


def resplit(plan: Plan, *, number: int, deps: Deps) -> int:
    """Draw the text of every planned send anew by the chance of being best; `number` is the tick's. Returns how many sends changed.

    Only where the approval lets texts be chosen, only among the approved texts of the same channel and offer, never below 5 % each.
    A person keeps one text over all touches that are left. Drawn by a salted hash, so the same tick draws the same.
    """
    texts = _texts(plan)
    if not trust.may(plan, "choose_variant", deps=deps) or not texts:
        return 0
    delivered = deps.ledger.sends(plan.campaign_id, states=("sent", "unknown"))
    planned = deps.ledger.sends(plan.campaign_id, states=("planned",))
    if not delivered.num_rows or not planned.num_rows:
        return 0
    fresh, changed = newest(deps), 0
    for (channel, offer), names in texts.items():
        results = _results(names, _of(delivered, channel, offer), fresh, deps)
        if sum(result.orders for result in results.values()) < LEAST_ORDERS:
            continue
        shares = bandit.split(results, floor=FLOOR, seed=plan.pins.seed + number)
        rows = _of(planned, channel, offer)
        moved = deps.ledger.choose_variants(plan.campaign_id, _drawn(rows, shares, salt=f"{plan.experiment.salt}:{number}"))
        changed += moved
        if moved:
            _record(plan, f"{channel}:{offer}", _counted(rows), shares, moved, deps)
    return changed


def _texts(plan: Plan) -> dict[tuple[str, str], list[str]]:
    """Variant ids by channel and offer, where there is more than one."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for variant in plan.variants:
        found[(variant.channel, variant.offer)].append(variant.variant_id)
    return {action: sorted(names) for action, names in sorted(found.items()) if len(names) > 1}


def _of(sends: pa.Table, channel: str, offer: str) -> pa.Table:
    return sends.filter(pc.and_(pc.equal(sends["channel"], channel), pc.equal(sends["offer"], offer)))


def _results(names: list[str], sends: pa.Table, fresh: Fresh, deps: Deps) -> dict[str, bandit.VariantResult]:
    """What the people who got each text did since; a person who got two texts counts for neither."""
    got: dict[str, set[str]] = defaultdict(set)
    for person, variant in zip(sends["customer_id"].to_pylist(), sends["variant_id"].to_pylist(), strict=True):
        got[person].add(variant)
    return {name: _result(name, sends, {person for person, seen in got.items() if seen == {name}}, fresh, deps) for name in names}


def _result(name: str, sends: pa.Table, people: set[str], fresh: Fresh, deps: Deps) -> bandit.VariantResult:
    mine = sends.filter(
        pc.and_(pc.equal(sends["variant_id"], name), pc.is_in(sends["customer_id"], pa.array(sorted(people), pa.string())))
    )
    if not mine.num_rows:
        return bandit.VariantResult(exposure=0.0, orders=0, margin_sum=0.0, margin_squares=0.0)
    now = deps.now()
    ages = (now.timestamp() * 1e6 - mine["send_at"].cast(pa.int64()).to_numpy()) / 86_400e6
    present = sorted({fresh.present_id(person) or person for person in people})
    table = outcomes.outcomes(
        fresh.events,
        customer_ids=present,
        starts_at=pc.min(mine["send_at"]).as_py(),
        ends_at=now,
        margin_rate=deps.settings.margin.rate,
    )
    orders, margin = table["orders"].to_numpy(), table["margin"].to_numpy()
    each = margin / np.maximum(orders, 1.0)
    return bandit.VariantResult(
        exposure=bandit.exposure(ages, median_delay_days=MEDIAN_DELAY_DAYS),
        orders=int(orders.sum()),
        margin_sum=float(margin.sum()),
        margin_squares=float((orders * each**2).sum()),
    )


def _drawn(sends: pa.Table, shares: Mapping[str, float], *, salt: str) -> dict[str, str]:
    """Send id to the text drawn for its person."""
    names = sorted(shares)
    edges = np.cumsum([shares[name] for name in names])
    drawn: dict[str, str] = {}
    for send_id, person in zip(sends["send_id"].to_pylist(), sends["customer_id"].to_pylist(), strict=True):
        number = int.from_bytes(hashlib.sha256(f"{salt}:{person}".encode()).digest()[:8], "big") / 2**64
        drawn[send_id] = names[min(int(np.searchsorted(edges, number, side="right")), len(names) - 1)]
    return drawn


def _counted(sends: pa.Table) -> dict[str, float]:
    counts = sends["variant_id"].value_counts().to_pylist()
    return {row["values"]: round(row["counts"] / sends.num_rows, 4) for row in sorted(counts, key=lambda row: row["values"])}


def _record(plan: Plan, action: str, before: Mapping[str, float], shares: Mapping[str, float], moved: int, deps: Deps) -> None:
    after: dict[str, Any] = {
        "action": action,
        "shares": {name: round(share, 4) for name, share in shares.items()},
        "sends": moved,
    }
    done = Action(at=deps.now(), kind="resplit", rule="BANDIT", before={"shares": dict(before)}, after=after, by="liftwright")
    deps.campaigns.record_action(plan.campaign_id, done)

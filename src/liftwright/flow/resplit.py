"""Texts of one action against each other during the flight: what is still planned goes more to the text that earns more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.evidence import Action
from liftwright.domain.plan import Plan
from liftwright.flow import decided, trust
from liftwright.flow.earned import COLUMNS, Earned, earned
from liftwright.measurement import holdout
from liftwright.planning import bandit, bandit_watch
from liftwright.ports import Deps

LEAST_ORDERS = 10
"""Orders over all texts of an action before anything moves."""
FLOOR = 0.05


@dataclass(frozen=True)
class _Texts:
    """The texts of one action: what each has earned, which may compete, and the action's name (channel:offer)."""

    action: str
    results: Mapping[str, bandit.VariantResult]
    admission: bandit_watch.Admission
    planned: pa.Table

    @property
    def orders(self) -> int:
        return sum(result.orders for result in self.results.values())


def resplit(plan: Plan, *, number: int, deps: Deps) -> int:
    """Draw the text of every planned send anew by what the texts have earned; `number` is the tick's. Returns how many sends changed.

    Only where the approval lets texts be chosen, only among the approved texts of the same channel and offer, never below 5 % each. A
    text nobody has got yet waits while those that have started cannot be told apart in what is left. A person keeps one text over all
    touches that are left. Drawn by a salted hash, so the same tick draws the same; the chances are logged. A text that is clicked more
    and earns less than the others is named.
    """
    texts = _texts(plan)
    if not trust.may(plan, "choose_variant", deps=deps) or not texts:
        return 0
    planned = deps.ledger.sends(plan.campaign_id, states=("planned",), columns=COLUMNS)
    known = earned(plan.campaign_id, deps=deps) if planned.num_rows else None
    if known is None or not known.sends.num_rows:
        return 0
    changed = 0
    for (channel, offer), names in texts.items():
        found = _seen(names, f"{channel}:{offer}", _of(planned, channel, offer), known)
        _warn(plan, names, known, deps)
        if found.orders >= LEAST_ORDERS or found.admission.waiting:
            changed += _draw(plan, found, known, number=number, deps=deps)
    return changed


def _texts(plan: Plan) -> dict[tuple[str, str], list[str]]:
    """Variant ids by channel and offer, where there is more than one."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for variant in plan.variants:
        found[(variant.channel, variant.offer)].append(variant.variant_id)
    return {action: sorted(names) for action, names in sorted(found.items()) if len(names) > 1}


def _of(sends: pa.Table, channel: str, offer: str) -> pa.Table:
    return sends.filter(pc.and_(pc.equal(sends["channel"], channel), pc.equal(sends["offer"], offer)))


def _seen(names: Sequence[str], action: str, planned: pa.Table, known: Earned) -> _Texts:
    """What each text has earned, its contacts counted by the share of their orders that is in."""
    masks = {name: pc.equal(known.sends["variant_id"], name).to_numpy() for name in names}
    exposures = {name: known.delays.exposure(known.ages[mask]) for name, mask in masks.items()}
    results = bandit.results(exposures, {name: known.orders_of(mask) for name, mask in masks.items()})
    admission = bandit_watch.admit(
        names,
        left=planned.num_rows,
        exposures=exposures,
        orders=sum(result.orders for result in results.values()),
        started=[name for name, mask in masks.items() if mask.any()],
    )
    return _Texts(action=action, results=results, admission=admission, planned=planned)


def standing(plan: Plan, *, deps: Deps) -> list[dict[str, Any]]:
    """How the texts that compete stand now: a row per text with what it got, what it earned and its chance of being the best of its action.

    `share` is that of the sends still planned; None where none is. Nothing is changed.
    """
    texts = _texts(plan)
    if not texts:
        return []
    planned = deps.ledger.sends(plan.campaign_id, states=("planned",), columns=COLUMNS)
    known = earned(plan.campaign_id, deps=deps)
    rows: list[dict[str, Any]] = []
    for (channel, offer), names in texts.items():
        found = _seen(names, f"{channel}:{offer}", _of(planned, channel, offer), known)
        chances = bandit.best_chances(found.results, seed=plan.pins.seed)
        shares = _counted(found.planned) if found.planned.num_rows else {}
        for name in names:
            sent = int(pc.sum(pc.equal(known.sends["variant_id"], name)).as_py() or 0)
            row = {"action": found.action, "variant": name, "sent": sent, "orders": found.results[name].orders}
            share = shares.get(name, 0.0) if shares else None
            rows.append(row | {"margin": found.results[name].margin_sum, "share": share, "best": chances[name], "floor": FLOOR})
    return rows


def _draw(plan: Plan, found: _Texts, known: Earned, *, number: int, deps: Deps) -> int:
    """Give every planned send of the action a text, and write down what was decided for whom."""
    seed = plan.pins.seed + number
    competing = {name: found.results[name] for name in found.admission.open}
    shares = bandit.split(competing, floor=FLOOR, seed=seed)
    if found.orders < LEAST_ORDERS:
        shares = {name: 1.0 / len(competing) for name in sorted(competing)}
    chosen = _drawn(found.planned, shares, salt=f"{plan.experiment.salt}:{number}")
    moved = sum(int(chosen[row["send_id"]] != row["variant_id"]) for row in found.planned.to_pylist())
    if moved:
        after = {
            "tick": number,
            "action": found.action,
            "shares": {name: round(share, 4) for name, share in shares.items()},
            "sends": moved,
            "waiting": list(found.admission.waiting),
            "says": found.admission.says,
            "half_of_orders_after_days": round(known.delays.median_days, 2),
            "delays_measured_on": known.delays.orders,
            "policy": decided.policy("texts"),
            "seed": seed,
            "log": decided.keep(_logged(found, shares, chosen, seed, deps), deps=deps),
        }
        _record(plan, "resplit", "BANDIT", {"shares": _counted(found.planned)}, after, deps)
        deps.ledger.choose_variants(plan.campaign_id, chosen)
    return moved


def _drawn(sends: pa.Table, shares: Mapping[str, float], *, salt: str) -> dict[str, str]:
    """Send id to the text drawn for its person."""
    names = sorted(shares)
    edges = np.cumsum([shares[name] for name in names])
    numbers = holdout.draws(sends["customer_id"].to_pylist(), salt=salt)
    places = np.minimum(np.searchsorted(edges, numbers, side="right"), len(names) - 1)
    return {send_id: names[place] for send_id, place in zip(sends["send_id"].to_pylist(), places.tolist(), strict=True)}


def _logged(found: _Texts, shares: Mapping[str, float], chosen: Mapping[str, str], seed: int, deps: Deps) -> list[dict[str, Any]]:
    common = {
        "subject": found.action,
        "decided_at": deps.now(),
        "eligible": list(shares),
        "chances": list(shares.values()),
        "policy": decided.policy("texts"),
        "seed": seed,
    }
    pairs = zip(found.planned["send_id"].to_pylist(), found.planned["customer_id"].to_pylist(), strict=True)
    return [
        {**common, "decision_id": send, "customer_id": person, "chosen": chosen[send], "propensity": shares[chosen[send]]}
        for send, person in pairs
    ]


def _counted(sends: pa.Table) -> dict[str, float]:
    counts = sends["variant_id"].value_counts().to_pylist()
    return {row["values"]: round(row["counts"] / sends.num_rows, 4) for row in sorted(counts, key=lambda row: row["values"])}


def _warn(plan: Plan, names: Sequence[str], known: Earned, deps: Deps) -> None:
    """Name texts that are clicked more and earn less, once each."""
    told = {action.after.get("variant") for action in deps.campaigns.actions(plan.campaign_id) if action.kind == "clickbait"}
    masks = {name: pc.equal(known.sends["variant_id"], name).to_numpy() for name in names}
    for lure in bandit_watch.lures(
        {name: known.clicks[mask] for name, mask in masks.items()}, {name: known.margin[mask] for name, mask in masks.items()}
    ):
        if lure.text not in told:
            after = {"variant": lure.text, "clicks": list(lure.clicks), "margin": list(lure.margin), "says": lure.says}
            _record(plan, "clickbait", "CLICKBAIT", {}, after, deps)


def _record(plan: Plan, kind: str, rule: str, before: dict[str, Any], after: dict[str, Any], deps: Deps) -> None:
    done = Action(at=deps.now(), kind=kind, rule=rule, before=before, after=after, by="liftwright")
    deps.campaigns.record_action(plan.campaign_id, done)

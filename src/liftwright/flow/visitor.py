"""One visitor now: rules first, then scores, then the one best thing to do, doing nothing included."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.agents.bench import Bench, solving
from liftwright.domain.errors import DataError
from liftwright.domain.goal import Objective
from liftwright.flow import current, gate, visits
from liftwright.flow.fresh import newest
from liftwright.planning import next_action as chooser
from liftwright.planning.treatments import action_parts
from liftwright.ports import Deps


def next_action(customer_id: str, *, deps: Deps) -> dict[str, Any]:
    """What to do for this visitor now: `{"person", "action", "value", "propensity", "says", "options"}`. Nothing is sent by this.

    The choice is logged with its chances; what came of it is learned from at night (`visits`).

    Scores are those of the models in force (the night's run trains what is due); rules are checked at this very moment. Raises DataError for a person
    nobody knows.
    """
    now = deps.now()
    fresh = newest(deps)
    person = fresh.present_id(customer_id)
    if person is None:
        raise DataError(
            "PERSON-UNKNOWN", f"There is no person '{customer_id}'.", next_step="Import them, or treat them as anonymous."
        )
    bench = current.scored(deps)
    index = int(np.flatnonzero(bench.data.ids == person)[0])
    today = Objective(metric="incremental_margin", starts_on=now.date(), ends_on=now.date())
    actions = bench.data.actions
    effects = {action: float(bench.scored.effects.values[index, place]) for place, action in enumerate(actions)}
    seed = _seed(person, now, deps.settings.seed)
    economics = solving.economics_of(bench.data, bench.scored, today, np.array([index]))
    chosen = chooser.choose(
        effects=effects,
        economics=economics,
        blocked_by=_blocked(person, bench, now, deps),
        explore=deps.settings.limits.randomised_share,
        seed=seed,
        already_touched=_touched_today(customer_id, now, deps),
        learned=visits.learned(bench, index, deps=deps),
    )
    anyway = float(economics.buy_chance[0] * economics.order_revenue[0] * economics.margin_rate[0])
    pins = _pins(bench)
    visits.log(person, chosen, bench=bench, index=index, anyway=anyway, pins=pins, seed=seed, deps=deps)
    return {"person": person, **_told(chosen), "decided_at": now.isoformat(), "pins": pins}


def _told(chosen: chooser.NextAction) -> dict[str, Any]:
    return {
        "action": chosen.action,
        "value": chosen.value,
        "propensity": chosen.propensity,
        "randomised": chosen.randomised,
        "says": chosen.says,
        "options": [_shown(option) for option in chosen.options],
    }


def _pins(bench: Bench) -> dict[str, Any]:
    data = bench.data
    return {"snapshot": data.snapshot.snapshot_id, "models": list(bench.scored.versions), "policies": data.bundle.digest}


def _shown(option: chooser.Option) -> dict[str, Any]:
    blocked_by = list(option.blocked_by)
    return {
        "action": option.action,
        "value": option.value,
        "terms": option.terms,
        "allowed": not blocked_by,
        "blocked_by": blocked_by,
    }


def _blocked(person: str, bench: Bench, now: datetime, deps: Deps) -> dict[str, tuple[str, ...]]:
    """By action, the rules that forbid its channel to this person at this moment; a channel that is not judged stays forbidden.

    With a broken feature contract no score can be trusted, so nothing is allowed but doing nothing.
    """
    actions = bench.data.actions
    broken = tuple(finding.rule for finding in bench.data.contract_findings)
    channels = sorted({action_parts(action)[0] for action in actions})
    said = gate.judged([person], channels, newest(deps), at=now, deps=deps)
    found = {channel: said.get((person, channel)) for channel in channels}
    blocks: dict[str, tuple[str, ...]] = {}
    for action in actions:
        verdict = found[action_parts(action)[0]]
        if verdict is not None:
            forbidding = () if verdict.outcome in gate.PERMITTED else verdict.rules or (verdict.outcome,)
            blocks[action] = (*forbidding, *broken)
    return blocks


def _touched_today(customer_id: str, now: datetime, deps: Deps) -> int:
    morning = now.replace(hour=0, minute=0, second=0, microsecond=0)
    contacts = deps.ledger.contacts_since(morning, customer_ids=[customer_id])
    return int(pc.sum(pc.is_in(contacts["state"], value_set=pa.array(gate.REACHED))).as_py() or 0)


def _seed(person: str, now: datetime, seed: int) -> int:
    digest = hashlib.sha256(f"{seed}:{person}:{now.isoformat()}".encode()).digest()
    return int.from_bytes(digest[:4], "big")

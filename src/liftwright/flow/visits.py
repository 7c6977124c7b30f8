"""Choices made for visitors: each logged with its chances, and at night learned from by what the person then brought.

The learner sees what differs from the models' expectation, so it starts from them and corrects them where choices turned out otherwise.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from liftwright.agents.bench import Bench
from liftwright.flow import decided, reporting
from liftwright.flow.fresh import newest
from liftwright.planning import bandit_delay, bandit_outcomes, contextual
from liftwright.planning.next_action import NOTHING, Learned, NextAction
from liftwright.ports import Deps
from liftwright.scoring.card import card_of, dated

MODEL = "next_action"
SUBJECT, DECIDED = "visitors", "visitor.decided"
LEAST = 200
"""Choices with an outcome before they are learned from; until then the models' best is taken and a share drawn evenly."""
KEPT_DAYS = 90
"""Older choices are forgotten."""
FEATURES = ("value_365", "orders_365", "contacts_30")
DOUBT = 0.1
"""How far an action's worth may be from what the models expect, at least, as a share of an order's margin."""
Floats = npt.NDArray[np.float64]


def log(
    person: str,
    chosen: NextAction,
    *,
    bench: Bench,
    index: int,
    anyway: float,
    pins: dict[str, Any],
    seed: int,
    deps: Deps,
) -> None:
    """Write one choice to the lake, and its digest to the journal, which knows nobody's name. anyway: margin expected without a contact."""
    now = deps.now()
    row = {
        "decision_id": f"{person}:{now.isoformat()}",
        "customer_id": person,
        "subject": SUBJECT,
        "decided_at": now,
        "eligible": list(chosen.chances),
        "chances": list(chosen.chances.values()),
        "chosen": chosen.action,
        "propensity": chosen.propensity,
        "policy": decided.policy(MODEL),
        "seed": seed,
        "versions": [str(pins["snapshot"]), *pins["models"], str(pins["policies"])],
        "features": _features(bench, index),
        "expected": anyway + sum(chosen.terms.get(name, 0.0) for name in ("term_margin", "term_incentive")),
    }
    detail = {"log": decided.keep([row], deps=deps)}
    deps.journal.append(at=now, actor="liftwright", action=DECIDED, subject=SUBJECT, detail=detail)


def learned(bench: Bench, index: int, *, deps: Deps) -> Learned | None:
    """What the last night learned, for this person; None before, when switched off, or when there are actions it never heard of."""
    stored = deps.models.load(MODEL)
    if stored is None or stored[0].state == "off":
        return None
    model = stored[1]["model"]
    actions = tuple(model["actions"])
    if set(actions) != {NOTHING, *bench.data.actions}:
        return None
    order = float(bench.scored.order_revenue.mean()) * deps.settings.margin.rate
    spread = max(float(np.mean(bench.scored.effects.errors)), DOUBT * order)
    features = tuple(_features(bench, index))
    return Learned(sums=contextual.from_parameters(model), actions=actions, features=features, spread=spread)


def learn(actions: tuple[str, ...], *, deps: Deps) -> dict[str, Any]:
    """Learn from the choices of the last KEPT_DAYS and keep the result: `{"choices", "learned", "version"}`.

    actions: those that can be chosen now. A choice's reward is the margin of the orders until the person's next choice or contact,
    within the outcome window, corrected for orders still to come.
    """
    table = choices(deps=deps)
    names = (NOTHING, *sorted(actions))
    known = np.isin(np.array(table["chosen"].to_pylist(), dtype=str), names)
    table = table.filter(pa.array(known))
    if table.num_rows < LEAST:
        return {"choices": table.num_rows, "learned": False, "version": None}
    sums = _sums(table, names, deps)
    card = card_of(
        MODEL,
        "",
        optimises="margin within the outcome window after a choice made for a visitor, beyond what the models expected",
        data={"choices": table.num_rows},
        quality={"noise": sums.noise},
        breaks_when=("choices are not carried out", "orders of visitors do not come back as events"),
    )
    parameters = {"model": {"actions": list(names), **contextual.as_parameters(sums)}}
    version = deps.models.save(dated(card, at=deps.now()), parameters, now=deps.now())
    return {"choices": table.num_rows, "learned": True, "version": version}


def choices(*, deps: Deps) -> pa.Table:
    """The logged choices of the last KEPT_DAYS, in order; the same choice asked for twice counts once."""
    since = deps.now() - timedelta(days=KEPT_DAYS)
    entries = [each for each in deps.journal.entries(subject=SUBJECT) if each.action == DECIDED and each.at >= since]
    digests = list(dict.fromkeys(str(each.detail["log"]) for each in entries))
    return pa.concat_tables([decided.SCHEMA.empty_table(), *(deps.lake.get(digest) for digest in digests)])


def _sums(table: pa.Table, names: tuple[str, ...], deps: Deps) -> contextual.Sums:
    """Features, choices, rewards so far and the share of them that is in."""
    fresh = newest(deps)
    found = bandit_outcomes.came(
        pa.table(
            {
                "customer_id": pa.array([fresh.present_id(i) or i for i in table["customer_id"].to_pylist()], pa.string()),
                "at": table["decided_at"],
            }
        ),
        fresh.events,
        now_us=int(deps.now().timestamp() * 1e6),
        window_days=reporting.OUTCOME_DAYS,
        margin_rate=deps.settings.margin.rate,
    )
    delays = bandit_delay.measured(found.order_delay, found.ages[found.order_send], window_days=reporting.OUTCOME_DAYS)
    chosen = np.array([names.index(name) for name in table["chosen"].to_pylist()], dtype=np.int64)
    return contextual.seen(
        np.array(table["features"].to_pylist(), dtype=np.float64),
        chosen,
        found.margin(),
        actions=len(names),
        exposure=delays.share(found.counted),
        expected=table["expected"].to_numpy(),
    )


def _features(bench: Bench, index: int) -> list[float]:
    """A constant, and what the person bought and heard of us, on a logarithmic scale."""
    return [1.0, *(float(np.log1p(max(bench.data.feature(name)[index], 0.0))) for name in FEATURES)]

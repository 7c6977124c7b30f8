"""What each text would have brought alone, from the draws of a campaign that shifted between them: plain means of shifted texts mislead."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow.compute as pc

from liftwright.domain.errors import DataError
from liftwright.domain.plan import Plan
from liftwright.flow import decided
from liftwright.flow.earned import Earned, earned
from liftwright.measurement import off_policy
from liftwright.ports import Deps


def values(plan: Plan, *, deps: Deps) -> list[dict[str, Any]]:
    """Margin per contact of every text of an action that had several: `{"action", "text", "low", "value", "high", "effective", "refusal"}`.

    The chance of a send's text is that of the last logged draw before it left, and an even one where the plan drew it.
    """
    by_action: dict[str, list[str]] = {}
    for variant in sorted(plan.variants, key=lambda each: each.variant_id):
        by_action.setdefault(f"{variant.channel}:{variant.offer}", []).append(variant.variant_id)
    several = {action: texts for action, texts in sorted(by_action.items()) if len(texts) > 1}
    if not several:
        return []
    known, chances = earned(plan.campaign_id, deps=deps), _chances(plan, deps)
    return [row for action, texts in several.items() for row in _of_action(action, texts, known, chances)]


def _of_action(action: str, texts: list[str], known: Earned, chances: dict[str, dict[str, float]]) -> list[dict[str, Any]]:
    channel, _, offer = action.partition(":")
    sends = known.sends
    mine = pc.and_(pc.equal(sends["channel"], channel), pc.equal(sends["offer"], offer)).to_numpy()
    got, ids = sends["variant_id"].filter(mine).to_pylist(), sends["send_id"].filter(mine).to_pylist()
    even = dict.fromkeys(texts, 1.0 / len(texts))
    drawn = [chances.get(send_id, even) for send_id in ids]
    rows = []
    for text in texts:
        found = off_policy.evaluate(
            known.margin[mine],
            propensities=[each.get(name, 0.0) for each, name in zip(drawn, got, strict=True)],
            target=np.array([float(name == text) for name in got]),
            supported=[each.get(text, 0.0) > 0.0 for each in drawn],
        )
        value = found.snips
        rows.append(
            {
                "action": action,
                "text": text,
                "low": value and value.low,
                "value": value and value.mid,
                "high": value and value.high,
                "effective": found.effective,
                "refusal": found.refusal,
            }
        )
    return rows


def _chances(plan: Plan, deps: Deps) -> dict[str, dict[str, float]]:
    """Send id to the chances of its last logged draw."""
    try:
        log = decided.log(plan.campaign_id, kind="resplit", deps=deps)
    except DataError:
        return {}
    columns = (log[name].to_pylist() for name in ("decision_id", "eligible", "chances"))
    return {send_id: dict(zip(texts, each, strict=True)) for send_id, texts, each in zip(*columns, strict=True)}

"""The night: people, features and scores from the newest data, the models they come from, and those whose month is over."""

from __future__ import annotations

from typing import Any

from liftwright.flow import promoting, training, visits
from liftwright.flow.fresh import newest
from liftwright.flow.visitor import scored
from liftwright.ports import Deps


def refresh(*, deps: Deps) -> dict[str, Any]:
    """Fit what the newest data allows and keep it; the next plan and the next visitor start from it. Raises DataError without data.

    Running it twice on the same data and day changes nothing.
    """
    fresh = newest(deps)
    deps.progress("night", "resolving people")
    people = fresh.people.num_rows
    deps.progress("night", "computing features and scores")
    bench = scored(deps, fresh.snapshot.snapshot_id)
    effects = bench.scored.effects
    chance = bench.scored.buy_chance
    done = {
        "snapshot": fresh.snapshot.snapshot_id,
        "people": people,
        "features": len(bench.scored.feature_names),
        "feature_table": deps.lake.put(bench.data.features),
        "broken_contracts": [finding.says for finding in bench.data.contract_findings],
        "models": list(bench.scored.versions),
        "ranked_by": effects.ranked_by,
        "mean_chance": float(chance.mean()) if len(chance) else 0.0,
        "retrained": training.train_due(deps=deps),
        "rolled_back": promoting.roll_back_harmful(deps=deps),
        "visits": visits.learn(tuple(bench.data.actions), deps=deps),
    }
    deps.journal.append(
        at=deps.now(), actor="liftwright", action="night.refreshed", subject=fresh.snapshot.snapshot_id, detail=done
    )
    return done

"""The night: the watch over the models, those that are due trained again, then people, features and scores from the newest data."""

from __future__ import annotations

from typing import Any

from liftwright.agents.bench import watched
from liftwright.flow import current, ladder, opportunities, promoting, sheet, training, trust, uploads, visits, watching
from liftwright.flow.fresh import newest
from liftwright.ports import Deps


def refresh(*, deps: Deps) -> dict[str, Any]:
    """Watch, train what is due (everything, the first time) and score everybody; the next visitor starts from it. DataError without data.

    Running it twice on the same data and day changes nothing.
    """
    fresh = newest(deps)
    uploads.sweep(deps=deps)
    deps.progress("night", "resolving people and watching the models")
    reports = watching.watch(deps=deps)
    trust.note(deps=deps)
    retrained = training.train_due(watching.due(reports, deps=deps), deps=deps)
    deps.progress("night", "computing features and scores")
    bench = current.scored(deps)
    chance = bench.scored.buy_chance
    rolled_back = promoting.roll_back_harmful(deps=deps)
    ladder.enforce([campaign.campaign_id for campaign in deps.campaigns.all()], deps=deps)
    ladder.enforce_rolled_back(rolled_back, deps=deps)
    done = {
        "snapshot": fresh.snapshot.snapshot_id,
        "people": fresh.people.num_rows,
        "features": len(bench.scored.feature_names),
        "feature_table": deps.lake.put(bench.data.features),
        "visitor_scores": sheet.make(deps).detail["scores"],
        "broken_contracts": [finding.says for finding in bench.data.contract_findings],
        "models": list(bench.scored.versions),
        "ranked_by": bench.scored.effects.ranked_by,
        "mean_chance": float(chance.mean()) if len(chance) else 0.0,
        "drift": {report["model"]: report["level"] for report in reports if not report["because"]},
        "stopped": [finding.says for finding in watched.stopped(deps)],
        "retrained": retrained,
        "rolled_back": rolled_back,
        "goals_proposed": [row["goal"] for row in opportunities.propose(deps=deps)],
        "proposed": [step.proposal_id for step in ladder.propose(deps=deps)],
        "visits": visits.learn(tuple(bench.data.actions), deps=deps),
    }
    deps.journal.append(
        at=deps.now(), actor="liftwright", action="night.refreshed", subject=fresh.snapshot.snapshot_id, detail=done
    )
    return done

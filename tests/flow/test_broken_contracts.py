"""Where a feature cannot be trusted nobody is scored: the plan is blocked, a visitor gets nothing, and the night says why."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import plain_shop
from liftwright.agents.bench import Bench
from liftwright.flow import nightly, shown, visitor, walk
from liftwright.ports import Deps

LATER = plain_shop.NOW + timedelta(days=30)
"""More than the 45 days after the newest event that a feature's source may be old."""


@pytest.fixture
def stale(tmp_path: Path) -> Iterator[Deps]:
    """The shop, a month after its last export."""
    deps = plain_shop.open_shop(plain_shop.copy_of(plain_shop.furnished(), tmp_path / "shop"), now=lambda: LATER)
    yield deps
    plain_shop.close(deps)


def _bench(deps: Deps) -> Bench:
    snapshot = deps.lake.snapshot()
    assert snapshot is not None
    return Bench.open(deps, campaign_id="c", snapshot_id=snapshot.snapshot_id, as_of=deps.now(), seed=7)


def test_a_plan_on_stale_features_is_blocked_and_names_what_it_would_have_spoiled(stale: Deps) -> None:
    campaign = asyncio.run(walk.start(plain_shop.GOAL, deps=stale))
    assert campaign.status == "blocked"
    plan = shown.show_json(campaign.campaign_id, deps=stale)
    found = next(finding for finding in plan["findings"] if finding["rule"] == "FEATURE-STALE")
    assert found["severity"] == "block"
    assert "who is a likely buyer" in found["says"]


def test_no_model_scores_on_broken_features_and_a_visitor_gets_nothing(stale: Deps) -> None:
    scored = _bench(stale).scored
    assert scored.versions == ()
    assert not scored.effects.is_tested
    answer = visitor.next_action("C000001", deps=stale)
    assert answer["action"] == "control"
    assert all("FEATURE-STALE" in option["blocked_by"] for option in answer["options"] if option["action"] != "control")


def test_the_night_keeps_the_feature_table_and_tells_of_broken_contracts(stale: Deps) -> None:
    done = nightly.refresh(deps=stale)
    assert any("newest event" in says for says in done["broken_contracts"])
    kept = stale.lake.get(done["feature_table"])
    assert kept.num_rows == plain_shop.PEOPLE
    assert {"orders_365", "tenure_days"} <= set(kept.column_names)


def test_private_columns_reach_a_model_only_where_their_tag_is_allowed(tmp_path: Path) -> None:
    extra = {"religion": [n % 2 for n in range(plain_shop.PEOPLE)], "health_score": [n % 7 for n in range(plain_shop.PEOPLE)]}
    for number, tags in enumerate([(), ("health",)]):
        deps = plain_shop.open_shop(tmp_path / f"shop{number}", features={"allowed_tags": tags})
        plain_shop.bring_in(plain_shop.write_files(tmp_path / f"files{number}", more_columns=extra), deps)
        bench = _bench(deps)
        seen = {name for name in bench.scored.feature_names if name.startswith(("religion", "health"))}
        assert seen == {"health_score"} & {f"{tag}_score" for tag in tags}
        assert {finding.subject for finding in bench.data.withheld} == {"religion", "health_score"} - seen
        plain_shop.close(deps)


def test_a_file_column_that_knows_who_bought_is_kept_from_the_propensity(tmp_path: Path) -> None:
    now = plain_shop.NOW - timedelta(days=33)
    deps = plain_shop.open_shop(tmp_path / "shop", now=lambda: now)
    _, events = plain_shop._past()
    since = (now - timedelta(days=14)).isoformat()
    rows = zip(events["customer_id"], events["type"], events["occurred_at"], strict=True)
    bought = {who for who, kind, at in rows if kind == "purchase" and since <= at < now.isoformat()}
    thanked = [int(plain_shop.name_of(n) in bought) for n in range(1, plain_shop.PEOPLE + 1)]
    plain_shop.bring_in(plain_shop.write_files(tmp_path / "files", more_columns={"thanked": thanked}), deps)
    model = _bench(deps).scored.chance_model
    assert model is not None
    assert "thanked" not in model.model.names
    assert "womens" in model.model.names
    plain_shop.close(deps)

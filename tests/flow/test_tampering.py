"""What was approved is what is sent: a change of any stored part behind the program's back is found at launch."""

from __future__ import annotations

import json
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from liftwright.domain.errors import ApprovalError
from liftwright.flow import deciding, walk
from liftwright.ports import Deps
from liftwright.store.engine import open_engine


async def _waiting(shop: Deps) -> tuple[str, str]:
    campaign = await walk.start("Sell more", deps=shop)
    assert campaign.plan_hash is not None
    return campaign.campaign_id, campaign.plan_hash


def _planned(shop: Deps, campaign_id: str) -> int:
    return shop.ledger.counts(campaign_id)["planned"]


def _change_row(shop: Deps, campaign_id: str, path: str, value: Any) -> None:
    """Change one field of the stored plan (`part.0.field`) past the program."""
    engine = open_engine(shop.settings.home, shop.settings.database_url)
    with engine.begin() as connection:
        row = connection.execute(text("SELECT plan FROM plan_revisions WHERE campaign_id = :c"), {"c": campaign_id}).scalar_one()
        changed = json.loads(row)
        *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
        place = changed
        for part in parents:
            place = place[part]
        place[last] = value
        connection.execute(
            text("UPDATE plan_revisions SET plan = :p WHERE campaign_id = :c"), {"p": json.dumps(changed), "c": campaign_id}
        )
    engine.dispose()


async def test_a_plan_row_changed_behind_the_back_is_not_launched(any_shop: Deps) -> None:
    campaign_id, plan_hash = await _waiting(any_shop)
    _change_row(any_shop, campaign_id, "envelope.max_discount", 0.9)
    with pytest.raises(ApprovalError) as caught:
        await deciding.decide("approve", campaign_id, plan_hash=plan_hash, by="ann", deps=any_shop)
    assert caught.value.code == "LAUNCH-REFUSED"
    assert any_shop.campaigns.get(campaign_id).status == "blocked"
    assert _planned(any_shop, campaign_id) == 0


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("variants.0.body", "Buy now"),
        ("variants.0.channel", "push"),
        ("offers.0.discount", 0.5),
        ("envelope.allows", ["raise_budget"]),
        ("envelope.ends_on", "2099-01-01"),
        ("experiment.salt", "another"),
        ("experiment.stop_rules.1.bound", 0.9),
        ("experiment.stop_rules", []),
        ("assignment.draws", "sha256:" + "0" * 64),
        ("forecast.incremental_margin.mid", 1e6),
        ("pins.settings", "other"),
        ("objective.ends_on", "2099-01-01"),
        ("manifest_version", 1),
    ],
)
async def test_whatever_part_of_the_plan_is_changed_nothing_is_launched(shop: Deps, path: str, value: Any) -> None:
    campaign_id, plan_hash = await _waiting(shop)
    _change_row(shop, campaign_id, path, value)
    with pytest.raises(ApprovalError):
        await deciding.decide("approve", campaign_id, plan_hash=plan_hash, by="ann", deps=shop)
    assert _planned(shop, campaign_id) == 0


@pytest.mark.parametrize("part", ["assignment", "audience"])
async def test_a_plan_row_that_names_another_table_of_the_lake_is_not_launched(shop: Deps, part: str) -> None:
    campaign_id, plan_hash = await _waiting(shop)
    plan = shop.campaigns.plan(campaign_id)
    assert plan is not None
    table = shop.lake.get(getattr(plan, part).digest)
    _change_row(shop, campaign_id, f"{part}.digest", shop.lake.put(table.slice(1)))
    with pytest.raises(ApprovalError):
        await deciding.decide("approve", campaign_id, plan_hash=plan_hash, by="ann", deps=shop)
    assert _planned(shop, campaign_id) == 0


async def test_other_words_do_not_stop_a_launch(shop: Deps) -> None:
    campaign_id, plan_hash = await _waiting(shop)
    _change_row(shop, campaign_id, "decisions.likely_buyers", "some")
    campaign = await deciding.decide("approve", campaign_id, plan_hash=plan_hash, by="ann", deps=shop)
    assert campaign.status == "running"


@pytest.mark.parametrize("part", ["assignment", "audience"])
async def test_a_table_changed_behind_the_back_is_not_launched(any_shop: Deps, part: str) -> None:
    campaign_id, plan_hash = await _waiting(any_shop)
    plan = any_shop.campaigns.plan(campaign_id)
    assert plan is not None
    digits = getattr(plan, part).digest.removeprefix("sha256:")
    (path,) = any_shop.settings.home.rglob(f"{digits}.parquet")
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path)
    with pytest.raises(ApprovalError):
        await deciding.decide("approve", campaign_id, plan_hash=plan_hash, by="ann", deps=any_shop)
    assert _planned(any_shop, campaign_id) == 0

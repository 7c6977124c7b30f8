"""A plan computed again from its pins is the same plan, whatever was fitted or switched since."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import plain_shop
from liftwright.agents.bench import Bench
from liftwright.domain.errors import DataError
from liftwright.flow import checking, deciding, intake, replaying, training
from liftwright.ports import Deps

LATER = plain_shop.NOW + timedelta(hours=5)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[tuple[Deps, str]]:
    """A shop whose campaign waits for approval."""
    with plain_shop.waiting(tmp_path, now=lambda: LATER) as opened:
        yield opened


def _fit_on_newer_data(deps: Deps, directory: Path) -> None:
    """Import a day of orders and train again."""
    lines = [
        f"{plain_shop.name_of(n)},purchase,{(LATER - timedelta(hours=2)).isoformat()},{40 + n % 9}" for n in range(1, 200, 3)
    ]
    file = directory / "more.csv"
    file.write_text("\n".join(["customer_id,type,occurred_at,amount", *lines]) + "\n", encoding="utf-8")
    intake.import_file(file, declared="events", deps=deps)
    training.train(deps=deps)


def test_a_plan_computed_again_after_newer_fits_has_the_same_hash(shop: tuple[Deps, str], tmp_path: Path) -> None:
    deps, campaign_id = shop
    plan = plain_shop.plan_of(deps, campaign_id)
    assert plan.pins.models
    _fit_on_newer_data(deps, tmp_path)
    current = {card.model_id for card in deps.models.cards()}
    assert not current & set(plan.pins.models)
    for pin in plan.pins.models:
        name, version = pin.split("@")
        found = deps.models.load(name, version)
        assert found is not None
        assert found[0].model_id == pin
    data = replaying.replay(campaign_id, deps=deps)
    assert (data["identical"], data["differences"], data["replayed_hash"]) == (True, [], plan.plan_hash)
    assert {card.model_id for card in deps.models.cards()} == current


def test_a_model_switched_off_is_not_used_by_the_next_plan_but_by_the_old_one_computed_again(shop: tuple[Deps, str]) -> None:
    deps, campaign_id = shop
    plan = plain_shop.plan_of(deps, campaign_id)
    deps.models.switch("uplift_margin", "off", by="ann", now=LATER)
    campaign = asyncio.run(
        deciding.decide("edit", campaign_id, plan_hash=None, by="ann", changes={"limits.touches": "1"}, deps=deps)
    )
    revised = plain_shop.plan_of(deps, campaign_id)
    assert campaign.revision == 2
    assert revised.pins.models == ()
    assert "UPLIFT-UNKNOWN" in {finding.rule for finding in revised.findings}
    assert checking.bench_of(plan, deps=deps).scored.effects.is_tested
    assert checking.bench_of(plan, deps=deps).scored.versions == plan.pins.models


def test_a_switch_counts_at_once_in_a_process_that_has_planned_before(shop: tuple[Deps, str]) -> None:
    deps, campaign_id = shop
    plan = plain_shop.plan_of(deps, campaign_id)

    def _opened() -> Bench:
        pins: dict[str, Any] = {"snapshot_id": plan.pins.snapshot, "as_of": plain_shop.NOW, "seed": plan.pins.seed}
        return Bench.open(deps, campaign_id=campaign_id, **pins)

    assert _opened().scored.effects.is_tested
    deps.models.switch("uplift_margin", "off", by="ann", now=LATER)
    assert not _opened().scored.effects.is_tested
    deps.models.switch("uplift_margin", "on", by="ann", now=LATER)
    assert _opened().scored.effects.is_tested


def test_a_pinned_version_that_is_gone_is_named(shop: tuple[Deps, str]) -> None:
    deps, campaign_id = shop
    plan = plain_shop.plan_of(deps, campaign_id)
    pins = plan.pins.model_copy(update={"models": ("uplift_margin@0123456789abcdef",)})
    with pytest.raises(DataError, match="MODEL-GONE"):
        _ = checking.bench_of(plan.model_copy(update={"pins": pins}), deps=deps).scored.effects

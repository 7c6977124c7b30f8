"""Every decision of a stored plan comes out of its pins again; whatever was changed behind the program's back is named."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

import plain_shop
from liftwright.domain.errors import DataError
from liftwright.domain.plan import Plan
from liftwright.flow import deciding, dispatch, replaying, walk
from liftwright.library import DiskLibrary
from liftwright.ports import Deps
from liftwright.settings import parse
from liftwright.store.engine import open_engine


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[tuple[Deps, str]]:
    """A shop whose campaign waits for approval."""
    with plain_shop.waiting(tmp_path) as opened:
        yield opened


def _told(campaign_id: str, deps: Deps) -> str:
    data = replaying.replay(campaign_id, deps=deps)
    assert not data["identical"]
    return "\n".join(data["differences"])


def _run(deps: Deps, statement: str, **values: Any) -> None:
    """Change the database past the program."""
    engine = open_engine(deps.settings.home, deps.settings.database_url)
    with engine.begin() as connection:
        assert connection.execute(text(statement), values).rowcount
    engine.dispose()


def _store(deps: Deps, plan: Plan) -> None:
    """Replace the stored plan past the program."""
    _run(deps, "UPDATE plan_revisions SET plan = :p WHERE campaign_id = :c", p=plan.model_dump_json(), c=plan.campaign_id)


def test_every_decision_of_a_plan_comes_out_again(shop: tuple[Deps, str]) -> None:
    deps, campaign_id = shop
    data = replaying.replay(campaign_id, deps=deps)
    people, waves = plain_shop.plan_of(deps, campaign_id).audience.eligible, 3
    assert data["decisions"] == {"compared": people * waves, "identical": people * waves, "differing": 0}
    assert data["terms"]["options"] == data["terms"]["adding_up"] > people
    assert {pin["pin"] for pin in data["pins"]} >= {"snapshot", "models", "policies", "settings", "seed", "prompt strategist"}
    assert (data["identical"], data["differences"]) == (True, [])


async def test_a_revision_after_an_edit_and_its_launch_come_out_again(shop: tuple[Deps, str]) -> None:
    deps, campaign_id = shop
    changes = {"objective.budget": "0.50", "limits.touches": "2", "experiment.holdout_share": "0.3"}
    await deciding.decide("edit", campaign_id, plan_hash=None, by="ann", changes=changes, deps=deps)
    plan = plain_shop.plan_of(deps, campaign_id)
    await deciding.decide("approve", campaign_id, plan_hash=plan.plan_hash, by="ann", deps=deps)
    data = replaying.replay(campaign_id, deps=deps)
    assert (data["revision"], data["replayed_hash"], data["differences"]) == (2, plan.plan_hash, [])


def test_a_changed_decision_is_named_with_its_person(shop: tuple[Deps, str]) -> None:
    deps, campaign_id = shop
    plan = plain_shop.plan_of(deps, campaign_id)
    rows = deps.lake.get(plan.assignment.digest)
    person, wave = rows["customer_id"][0].as_py(), rows["wave"][0].as_py()
    digest = deps.lake.put(rows.slice(1))
    _store(deps, plan.model_copy(update={"assignment": plan.assignment.model_copy(update={"digest": digest})}))
    told = _told(campaign_id, deps)
    assert f"{person}, wave {wave}: chosen: " in told
    assert "only replayed" in told
    assert "is not the one its planning run wrote" in told


def test_a_changed_value_of_one_option_is_named_with_both_figures(shop: tuple[Deps, str]) -> None:
    deps, campaign_id = shop
    plan = plain_shop.plan_of(deps, campaign_id)
    options = deps.lake.get(plan.assignment.candidates)
    place = options.column_names.index("value")
    values = options["value"].to_pylist()
    person, before = options["customer_id"][5].as_py(), values[5]
    changed = options.set_column(place, "value", pa.array([*values[:5], before + 0.25, *values[6:]]))
    candidates = deps.lake.put(changed)
    _store(deps, plan.model_copy(update={"assignment": plan.assignment.model_copy(update={"candidates": candidates})}))
    data = replaying.replay(campaign_id, deps=deps)
    assert (data["decisions"]["differing"], data["terms"]["options"] - data["terms"]["adding_up"]) == (1, 1)
    told = next(line for line in data["differences"] if line.startswith(f"{person}, wave"))
    assert f"value {before + 0.25} → {before}" in told


def test_a_person_moved_to_the_other_arm_is_named(shop: tuple[Deps, str]) -> None:
    deps, campaign_id = shop
    plan = plain_shop.plan_of(deps, campaign_id)
    people = deps.lake.get(plan.audience.digest)
    arms = people["arm"].to_pylist()
    place = arms.index("treated")
    arms[place] = "holdout"
    digest = deps.lake.put(people.set_column(people.column_names.index("arm"), "arm", pa.array(arms)))
    _store(deps, plan.model_copy(update={"audience": plan.audience.model_copy(update={"digest": digest})}))
    data = replaying.replay(campaign_id, deps=deps)
    assert f"{people['customer_id'][place]}, wave 1: person: arm holdout → treated" in data["differences"]
    assert data["decisions"]["differing"] == 3


def test_a_changed_setting_is_named_and_so_is_what_it_moves(shop: tuple[Deps, str]) -> None:
    deps, campaign_id = shop
    margin = parse(plain_shop.VALUES | {"home": deps.settings.home, "margin": {"rate": 0.3, "floor": 0.0}})
    told = _told(campaign_id, dataclasses.replace(deps, settings=margin))
    assert "settings: planned with" in told
    assert ", wave 1: " in told


@pytest.mark.parametrize("forbidden", ["days_since_purchase > 60", "country = 'US'"])
def test_a_changed_rule_is_named_and_so_are_the_people_it_moves(shop: tuple[Deps, str], tmp_path: Path, forbidden: str) -> None:
    deps, campaign_id = shop
    own = tmp_path / "own" / "policies" / "business" / "people.yaml"
    own.parent.mkdir(parents=True)
    rules = (DiskLibrary().directory("policies") / "business" / "people.yaml").read_text(encoding="utf-8")
    own.write_text(rules.replace("violated_when: is_minor", f"violated_when: is_minor or {forbidden}"), encoding="utf-8")
    data = replaying.replay(campaign_id, shown=2_000, deps=dataclasses.replace(deps, library=DiskLibrary(tmp_path / "own")))
    (pin,) = (pin["pin"] for pin in data["pins"] if not pin["same"])
    assert pin == "policies"
    assert data["differences"][0].startswith("policies: planned with")
    assert data["decisions"]["identical"] < data["decisions"]["compared"]
    assert any("only planned" in line for line in data["differences"])


def test_a_model_whose_parameters_were_changed_is_named(shop: tuple[Deps, str]) -> None:
    deps, campaign_id = shop
    _run(deps, "UPDATE models SET parameters = replace(parameters, '0.', '0.1') WHERE model = 'uplift_margin'")
    with pytest.raises(DataError, match=r"MODEL-TAMPERED: .*uplift_margin") as caught:
        replaying.replay(campaign_id, deps=deps)
    assert caught.value.next_step


def test_another_model_version_under_the_plan_moves_the_hash(shop: tuple[Deps, str]) -> None:
    deps, campaign_id = shop
    plan = plain_shop.plan_of(deps, campaign_id)
    pin = next(pin for pin in plan.pins.models if pin.startswith("uplift_orders@"))
    stored = deps.models.load(*pin.split("@"))
    assert stored is not None
    card, parameters = stored
    shifted = json.loads(json.dumps(parameters), parse_float=lambda number: float(number) * 1.01)
    version = deps.models.save(card, shifted, now=plain_shop.NOW)
    models = tuple(sorted({*plan.pins.models, f"uplift_orders@{version}"} - {pin}))
    _store(deps, plan.model_copy(update={"pins": plan.pins.model_copy(update={"models": models})}))
    told = _told(campaign_id, deps)
    assert "is not the one its planning run wrote" in told
    assert "value" in told


@pytest.mark.parametrize("part", ["candidates", "digest"])
def test_a_file_that_was_changed_or_is_gone_is_named(shop: tuple[Deps, str], part: str) -> None:
    deps, campaign_id = shop
    digits = getattr(plain_shop.plan_of(deps, campaign_id).assignment, part).removeprefix("sha256:")
    path = deps.settings.home / "lake" / digits[:2] / f"{digits}.parquet"
    pq.write_table(pq.read_table(path).slice(1), path)
    with pytest.raises(DataError, match=f"LAKE-TAMPERED.*{digits}"):
        replaying.replay(campaign_id, deps=deps)


def test_a_snapshot_whose_data_is_gone_is_named(shop: tuple[Deps, str]) -> None:
    deps, campaign_id = shop
    snapshot = deps.lake.snapshot(plain_shop.plan_of(deps, campaign_id).pins.snapshot)
    assert snapshot is not None
    digits = snapshot.files["events"][0].removeprefix("sha256:")
    (deps.settings.home / "lake" / digits[:2] / f"{digits}.parquet").unlink()
    with pytest.raises(DataError, match=f"LAKE-MISSING.*{digits}"):
        replaying.replay(campaign_id, deps=deps)


def test_a_plan_without_the_record_of_its_run_says_so(shop: tuple[Deps, str]) -> None:
    deps, campaign_id = shop
    plan = plain_shop.plan_of(deps, campaign_id)
    _run(deps, "UPDATE plan_revisions SET revision = 7, plan = :p", p=plan.model_copy(update={"revision": 7}).model_dump_json())
    deps.campaigns.update(campaign_id, revision=7)
    with pytest.raises(DataError, match="REPLAY-RECORD"):
        replaying.replay(campaign_id, deps=deps)


@pytest.mark.slow
def test_ten_thousand_decisions_come_out_again_from_a_workspace_opened_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """4,000 people of whom 3,600 may be written to, in three waves; first the plan, then a day of sends that a replay must not see."""
    monkeypatch.setattr(plain_shop, "PEOPLE", 4_000)
    home = tmp_path / "home"
    deps = plain_shop.open_shop(home)
    files = plain_shop.write_files(home / "files", more_columns=plain_shop.customers(people=4_000))
    plain_shop.bring_in(files, deps)
    campaign = asyncio.run(walk.start(plain_shop.GOAL, deps=deps))
    asyncio.run(deciding.decide("approve", campaign.campaign_id, plan_hash=campaign.plan_hash, by="Ann", reason="go", deps=deps))
    plain_shop.close(deps)
    deps = plain_shop.open_shop(home, now=lambda: plain_shop.NOW + timedelta(days=1))
    dispatch.drain(deps=deps, worker="test", limit=5_000)
    assert deps.ledger.counts(campaign.campaign_id)["delivered"]
    data = replaying.replay(campaign.campaign_id, deps=deps)
    plain_shop.close(deps)
    assert data["decisions"] == {"compared": 10_800, "identical": 10_800, "differing": 0}
    assert (data["replayed_hash"], data["differences"]) == (campaign.plan_hash, [])

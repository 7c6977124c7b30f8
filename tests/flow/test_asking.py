"""Why, and what would be: on a real plan of a small real shop. Also the visitor and the night, who share its scores."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest

import plain_shop
from liftwright.agents.bench import Bench
from liftwright.audience import identity
from liftwright.domain.errors import DataError
from liftwright.domain.plan import Plan
from liftwright.flow import asking, deciding, launch, nightly, shown, visitor
from liftwright.planning.assignment import solving
from liftwright.ports import Deps


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Deps, str]]:
    """A shop whose campaign waits for approval."""
    home, campaign = plain_shop.planned()
    deps = plain_shop.open_shop(plain_shop.copy_of(home, tmp_path_factory.mktemp("asking") / "home"))
    yield deps, campaign.campaign_id
    plain_shop.close(deps)


def _plan(planned: tuple[Deps, str]) -> Plan:
    deps, campaign_id = planned
    plan = deps.campaigns.plan(campaign_id)
    assert plan is not None
    return plan


def _some(planned: tuple[Deps, str], arm: str, *, selected: bool) -> str:
    deps, _ = planned
    table = deps.lake.get(_plan(planned).audience.digest)
    mine = table.filter(pc.and_(pc.equal(table["arm"], arm), pc.equal(table["is_selected"], selected)))
    return str(mine["customer_id"][0].as_py())


def _why(planned: tuple[Deps, str], person: str) -> dict[str, Any]:
    deps, campaign_id = planned
    return asking.why(campaign_id, person, deps=deps)


def test_an_effect_that_is_not_likely_to_help_is_told_from_one_that_does_not(planned: tuple[Deps, str]) -> None:
    deps, campaign_id = planned
    plan = _plan(planned)
    named = {"snapshot_id": plan.pins.snapshot, "as_of": deps.campaigns.get(campaign_id).created_at, "seed": plan.pins.seed}
    bench = Bench(deps, campaign_id=campaign_id, **named, models=plan.pins.models)
    effects, place = bench.scored.effects, bench.data.actions.index("email:none")
    effect, error = effects.values[:, place], effects.errors[:, place]
    may = np.isin(bench.data.ids, deps.lake.get(plan.audience.digest)["customer_id"].to_pylist())
    unsure = bench.data.ids[may & (effect > 0) & (effect < 0.5 * error)][0]
    harmed = bench.data.ids[may & (effect < 0)][0]
    for person, is_unsure in ((unsure, True), (harmed, False)):
        (option,) = [each for each in _why(planned, str(person))["candidates"] if each["offer"] == "none"]
        assert ("EFFECT-UNSURE" in option["blocked_by"]) == is_unsure
        assert not option["allowed"]


@pytest.mark.parametrize(("arm", "selected"), [("treated", True), ("holdout", True)])
def test_the_terms_of_every_option_add_up_to_its_value(planned: tuple[Deps, str], arm: str, selected: bool) -> None:
    data = _why(planned, _some(planned, arm, selected=selected))
    assert data["candidates"]
    for option in data["candidates"]:
        assert sum(option["terms"].values()) == pytest.approx(option["value"], abs=1e-9)
        assert option["allowed"] == (not option["blocked_by"])


@pytest.fixture(scope="module")
def scarce(planned: tuple[Deps, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Deps, str]]:
    """The same plan with a sixth of the money, without save10, and without those who bought lately."""
    before, campaign_id = planned
    deps = plain_shop.open_shop(plain_shop.copy_of(before.settings.home, tmp_path_factory.mktemp("scarce") / "home"))
    sixth = f"{_plan(planned).forecast.cost.minor / 600:.2f}"
    changes = {"objective.budget": sixth, "offers": "none", "audience.exclude": LATELY}
    asyncio.run(deciding.decide("edit", campaign_id, plan_hash=None, by="ann", changes=changes, deps=deps))
    yield deps, campaign_id
    plain_shop.close(deps)


LATELY = "people who bought in the last 38 days"


def _kind(data: dict[str, Any]) -> str:
    if data["arm"] != "treated":
        return str(data["arm"])
    lot = any("another draw" in says for says in data["would_change"])
    return ("drawn" if lot else "chosen") if data["touches"] else ("drawn to nothing" if lot else "not worth it")


def test_terms_reasons_and_flips_of_everybody_hold(scarce: tuple[Deps, str]) -> None:
    """Of every kind of person: terms add up to the value that was used, what is open was offered, and something is said to flip it."""
    deps, plan = scarce[0], _plan(scarce)
    names = ("customer_id", "wave", "channel", "offer", "value")
    offered = set(zip(*(deps.lake.get(plan.assignment.candidates)[name].to_pylist() for name in names), strict=True))
    seen: dict[str, int] = {}
    for number in range(1, plain_shop.PEOPLE + 1, 3):
        data = _why(scarce, plain_shop.name_of(number))
        kind = _kind(data)
        seen[kind] = seen.get(kind, 0) + 1
        for option in data["candidates"]:
            assert math.fsum(option["terms"].values()) == pytest.approx(option["value"], abs=1e-9)
            is_offered = (data["person"], *(option[name] for name in names[1:])) in offered
            assert option["allowed"] == is_offered or kind == "holdout"
        used = {(option["wave"], option["channel"], option["offer"]): option["value"] for option in data["candidates"]}
        assert all(used[touch["wave"], touch["channel"], touch["offer"]] == touch["value"] for touch in data["touches"])
        assert data["would_change"]
    assert set(seen) >= {"chosen", "drawn", "holdout", "none", "not worth it"}


def test_the_id_of_a_repeat_asks_about_the_person_it_is_of(planned: tuple[Deps, str], monkeypatch: pytest.MonkeyPatch) -> None:
    person = plain_shop.name_of(4)
    plain = _why(planned, person)
    monkeypatch.setattr(identity, "aliases", lambda people: {"OLD-4": person})
    assert _why(planned, "OLD-4") == plain


def test_someone_the_goal_leaves_out_is_told_by_which_words(scarce: tuple[Deps, str]) -> None:
    step = next(step for step in _plan(scarce).audience.funnel if LATELY in step.step)
    assert step.removed
    told = [_why(scarce, plain_shop.name_of(number)) for number in range(1, 100)]
    left_out = [data for data in told if any(LATELY in says for says in data["would_change"])]
    assert left_out
    for data in left_out:
        assert (data["arm"], data["chosen"]) == ("none", None)
        assert all("GOAL-PEOPLE" in option["blocked_by"] for option in data["candidates"])


def test_a_chosen_person_gets_their_own_options(planned: tuple[Deps, str]) -> None:
    deps, _ = planned
    person = _some(planned, "treated", selected=True)
    data = _why(planned, person)
    rows = deps.lake.get(_plan(planned).assignment.digest)
    mine = rows.filter(pc.equal(rows["customer_id"], person)).to_pylist()
    assert data["arm"] == "treated"
    assert len(data["touches"]) == len(mine) > 0
    actions = {f"{option['channel']}:{option['offer']}" for option in data["candidates"] if option["allowed"]}
    assert data["chosen"] in actions
    assert data["would_change"]
    assert data["timeline"] == sorted(data["timeline"], key=lambda line: line["at"])


def test_someone_in_the_holdout_is_told_that_nothing_else_matters(planned: tuple[Deps, str]) -> None:
    data = _why(planned, _some(planned, "holdout", selected=True))
    assert (data["arm"], data["chosen"], data["touches"]) == ("holdout", None, [])
    assert "holdout" in data["would_change"][0]


def test_someone_the_rules_forbid_is_shown_by_which_rule(planned: tuple[Deps, str]) -> None:
    data = _why(planned, plain_shop.name_of(10))
    assert (data["arm"], data["chosen"]) == ("none", None)
    assert all(option["blocked_by"] for option in data["candidates"])
    assert any("CONSENT" in rule for option in data["candidates"] for rule in option["blocked_by"])


def test_someone_nobody_knows_is_an_error_that_says_so(planned: tuple[Deps, str]) -> None:
    for ask in (lambda: _why(planned, "nobody"), lambda: visitor.next_action("nobody", deps=planned[0])):
        with pytest.raises(DataError) as caught:
            ask()
        assert caught.value.code == "PERSON-UNKNOWN"


def test_half_the_budget_brings_less_and_a_price_for_money(planned: tuple[Deps, str]) -> None:
    deps, campaign_id = planned
    plan = _plan(planned)
    half = plan.forecast.cost.minor // 2 / 100
    before = shown.show_json(campaign_id, deps=deps)
    data = asking.whatif(campaign_id, {"objective.budget": f"{half:.2f}"}, deps=deps)
    assert float(data["after"]["cost"]["amount"]) <= half
    assert data["after"]["objective"] < data["before"]["objective"]
    assert data["after"]["prices"]["budget"] > 0
    assert data["before"]["objective"] == plan.assignment.objective
    assert shown.show_json(campaign_id, deps=deps) == before


def test_the_same_pins_give_the_same_plan_bit_for_bit(planned: tuple[Deps, str]) -> None:
    deps, campaign_id = planned
    data = asking.whatif(campaign_id, {"limits.touches": str(_touches(planned))}, deps=deps)
    assert data["after"]["assignment"] == data["before"]["assignment"]
    assert data["after"]["incremental_margin"] == data["before"]["incremental_margin"]


@pytest.mark.slow
def test_what_if_brings_what_the_edit_then_really_brings_and_what_a_solver_alone_finds(
    planned: tuple[Deps, str], tmp_path: Path
) -> None:
    before, campaign_id = planned
    deps = plain_shop.open_shop(plain_shop.copy_of(before.settings.home, tmp_path / "home"))
    tight, tighter = (f"{_plan(planned).forecast.cost.minor / 100 * share:.2f}" for share in (0.5, 0.2))
    changes = ({"objective.budget": tight}, {"limits.touches": "1"}, {"offers": "none"}, {"objective.budget": tighter})
    for change in changes:
        old = _plan((deps, campaign_id))
        after = asking.whatif(campaign_id, change, deps=deps)["after"]
        asyncio.run(deciding.decide("edit", campaign_id, plan_hash=None, by="ann", changes=change, deps=deps))
        new = _plan((deps, campaign_id))
        assert new.revision == old.revision + 1
        assert after["assignment"] == shown.assignment_json(new)
        assert after["forecast"] == shown.forecast_json(new)
        alone = _solved_alone(old, change, deps)
        if alone is not None:
            assert alone == pytest.approx(after["objective"], rel=1e-6)
    plain_shop.close(deps)


def _solved_alone(plan: Plan, change: dict[str, str], deps: Deps) -> float | None:
    """The objective of the plan's own options under the changed limit; None for a change that makes other options."""
    if "objective.budget" not in change:
        return None
    options = deps.lake.get(plan.assignment.candidates).drop_columns(["randomised", "propensity"])
    limits = plan.assignment.limits | {"budget": float(change["objective.budget"])}
    share = deps.settings.limits.randomised_share
    return solving.solve(options, limits, seed=plan.pins.seed, randomised_share=share).objective


def _touches(planned: tuple[Deps, str]) -> int:
    return int(_plan(planned).assignment.limits["per_person_cap"])


def test_a_visitor_gets_the_best_allowed_action_or_nothing(planned: tuple[Deps, str]) -> None:
    deps, _ = planned
    for person in (plain_shop.name_of(1), plain_shop.name_of(10)):
        data = visitor.next_action(person, deps=deps)
        options = {option["action"]: option for option in data["options"]}
        assert options["control"]["value"] == 0.0
        assert options[data["action"]]["allowed"]
        assert 0 < data["propensity"] <= 1
        if not data["randomised"]:
            assert data["value"] == max(option["value"] for option in options.values() if option["allowed"])
        assert visitor.next_action(person, deps=deps) == data
    assert visitor.next_action(plain_shop.name_of(10), deps=deps)["action"] == "control"


def test_the_night_keeps_its_models_and_can_be_repeated(planned: tuple[Deps, str]) -> None:
    deps, _ = planned
    done = nightly.refresh(deps=deps)
    assert done["people"] == plain_shop.PEOPLE
    assert done["models"]
    assert nightly.refresh(deps=deps) == done
    cards = {card.model for card in deps.models.cards()}
    assert {name.partition("@")[0] for name in done["models"]} <= cards


async def test_a_real_plan_launches_with_everybody_in_their_own_time(planned: tuple[Deps, str]) -> None:
    deps, campaign_id = planned
    plan = _plan(planned)
    await deciding.decide("approve", campaign_id, plan_hash=plan.plan_hash, by="ann", deps=deps)
    sends = deps.ledger.sends(campaign_id)
    assert sends.num_rows == plan.assignment.touches
    assert launch.launch(deps.approvals.decisions(campaign_id)[0].approval_id, deps=deps) == "approve"
    assert deps.ledger.sends(campaign_id).num_rows == sends.num_rows
    assert min(sends["send_at"].to_pylist()) >= plain_shop.NOW

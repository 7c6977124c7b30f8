"""Why, and what would be: on a real plan of a small real shop. Also the visitor and the night, who share its scores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow.compute as pc
import pytest

import plain_shop
from liftwright.domain.errors import DataError
from liftwright.domain.plan import Plan
from liftwright.flow import asking, deciding, launch, nightly, shown, visitor
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


@pytest.mark.parametrize(("arm", "selected"), [("treated", True), ("holdout", True)])
def test_the_terms_of_every_option_add_up_to_its_value(planned: tuple[Deps, str], arm: str, selected: bool) -> None:
    data = _why(planned, _some(planned, arm, selected=selected))
    assert data["candidates"]
    for option in data["candidates"]:
        assert sum(option["terms"].values()) == pytest.approx(option["value"], abs=1e-9)
        assert option["allowed"] == (not option["blocked_by"])


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

"""Nothing is lost between two steps: the whole state survives a checkpoint under strict types."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from small_shop import MONDAY

from liftwright.domain.evidence import Estimate
from liftwright.domain.goal import Brief, Goal
from liftwright.domain.policy import Finding
from liftwright.flow import graph as graphs
from liftwright.flow import walk
from liftwright.flow.edits import parse
from liftwright.flow.state import CHECKPOINT_TYPES, CampaignState, merged
from liftwright.ports import Deps


async def _planned(shop: Deps) -> dict[str, Any]:
    campaign = await walk.start("Sell more", deps=shop)
    async with graphs.opened(shop) as graph:
        return dict((await graph.aget_state(walk.config(campaign.campaign_id))).values)


async def test_every_value_of_a_planned_state_comes_back_equal_and_of_its_type(shop: Deps) -> None:
    state = await _planned(shop)
    state |= {
        "edits": parse(
            {"objective.budget": "5", "objective.ends_on": "2026-12-01", "limits.touches": "2"}, settings=shop.settings
        )
    }
    assert set(get_type_hints(CampaignState)) == {*state, "words"}, "words are only what a run from elsewhere brings"
    serde = JsonPlusSerializer(allowed_msgpack_modules=CHECKPOINT_TYPES)
    for name, value in state.items():
        back = serde.loads_typed(serde.dumps_typed(value))
        assert back == value, name
        assert type(back) is type(value), name


def test_a_type_that_is_not_listed_comes_back_as_plain_data() -> None:
    class Saver:
        serde = JsonPlusSerializer(allowed_msgpack_modules=True)

    serde = graphs.strict(Saver()).serde
    finding = Finding(rule="R", severity="info", subject="s", says="x")
    card = Estimate(metric="margin")
    assert serde.loads_typed(serde.dumps_typed(finding)) == finding
    assert not isinstance(serde.loads_typed(serde.dumps_typed(card)), Estimate)


async def test_the_state_is_small_and_names_no_person(shop: Deps) -> None:
    state = await _planned(shop)
    serde = JsonPlusSerializer(allowed_msgpack_modules=CHECKPOINT_TYPES)
    kept = b"".join(serde.dumps_typed(value)[1] for value in state.values())
    assert len(kept) < 20_000
    assert b"C000001" not in kept
    assert b"@example.test" not in kept


def test_findings_of_two_agents_in_one_step_are_kept_once_each() -> None:
    one, two = (Finding(rule=name, severity="warn", subject="s", says="x") for name in "ab")
    assert merged((one,), (two, one)) == (one, two)


def test_a_goal_with_answers_survives() -> None:
    serde = JsonPlusSerializer(allowed_msgpack_modules=CHECKPOINT_TYPES)
    goal = Goal(text="Mehr Umsatz – ça va", asked_at=MONDAY, answers=("1", "2"))
    assert serde.loads_typed(serde.dumps_typed(goal)) == goal
    assert isinstance(serde.loads_typed(serde.dumps_typed(Brief(question="?"))), Brief)


@pytest.mark.parametrize("name", sorted(get_type_hints(CampaignState)))
def test_no_channel_is_untyped(name: str) -> None:
    assert "Any" not in str(get_type_hints(CampaignState)[name])

"""Who needs an offer is learned from offers drawn at random, and is unknown without them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from liftwright.domain.errors import DataError
from liftwright.scoring import incentive


def _rows(people: int = 9000, *, seed: int = 0, needs: float = 0.25, actions: tuple[str, ...] = ()) -> pa.Table:
    """An e-mail without or with a tenth off, or an SMS without; `thrifty` people buy `needs` more often with the offer, others do not."""
    rng = np.random.default_rng(seed)
    names = actions or ("control", "email:none", "email:save10", "sms:none")
    action = rng.choice(names, people)
    thrifty, noise = rng.standard_normal(people), rng.standard_normal(people)
    chance = (
        0.15 + 0.1 * (action != "control") + 0.1 * (action == "sms:none") + needs * (action == "email:save10") * (thrifty > 0)
    )
    orders = (rng.random(people) < chance).astype(float)
    stamp = pa.array([datetime(2026, 1, 5, tzinfo=UTC)] * people, pa.timestamp("us", tz="UTC"))
    return pa.table(
        {
            "customer_id": [f"C{n:05d}" for n in range(people)], "at": stamp, "action": action, "propensity": np.full(people, 1 / len(names)),
            "y_margin": orders, "y_revenue": orders, "y_orders": orders, "y_visits": orders, "thrifty": thrifty, "noise": noise,
        }
    )  # fmt: skip


def test_thrifty_people_need_the_offer_and_others_buy_anyway() -> None:
    model = incentive.fit(_rows(), feature_names=["thrifty", "noise"], seed=0)
    fresh = _rows(2000, seed=3)
    found = model.needs(fresh, "email:save10")
    extra, thrifty = found["extra_orders"].to_numpy(), fresh["thrifty"].to_numpy() > 0
    assert extra[thrifty].mean() > extra[~thrifty].mean() + 0.1
    assert extra.mean() == pytest.approx(0.125, abs=0.04)
    need = np.array(found["need"].to_pylist())
    assert (need[fresh["thrifty"].to_numpy() > 0.5] == "needs").mean() > 0.9
    assert (need[fresh["thrifty"].to_numpy() < -1.5] == "buys anyway").mean() > 0.5
    assert found["chance_without"].to_numpy().mean() == pytest.approx(0.25, abs=0.04)


def test_an_offer_that_changes_nothing_is_said_to_change_nothing_for_hardly_anybody() -> None:
    model = incentive.fit(_rows(needs=0.0), feature_names=["thrifty", "noise"], seed=0)
    need = np.array(model.needs(_rows(1000, seed=4), "email:save10")["need"].to_pylist())
    assert (need == "needs").mean() < 0.05


def test_offers_and_channels_without_a_test_are_unknown() -> None:
    model = incentive.fit(_rows(), feature_names=["thrifty"], seed=0)
    for action in ("email:save50", "fax:save10"):
        found = model.needs(_rows(50), action)
        assert set(found["need"].to_pylist()) == {"unknown"}
        assert found["extra_orders"].null_count == 50
    assert all("sms" not in action for action in model.extra.layout.actions)


@pytest.mark.parametrize("actions", [("control", "email:none"), ("control", "email:save10"), ("email:save10", "sms:none")])
def test_without_offers_drawn_at_random_nothing_is_claimed(actions: tuple[str, ...]) -> None:
    with pytest.raises(DataError) as refused:
        incentive.fit(_rows(1000, actions=actions), feature_names=["thrifty"], seed=0)
    assert refused.value.code == "INCENTIVE-UNKNOWN"
    with pytest.raises(DataError):
        incentive.fit(None, feature_names=[], seed=0)


def test_it_is_the_same_every_time_and_comes_back_from_json() -> None:
    one, two = (incentive.fit(_rows(4000), feature_names=["thrifty", "noise"], seed=2) for _ in range(2))
    again = incentive.from_parameters(json.loads(json.dumps(one.parameters())))
    assert one.version == two.version == again.version
    assert again.needs(_rows(20), "email:save10").equals(one.needs(_rows(20), "email:save10"))
    assert one.card().quality["extra_orders"]["email:save10"]["mid"] > 0

"""The truth, the oracle and the baselines."""

import time
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from liftwright.domain.errors import DataError
from liftwright.world.baselines import BASELINES, Contest, blast, chance_to_buy, contest, propensity_with_coupon, seen
from liftwright.world.market import Market
from liftwright.world.oracle import oracle
from liftwright.world.people import day_number
from liftwright.world.policies import Flight
from liftwright.world.truth import first_touch, worth

START = date(2026, 3, 2)
FLIGHT = Flight(START, START + timedelta(days=13))


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(customers=3_000, seed=11, starts_on=START)


@pytest.fixture(scope="module")
def best(market: Market) -> pa.Table:
    return oracle(market, FLIGHT)


@pytest.fixture(scope="module")
def standings(market: Market) -> Contest:
    return contest(market, FLIGHT)


def per_week(actions: pa.Table) -> int:
    day = actions["send_at"].cast(pa.int64()).to_numpy() // 86_400_000_000
    _, person = np.unique(actions["customer_id"].to_numpy(zero_copy_only=False), return_inverse=True)
    busiest = 0
    for start in range(day.min(), day.max() + 1):
        window = (day >= start) & (day < start + 7)
        busiest = max(busiest, np.bincount(person[window]).max(initial=0))
    return int(busiest)


@pytest.mark.parametrize("name", [*BASELINES, "oracle"])
def test_every_policy_honours_consent_caps_capacity_and_stock(market: Market, name: str) -> None:
    flight = Flight(START, START + timedelta(days=13), budget=60.0)
    actions = (BASELINES | {"oracle": oracle})[name](market, flight)
    if name == "do_nothing":
        assert actions.num_rows == 0
        return
    assert actions.num_rows > 0
    assert per_week(actions) <= 3
    place = {person: number for number, person in enumerate(market.people.ids)}
    channels = tuple(market.parameters.channels)
    consent = market.consent_on(START)
    for row in actions.select(["customer_id", "channel"]).to_pylist():
        assert consent[place[row["customer_id"]], channels.index(row["channel"])] == "granted"
    for offer, _, share in market.parameters.offers:
        assert pc.sum(pc.equal(actions["offer"], offer)).as_py() <= int(share * 3_000)
    assert worth(market, actions, starts_on=START, ends_on=FLIGHT.ends_on).contact_cost <= 60.0 + 1e-9


def test_the_oracle_beats_every_baseline_and_gains_a_real_share_of_the_margin(
    market: Market, standings: Contest, best: pa.Table
) -> None:
    assert all(standings.oracle > value for value in standings.baselines.values())
    gained = worth(market, best, starts_on=START, ends_on=FLIGHT.ends_on)
    assert 0.10 < gained.incremental_margin / gained.margin < 0.60


def test_discounting_everybody_loses_money(standings: Contest) -> None:
    assert standings.baselines["blast_with_coupon"] < 0
    assert standings.baselines["propensity_with_coupon"] < 0
    assert standings.baselines["do_nothing"] == 0


def test_taking_any_wave_from_the_oracle_makes_it_worse(market: Market, best: pa.Table) -> None:
    whole = worth(market, best, starts_on=START, ends_on=FLIGHT.ends_on).incremental_margin
    day = best["send_at"].cast(pa.int64()).to_numpy() // 86_400_000_000
    for one in np.unique(day):
        fewer = worth(market, best.filter(pa.array(day != one)), starts_on=START, ends_on=FLIGHT.ends_on).incremental_margin
        assert fewer < whole


def test_the_oracle_leaves_sleeping_dogs_alone(market: Market, best: pa.Table) -> None:
    place = {person: number for number, person in enumerate(market.people.ids)}
    kinds = market.people.kind[[place[name] for name in best["customer_id"].to_pylist()]]
    assert (kinds == 2).mean() < 0.01


def test_the_truth_does_not_depend_on_when_it_is_asked(best: pa.Table) -> None:
    asked_before = Market(customers=3_000, seed=11, starts_on=START)
    before = worth(asked_before, best, starts_on=START, ends_on=FLIGHT.ends_on)
    asked_before.step(START + timedelta(days=20))
    assert worth(asked_before, best, starts_on=START, ends_on=FLIGHT.ends_on) == before


def test_a_second_campaign_starts_from_where_the_first_one_left_people() -> None:
    tired, rested = (Market(customers=3_000, seed=11, starts_on=START) for _ in range(2))
    flight = Flight(START + timedelta(days=14), START + timedelta(days=27))
    loud = blast(tired, FLIGHT)
    day = loud["send_at"].cast(pa.int64()).to_numpy() // 86_400_000_000
    for number in np.unique(day):
        tired.act(date(1970, 1, 1) + timedelta(days=int(number)), loud.filter(pa.array(day == number)))
    for one in (tired, rested):
        one.step(START + timedelta(days=13))
    values = [
        worth(one, oracle(one, flight), starts_on=flight.starts_on, ends_on=flight.ends_on).incremental_margin
        for one in (tired, rested)
    ]
    assert 0 < values[0] < values[1]


def test_the_propensity_baseline_really_finds_buyers(market: Market) -> None:
    chance = chance_to_buy(market, FLIGHT)
    top = np.argsort(-chance)[:600]
    rate = market.people.base
    assert rate[top].mean() > 2 * rate.mean()
    chosen = propensity_with_coupon(market, FLIGHT)["customer_id"].to_pylist()
    assert set(chosen) <= set(market.people.ids[np.argsort(-chance, kind="stable")[:750]])


def test_first_touch_truth_agrees_with_pricing_the_same_touch(market: Market) -> None:
    table = first_touch(market, START, days=24)
    one = pa.table(
        {
            "customer_id": market.people.ids,
            "channel": ["email"] * 3_000,
            "discount": np.zeros(3_000),
            "send_at": pa.array(
                [
                    int((START - date(1970, 1, 1)).days * 86_400_000_000 + h * 3_600_000_000)
                    for h in np.mod(market.people.hour - market.people.offset_hours((START - date(1970, 1, 1)).days), 24)
                ]
            ).cast(pa.timestamp("us", tz="UTC")),
        }
    )
    priced = worth(market, one, starts_on=START, ends_on=START, tail_days=23)
    assert priced.incremental_margin + priced.contact_cost == pytest.approx(pc.sum(table["email:none"]).as_py(), rel=1e-6)


def test_effects_can_be_told_from_what_the_shop_sees(market: Market) -> None:
    """Persuasion must be visible in the records, else no system could learn it: visits without orders mark persuadables."""
    known, effect = seen(market, before=day_number(START)), first_touch(market, START)["email:none"].to_numpy()
    looks = np.log1p(known.visits) - np.log1p(known.orders)
    assert np.corrcoef(looks, effect)[0, 1] > 0.3


def test_actions_from_before_the_flight_are_refused_and_late_ones_are_counted(market: Market) -> None:
    actions = blast(market, FLIGHT)
    with pytest.raises(DataError, match="WORLD-FLIGHT"):
        worth(market, actions, starts_on=START + timedelta(days=1), ends_on=FLIGHT.ends_on)
    whole, short = (worth(market, actions, starts_on=START, ends_on=START + timedelta(days=days)) for days in (12, 2))
    assert short == whole


def test_no_actions_are_worth_nothing(market: Market) -> None:
    nothing = pa.table({name: [] for name in ("customer_id", "channel", "send_at")})
    priced = market.worth(nothing, starts_on=START, ends_on=FLIGHT.ends_on)
    assert (priced.incremental_margin, priced.realised, priced.touches) == (0.0, 0.0, 0)
    assert priced.margin > 0


def test_a_day_not_lived_yet_has_no_state(market: Market) -> None:
    with pytest.raises(DataError, match="WORLD-DAY"):
        market.state_on(START + timedelta(days=400))


@pytest.mark.slow
def test_twenty_thousand_people_for_two_weeks_take_seconds() -> None:
    began = time.process_time()
    big = Market(customers=20_000, seed=7, starts_on=START)
    for gone in range(14):
        big.step(START + timedelta(days=gone))
    assert time.process_time() - began < 15

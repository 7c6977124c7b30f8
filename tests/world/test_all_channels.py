"""The market with all eight channels: the same people, a history that touches each channel, households with one address."""

from datetime import date

import numpy as np
import pyarrow.compute as pc
import pytest

from liftwright import settings as house_settings
from liftwright.domain.profile import CHANNELS
from liftwright.world.market import Market
from liftwright.world.parameters import ALL_CHANNELS, DEFAULT
from liftwright.world.truth import first_touch

START = date(2026, 3, 2)


@pytest.fixture(scope="module")
def eight() -> Market:
    return Market(customers=8_000, seed=5, starts_on=START, parameters=ALL_CHANNELS)


@pytest.fixture(scope="module")
def four() -> Market:
    return Market(customers=1_000, seed=5, starts_on=START, parameters=DEFAULT)


def test_more_channels_do_not_change_the_people(four: Market) -> None:
    more = Market(customers=1_000, seed=5, starts_on=START, parameters=ALL_CHANNELS).people
    for name in ("kind", "base", "persuasion", "need", "irritation", "value", "hour", "age"):
        assert np.array_equal(getattr(more, name), getattr(four.people, name)), name
    assert np.array_equal(more.affinity[:, :4], four.people.affinity)
    assert more.affinity.shape == (1_000, 8)


def test_the_history_touches_every_channel_with_the_chances_it_logs(eight: Market) -> None:
    history, consent = eight.treatments, eight.people.consent == "granted"
    weights = np.array([traits.past_weight for traits in ALL_CHANNELS.channels.values()])
    place = {name: number for number, name in enumerate(eight.people.ids)}
    person = np.array([place[name] for name in history["customer_id"].to_pylist()])
    propensity, mix = history["propensity"].to_numpy(), np.array(ALL_CHANNELS.offer_mix)
    is_first = pc.equal(history["wave"], 1).to_numpy()
    for number, channel in enumerate(CHANNELS):
        taken = pc.equal(history["channel"], channel).fill_null(False).to_numpy()
        assert taken.any(), channel
        chance = 0.7 * weights[number] / (consent * weights)[person].sum(axis=1)
        none = pc.equal(history["arm"], f"{channel}:none").to_numpy() & is_first
        assert np.allclose(propensity[none], (chance * mix[0])[none], atol=1e-6), channel
        can = is_first & consent[person, number]
        expected = chance[can].sum()
        assert abs((taken & can).sum() - expected) < 4.5 * np.sqrt(expected), channel


def test_nobody_is_touched_in_the_history_without_having_agreed(eight: Market) -> None:
    place = {name: number for number, name in enumerate(eight.people.ids)}
    treated = eight.treatments.filter(pc.is_valid(eight.treatments["channel"]))
    who = np.array([place[name] for name in treated["customer_id"].to_pylist()])
    channel = np.array([CHANNELS.index(name) for name in treated["channel"].to_pylist()])
    assert (eight.people.consent[who, channel] == "granted").all()


def test_channels_differ_in_what_a_touch_brings_and_costs(eight: Market) -> None:
    truth, costs = first_touch(eight, START), {n: float(t.unit_cost) for n, t in ALL_CHANNELS.channels.items()}
    moved = eight.people.kind == 1
    gain = {channel: float(truth[f"{channel}:none"].to_numpy()[moved].mean()) for channel in CHANNELS}
    assert gain["voice"] > gain["direct_mail"] > gain["sms"] > gain["email"] > gain["paid_social"] > gain["display"] > 0
    by_cost = ("web", "push", "email", "display", "paid_social", "sms", "voice", "direct_mail")
    assert sorted(costs, key=lambda channel: costs[channel]) == list(by_cost)
    assert costs["web"] == 0


def test_a_household_is_one_last_name_at_one_address(eight: Market) -> None:
    customers = eight.customers()
    where = list(zip(*(customers[name].to_pylist() for name in ("last_name", "street", "postal_code", "country")), strict=True))
    heads = eight.people.household
    assert all(where[person] == where[head] for person, head in enumerate(heads.tolist()))
    assert 0.20 < (heads != np.arange(len(heads))).mean() < 0.30
    assert len(set(where)) > 0.99 * len(set(heads.tolist()))


def test_its_settings_name_lead_time_and_least_run_of_letters(eight: Market) -> None:
    parsed = house_settings.parse(eight.settings())
    assert all(parsed.channels[channel].capacity_per_day for channel in CHANNELS)
    assert (parsed.channels["direct_mail"].lead_days, parsed.channels["direct_mail"].least_run) == (3, 200)
    assert parsed.channels["email"].lead_days == 0

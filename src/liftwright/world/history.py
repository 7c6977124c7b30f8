"""A year of life before the first campaign, with randomised waves whose propensities are logged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from liftwright.world.draws import uniform
from liftwright.world.events import DAY_US, EventLog
from liftwright.world.life import HOUR_US, NO_SENDS, Sends, live
from liftwright.world.parameters import Parameters
from liftwright.world.people import People
from liftwright.world.reaction import State, Touches


@dataclass(frozen=True)
class Wave:
    """One randomised wave: who was eligible, the action each drew (-1 control, else channel x offer), its propensity and time."""

    number: int
    person: np.ndarray
    channel: np.ndarray
    offer: np.ndarray
    propensity: np.ndarray
    hour: np.ndarray
    at: np.ndarray

    def sends(self, parameters: Parameters) -> Sends:
        """The treated part as sends without ids."""
        treated = self.channel >= 0
        discounts = np.array([0.0, *(discount for _, discount, _ in parameters.offers)])
        touches = Touches(self.person, self.channel, discounts[np.maximum(self.offer, 0)], self.hour).take(treated)
        return Sends(touches, np.full(int(treated.sum()), "", dtype=object), self.at[treated])


def draw_wave(people: People, day: int, *, number: int, consent: np.ndarray, seed: int, parameters: Parameters) -> Wave:
    """Draw one wave: control with `control_share`, else a granted channel by `past_weight` and an offer by `offer_mix`."""
    p, weights = parameters, np.array([traits.past_weight for traits in parameters.channels.values()])
    granted = consent == "granted"
    person = np.flatnonzero(granted.any(axis=1) & (people.created <= day))
    luck = uniform(seed, "arm", day, people.count)[person]
    treated = luck >= p.control_share
    rest = (luck - p.control_share) / (1 - p.control_share)
    edges = np.cumsum(granted[person] * weights, axis=1)
    options = edges[:, -1]
    channel = np.argmax(edges > np.where(treated, rest * options, 0.0)[:, None], axis=1)
    begins = np.take_along_axis(edges, channel[:, None], axis=1)[:, 0] - weights[channel]
    within = np.where(treated, (rest * options - begins) / weights[channel], 0.0)
    mix = np.array(p.offer_mix) / sum(p.offer_mix)
    offer = np.minimum(np.searchsorted(np.cumsum(mix), within, side="right"), len(mix) - 1)
    propensity = np.where(treated, (1 - p.control_share) / options * weights[channel] * mix[offer], p.control_share)
    hours = np.array(p.wave_hours)
    hour = hours[(uniform(seed, "hour", day, people.count)[person] * len(hours)).astype(np.int64)].astype(np.float64)
    local = np.mod(hour - people.offset_hours(day)[person], 24.0)
    return Wave(
        number=number,
        person=person,
        channel=np.where(treated, channel, -1),
        offer=np.where(treated, offer, -1),
        propensity=propensity,
        hour=hour,
        at=day * DAY_US + (local * HOUR_US).astype(np.int64),
    )


def wave_days(today: int, parameters: Parameters) -> dict[int, int]:
    """Day number → wave number (from 1)."""
    first = today - parameters.first_wave_before
    return {first + parameters.wave_every * number: number + 1 for number in range(parameters.waves)}


def past(
    people: People, state: State, *, today: int, consent: np.ndarray, seed: int, parameters: Parameters, log: EventLog
) -> list[Wave]:
    """Live the year before `today`, in place (`state`, `consent`, `log`), and return its randomised waves."""
    waves, days = [], wave_days(today, parameters)
    for day in range(today - parameters.history_days, today):
        sends = NO_SENDS
        if day in days:
            wave = draw_wave(people, day, number=days[day], consent=consent, seed=seed, parameters=parameters)
            waves.append(wave)
            sends = wave.sends(parameters)
        person, channel = live(state, people, day, sends, seed=seed, parameters=parameters, log=log)
        consent[person, channel] = "denied"
    return waves


def treatments_table(waves: list[Wave], people: People, *, parameters: Parameters) -> pa.Table:
    """treatments.csv: one row per person and wave, with the logged propensity of the arm drawn."""
    channels, p = tuple(parameters.channels), parameters
    offers = ("none", *(name for name, _, _ in p.offers))
    discounts = np.array([discount for _, discount, _ in p.offers])
    costs = np.array([float(traits.unit_cost) for traits in p.channels.values()])
    arms = np.array([f"{channel}:{offer}" for channel in channels for offer in offers] + ["control"], dtype=object)

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(wave, name) for wave in waves]) if waves else np.zeros(0, dtype=np.int64)

    channel, offer = joined("channel"), joined("offer")
    is_control = channel < 0
    return pa.table(
        {
            "customer_id": pa.array(people.ids[joined("person")], type=pa.string()),
            "treated_at": pa.array(joined("at"), type=pa.int64()).cast(pa.timestamp("us", tz="UTC")),
            "arm": pa.array(arms[np.where(is_control, -1, channel * len(offers) + offer)], type=pa.string()),
            "channel": pa.array(np.array([*channels, ""], dtype=object)[channel], mask=is_control, type=pa.string()),
            "offer": pa.array(np.array([*offers, ""], dtype=object)[offer], mask=is_control, type=pa.string()),
            "discount": np.concatenate([[0.0], discounts, [0.0]])[offer],
            "propensity": np.round(joined("propensity").astype(np.float64), 6),
            "cost": np.where(is_control, 0.0, costs[channel]),
            "wave": np.concatenate([np.full(len(w.person), w.number) for w in waves]) if waves else np.zeros(0, dtype=np.int64),
        }
    )

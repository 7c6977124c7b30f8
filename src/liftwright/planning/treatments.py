"""Every touch worth considering: what it is expected to earn, term by term."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from liftwright.domain.treatment import NO_OFFER
from liftwright.planning.waves import Wave

Floats = npt.NDArray[np.float64]
TERMS = ("term_margin", "term_cost", "term_incentive", "term_fatigue")
SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("wave", pa.int64()),
        ("send_on", pa.date32()),
        ("channel", pa.string()),
        ("offer", pa.string()),
        ("variant", pa.string()),
        ("hour", pa.int64()),
        ("value", pa.float64()),
        ("cost", pa.float64()),
        ("stock_use", pa.float64()),
        ("discount", pa.float64()),
        *((name, pa.float64()) for name in TERMS),
    ]
)


@dataclass(frozen=True)
class Economics:
    """What a touch costs and what an order earns. Arrays have one entry per person, money is in major units.

    unit_cost: contact cost by channel. discounts: share of the price by offer (missing = 0). stocked: offers with limited stock.
    buy_chance: chance of an order without any touch within `buy_window_days`; order_revenue: expected amount of such an order
    before discount; redeemed: by offer, the share of such orders that get the discount (missing = all); margin_rate: margin share.
    recent_contacts: contacts of the last 30 days. lead_days: days between handing over and landing by channel (missing = 0).
    fatigue_price: expected later loss per contact by channel for a person without recent contacts (missing = 0); every recent
    contact raises it by `fatigue_growth`. margin_floor: least margin rate of an order after discount, None = no floor.
    effects_include_discount: the effects were measured on margin after discount, so the subsidy is already inside them.
    diminishing: what a wave's touch is worth relative to the wave before. attribution_days: window the effects refer to.
    spared: earlier waves of a flight under way that brought a person nothing (None = a flight that has not begun).
    """

    unit_cost: Mapping[str, float]
    buy_chance: Floats
    order_revenue: Floats
    margin_rate: Floats
    recent_contacts: Floats
    discounts: Mapping[str, float]
    stocked: frozenset[str] = frozenset()
    lead_days: Mapping[str, int] = field(default_factory=dict)
    fatigue_price: Mapping[str, float] | None = None
    fatigue_growth: float = 0.5
    margin_floor: float | None = None
    effects_include_discount: bool = True
    diminishing: float = 0.7
    redeemed: Mapping[str, float] | None = None
    attribution_days: int = 14
    buy_window_days: int = 14
    spared: Floats | None = None

    def discount(self, offer: str) -> float:
        """The share of the price an offer gives away."""
        return 0.0 if offer == NO_OFFER else float(self.discounts.get(offer, 0.0))


def action_parts(action: str) -> tuple[str, str]:
    """`"email:save10"` to `("email", "save10")`; without a colon the offer is `none`."""
    channel, _, offer = action.partition(":")
    return channel, offer or NO_OFFER


def terms(effect: Floats, *, channel: str, offer: str, wave: int, economics: Economics) -> dict[str, Floats]:
    """The four terms of a touch's value per person; their sum is the value. `wave` counts from 1.

    incentive = - chance of an order anyway x its amount x discount x share redeemed, over the attribution window.
    With effects that include the discount, margin is the effect grossed up by the incentive, both diminished alike.
    """
    discount = economics.discount(offer)
    spared = np.zeros(len(effect)) if economics.spared is None else economics.spared
    factor = economics.diminishing ** (wave - 1 - spared)
    anyway = 1.0 - (1.0 - np.clip(economics.buy_chance, 0.0, 1.0)) ** (economics.attribution_days / economics.buy_window_days)
    incentive = -anyway * economics.order_revenue * discount * (economics.redeemed or {}).get(offer, 1.0)
    margin = effect * factor
    if economics.effects_include_discount:
        incentive = incentive * factor
        margin = margin - incentive
    price = (economics.fatigue_price or {}).get(channel, 0.0)
    return {
        "term_margin": margin,
        "term_cost": np.full(len(effect), -float(economics.unit_cost.get(channel, 0.0))),
        "term_incentive": incentive,
        "term_fatigue": -price * (1.0 + economics.fatigue_growth * economics.recent_contacts),
    }


def keeps_floor(offer: str, *, economics: Economics) -> npt.NDArray[np.bool_]:
    """Per person: is the margin rate of an order after the offer's discount at least the floor?"""
    people = len(economics.margin_rate)
    if economics.margin_floor is None:
        return np.ones(people, dtype=bool)
    discount = economics.discount(offer)
    after = (economics.margin_rate - discount) / max(1.0 - discount, 1e-9)
    return np.asarray(after >= economics.margin_floor - 1e-12, dtype=bool)


def candidates(
    *,
    customer_ids: Sequence[str],
    effects: Floats,
    actions: Sequence[str],
    allowed: Mapping[str, npt.NDArray[np.bool_]],
    waves: Sequence[Wave],
    economics: Economics,
    variants: Mapping[str, Mapping[str, float]],
    hours: Mapping[str, npt.NDArray[np.int64]] | int = 10,
    seed: int = 0,
    only_paying: bool = True,
) -> pa.Table:
    """Every allowed touch with a positive value (`only_paying=False`: with any value), sorted by customer_id, wave, channel, offer.

    effects: (people, actions) expected extra margin of a first touch over the attribution window. allowed: by channel, who may be
    contacted (a channel that is missing may not be used: fail closed). variants: by action, variant id to share; each person sees one
    per action, drawn by a seeded hash; without any, there is nothing to send. hours: local hour of sending per person by channel, or one
    for all. A wave that a channel could not land within the flight is not open to it; `send_on` is the day of handing over.
    """
    ids = np.asarray(customer_ids, dtype=object)
    if effects.shape != (len(ids), len(actions)):
        raise ValueError(f"effects have the shape {effects.shape}, not {(len(ids), len(actions))}")
    draws = _draws(customer_ids, seed=seed) if any(len(shares) > 1 for shares in variants.values()) else None
    parts: list[pa.Table] = []
    for column, action in enumerate(actions):
        channel, offer = action_parts(action)
        if channel not in allowed or not variants.get(action):
            continue
        may = np.asarray(allowed[channel], dtype=bool) & keeps_floor(offer, economics=economics)
        names, which = _variant_of(variants[action], draws=draws, people=len(ids))
        hour = hours if isinstance(hours, int) else np.asarray(hours[channel])
        person = {"customer_id": ids, "variant": names[which], "hour": np.broadcast_to(hour, len(ids))}
        parts += [
            _part(effects[:, column], action, wave, may=may, common=person, economics=economics, only_paying=only_paying)
            for wave in open_waves(waves, lead_days=economics.lead_days.get(channel, 0))
        ]
    if not parts:
        return SCHEMA.empty_table()
    return pa.concat_tables(parts).sort_by([(name, "ascending") for name in ("customer_id", "wave", "channel", "offer")])


def open_waves(waves: Sequence[Wave], *, lead_days: int) -> list[Wave]:
    """The waves of a flight whose every touch lands within it, even when it is handed over on the wave's last day."""
    last = max((wave.lands_on() for wave in waves), default=None)
    return [wave for wave in waves if last is not None and wave.lands_on(lead_days) <= last]


def _part(
    effect: Floats,
    action: str,
    wave: Wave,
    *,
    may: npt.NDArray[np.bool_],
    common: Mapping[str, npt.NDArray[Any]],
    economics: Economics,
    only_paying: bool,
) -> pa.Table:
    """The touches of one action in one wave that are allowed and, if only paying ones are wanted, worth something."""
    channel, offer = action_parts(action)
    worth = terms(effect, channel=channel, offer=offer, wave=wave.index, economics=economics)
    value = sum(worth.values(), np.zeros(len(effect)))
    rows = np.flatnonzero(may & ((value > 0) | (not only_paying)) & np.isfinite(value))
    count = len(rows)
    columns = {
        "customer_id": pa.array(common["customer_id"][rows], pa.string()),
        "wave": pa.array(np.full(count, wave.index), pa.int64()),
        "send_on": pa.repeat(pa.scalar(wave.send_on, pa.date32()), count),
        "channel": pa.repeat(channel, count),
        "offer": pa.repeat(offer, count),
        "variant": pa.array(common["variant"][rows], pa.string()),
        "hour": pa.array(common["hour"][rows], pa.int64()),
        "value": value[rows],
        "cost": -worth["term_cost"][rows],
        "stock_use": np.full(count, 1.0 if offer in economics.stocked else 0.0),
        "discount": np.full(count, economics.discount(offer)),
        **{name: worth[name][rows] for name in TERMS},
    }
    return pa.table(columns, schema=SCHEMA)


def _draws(customer_ids: Sequence[str], *, seed: int) -> Floats:
    salt = f"variant:{seed}:".encode()
    numbers = [int.from_bytes(hashlib.blake2b(salt + name.encode(), digest_size=8).digest(), "big") for name in customer_ids]
    return np.array(numbers, dtype=np.float64) / 2.0**64


def _variant_of(
    shares: Mapping[str, float], *, draws: Floats | None, people: int
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.int64]]:
    names = sorted(shares)
    weights = np.array([max(float(shares[name]), 0.0) for name in names])
    if weights.sum() <= 0:
        weights = np.ones(len(names))
    if draws is None:
        return np.array(names, dtype=object), np.zeros(people, dtype=np.int64)
    edges = np.cumsum(weights) / weights.sum()
    which = np.minimum(np.searchsorted(edges, draws, side="right"), len(names) - 1)
    return np.array(names, dtype=object), which.astype(np.int64)

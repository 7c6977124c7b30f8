"""Every number of the simulated market, in one place. Nothing else in the room holds a constant of behaviour.

Units: `orders` are expected orders of one person; rates are per day unless the name says otherwise; money is in major units.
The world is one reaction (see `reaction.py`):

    extra orders of one touch = (persuasion + need x pull(discount)) x strength x affinity x hour fit x exp(-fatigue / patience)
                                - irritation x intrusion x (1 + wear x fatigue)

spread over the following days by the channel's delay kernel, on top of the person's own base rate, times the season.
A coupon also goes to whoever would have bought anyway while it is valid: that is the subsidy.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from liftwright.domain.profile import Channel

ChannelSet = Literal["four", "all"]
"""Which channels a simulated market has: the four of the demo, or all eight of the house."""


@dataclass(frozen=True)
class Kind:
    """One of the four kinds of people; a person's own traits scatter around these means.

    `orders` per 14 days when left alone; `persuasion`, `need`, `irritation` in orders per touch (see the module's formula);
    `visits` per 30 days; `opens` and `clicks` chance per message; `sale_share` share of past items bought reduced;
    `tenure` mean years as a customer; `support` contacts with the service desk per year.
    """

    name: str
    share: float
    orders: float
    persuasion: float
    need: float
    irritation: float
    visits: float
    opens: float
    clicks: float
    sale_share: float
    tenure: float
    support: float


@dataclass(frozen=True)
class ChannelTraits:
    """How a channel works on people.

    `strength` times the effect of an e-mail; `intrusion` how much fatigue and irritation a touch adds; `decay` daily decay
    of the delayed response; `starts_after` days until it arrives; `consent` share of people with (granted, denied) consent,
    the rest never asked; `reachable` share whose address works; `young` how affinity falls with age (per decade, log scale);
    `capacity_share` messages a day as a share of all customers. `past_weight`: how often the randomised history used it, relative
    to an e-mail. `lead_days` and `least_run`: what the executor asks for (see `settings.ChannelSettings`).
    """

    strength: float
    intrusion: float
    decay: float
    starts_after: int
    consent: tuple[float, float]
    reachable: float
    young: float
    unit_cost: str
    capacity_share: float
    past_weight: float = 1.0
    lead_days: int = 0
    least_run: int = 0


def _channels() -> MappingProxyType[Channel, ChannelTraits]:
    return MappingProxyType(
        {
            "email": ChannelTraits(1.0, 1.0, 0.70, 0, (0.82, 0.12), 0.985, 0.0, "0.002", 1.0),
            "sms": ChannelTraits(1.45, 1.6, 0.55, 0, (0.40, 0.30), 0.99, 0.12, "0.04", 0.15),
            "push": ChannelTraits(0.85, 0.8, 0.55, 0, (0.36, 0.20), 0.97, 0.15, "0.001", 1.0),
            "direct_mail": ChannelTraits(1.7, 0.5, 0.80, 3, (0.70, 0.10), 0.96, -0.15, "0.85", 0.03),
        }
    )


def _all_channels() -> MappingProxyType[Channel, ChannelTraits]:
    """All eight: the four of the demo, SMS and letters as a printing house and a carrier bill them, and four more.

    A banner on the own pages costs nothing, hardly works and has few places; an advert costs cents, tires nobody and moves few; a
    call moves most, irritates most, and few agreed to it. Letters: at least 200 a run, as USPS Marketing Mail asks for.
    """
    four = _channels()
    return MappingProxyType(
        {
            **four,
            "sms": replace(four["sms"], unit_cost="0.06", past_weight=0.8),
            "direct_mail": replace(four["direct_mail"], past_weight=0.3, lead_days=3, least_run=200),
            "voice": ChannelTraits(2.4, 2.6, 0.60, 0, (0.16, 0.45), 0.95, -0.10, "0.60", 0.02, past_weight=0.2),
            "paid_social": ChannelTraits(0.60, 0.20, 0.75, 0, (0.66, 0.16), 0.80, 0.12, "0.05", 0.10, past_weight=0.6),
            "display": ChannelTraits(0.38, 0.12, 0.75, 0, (0.74, 0.12), 0.85, 0.02, "0.02", 0.12, past_weight=0.6),
            "web": ChannelTraits(0.45, 0.10, 0.40, 0, (0.93, 0.02), 0.75, 0.05, "0", 0.08, past_weight=0.8),
        }
    )


@dataclass(frozen=True)
class Parameters:
    """The market. Frozen: a different world is a different value."""

    kinds: tuple[Kind, ...] = (
        Kind("sure_thing", 0.12, 0.110, 0.0015, 0.0005, 0.0008, 3.0, 0.42, 0.080, 0.15, 4.0, 0.10),
        Kind("persuadable", 0.24, 0.024, 0.0230, 0.0120, 0.0006, 2.6, 0.50, 0.140, 0.38, 2.0, 0.10),
        Kind("sleeping_dog", 0.20, 0.062, 0.0008, 0.0006, 0.0190, 0.9, 0.14, 0.012, 0.22, 5.0, 0.90),
        Kind("lost_cause", 0.44, 0.003, 0.0003, 0.0004, 0.0004, 0.12, 0.08, 0.006, 0.30, 3.0, 0.15),
    )
    channels: MappingProxyType[Channel, ChannelTraits] = field(default_factory=_channels)
    offers: tuple[tuple[str, float, float], ...] = (("save10", 0.10, 0.25), ("save20", 0.20, 0.05))
    """(name, discount, stock as a share of all customers)."""

    trait_spread: float = 0.30
    """Log-scale scatter of base rate, persuasion and irritation around the kind's mean."""
    affinity_spread: float = 0.25
    """Log-scale scatter of a person's liking of a channel."""
    price_spread: float = 0.7
    """How strongly the price trait (standard normal) raises `need` and lowers `persuasion`, log scale."""
    runner_share: float = 0.35
    runner_lift: float = 1.30
    """Runners answer better to the shop's messages; everybody else worse by the factor that keeps the mean."""
    app_share: float = 0.45
    app_push_lift: float = 1.4
    hour_width: float = 4.0
    hour_floor: float = 0.55
    """Effect far from a person's own hour, as a share of the effect at it; width in hours."""

    order_value: float = 80.0
    value_spread: float = 0.25
    basket_spread: float = 0.35
    """Mean order value; log-scale scatter between people and between the orders of one person."""
    margin_rate: float = 0.45
    margin_floor: float = 0.35

    pull_half: float = 0.10
    """Discount at which half of the full incentive effect is reached: pull(d) = d / (d + pull_half) x 2."""
    coupon_days: int = 8
    redeemed: float = 0.90
    """Days a coupon is valid, and the share of orders in that time that use it."""

    delay_days: int = 10
    fatigue_kept: float = 0.88
    patience: float = 0.9
    wear: float = 0.5
    opt_out_rate: float = 0.6
    goodwill_loss: float = 0.25
    """Fatigue kept per day; fatigue that takes the gain down to 37 %; growth of irritation per unit of fatigue; opt-outs per unit of irritation; share of the base rate lost for good by an opt-out."""
    order_floor: float = 0.15
    """An irritated person still buys this share of the base rate."""

    weekend_lift: float = 1.12
    december_lift: float = 1.25
    summer_dip: float = 0.90

    machine_openers: float = 0.40
    """Share of people whose mail program opens every message by itself."""
    complaint_share: float = 0.05
    """Share of opt-outs that come with a complaint."""
    visit_before_order: float = 0.90

    history_days: int = 365
    waves: int = 6
    wave_every: int = 25
    first_wave_before: int = 150
    """Randomised waves: how many, days between them, and how many days before today the first went out."""
    control_share: float = 0.30
    offer_mix: tuple[float, ...] = (0.55, 0.30, 0.15)
    """Chance of no offer, save10, save20 among treated people of the history."""
    wave_hours: tuple[int, ...] = (9, 12, 16, 19)
    contacts_per_week: int = 3
    lapsed_before: tuple[int, int] = (60, 420)
    lapsed_orders: float = 0.050
    """Lost causes were customers once: orders per 14 days until they lapsed, this many days before today."""

    household_share: float = 0.0
    """Share of people who live at the address of somebody with the same last name; 0: the shop knows no streets."""


DEFAULT = Parameters()
"""The market of the demo and of every figure measured on it."""
ALL_CHANNELS = Parameters(channels=_all_channels(), household_share=0.25, waves=4, wave_every=35)
"""The same people, reached by all eight channels, with street addresses and a randomised wave every five weeks."""
PARAMETERS: dict[ChannelSet, Parameters] = {"four": DEFAULT, "all": ALL_CHANNELS}

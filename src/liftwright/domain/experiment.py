"""The experiment a campaign is: arms, what it can detect, when it stops."""

from __future__ import annotations

from typing import Literal

from liftwright.domain.base import Share, Value
from liftwright.domain.profile import Channel

AskedArm = Literal["random", "usual"]
"""Arms a campaign has on request: options drawn by lot, and what a simple rule would send."""
ASKED_ARMS: tuple[AskedArm, ...] = ("random", "usual")
Verdict = Literal["win", "harm", "futile", "inconclusive", "running", "invalid"]


class StopRule(Value):
    """A pre-stated condition. `acts` False means it asks a person instead of acting."""

    name: str
    statistic: str
    bound: float
    says: str
    acts: bool = True


class Firing(Value):
    """A stop rule that fired, with its evidence: the statistic it saw, the bound it passed, at which look, on which data.

    `kind` is what it wants: stop, pause or stop_offer. `subject`: what it is about (an offer), if not the whole campaign.
    `data_hash` names the table of outcomes it was judged on, which the lake keeps; of the kill switch, the snapshot of that moment.
    """

    rule: str
    kind: str
    says: str
    acts: bool
    statistic: float
    bound: float
    look: int
    data_hash: str
    subject: str = ""

    @property
    def evidence(self) -> dict[str, float | int | str]:
        """What actions and the journal keep of it."""
        return {"statistic": self.statistic, "bound": self.bound, "look": self.look, "data_hash": self.data_hash}


class Detectable(Value):
    """Smallest true effect the test finds with the stated power; absolute in the metric's unit per person, relative to the holdout mean."""

    absolute: float
    relative: float | None = None


class AskedShare(Value):
    """An arm on request and the share of the eligible people in it."""

    arm: AskedArm
    share: Share


class Usual(Value):
    """What business as usual sends: one contact by `channel` with `offer` to `people`, a phrase ("" = everybody in the arm)."""

    channel: Channel = "email"
    offer: str = "none"
    people: str = ""


class GlobalHoldout(Value):
    """People no campaign may contact: hash of the salt and the person's id below the share, one salt per quarter of the flight.

    `people`: how many were left out of this campaign because of it. Letters go by the household's id where there is one.
    """

    share: Share
    salts: tuple[str, ...]
    people: int = 0


class Analysis(Value):
    """How the campaign will be judged, fixed before launch from the past alone.

    `conversions`: people with an order expected in the smaller arm, at the rate of both, by the end of the window; looks spend error by
    the share of them seen. `cap` and `stricter_cap`: greatest margin of one person that counts (99 % and 95 % of past buyers),
    `revenue_cap`: greatest revenue (99 %), major units. `covariate`: the column of the audience's table that outcomes are adjusted for,
    `explained`: the share of a past outcome it explained. `expected` and `detectable`: effect per person among the people compared;
    where the second is larger the plan is not measurable at this size. `opt_out_price`: margin expected to be lost with one person who
    opts out.
    """

    conversions: float
    cap: float | None = None
    stricter_cap: float | None = None
    revenue_cap: float | None = None
    covariate: str = ""
    explained: Share = 0.0
    expected: float | None = None
    detectable: float | None = None
    opt_out_price: float = 0.0

    @property
    def is_measurable(self) -> bool:
        """Whether the test can find what the plan expects."""
        return self.expected is not None and self.detectable is not None and self.expected >= self.detectable


class Experiment(Value):
    """Frozen into the plan hash. The arm of a person follows from `sha256(salt : customer_id)` and the person's stratum, which the
    table of the audience states (`measurement.holdout`), fixed before anyone is chosen.

    `strata`: how many there are; 1 = the hash alone. `holdout_share` and the shares of `arms` are of all eligible people; the rest is
    treated. `mde` and `expected` (the expected effect) are per person whom a contact pays for; `forgone`: what the holdout is expected
    to cost by not being contacted, in the unit of the metric. Where `is_measurable` is False, the test was known before launch to be
    too small for what was expected.
    """

    salt: str
    holdout_share: Share
    primary_metric: str
    mde: Detectable
    power: float = 0.8
    level: float = 0.95
    looks: int = 1
    method: str
    treated: int
    holdout: int
    stop_rules: tuple[StopRule, ...] = ()
    adjust_when: tuple[str, ...] = ()
    note: str = ""
    analysis: Analysis | None = None
    """None in plans from before it was frozen."""
    strata: int = 1
    arms: tuple[AskedShare, ...] = ()
    usual: Usual | None = None
    global_holdout: GlobalHoldout | None = None
    expected: float | None = None
    forgone: float | None = None
    is_measurable: bool = True

    @property
    def shares(self) -> dict[str, Share]:
        """Share of every arm but the treated one, in the order in which they are drawn."""
        return {"holdout": self.holdout_share, **{asked.arm: asked.share for asked in self.arms}}

    @property
    def compared_share(self) -> Share:
        """The holdout's share of holdout and treated arm together: what their sizes are held against."""
        return self.holdout_share / (1.0 - sum(asked.share for asked in self.arms))

"""What a campaign leaves for the next ones: sufficient statistics by cell, never texts. They are written once and never changed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import rfc8785

from liftwright.domain.base import AwareDatetime, Value

Standing = Literal["believed", "inconclusive"]


class Moments(Value):
    """One arm of a cell: people, those of them who bought, and sums over people weighted by 1 / propensity of their arm.

    `weight` and `weight_squares` are the sums of those weights and of their squares; `total` and `squares` those of the winsorised margin,
    major units, contact cost not taken off; `expected` that of the extra margin the plan expected of its contacts, before contact cost.
    """

    people: int
    conversions: int
    weight: float
    weight_squares: float
    total: float
    squares: float
    expected: float


class CellStatistics(Value):
    """What one campaign showed in one cell (first channel and offer a person would get, segment), treated and held out.

    `evidence` names the table of people in the lake that the sums were made of, `touches` the table of what was delivered and how it was
    answered. `season` is the quarter of the year (Q1 to Q4). `cap` is the winsorising cap fixed before launch, None = none. What failed the
    test of the arms' sizes is `inconclusive` for good; whether a cell is too thin is decided where cells are put together.
    """

    campaign_id: str
    channel: str
    segment: str
    offer: str
    season: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    treated: Moments
    holdout: Moments
    cap: float | None
    srm_p: float | None
    standing: Standing
    because: str = ""
    models: tuple[str, ...] = ()
    evidence: str
    touches: str
    expires_at: AwareDatetime

    @property
    def statistics_id(self) -> str:
        """Digest of the content: a changed row is another row."""
        return "cell-" + hashlib.sha256(rfc8785.dumps(self.model_dump(mode="json"))).hexdigest()[:24]


class Start(Value):
    """What a plan starts from: the lessons of earlier campaigns, and what it expects with and without them.

    `expected` and `cold_start`: expected incremental margin of the plan's contacts, major units, with what campaigns taught and without.
    `factors`: by channel, how much of the effect the models predict is expected to come true (1 = all of it), averaged over its contacts.
    `set_aside`: what was measured later and contradicts an earlier campaign, in words.
    """

    campaigns: tuple[str, ...]
    lessons: tuple[str, ...]
    touches: int
    expected: float
    cold_start: float
    factors: dict[str, float]
    set_aside: tuple[str, ...] = ()
    says: str


@dataclass(frozen=True)
class Remembered:
    """Statistics of campaigns in force, and ids of rows that no longer hold what was written: those are never used."""

    rows: tuple[CellStatistics, ...]
    tampered: tuple[str, ...] = ()


MemoryKind = Literal["lessons", "documents", "copy"]


@dataclass(frozen=True)
class Found:
    """One text found by similarity. Never read a number out of it: numbers are looked up by key."""

    item_id: str
    text: str
    metadata: dict[str, str]
    distance: float

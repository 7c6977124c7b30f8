"""What the marketer asked, and what we understood: goal, objective, constraint, brief."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import model_validator

from liftwright.domain.base import AwareDatetime, Value
from liftwright.domain.experiment import AskedArm
from liftwright.domain.money import Money

Metric = Literal[
    "incremental_margin",
    "margin",
    "revenue",
    "orders",
    "visits",
    "average_order_value",
    "repeat_rate",
    "new_customers",
    "reactivated_customers",
    "churn_rate",
    "leads",
    "subscriptions",
    "opt_outs",
]
Direction = Literal["increase", "decrease", "hold"]
ConstraintKind = Literal[
    "margin_floor",
    "max_discount",
    "no_discount",
    "only_channels",
    "exclude_channels",
    "include_people",
    "exclude_people",
    "country",
    "max_contacts_per_week",
    "max_contacts",
    "channel_budget",
    "minimum_order",
]

_LIMIT_WORDS: dict[str, str] = {
    "margin_floor": "margin at least {}",
    "max_discount": "discount at most {}",
    "no_discount": "no discount",
    "only_channels": "only by {}",
    "exclude_channels": "not by {}",
    "include_people": "only these people: {}",
    "exclude_people": "leave out: {}",
    "country": "only in {}",
    "max_contacts_per_week": "at most {} contacts a week per person",
    "max_contacts": "at most {} contacts per person in all",
    "minimum_order": "only orders of at least {}",
}


class Target(Value):
    """How far the metric must move: `percent` 0.10 = 10 %, `points` 0.02 = 2 percentage points, `absolute` a count, `money` major units."""

    value: float
    unit: Literal["percent", "points", "absolute", "money"]
    is_level: bool = False
    """True when `value` is where the metric must end up ("to 5,000 orders"), not how far it must move."""


class Constraint(Value):
    """A limit that must hold. `value` is a share, count, channel, people phrase, country code or money amount by kind; `quote` the words it came from."""

    kind: ConstraintKind
    value: float | str | tuple[str, ...]
    quote: str = ""

    @property
    def says(self) -> str:
        """The limit in words, for a person."""
        value = self.value
        if self.kind == "channel_budget" and isinstance(value, tuple):
            return f"at most {value[1]} on {value[0]}"
        if isinstance(value, float) and self.kind in ("margin_floor", "max_discount"):
            return _LIMIT_WORDS[self.kind].format(f"{value:.0%}")
        listed = ", ".join(value) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else value
        return _LIMIT_WORDS.get(self.kind, self.kind.replace("_", " ") + " {}").format(listed)


class Assumption(Value):
    """Something not said that had to be settled, and what it changes.

    `field` is also `not_understood`, for words nobody could act on, and `background`, for words that seem to tell how things are.
    """

    field: str
    value: str
    because: str
    effect: str = ""


class Goal(Value):
    """What the marketer asked, in their own words, with every answer they gave since."""

    text: str
    asked_at: AwareDatetime
    answers: tuple[str, ...] = ()
    asked_by: str = ""
    """The user who asked; "" in a workspace without users."""
    arms: tuple[AskedArm, ...] = ()
    """Arms the campaign is to have besides the treated one and the holdout."""

    @property
    def words(self) -> str:
        """Everything said so far, in order."""
        return "\n".join((self.text, *self.answers))


class Objective(Value):
    """The number to move and by when. Dates are inclusive; `product` is the product or category named, in the marketer's words."""

    metric: Metric
    direction: Direction = "increase"
    target: Target | None = None
    product: str | None = None
    starts_on: date
    ends_on: date
    budget: Money | None = None
    constraints: tuple[Constraint, ...] = ()

    @model_validator(mode="after")
    def _ends_after_start(self) -> Objective:
        if self.ends_on < self.starts_on:
            raise ValueError(f"the objective ends on {self.ends_on}, before it starts on {self.starts_on}")
        return self

    @property
    def days(self) -> int:
        """Length of the flight in days, both ends included."""
        return (self.ends_on - self.starts_on).days + 1

    def constraint(self, kind: ConstraintKind) -> Constraint | None:
        """The first constraint of a kind, if any."""
        return next((c for c in self.constraints if c.kind == kind), None)


class Brief(Value):
    """The strategist's structured answer. Exactly one of `objective` or `question` leads the flow on.

    `contradictions` names statements of the goal that cannot both hold; they are put to the marketer in `question`.
    """

    objective: Objective | None = None
    question: str | None = None
    missing: tuple[str, ...] = ()
    contradictions: tuple[str, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    lessons: tuple[str, ...] = ()
    summary: str = ""

"""What requests of the API carry, each with an example."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from liftwright.api import characters
from liftwright.domain.base import Value
from liftwright.domain.visit import VisitKind


def _with_example(**example: Any) -> ConfigDict:
    return ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [example]})


class Body(Value):
    """What a request says, in texts that can be kept."""

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, given: Any) -> Any:
        if not characters.are_whole(given):
            raise ValueError(characters.SAYS)
        return given


class GoalIn(Body):
    """A goal in the marketer's words and answers given beforehand."""

    model_config = _with_example(goal="Sell more shoes over the next two weeks by e-mail", answers=["budget 500 USD"], by="mia")

    goal: str = Field(max_length=4000)
    answers: tuple[str, ...] = Field(default=(), max_length=50)
    by: str = ""


class AnswerIn(Body):
    """The answer to what a campaign asked."""

    model_config = _with_example(text="two weeks, 100 dollars, by e-mail")

    text: str = Field(max_length=4000)


class DecisionIn(Body):
    """A decision and the plan hash its maker saw."""

    model_config = _with_example(kind="approve", plan_hash="sha256:" + "0" * 64, by="leo", reason="fits the season")

    kind: Literal["approve", "edit", "reject", "respond"]
    plan_hash: str
    by: str
    reason: str = ""
    changes: dict[str, str] = {}


class StopIn(Body):
    """Who stops a campaign and why."""

    model_config = _with_example(by="leo", reason="the offer is sold out")

    by: str
    reason: str


class WordsIn(Body):
    """Words of a person: a goal, an answer, a question or a change. `talk_id`: the talk they go on with; `campaign_id`: what it is about."""

    model_config = _with_example(text="Sell more shoes over the next two weeks by e-mail", by="mia")

    text: str
    campaign_id: str | None = None
    talk_id: str | None = None
    by: str = ""


class VisitIn(Body):
    """Which session the visitor is in; what they did in it counts."""

    model_config = _with_example(session="s-81c2")

    session: str = Field(default="", max_length=100)


class VisitEventIn(Body):
    """What a visitor just did. The same `event_id` counts once."""

    model_config = _with_example(session="s-81c2", type="add_to_cart", product_id="P000012", event_id="e-5f0a")

    session: str = Field(min_length=1, max_length=100)
    type: VisitKind
    product_id: str | None = Field(default=None, max_length=200)
    event_id: str = Field(default="", max_length=100)

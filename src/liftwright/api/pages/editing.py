"""The fields in which a plan is edited: what each holds now and may hold, and what somebody changed in them."""

from __future__ import annotations

from typing import NamedTuple

from starlette.datastructures import FormData

from liftwright.domain.errors import ApprovalError
from liftwright.domain.plan import Plan


class Field(NamedTuple):
    """`path` is that of `liftwright edit --set`; `value` a text, or of `choices` those that are taken; `bounds` attributes of the input."""

    path: str
    words: str
    value: str | tuple[str, ...]
    type: str = "text"
    bounds: dict[str, str] = {}
    choices: tuple[str, ...] = ()


def fields(plan: Plan) -> list[Field]:
    """The fields of a plan with what it holds. Channels and offers are a choice only among those that have texts."""
    objective, limits = plan.objective, plan.assignment.limits
    budget = "" if objective.budget is None else f"{objective.budget.amount}"
    some = {name: tuple(dict.fromkeys(getattr(text, name) for text in plan.variants)) for name in ("channel", "offer")}
    found = [
        Field("objective.budget", "Budget", budget, bounds={"inputmode": "decimal", "maxlength": "20"}),
        Field("objective.ends_on", "Last day", objective.ends_on.isoformat(), "date", {"min": objective.starts_on.isoformat()}),
        Field(
            "limits.touches", "Touches per person", str(limits.get("per_person_cap") or ""), "number", {"min": "1", "max": "30"}
        ),
        Field(
            "experiment.holdout_share",
            "Held out, 1 % to 90 %",
            f"{plan.experiment.holdout_share * 100:g}%",
            bounds={"pattern": r"\d{1,2}(\.\d+)? ?%", "title": "a share such as 10%"},
        ),
        Field("channels", "Channels", tuple(plan.envelope.channels), choices=some["channel"]),
        Field("offers", "Offers", tuple(offer.name for offer in plan.offers), choices=some["offer"]),
    ]
    return [field for field in found if isinstance(field.value, str) or len(field.choices) > 1]


def changes(given: FormData, plan: Plan) -> dict[str, str]:
    """What a form says otherwise than the plan, path to value; a field that is not in the form stays. Raises ApprovalError for a line that is no change."""
    found: dict[str, str] = {}
    for field in fields(plan):
        if field.path not in given:
            continue
        texts = [str(each).strip() for each in given.getlist(field.path)]
        if isinstance(field.value, str):
            if texts[-1] != field.value:
                found[field.path] = texts[-1].replace(" %", "%")
        elif set(filter(None, texts)) != set(field.value) & set(field.choices):
            found[field.path] = ",".join(filter(None, texts))
    return found | _lines(str(given.get("changes", "")))


def shown(given: FormData, plan: Plan) -> list[Field]:
    """The fields as somebody filled them."""
    typed = [field for field in fields(plan) if field.path in given]
    values = {field.path: [str(each).strip() for each in given.getlist(field.path)] for field in typed}
    return [
        field
        if field.path not in values
        else field._replace(value=values[field.path][-1] if isinstance(field.value, str) else tuple(values[field.path]))
        for field in fields(plan)
    ]


def _lines(text: str) -> dict[str, str]:
    """`path = value` line by line. Raises ApprovalError for a line that is not."""
    found: dict[str, str] = {}
    for line in filter(str.strip, text.splitlines()):
        path, sign, value = line.partition("=")
        if not sign or not path.strip():
            says = f"'{line[:60]}' is not PATH = VALUE."
            raise ApprovalError("EDIT-FORM", says, next_step="Write it like objective.budget = 2000, one change a line.")
        found[path.strip()] = value.strip()
    return found

"""One person as an example on a review: which of the texts they get, when, and who comes before and after them."""

from __future__ import annotations

from typing import Any

from liftwright.domain.errors import DataError
from liftwright.flow import about, asking
from liftwright.ports import Deps


def example(campaign_id: str, person: str, *, by: str, deps: Deps) -> dict[str, Any] | None:
    """What the plan has for this person, by id; None where nobody is named, only `says` for one the data does not know. Looking is journaled.

    Names stay merge tags: they are filled at delivery and nowhere else.
    """
    if not person.strip():
        return None
    try:
        found = asking.why(campaign_id, person.strip(), deps=deps)
    except DataError as error:
        return {"person": person.strip()[:60], "says": error.says, "touches": [], "texts": (), "neighbours": {}}
    about.looked(found["person"], campaign_id, by=by, deps=deps)
    says = {"holdout": "is held out: gets nothing, on purpose.", "none": "is not chosen: gets nothing."}.get(found["arm"], "")
    return {
        "person": found["person"],
        "says": says or ("" if found["touches"] else "gets nothing."),
        "touches": found["touches"],
        "texts": tuple(touch["variant"] for touch in found["touches"]),
        "neighbours": found["neighbours"],
    }

"""Revisions of a plan as pages show them: what changed, word by word, and why each was made."""

from __future__ import annotations

from typing import Any

from liftwright.flow import differing
from liftwright.ports import Deps


def changed(data: dict[str, Any], since: int, deps: Deps) -> dict[str, Any]:
    """What differs from an earlier revision (the one before, where none is named), and the reasons. `data`: `show --json` of the campaign."""
    campaign_id, revision = data["campaign_id"], data["revision"]
    earlier = since if 0 < since < revision else revision - 1
    old, new = (deps.campaigns.plan(campaign_id, number) if number > 0 else None for number in (earlier, revision))
    asked = [each for each in data["decided"] if each["kind"] in ("edit", "respond")]
    return {
        "since": earlier,
        "changed": differing.word_by_word(old, new) if old is not None and new is not None else (),
        "because": {number: each["reason"] for number, each in enumerate(asked, start=2) if each["reason"]},
    }

"""What happened during a flight, as marks on its chart: what people said, what was moved, which stop rule spoke, and when messages left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.evidence import Action, Report
from liftwright.domain.figures import LookPoint
from liftwright.flow import evidence, reporting
from liftwright.ports import Deps

Kind = Literal["approval", "reallocation", "stop", "send"]
SAID = {"approval.approved": "approved", "campaign.launched": "launched"}
"""Journal entries that are marked; everything else that is marked is an action of the campaign, or a send."""
ANSWERED = ("ask", "change_refused", "resume")
STOPPED = ("stop", "pause", "stop_offer")


def of(report: Report, sends: pa.Table, *, deps: Deps) -> list[dict[str, Any]]:
    """Every mark, by time: `{"at", "kind", "says"}`. sends: wave, state, send_at, sent_at of the campaign's ledger rows."""
    entries = deps.journal.entries(subject=report.campaign_id)
    found = [_mark(entry.at, "approval", SAID[entry.action]) for entry in entries if entry.action in SAID]
    found += [_mark(action.at, _kind(action), f"{action.kind.replace('_', ' ')} ({action.rule})") for action in report.actions]
    found += [_mark(at, "send", f"wave {wave} begins to leave") for wave, at in _left(sends)]
    return sorted(found, key=lambda mark: (mark["at"], mark["kind"], mark["says"]))


def between(marks: Sequence[dict[str, Any]], looks: Sequence[LookPoint]) -> list[list[dict[str, Any]]]:
    """The marks since the look before, look by look; the last look has whatever came after it too."""
    found, left = [], list(marks)
    for point in looks:
        found.append([mark for mark in left if mark["at"] <= point.at])
        left = left[len(found[-1]) :]
    if found:
        found[-1] += left
    return found


def _kind(action: Action) -> Kind:
    if action.kind in STOPPED:
        return "stop"
    return "approval" if action.kind in ANSWERED else "reallocation"


def _mark(at: Any, kind: Kind, says: str) -> dict[str, Any]:
    return {"at": at, "kind": kind, "says": says}


def _left(sends: pa.Table) -> list[tuple[int, Any]]:
    """The moment at which the first touch of each wave reached its person."""
    gone = sends.filter(pc.is_in(sends["state"], value_set=pa.array(reporting.REACHED)))
    first = pa.table({"wave": gone["wave"], "at": evidence.moments(gone)}).group_by("wave").aggregate([("at", "min")])
    return sorted(zip(first["wave"].to_pylist(), first["at_min"].to_pylist(), strict=True))

"""The ladder: what a system may do alone is earned cell by cell (class of actions x channel x band of spend) and lost at once.

Pure. Levels are told by the journal alone, so none can be given, kept or taken unseen: entries in, levels out. The conditions are data,
`ladder` in policies/autonomy.yaml. One step up at a time, on campaigns closed since the last step; down as far as the breach says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import Field, ValidationError

from liftwright.compliance.autonomy import LEVELS
from liftwright.domain.autonomy import Cell, Closed, Drill, Proposal, Rung
from liftwright.domain.base import Share, Value
from liftwright.domain.campaign import JournalEntry
from liftwright.domain.errors import PolicyError
from liftwright.domain.evidence import Report
from liftwright.domain.profile import CHANNELS, Channel

SUBJECT = "autonomy"
"""Subject of every entry about the ladder."""
PROPOSED, SIGNED, REFUSED = "autonomy.proposed", "autonomy.signed", "autonomy.refused"
PROMOTED, DEMOTED, DRILLED = "autonomy.promoted", "autonomy.demoted", "autonomy.drilled"
Breach = Literal["violation", "duplicate", "contamination", "invalid", "guardrail", "harm", "rolled_back"]
BREACHES: tuple[Breach, ...] = ("violation", "duplicate", "contamination", "invalid", "guardrail", "harm", "rolled_back")
CONTAMINATED = 0.05
"""Share of the holdout that was contacted from which a campaign proves nothing (`measurement.integrity`)."""


class Actions(Value):
    """A class: actions of the autonomy file, and the kinds of actions in a campaign's record that show it was used."""

    actions: tuple[str, ...]
    seen_as: tuple[str, ...] = ()


class Calibration(Value):
    """Of the last so many forecasts, at least this share must agree with what was measured."""

    last: int = Field(ge=1)
    share: Share = Field(ge=0, le=1)


class Promotion(Value):
    """What a step up takes; see policies/autonomy.yaml."""

    wins: int = Field(ge=1)
    forecasts: Calibration
    clean: int = Field(ge=1)
    drill_days: int = Field(ge=1)
    lasts_days: int = Field(ge=1)
    roles: tuple[str, ...] = Field(min_length=1)
    people: int = Field(ge=1)


class Fall(Value):
    """How far a breach lowers a cell, and whether the campaign is held until a person looks."""

    to: str
    pause: bool = False


class Ladder(Value):
    """The section `ladder`, and where every cell starts (`default_level`). `bands`: name to the planned spend below which a campaign belongs to it, ascending; null = everything above."""

    start: str
    bands: dict[str, float | None]
    classes: dict[str, Actions]
    promotion: Promotion
    demotion: dict[Breach, Fall]


def ladder_of(autonomy: Mapping[str, Any]) -> Ladder:
    """The ladder of an autonomy file. Raises PolicyError for one that does not hold together."""
    try:
        found = Ladder.model_validate({"start": autonomy["default_level"], **autonomy.get("ladder", {})})
    except ValidationError as error:
        first = error.errors()[0]
        raise _bad(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    levels = {found.start, *(fall.to for fall in found.demotion.values())}
    if levels - set(LEVELS):
        raise _bad(f"'{min(levels - set(LEVELS))}' is no level")
    if set(BREACHES) - set(found.demotion):
        raise _bad(f"demotion says nothing about {', '.join(sorted(set(BREACHES) - set(found.demotion)))}")
    bounds = list(found.bands.values())
    if not bounds or bounds[-1] is not None or sorted(bound for bound in bounds if bound is not None) != bounds[:-1]:
        raise _bad("bands must ascend, and the last one must be null")
    if set(found.promotion.roles) - set(autonomy.get("roles", {})):
        raise _bad("promotion.roles names a role that is not declared")
    _check_classes(found, autonomy)
    return found


def class_of(ladder: Ladder, action: str) -> str:
    """The class an action belongs to. PolicyError for one that has none."""
    for name, each in ladder.classes.items():
        if action in each.actions:
            return name
    raise _bad(f"the action '{action}' belongs to no class")


def band_of(ladder: Ladder, spend: float) -> str:
    """The band of a planned spend in major units."""
    return next(name for name, below in ladder.bands.items() if below is None or spend < below)


def cells(ladder: Ladder, *, channels: Iterable[Channel], band: str) -> list[Cell]:
    """Every cell a campaign stands in."""
    return [Cell(action_class=name, channel=channel, band=band) for name in ladder.classes for channel in channels]


def every_cell(ladder: Ladder) -> list[Cell]:
    """All there are."""
    return [cell for band in ladder.bands for cell in cells(ladder, channels=CHANNELS, band=band)]


def rung(ladder: Ladder, cell: Cell, entries: Sequence[JournalEntry], *, at: datetime) -> Rung:
    """The level of a cell at a moment, from the entries about the ladder up to then, oldest first.

    A promotion whose evidence ran out falls back to the step below that still stands. A demotion stands until the next promotion.
    """
    base = Rung(level=ladder.start)
    steps: list[Rung] = []
    for entry in entries:
        if entry.at > at:
            break
        steps = [step for step in steps if step.until is None or entry.at < step.until]
        if entry.action == PROMOTED and entry.detail["cell"] == cell.key:
            until = datetime.fromisoformat(entry.detail["until"])
            because = f"promoted on {', '.join(entry.detail['wins'])}"
            steps.append(Rung(level=entry.detail["to"], since=entry.at, because=because, until=until))
        elif entry.action == DEMOTED and cell.key in entry.detail["cells"]:
            base, *steps = (_fallen(each, entry) for each in (base, *steps))
    left = [step for step in steps if step.until is None or at < step.until]
    if left:
        return left[-1]
    if steps:
        return base.model_copy(update={"because": "the evidence of its promotion is too old", "since": steps[-1].until})
    return base


def level_for(
    ladder: Ladder, action_class: str, channels: Iterable[Channel], band: str, entries: Sequence[JournalEntry], *, at: datetime
) -> str:
    """The lowest level of a class over the channels of a campaign; the ladder's start where it has none."""
    found = [
        rung(ladder, Cell(action_class=action_class, channel=channel, band=band), entries, at=at).level for channel in channels
    ]
    return min(found or [ladder.start], key=LEVELS.index)


def levels(
    ladder: Ladder, channels: Sequence[Channel], band: str, entries: Sequence[JournalEntry], *, at: datetime
) -> dict[str, str]:
    """The level of every class over the channels of a campaign."""
    return {name: level_for(ladder, name, channels, band, entries, at=at) for name in ladder.classes}


def breaches(report: Report) -> dict[Breach, str]:
    """What a report says against trusting its campaign, in words by kind; empty when there is nothing."""
    found: dict[Breach, str] = {}
    if report.policy_violations:
        found["violation"] = f"{report.policy_violations} sends broke a rule"
    if report.sends.get("duplicates", 0):
        found["duplicate"] = f"{report.sends['duplicates']} sends went out twice"
    if report.health.contaminated_share > CONTAMINATED:
        found["contamination"] = f"{report.health.contaminated_share:.0%} of the holdout were contacted"
    if report.verdict == "invalid" and "contamination" not in found:
        found["invalid"] = "its arms are not what was drawn"
    broken = [finding.subject for finding in report.guardrails if finding.severity == "block"]
    if broken:
        found["guardrail"] = f"{', '.join(broken)} got worse than its bound"
    if report.verdict == "harm":
        found["harm"] = "it did harm"
    return found


def missing(
    ladder: Ladder, cell: Cell, held: Rung, closed: Sequence[Closed], drills: Sequence[Drill], *, at: datetime
) -> list[str]:
    """What a cell lacks for one step up, in words; nothing means that it may be proposed."""
    wanted = ladder.promotion
    lacks = []
    if held.level == LEVELS[-1]:
        return ["it is at the highest level"]
    mine = _of_cell(ladder, cell, held, closed)
    won = wins(mine)
    if len(won) < wanted.wins:
        lucky = [each.campaign_id for each in mine if each.verdict == "win" and not each.is_powered]
        beside = f" ({', '.join(lucky)} won at a size too small to count)" if lucky else ""
        lacks.append(f"{len(won)} of {wanted.wins} powered wins over the holdout{beside}")
    recent = mine[-wanted.clean :]
    dirty = {each.campaign_id: each.breaches for each in recent if each.breaches}
    lacks += [f"{name}: {', '.join(kinds)}" for name, kinds in dirty.items()]
    lacks += _uncalibrated(wanted.forecasts, mine)
    used = {kind for each in mine for kind in each.exercised}
    seen_as = ladder.classes[cell.action_class].seen_as
    if seen_as and not used & set(seen_as):
        lacks.append(f"no campaign has yet used it ({', '.join(seen_as)})")
    since = at - timedelta(days=wanted.drill_days)
    last = max((drill for drill in drills if drill.at >= since), key=lambda drill: drill.at, default=None)
    if last is None or not last.passed:
        lacks.append(f"no shutdown drill passed within {wanted.drill_days} days")
    return lacks


def proposal(cell: Cell, held: Rung, closed: Sequence[Closed], *, ladder: Ladder, by: str, at: datetime) -> Proposal:
    """One step up on the wins that earned it. The same step on the same wins has the same id."""
    won = tuple(each.campaign_id for each in wins(_of_cell(ladder, cell, held, closed)))
    to = LEVELS[LEVELS.index(held.level) + 1]
    known = "|".join((cell.key, held.level, to, *won))
    return Proposal(
        proposal_id=f"l-{hashlib.sha256(known.encode()).hexdigest()[:8]}",
        cell=cell.key,
        level=held.level,
        to=to,
        wins=won,
        asked_by=by,
        asked_at=at,
    )


def proposals(entries: Iterable[JournalEntry]) -> dict[str, Proposal]:
    """Every proposal the entries tell of, by id, as it stands after them."""
    found: dict[str, Proposal] = {}
    for entry in entries:
        key = entry.detail.get("proposal_id", "")
        if entry.action == PROPOSED:
            found[key] = Proposal.model_validate({**entry.detail, "asked_by": entry.actor, "asked_at": entry.at})
        elif entry.action == SIGNED and key in found:
            signed = tuple(dict.fromkeys((*found[key].signed_by, entry.actor)))
            found[key] = found[key].model_copy(update={"signed_by": signed})
        elif entry.action in (PROMOTED, REFUSED) and key in found:
            answer = entry.action.removeprefix("autonomy.")
            found[key] = found[key].model_copy(update={"answer": answer})
    return found


def drills(entries: Iterable[JournalEntry]) -> list[Drill]:
    """Every drill the entries tell of."""
    return [
        Drill(campaign_id=entry.detail["campaign_id"], at=entry.at, passed=entry.detail["passed"])
        for entry in entries
        if entry.action == DRILLED
    ]


def wins(closed: Iterable[Closed]) -> list[Closed]:
    """Those that proved something: a win that was known beforehand to be findable at that size."""
    return [each for each in closed if each.verdict == "win" and each.is_powered]


def _fallen(held: Rung, entry: JournalEntry) -> Rung:
    """A rung after a breach: no higher than it says, and what was won before counts no more."""
    is_above = LEVELS.index(held.level) > LEVELS.index(entry.detail["to"])
    change = {"level": entry.detail["to"], "because": entry.detail["says"]} if is_above else {}
    return held.model_copy(update={"since": entry.at, **change})


def _of_cell(ladder: Ladder, cell: Cell, held: Rung, closed: Sequence[Closed]) -> list[Closed]:
    """Campaigns of a cell that closed since it came to its level, oldest first: no win earns two steps."""
    mine = [each for each in closed if cell.channel in each.channels and each.band == cell.band]
    return sorted((each for each in mine if held.since is None or each.closed_at > held.since), key=lambda each: each.closed_at)


def _uncalibrated(wanted: Calibration, mine: Sequence[Closed]) -> list[str]:
    """A forecast agrees with what was measured when their intervals meet."""
    both = [(each.forecast, each.realised) for each in mine if each.forecast and each.realised][-wanted.last :]
    met = sum(told.low <= came.high and came.low <= told.high for told, came in both)
    if both and met >= wanted.share * len(both):
        return []
    return [f"{met} of {len(both)} forecasts agree with what was measured; {wanted.share:.0%} must"]


def _check_classes(found: Ladder, autonomy: Mapping[str, Any]) -> None:
    listed = [action for each in found.classes.values() for action in each.actions]
    known = {action for level in autonomy.get("levels", {}).values() for action in level.get("actions", {})}
    if len(listed) != len(set(listed)) or set(listed) != known:
        odd = sorted(set(listed) ^ known) or sorted({action for action in listed if listed.count(action) > 1})
        raise _bad(f"every action belongs to exactly one class; look at {', '.join(odd)}")


def _bad(says: str) -> PolicyError:
    return PolicyError("POLICY-LADDER", f"policies/autonomy.yaml, ladder: {says}.", next_step="Mend the file.")

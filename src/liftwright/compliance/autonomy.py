"""Who must approve a plan, and what may move afterwards without asking. The thresholds live in policies/autonomy.yaml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Literal

from liftwright.domain.approval import Risk
from liftwright.domain.errors import PolicyError
from liftwright.domain.money import Money
from liftwright.domain.plan import Envelope
from liftwright.domain.policy import Finding
from liftwright.domain.profile import CHANNELS, Channel

Permission = Literal["act", "ask", "no"]
LEVELS = ("assistive", "semi_autonomous", "controlled", "adaptive", "strategic")
RISKS: tuple[Risk, ...] = ("low", "medium", "high")
CONDITIONS = ("overdue", "warn", "alarm", "block")
"""What may be wrong with a model that a campaign stands on."""
LOWERED = "semi_autonomous"
"""Where a file does not say how far a condition lowers the level: stops what harms, asks before it moves anything."""
_FACTS = ("spend", "audience", "discount")


def approval_needs(
    autonomy: Mapping[str, Any],
    *,
    spend: Money,
    audience: int,
    discount: float,
    channels: Sequence[Channel],
    findings: Sequence[Finding] = (),
) -> tuple[Risk, tuple[str, ...]]:
    """Risk and roles an approval needs: everyone whose threshold is reached (equal counts), the highest risk of all.

    `audience` counts people to be contacted, `discount` is the deepest share given.
    """
    approval = autonomy["approval"]
    risk: Risk = approval["always"]["risk"]
    roles = dict.fromkeys(approval["always"]["roles"])
    values = {"spend": spend.amount, "audience": Decimal(audience), "discount": Decimal(str(discount))}
    severities = {finding.severity for finding in findings}
    for line in approval["when"]:
        if _reached(line, values=values, channels=channels, severities=severities):
            risk = max(risk, line["risk"], key=RISKS.index)
            roles |= dict.fromkeys(line["roles"])
    return risk, tuple(roles)


def people_needed(autonomy: Mapping[str, Any], risk: Risk) -> int:
    """How many different people must sign an approval of a risk."""
    return int(autonomy["approval"].get("people", {}).get(risk, 1))


def needs_others(autonomy: Mapping[str, Any], risk: Risk) -> bool:
    """Whether nobody may sign for what they asked or edited themselves."""
    return RISKS.index(risk) >= RISKS.index(autonomy["approval"].get("others_from", "low"))


def stands_in(autonomy: Mapping[str, Any], need: str, *, waited: timedelta) -> frozenset[str]:
    """Roles that may sign in place of a needed one once an approval has waited so long; none before, and none where nobody stands in."""
    escalation = autonomy["approval"].get("escalation")
    if not escalation or waited < timedelta(hours=escalation["after_hours"]):
        return frozenset()
    return frozenset(escalation["stands_in"].get(need, ()))


def may(autonomy: Mapping[str, Any], level: str, action: str) -> Permission:
    """Whether a tick may do something inside the envelope: act, ask first, or never. An action that is not listed is `no`."""
    permission = _level(autonomy, level)["actions"].get(action, "no")
    return permission if permission in ("act", "ask") else "no"


def lowered(autonomy: Mapping[str, Any], level: str, conditions: Iterable[str]) -> str:
    """The level that is left of `level` while models of a campaign are in these conditions (`overdue`, `warn`, `alarm`, `block`)."""
    caps = [str(autonomy.get("models", {}).get(condition, LOWERED)) for condition in conditions]
    return min((level, *caps), key=LEVELS.index)


def envelope(
    autonomy: Mapping[str, Any],
    *,
    level: str,
    classes: Mapping[str, str] | None = None,
    channels: Sequence[Channel],
    cost: Money,
    days: int,
    audience: int,
    max_discount: float,
    ends_on: date,
    budget: Money | None = None,
) -> Envelope:
    """What an approval of this plan lets the ticks change: the planned cost and the level's headroom, never more than the budget.

    `classes`: the level of single actions, where it is another than `level` (`ladder`).
    `days` is the length of the flight; a day may cost the mean day times the level's peak, never more than the total.
    """
    rules = _level(autonomy, level)
    total = _times(cost, Decimal(str(1 + rules["spend_headroom"])))
    if budget is not None and budget < total:
        total = budget
    daily = _times(total, Decimal(str(rules["daily_peak"])) / max(days, 1))
    return Envelope(
        channels=tuple(channel for channel in CHANNELS if channel in channels),
        max_total_spend=total,
        max_daily_spend=min(daily, total),
        max_audience=audience,
        max_discount=max_discount,
        allows=tuple(sorted(each for each in rules["actions"] if may(autonomy, (classes or {}).get(each, level), each) == "act")),
        ends_on=ends_on.isoformat(),
    )


def check(autonomy: Mapping[str, Any]) -> None:
    """Refuse an autonomy file that misses a level, names an unknown role or fact, or permits something other than act, ask or no."""
    roles = set(autonomy.get("roles", {}))
    approval = autonomy.get("approval", {})
    lines = [approval.get("always", {}), *approval.get("when", [])]
    for line in lines:
        unknown = set(line.get("roles", ())) - roles
        if line.get("risk") not in RISKS or unknown or not line.get("roles"):
            raise _bad(f"the approval line {dict(line)} needs a risk ({', '.join(RISKS)}) and roles that are declared")
    for line in approval.get("when", []):
        if not _is_condition(line):
            raise _bad(f"the approval line '{line.get('name')}' needs fact and at_least, or channel, or finding")
    _check_people(approval, roles)
    for level in LEVELS:
        _check_level(autonomy, level)
    for condition, level in autonomy.get("models", {}).items():
        if condition not in CONDITIONS or level not in LEVELS:
            raise _bad(f"'models' says '{level}' about {condition}; it maps {', '.join(CONDITIONS)} to {', '.join(LEVELS)}")
    if autonomy.get("default_level") not in LEVELS:
        raise _bad(f"'default_level' must be one of {', '.join(LEVELS)}")


def _check_people(approval: Mapping[str, Any], roles: set[str]) -> None:
    people = approval.get("people", {})
    if set(people) - set(RISKS) or not all(isinstance(count, int) and count >= 1 for count in people.values()):
        raise _bad(f"'people' maps {', '.join(RISKS)} to how many must sign, at least 1")
    if approval.get("others_from", "low") not in RISKS:
        raise _bad(f"'others_from' must be one of {', '.join(RISKS)}")
    stands_for = approval.get("stands_for", {})
    if {*stands_for, *(duty for duties in stands_for.values() for duty in duties)} - roles:
        raise _bad("'stands_for' maps declared roles to declared roles")
    escalation = approval.get("escalation") or {"after_hours": 1, "stands_in": {}}
    if not isinstance(escalation, Mapping):
        raise _bad("'escalation' needs after_hours and stands_in")
    hours, stands_in = escalation.get("after_hours"), escalation.get("stands_in")
    if not isinstance(hours, int | float) or hours <= 0 or not isinstance(stands_in, Mapping):
        raise _bad("'escalation' needs after_hours above 0 and stands_in")
    if {*stands_in, *(duty for duties in stands_in.values() for duty in duties)} - roles:
        raise _bad("'stands_in' maps declared roles to declared roles")


def _check_level(autonomy: Mapping[str, Any], level: str) -> None:
    rules = _level(autonomy, level)
    numbers = (rules.get("spend_headroom"), rules.get("daily_peak"))
    if not all(isinstance(number, int | float) and number >= 0 for number in numbers) or not isinstance(
        rules.get("actions"), dict
    ):
        raise _bad(f"the level {level} needs spend_headroom, daily_peak and actions")
    for action, permission in rules["actions"].items():
        if permission not in ("act", "ask", "no"):
            raise _bad(f"the level {level} says '{permission}' about {action}; it must be act, ask or no")


def _is_condition(line: Mapping[str, Any]) -> bool:
    if "fact" in line:
        return line["fact"] in _FACTS and isinstance(line.get("at_least"), int | float)
    return line.get("channel") in CHANNELS or "finding" in line


def _reached(line: Mapping[str, Any], *, values: Mapping[str, Decimal], channels: Sequence[str], severities: set[Any]) -> bool:
    if "fact" in line:
        return values[line["fact"]] >= Decimal(str(line["at_least"]))
    if "channel" in line:
        return line["channel"] in channels
    return line.get("finding") in severities


def _level(autonomy: Mapping[str, Any], level: str) -> Mapping[str, Any]:
    found = autonomy.get("levels", {}).get(level)
    if not isinstance(found, Mapping):
        raise _bad(f"there is no autonomy level '{level}' (known: {', '.join(autonomy.get('levels', {}))})")
    return found


def _times(money: Money, factor: Decimal) -> Money:
    return Money(minor=int((money.minor * factor).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)), currency=money.currency)


def _bad(says: str) -> PolicyError:
    return PolicyError(
        "POLICY-AUTONOMY", f"policies/autonomy.yaml: {says}.", next_step="Mend the file, or the setting that names the level."
    )

"""The rules as people look them up: found by their words, one with its tests run, and what changed since a plan was made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from liftwright.compliance import evaluate, explain, waivers
from liftwright.domain.errors import DataError, GoalError, PolicyError
from liftwright.domain.policy import Finding, Rule, RuleScope, RuleTest, Severity, Waiver
from liftwright.domain.profile import CHANNELS
from liftwright.flow import gate, ruling, waiving
from liftwright.ports import Deps

SCOPES, SEVERITIES = get_args(RuleScope), get_args(Severity)
LONGEST_TEXT = 10_000


@dataclass(frozen=True)
class Tested:
    """One of a rule's own tests, and whether the engine that decides says what it expects."""

    test: RuleTest
    holds: bool


@dataclass(frozen=True)
class OneRule:
    """A rule with its tests, how its tests cover it, why it can never be waived ("" when it can), and its waivers."""

    rule: Rule
    tests: list[Tested]
    coverage: dict[str, Any]
    never_waived: str
    waivers: list[Waiver]


@dataclass(frozen=True)
class Since:
    """The rules in force for a campaign now beside those its plan pinned. `told`: whether the difference itself can be told."""

    campaign_id: str
    pinned: str
    now: str
    made_at: datetime
    told: bool
    rules: list[dict[str, Any]]


def found(*, scope: str = "", severity: str = "", text: str = "", deps: Deps) -> list[Rule]:
    """The rules of a scope and a severity in whose words every word of `text` is found; "" for any.

    Raises DataError for a scope or severity that does not exist.
    """
    _one_of(scope, SCOPES, "scope")
    _one_of(severity, SEVERITIES, "severity")
    words = text.casefold().split()
    return [
        rule
        for rule in deps.library.policies().rules
        if scope in ("", rule.scope) and severity in ("", rule.severity) and all(word in _words(rule) for word in words)
    ]


def one(rule_id: str, *, deps: Deps) -> OneRule:
    """A rule by its id, its own tests run now. Raises PolicyError RULE-UNKNOWN."""
    bundle = deps.library.policies()
    rule = next((each for each in bundle.rules if each.id == rule_id), None)
    if rule is None:
        raise PolicyError("RULE-UNKNOWN", f"There is no rule '{rule_id[:80]}'.", next_step="See all rules on /policies.")
    alone = bundle.model_copy(update={"rules": (rule,)})
    tests = [
        Tested(test, not evaluate.run_tests(bundle.model_copy(update={"rules": (rule.model_copy(update={"tests": (test,)}),)})))
        for test in rule.tests
    ]
    mine = [each for each in waiving.every(deps=deps) if each.rule == rule_id]
    return OneRule(rule, tests, explain.coverage(alone)[0], waivers.why_never(rule), mine)


def since(campaign_id: str, *, deps: Deps) -> Since:
    """What differs between the rules in force and those the campaign's plan pinned.

    A plan pins the hash of its rules and not the rules. Where today's files with the waivers of that moment have the pinned hash, only
    waivers came or went, and `rules` names them; otherwise the files changed and which rules cannot be told. Raises GoalError without a plan.
    """
    plan = deps.campaigns.plan(deps.campaigns.get(campaign_id).campaign_id)
    if plan is None:
        raise GoalError("PLAN-NONE", f"{campaign_id} has no plan yet.", next_step="Wait until it is planned.")
    made_at = deps.campaigns.revisions(campaign_id)[-1]["at"]
    now = gate.in_force(campaign_id, at=deps.now(), deps=deps)
    morning = made_at.replace(hour=0, minute=0, second=0, microsecond=0)
    candidates = [now, *(gate.in_force(campaign_id, at=at, deps=deps) for at in (made_at, morning))]
    then = next((each for each in candidates if each.digest == plan.pins.policies), None)
    rules = ruling.changed(then, now) if then is not None else []
    return Since(campaign_id, plan.pins.policies, now.digest, made_at, then is not None, rules)


def tried(text: str, *, channel: str, country: str, subject: str = "", deps: Deps) -> tuple[Finding, ...]:
    """What the content rules find in a text; `country` "" is the configured one. Raises DataError for an order that makes no sense."""
    where = country.strip().upper() or deps.settings.country
    known = next((each for each in CHANNELS if each == channel), None)
    if known is None:
        known_ones = ", ".join(CHANNELS)
        raise DataError("TEXT-CHANNEL", f"There is no channel '{channel[:40]}'.", next_step=f"Use one of: {known_ones}.")
    if len(where) != 2 or not where.isascii() or not where.isalpha():
        raise DataError("TEXT-COUNTRY", f"'{where[:20]}' is no country.", next_step="Write two letters, such as US.")
    if not text.strip() or len(text) + len(subject) > LONGEST_TEXT:
        says = f"A text to try has 1 to {LONGEST_TEXT:,} characters."
        raise DataError("TEXT-LENGTH", says, next_step="Try a shorter text, or any at all.")
    return ruling.text(text, channel=known, country=where, subject=subject, deps=deps)


def _words(rule: Rule) -> str:
    said = (rule.id, rule.says, rule.fix, rule.violated_when, rule.source.cite, rule.source.title, *rule.jurisdiction)
    return " ".join(said).casefold()


def _one_of(given: str, known: tuple[str, ...], what: str) -> None:
    if given and given not in known:
        raise DataError(
            f"RULES-{what.upper()}", f"There is no {what} '{given[:40]}'.", next_step=f"Use one of: {', '.join(known)}."
        )

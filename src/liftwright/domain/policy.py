"""Rules as data and what they found."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from liftwright.domain.base import AwareDatetime, Value

Severity = Literal["block", "needs_approval", "warn", "info"]
RuleScope = Literal["person", "content", "plan"]
"""person: one person x channel x time; content: one variant; plan: the whole plan."""


RuleBasis = Literal["law", "platform", "house"]


ALWAYS = date(2000, 1, 1)
"""The first day of a rule that names none: it was always in force."""


class Source(Value):
    """Where a rule comes from. `confidence` is `primary` (statute read), `secondary` (read about), `own` (our product default)."""

    cite: str
    checked_on: date
    confidence: Literal["primary", "secondary", "own"]
    title: str = ""


class RuleTest(Value):
    """Facts and what the rule must say about them. A fact left out is missing (unknown)."""

    facts: dict[str, Any]
    violates: bool
    name: str = ""


class Rule(Value):
    """One record of `policies/`. `violated_when` is a boolean SQL expression over declared facts; `unknown` what a missing fact means.

    `basis` says whose word it is: a law's (never waived), a platform's or the house's. `jurisdiction` lists countries, states (`US-FL`), groups
    or `ANY`; `facts` repeats the facts that the predicate speaks about; `unknown_because` says why a law's rule lets pass what is not known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    id: str
    version: int = Field(ge=1)
    scope: RuleScope
    basis: RuleBasis = "house"
    jurisdiction: tuple[str, ...] = ()
    severity: Severity
    facts: tuple[str, ...] = ()
    violated_when: str
    unknown: Literal["block", "pass", "needs_approval"] = "block"
    unknown_because: str = ""
    applies: dict[str, tuple[str, ...]] = {}
    excepts: dict[str, tuple[str, ...]] = {}
    """Where the rule holds, and where of that it does not, by fact; what is not known is taken as the rule's own."""
    effective_from: date = ALWAYS
    effective_until: date | None = None
    says: str
    fix: str
    delays: bool = False
    """True when the fix is to wait (quiet hours, caps): at send time the send is delayed, not removed."""
    source: Source
    tests: tuple[RuleTest, ...]


class Finding(Value):
    """Bad or notable news as a value. `by` is `rules` or the agent that added it; a model may add findings, never remove one."""

    rule: str
    severity: Severity
    subject: str
    count: int = 1
    says: str
    source: str = ""
    fix: str = ""
    by: str = "rules"


AGENTS = ("strategist", "audience_analyst", "content_writer", "channel_planner", "compliance_reviewer", "measurement_analyst")
TOOL_MODES = ("read", "draft", "check")
"""What a tool of an agent may do: look at aggregates, make a value nobody keeps, say what the rules find. Nothing else exists."""


class Waiver(Value):
    """A rule that does not count for a while, for one campaign (`scope` is its id) or for all (`policies`)."""

    waiver_id: str
    rule: str
    scope: str
    reason: str
    expires_at: AwareDatetime
    asked_by: str
    asked_at: AwareDatetime
    approved_by: str | None = None
    approved_at: AwareDatetime | None = None
    revoked_by: str | None = None
    revoked_at: AwareDatetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it counts at a moment: approved by somebody else, not revoked by then, not over."""
        is_approved = self.approved_at is not None and self.approved_at <= at and self.approved_by != self.asked_by
        is_revoked = self.revoked_at is not None and self.revoked_at <= at
        return is_approved and not is_revoked and at < self.expires_at


class PolicyBundle(Value):
    """All rules in force and the SHA-256 of their canonical form. `tools`: agent to the names of the tools it may call."""

    rules: tuple[Rule, ...]
    facts: dict[str, str]
    autonomy: dict[str, Any]
    tools: dict[str, tuple[str, ...]] = {}
    digest: str

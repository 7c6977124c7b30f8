"""What the six people hand over, and how it came about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import Field

from liftwright.domain.base import Value
from liftwright.domain.policy import Finding
from liftwright.domain.profile import Channel
from liftwright.domain.treatment import Variant

T = TypeVar("T")
U = TypeVar("U")

FALLBACK = "fallback rules"
"""`AgentResult.by` when the rules' own proposal was taken."""


class AudienceProposal(Value):
    """Who should be considered. `include` and `exclude` are phrases for groups of people, such as "lapsed customers" or "new customers"."""

    include: tuple[str, ...] = Field(
        default=(), description="Groups to restrict the audience to; empty means everyone reachable."
    )
    exclude: tuple[str, ...] = Field(default=(), description="Groups to leave out.")
    reasons: tuple[str, ...] = Field(
        default=(), description="Up to five short reasons; every number must come from a tool result."
    )


class ContentProposal(Value):
    """Texts for the campaign. A channel and offer left out is filled with the approved draft."""

    variants: tuple[Variant, ...] = Field(
        default=(), description="Variants you wrote or changed; each fills an approved template."
    )


class DesignProposal(Value):
    """How much of the audience to hold out."""

    holdout_share: float | None = Field(default=None, description="From 0.02 to 0.5, or null for the share the rules compute.")
    note: str = Field(default="", description="One or two sentences; every number must come from a tool result.")


class PlanProposal(Value):
    """What may compete in the assignment: it picks per person what pays, within these bounds."""

    channels: tuple[Channel, ...] = Field(default=(), description="Channels to use, out of those list_channels returned.")
    offers: tuple[str, ...] = Field(default=(), description="Offers to use, out of those list_offers returned.")
    touches: int = Field(default=1, description="Most contacts with one person during the flight.")
    note: str = Field(default="", description="One or two sentences; every number must come from a tool result.")


class ReviewProposal(Value):
    """What a reviewer adds to the rules' findings, and an explanation for the approver."""

    findings: tuple[Finding, ...] = Field(default=(), description="Only additional findings, of severity warn or needs_approval.")
    explanation: str = Field(default="", description="Two to four sentences; every number must come from a tool result.")


class NarrativeProposal(Value):
    """A report in words."""

    text: str = Field(description="The report in words; every number must be in the report.")


@dataclass(frozen=True)
class AgentResult(Generic[T]):
    """A proposal, what is to be said about how it came about, who made it (`by`: model name or "fallback rules"), and what it used."""

    value: T
    findings: tuple[Finding, ...]
    by: str
    calls: int
    tokens: int

    def corrected(self, value: U, *findings: Finding) -> AgentResult[U]:
        """The same result with the value that code settled on, and what it found."""
        return AgentResult(value, self.findings + findings, self.by, self.calls, self.tokens)


def note(
    rule: str, agent: str, says: str, *, subject: str = "", severity: str = "warn", fix: str = "", count: int = 1
) -> Finding:
    """A finding about an agent's work, not about people."""
    return Finding.model_validate(
        {"rule": rule, "severity": severity, "subject": subject or agent, "says": says, "fix": fix, "count": count, "by": agent}
    )

"""Tools that draft, preview and check. A draft or preview is a value: nothing is kept, nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.tools import BaseTool

from liftwright.agents import allowed
from liftwright.agents.rendering import as_json
from liftwright.agents.tools.aggregates import suppressed
from liftwright.agents.tools.looking import made
from liftwright.domain.evidence import Report
from liftwright.domain.experiment import Experiment
from liftwright.domain.goal import Objective
from liftwright.domain.policy import Finding
from liftwright.domain.profile import Channel
from liftwright.domain.treatment import NO_OFFER, Variant
from liftwright.measurement.narrative import narrative

if TYPE_CHECKING:
    from liftwright.agents.bench import Bench
    from liftwright.agents.bench.values import Eligible

STOPPING = frozenset({"block", "needs_approval"})
"""Severities with which a text does not pass its check."""
_MAX_DRAFTS = 24
_NEEDS_TEMPLATE = "CONTENT-TEMPLATE"
"""The rule every free text breaks by being one; it is left out of the check of a free text."""
FREE_TEXT = "free text"
"""The template name under which a text that fills none is checked."""


def list_channels(bench: Bench, objective: Objective) -> BaseTool:
    """Channels left open."""

    def list_channels() -> str:
        """List the channels that the goal and the house allow, with cost per contact, capacity and reachable people."""
        return as_json({"channels": suppressed(allowed.channel_rows(bench, objective))})

    return made(list_channels)


def list_offers(bench: Bench, objective: Objective) -> BaseTool:
    """Offers left open."""

    def list_offers() -> str:
        """List the offers that the goal and the house allow, with discount (0.10 = 10 %) and stock. "none" is a message without an offer."""
        return as_json({"offers": [offer.model_dump(mode="json") for offer in allowed.offers(bench, objective)]})

    return made(list_offers)


def policy_check(bench: Bench, objective: Objective) -> BaseTool:
    """What the rules say about a text."""

    def policy_check(text: str, channel: Channel) -> str:
        """Check one text against the content rules.

        Args:
            text: The text as it would be sent.
            channel: The channel it would be sent on.
        """
        variant = Variant(variant_id="text-under-check", channel=channel, body=text, template=FREE_TEXT)
        found = bench.check_variant(variant, objective=objective)
        return as_json(findings_json([finding for finding in found if finding.rule != _NEEDS_TEMPLATE]))

    return made(policy_check)


def findings_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """Findings for a model to read, and whether the text passes."""
    kept = [
        finding.model_dump(mode="json", include={"rule", "severity", "subject", "count", "says", "fix"}) for finding in findings
    ]
    return {"findings": kept, "passes": not any(finding.severity in STOPPING for finding in findings)}


def experiment_design(bench: Bench, objective: Objective, eligible: Eligible) -> BaseTool:
    """What a holdout can detect."""

    def experiment_design(holdout_share: float | None = None) -> str:
        """Work out the experiment: holdout size, smallest effect it can detect, power, method.

        Args:
            holdout_share: Share of people held out, 0.02 to 0.5; leave it out for the share the rules compute.
        """
        return as_json(design_facts(bench.design(objective, eligible, share=within(holdout_share))))

    return made(experiment_design)


def within(share: float | None) -> float | None:
    """A holdout share inside its bounds; raises ValueError outside 0.02 to 0.5."""
    if share is not None and not 0.02 <= share <= 0.5:
        raise ValueError(f"a holdout share of {share} is outside 0.02 to 0.5")
    return share


def design_facts(experiment: Experiment) -> dict[str, Any]:
    """An experiment without its salt, and a sentence that says what it can detect."""
    facts = experiment.model_dump(mode="json", exclude={"salt", "stop_rules"})
    relative = f" ({experiment.mde.relative:.1%} of the usual level)" if experiment.mde.relative is not None else ""
    facts["says"] = (
        f"With {experiment.holdout_share:.1%} held out, the test finds a true effect of {experiment.mde.absolute:.4g} "
        f"{experiment.primary_metric.replace('_', ' ')} per person{relative} with {experiment.power:.0%} power."
    )
    return facts


def draft_variants(bench: Bench, objective: Objective) -> BaseTool:
    """Approved drafts."""

    def draft_variants(channels: list[Channel], offers: list[str]) -> str:
        """Draft texts from approved templates with claims that evidence supports.

        Args:
            channels: Channels to write for, out of list_channels.
            offers: Offers to write for, out of list_offers.
        """
        open_channels = allowed.channels(bench, objective)
        open_offers = {offer.name for offer in allowed.offers(bench, objective)}
        drafts = bench.draft_variants(
            objective,
            channels=tuple(channel for channel in channels if channel in open_channels),
            offers=tuple(offer for offer in offers if offer in open_offers),
        )
        return as_json({"variants": [v.model_dump(mode="json") for v in drafts[:_MAX_DRAFTS]], "drafted": len(drafts)})

    return made(draft_variants)


def check_variant(bench: Bench, objective: Objective) -> BaseTool:
    """Whether one text may be used."""

    def check_variant(
        channel: Channel, body: str, template: str, offer: str = NO_OFFER, subject: str = "", call_to_action: str = ""
    ) -> str:
        """Check one variant: template, merge tags, claims, prices, wording, opt-out.

        Args:
            channel: Its channel.
            body: Its text.
            template: The approved template it fills, as draft_variants names it.
            offer: Its offer.
            subject: Its subject line, for channels that have one.
            call_to_action: The words of its link or button.
        """
        variant = Variant(
            variant_id="variant-under-check",
            channel=channel,
            offer=offer,
            subject=subject,
            body=body,
            call_to_action=call_to_action,
            template=template,
        )
        return as_json(findings_json(bench.check_variant(variant, objective=objective)))

    return made(check_variant)


def draft_assignment(
    bench: Bench,
    objective: Objective,
    *,
    eligible: Eligible,
    experiment: Experiment,
    variants: tuple[Variant, ...],
    most: int,
    seen: list[dict[str, Any]],
) -> BaseTool:
    """What an assignment within given bounds would bring; `seen` collects what was shown."""

    def draft_assignment(channels: list[Channel], offers: list[str], touches: int) -> str:
        """Preview the assignment: contacts, people, expected margin, cost, by channel and offer. Nothing is kept.

        Args:
            channels: Channels that may be used.
            offers: Offers that may be used.
            touches: Most contacts with one person during the flight.
        """
        open_channels = tuple(c for c in allowed.channels(bench, objective) if c in channels)
        open_offers = tuple(o.name for o in allowed.offers(bench, objective) if o.name in offers)
        if not open_channels or not open_offers or not 1 <= touches <= most:
            raise ValueError(f"channels and offers must come from the lists, touches must be 1 to {most}")
        drafted = bench.assign(
            objective, eligible, experiment, variants, channels=open_channels, offers=open_offers, touches=touches, overrides={}
        )
        summary = drafted.assignment.model_dump(
            mode="json", include={"touches", "people", "objective", "gap", "by_channel", "by_offer"}
        )
        forecast = drafted.forecast.model_dump(mode="json", include={"incremental_margin", "probability_of_target"})
        shown = suppressed(summary) | forecast | {"cost": drafted.forecast.cost.as_json(), "infeasible": drafted.infeasible}
        seen.append(shown)
        return as_json(shown)

    return made(draft_assignment)


def read_findings(findings: Sequence[Finding]) -> BaseTool:
    """What the rules found."""

    def read_findings() -> str:
        """Read what the rules found about the plan. These findings stand; you can only add to them."""
        return as_json(findings_json(findings))

    return made(read_findings)


def read_report(report: Report) -> BaseTool:
    """What was measured."""

    def read_report() -> str:
        """Read the report: every number you may use, and a plain draft of the narrative made by rules."""
        return as_json({"report": report_facts(report), "draft": narrative(report)})

    return made(read_report)


def report_facts(report: Report) -> dict[str, Any]:
    """The report as data, without its narrative."""
    return report.model_dump(mode="json", exclude={"narrative"})

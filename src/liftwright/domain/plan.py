"""The plan: everything that will happen, frozen and hashed. What is approved is this, bit for bit."""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785

from liftwright.domain.base import Value
from liftwright.domain.evidence import Interval
from liftwright.domain.experiment import Experiment
from liftwright.domain.goal import Assumption, Objective
from liftwright.domain.learning import Start
from liftwright.domain.money import Money
from liftwright.domain.policy import Finding
from liftwright.domain.profile import Channel
from liftwright.domain.treatment import Offer, Variant

MANIFEST_VERSION = 4
"""Version 1, of plans stored without a version, bound the words of the experiment, and neither the draws nor the expected margin.
Versions 1 and 2 knew no more of the experiment than `EARLY_EXPERIMENT`."""
EARLY_EXPERIMENT = (
    "salt", "holdout_share", "primary_metric", "mde", "power", "level", "looks", "method", "treated", "holdout", "stop_rules", "adjust_when",
)  # fmt: skip


class FunnelStep(Value):
    """One rule of the selection and how many people it removed."""

    step: str
    rule: str
    removed: int
    left: int


class Audience(Value):
    """The people of this campaign, as counts and a reference. `digest` names the table of people in the lake.

    `eligible` may be contacted at all; `selected` will be contacted; `holdout` are eligible people deliberately not treated.
    """

    population: int
    eligible: int
    selected: int
    holdout: int
    funnel: tuple[FunnelStep, ...]
    reasons: tuple[str, ...] = ()
    segments: tuple[dict[str, Any], ...] = ()
    digest: str


class Forecast(Value):
    """Expected incremental margin (major units, total) and cost, before launch."""

    incremental_margin: Interval
    cost: Money
    probability_of_target: float | None = None
    note: str = ""


class AssignmentSummary(Value):
    """The solved assignment as numbers; `digest` names the rows in the lake, `candidates` the options the solver saw, `draws` the
    decisions taken by lot, `postage` what a letter is worth to each person ("" where no letter competes). No plan with the same draws is
    worth more than `upper_bound`, no plan at all more than `undrawn_bound`; `exploration_cost` is what the draws give up; `says` are
    the prices in words."""

    digest: str
    candidates: str
    draws: str = ""
    postage: str = ""
    limits: dict[str, Any]
    touches: int
    people: int
    objective: float
    upper_bound: float
    gap: float
    exploration_cost: float = 0.0
    undrawn_bound: float | None = None
    prices: dict[str, Any]
    says: tuple[str, ...] = ()
    violations: int
    by_channel: dict[str, int]
    by_offer: dict[str, int]


class Envelope(Value):
    """What an approval allows to change without asking."""

    channels: tuple[Channel, ...]
    max_total_spend: Money
    max_daily_spend: Money
    max_audience: int
    max_discount: float
    allows: tuple[str, ...]
    ends_on: str


class Pins(Value):
    """Everything the plan was computed from; the same pins give the same plan."""

    snapshot: str
    models: tuple[str, ...]
    policies: str
    prompts: dict[str, str]
    settings: str
    seed: int
    version: str


class Postage(Value):
    """Letters against what they earn: how many are planned, how many people are not worth one, the postage that saves, people by tier."""

    letters: int
    not_worth: int
    saved: Money
    tiers: dict[str, int]
    says: str


class Decisions(Value):
    """The eight questions of a goal, answered (contract: `decisions`)."""

    likely_buyers: str
    persuadables: str
    excluded: str
    incentive: dict[str, int]
    channels: dict[str, int]
    success_metric: str
    adjust_when: tuple[str, ...]
    stop_when: tuple[str, ...]
    postage: Postage | None = None
    """Only where letters compete."""


class Plan(Value):
    """One frozen revision. `plan_hash` is SHA-256 over the RFC 8785 form of `manifest()`.

    Prose is not hashed; of the findings, the rules are that an approver acknowledges by approving: they let sends through later.
    A stored plan keeps the form of the manifest it was approved in (`manifest_version`).
    """

    campaign_id: str
    revision: int
    objective: Objective
    assumptions: tuple[Assumption, ...]
    audience: Audience
    experiment: Experiment
    offers: tuple[Offer, ...]
    variants: tuple[Variant, ...]
    assignment: AssignmentSummary
    forecast: Forecast
    decisions: Decisions
    envelope: Envelope
    autonomy_level: str
    pins: Pins
    findings: tuple[Finding, ...] = ()
    lessons: tuple[str, ...] = ()
    start: Start | None = None
    """Only where earlier campaigns were closed."""
    evidence: tuple[str, ...] = ()
    cannot_know: tuple[str, ...] = ()
    usage: dict[str, Any] = {}
    """What talking to models has cost until this revision: calls, tokens, cost; not bound by the hash."""
    model: str
    manifest_version: int = MANIFEST_VERSION

    def manifest(self) -> dict[str, Any]:
        """The explicit set of fields an approval binds to. Money in minor units, dates ISO, no prose, nothing incidental."""
        data = self.model_dump(mode="json")
        numbers = ("digest", "candidates", "limits", "touches", "people", "by_channel", "by_offer")
        found = {
            "manifest_version": self.manifest_version,
            "campaign_id": self.campaign_id,
            "revision": self.revision,
            "objective": data["objective"],
            "audience": {k: data["audience"][k] for k in ("population", "eligible", "selected", "holdout", "digest")},
            "experiment": self._experiment(data["experiment"]),
            "offers": data["offers"],
            "variants": data["variants"],
            "assignment": {k: data["assignment"][k] for k in numbers},
            "cost": data["forecast"]["cost"],
            "acknowledged": sorted({f.rule for f in self.findings if f.severity == "needs_approval"}),
            "envelope": data["envelope"],
            "autonomy_level": self.autonomy_level,
            "pins": data["pins"],
        }
        if self.manifest_version > 1:
            found["experiment"] = _without_words(found["experiment"], version=self.manifest_version)
            found["assignment"]["draws"] = data["assignment"]["draws"]
            found["expected"] = {k: data["forecast"][k] for k in ("incremental_margin", "probability_of_target")}
        return found

    def _experiment(self, data: dict[str, Any]) -> dict[str, Any]:
        """All of the experiment but its note, or as much of it as early manifests knew."""
        return {k: v for k, v in data.items() if (k in EARLY_EXPERIMENT if self.manifest_version < 3 else k != "note")}

    @property
    def plan_hash(self) -> str:
        """`sha256:` and 64 hex digits."""
        return "sha256:" + hashlib.sha256(rfc8785.dumps(self.manifest())).hexdigest()


def _without_words(experiment: dict[str, Any], *, version: int) -> dict[str, Any]:
    """What the experiment does; of a stop rule its name, its bound and whether it acts, and since version 4 its statistic."""
    names = ("name", "bound", "acts") if version < 4 else ("name", "statistic", "bound", "acts")
    rules = [{k: rule[k] for k in names} for rule in experiment["stop_rules"]]
    return {k: v for k, v in experiment.items() if k != "adjust_when"} | {"stop_rules": rules}

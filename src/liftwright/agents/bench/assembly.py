"""From a solved flight to the frozen plan: summary, forecast, the eight answers, envelope, pins, and the rules' word on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow.compute as pc

from liftwright import __version__
from liftwright.agents.bench import funnel, goal_findings, solving, starting, summaries, watched, words
from liftwright.agents.bench.audience import measured_as
from liftwright.agents.bench.baseline import baseline
from liftwright.agents.bench.data import OUTCOME_DAYS, Data
from liftwright.agents.bench.scores import UNTESTED_SHARE, Scores
from liftwright.agents.bench.solving import Solved
from liftwright.agents.bench.values import Assigned, Eligible
from liftwright.compliance import autonomy, ladder
from liftwright.domain.evidence import Reason
from liftwright.domain.experiment import Experiment
from liftwright.domain.goal import Brief, Objective
from liftwright.domain.plan import AssignmentSummary, Audience, Decisions, Envelope, Forecast, Pins, Plan, Postage
from liftwright.domain.policy import Finding
from liftwright.domain.profile import Channel
from liftwright.domain.treatment import Variant
from liftwright.planning import forecast, postage

PROMPTS = (
    "strategist",
    "audience_analyst",
    "content_writer",
    "channel_planner",
    "compliance_reviewer",
    "measurement_design",
    "measurement_narrate",
)


def assigned(
    data: Data, scores: Scores, objective: Objective, found: Eligible, experiment: Experiment, solved: Solved
) -> Assigned:
    """Counts, forecast and words of a solved flight; the tables go to the lake."""
    rows, solution = solved.solution.rows, solved.solution
    put, expected = data.deps.lake.put, _forecast(data, scores, objective, solved)
    summary = AssignmentSummary(
        digest=put(rows),
        candidates=put(solution.candidates),
        draws=put(solution.draws),
        postage="" if solved.letters is None else put(solved.letters),
        limits=solved.limits,
        touches=rows.num_rows,
        people=solved.selected,
        objective=solution.objective,
        upper_bound=solution.upper_bound,
        gap=solution.gap,
        exploration_cost=solution.exploration_cost,
        undrawn_bound=solution.undrawn_bound,
        prices=solution.prices,
        says=words.price_words(solved),
        violations=len(solved.violations),
        by_channel=words.counted(rows, "channel"),
        by_offer=words.counted(rows, "offer"),
    )
    return Assigned(
        audience=_audience(data, found, solved),
        assignment=summary,
        forecast=expected,
        decisions=_decisions(data, scores, objective, experiment, found, solved),
        findings=(*_findings(data, scores, found, solved), *goal_findings.beyond(data, scores, objective, expected)),
        start=starting.start(data, scores, rows, expected=expected.incremental_margin.mid),
        evidence=summaries.past_words(data, first=words.actions_of(rows), metric=measured_as(objective)),
        cannot_know=words.cannot_know(data, scores, experiment),
        infeasible="" if rows.num_rows else words.why_nothing(data, scores, objective, solved),
    )


def _audience(data: Data, found: Eligible, solved: Solved) -> Audience:
    held = int(pc.sum(pc.equal(solved.people["arm"], "holdout")).as_py() or 0)
    return Audience(
        population=found.population,
        eligible=found.count,
        selected=solved.selected,
        holdout=held,
        funnel=(*found.funnel, *funnel.chosen_steps(found, solved)),
        reasons=(*found.reasons, *(reason.says for reason in _why_chosen(data, solved))),
        digest=data.deps.lake.put(solved.people),
    )


def _forecast(data: Data, scores: Scores, objective: Objective, solved: Solved) -> Forecast:
    effects = scores.effects
    errors = {action: float(effects.average_errors[index]) for index, action in enumerate(data.actions)}
    spread = baseline(data, "margin")[1] * (objective.days / OUTCOME_DAYS) ** 0.5
    return forecast.forecast(
        solved.solution.rows,
        effect_se=errors,
        noise_sd=spread,
        currency=data.deps.settings.currency,
        target=goal_findings.target_margin(data, scores, objective),
        diminishing=solving.DIMINISHING,
    )


def _why_chosen(data: Data, solved: Solved) -> list[Reason]:
    """Features in which the chosen differ most from the eligible, in standard deviations."""
    chosen = np.isin(data.ids.astype(str), np.asarray(solved.solution.rows["customer_id"].to_pylist(), dtype=str))
    if chosen.sum() < summaries.SMALLEST_GROUP or chosen.all():
        return []
    found = []
    for name in data.features.column_names:
        if name == "customer_id":
            continue
        values = data.feature(name)
        sd = float(values.std())
        if sd > 1e-9 * (1.0 + abs(float(values.mean()))):
            found.append((float((values[chosen].mean() - values.mean()) / sd), name, values))
    found.sort(key=lambda item: -abs(item[0]))
    return [
        Reason(
            feature=name,
            effect=gap,
            says=f"The chosen have {'higher' if gap > 0 else 'lower'} {name.replace('_', ' ')}: "
            f"{values[chosen].mean():.2f} on average against {values.mean():.2f} of everybody.",
        )
        for gap, name, values in found[:3]
        if abs(gap) >= 0.05
    ]


def _decisions(
    data: Data, scores: Scores, objective: Objective, experiment: Experiment, found: Eligible, solved: Solved
) -> Decisions:
    rows = solved.solution.rows
    chance = scores.buy_chance
    top = chance >= np.quantile(chance, 0.9)
    likely = f"{int(top.sum()):,} people have the highest chance to buy anyway ({float(chance[top].mean()):.1%} in 14 days, all: {float(chance.mean()):.1%})."
    if np.ptp(chance) < 1e-9:
        likely = f"Who buys anyway is not known person by person; on average {float(chance.mean()):.1%} do in 14 days."
    with_offer = int(pc.sum(pc.greater(rows["discount"], 0.0)).as_py() or 0)
    effects = scores.effects
    ranked = {
        "": "No ranking found: the past test cannot tell people apart, so everybody has the average effect.",
        "margin": "People are ranked by the extra margin a contact brings them, as the past randomised test measured it.",
    }.get(
        effects.ranked_by,
        f"People are ranked by the extra {effects.ranked_by} a contact brings, valued at the margin the same test brought.",
    )
    if not effects.is_tested:
        ranked = "Who can be persuaded is unknown: there is no randomised history. This campaign's holdout starts one."
    return Decisions(
        likely_buyers=likely,
        persuadables=f"{ranked} A contact is expected to pay for {funnel.paying(found, solved):,} of {found.count:,} who may be contacted.",
        excluded=f"{len(data.ids) - solved.selected:,} people get nothing: held out, not allowed, or not worth a contact.",
        incentive={"with": with_offer, "without": rows.num_rows - with_offer},
        channels=words.counted(rows, "channel"),
        success_metric=f"{measured_as(objective)} per person against the holdout; headline: incremental margin after contact cost",
        adjust_when=experiment.adjust_when,
        stop_when=tuple(rule.says for rule in experiment.stop_rules),
        postage=_postage(data, solved),
    )


def _postage(data: Data, solved: Solved) -> Postage | None:
    planned = words.counted(solved.solution.rows, "channel").get(postage.LETTER, 0)
    return None if solved.letters is None else postage.told(solved.letters, planned=planned, currency=data.deps.settings.currency)


def _findings(data: Data, scores: Scores, found: Eligible, solved: Solved) -> tuple[Finding, ...]:
    findings = [
        *found.findings,
        *solved.findings,
        *data.contract_findings,
        *watched.stopped(data.deps),
        *data.withheld,
        *goal_findings.too_late(data, solved.late),
        *starting.findings(scores),
    ]
    findings += [
        Finding(
            rule="ASSIGNMENT-CHECK",
            severity="block",
            subject="assignment",
            says=says,
            fix="Report this: the solver broke a limit.",
        )
        for says in solved.violations
    ]
    if not scores.effects.is_tested:
        findings.append(
            Finding(
                rule="UPLIFT-UNKNOWN",
                severity="warn",
                subject="scores",
                says=f"There is no randomised history. A contact is assumed to add {UNTESTED_SHARE:.0%} of a person's buying chance.",
                fix="Import a past randomised test, or let this campaign's holdout measure it.",
            )
        )
    return tuple(findings)


def plan(
    data: Data,
    *,
    campaign_id: str,
    brief: Brief,
    revision: int,
    experiment: Experiment,
    variants: Sequence[Variant],
    solved: Assigned,
    findings: Sequence[Finding],
    model: str,
    versions: Sequence[str],
) -> Plan:
    """The frozen revision with every pin it was computed from."""
    assert brief.objective is not None
    kept = tuple(v for v in variants if v.channel in solved.assignment.by_channel and v.offer in solved.assignment.by_offer)
    offers = tuple(offer for offer in data.offers if offer.name in solved.assignment.by_offer)
    held = _levels(data, solved)
    return Plan(
        campaign_id=campaign_id,
        revision=revision,
        objective=brief.objective,
        assumptions=brief.assumptions,
        audience=solved.audience,
        experiment=experiment,
        offers=offers,
        variants=kept,
        assignment=solved.assignment,
        forecast=solved.forecast,
        decisions=solved.decisions,
        envelope=_envelope(data, brief.objective, solved, held=held, discount=max((o.discount for o in offers), default=0.0)),
        autonomy_level=min(held.values(), key=autonomy.LEVELS.index),
        pins=_pins(data, versions),
        findings=tuple(findings),
        lessons=tuple(dict.fromkeys((*brief.lessons, *(solved.start.lessons if solved.start else ())))),
        start=solved.start,
        evidence=solved.evidence,
        cannot_know=solved.cannot_know,
        model=model,
    )


def _levels(data: Data, solved: Assigned) -> dict[str, str]:
    """What every class of actions has earned on the plan's channels and at its spend, as of the moment it is made."""
    rules = ladder.ladder_of(data.bundle.autonomy)
    told = data.deps.journal.entries(subject=ladder.SUBJECT)
    band = ladder.band_of(rules, float(solved.forecast.cost.amount))
    return ladder.levels(rules, _channels(data, solved), band, told, at=data.as_of)


def _channels(data: Data, solved: Assigned) -> tuple[Channel, ...]:
    return tuple(channel for channel in data.channels if channel in solved.assignment.by_channel)


def _envelope(data: Data, objective: Objective, solved: Assigned, *, held: Mapping[str, str], discount: float) -> Envelope:
    rules = ladder.ladder_of(data.bundle.autonomy)
    return autonomy.envelope(
        data.bundle.autonomy,
        level=held[ladder.class_of(rules, "raise_budget")],
        classes={action: held[name] for name, each in rules.classes.items() for action in each.actions},
        channels=_channels(data, solved),
        cost=solved.forecast.cost,
        budget=objective.budget,
        audience=solved.audience.selected,
        max_discount=discount,
        days=objective.days,
        ends_on=objective.ends_on,
    )


def _pins(data: Data, versions: Sequence[str]) -> Pins:
    return Pins(
        snapshot=data.snapshot.snapshot_id,
        models=tuple(versions),
        policies=data.bundle.digest,
        prompts={name: data.deps.library.prompt(name).digest for name in PROMPTS},
        settings=data.deps.settings.digest,
        seed=data.seed,
        version=__version__,
    )

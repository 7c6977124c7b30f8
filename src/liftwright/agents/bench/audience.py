"""Who may be contacted at all: goal's words, then rules, step by step with counts; and the design of the experiment over them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.agents.bench.data import OUTCOME_DAYS, Data
from liftwright.agents.bench.scores import Scores, baseline
from liftwright.agents.bench.values import Eligible
from liftwright.audience import selection
from liftwright.domain.experiment import Experiment
from liftwright.domain.goal import Metric, Objective
from liftwright.domain.policy import Finding
from liftwright.domain.profile import Channel
from liftwright.measurement import holdout, power, stopping
from liftwright.planning import waves

Mask = npt.NDArray[np.bool_]
EFFECT_WORDS = (
    "does not move",
    "doesn't move",
    "do not move",
    "don't move",
    "unmoved",
    "not persuadable",
    "no effect",
    "not moved",
)
MEASURED: dict[Metric, str] = {"revenue": "revenue", "orders": "orders", "visits": "visits"}
"""Goal metrics that are measured as themselves; every other goal is judged by incremental margin."""
GUARDRAILS = {"complaint": 0.003, "opt_out": 0.02}
"""Greatest allowed share of contacted people who complain or opt out, above what the holdout shows."""


def asks_for_effect(phrase: str) -> bool:
    """Does a phrase name the people a contact does not move? Only uplift can answer that."""
    return any(words in phrase.lower() for words in EFFECT_WORDS)


def allowed_channels(data: Data, objective: Objective) -> tuple[Channel, ...]:
    """Configured channels that the goal lets us use."""
    only, without = objective.constraint("only_channels"), objective.constraint("exclude_channels")
    named = _names(only.value) if only else data.channels
    barred = _names(without.value) if without else ()
    return tuple(channel for channel in data.channels if channel in named and channel not in barred)


def _names(value: object) -> tuple[str, ...]:
    return tuple(str(v) for v in value) if isinstance(value, tuple) else (str(value),)


def eligible(data: Data, objective: Objective, *, include: Sequence[str], exclude: Sequence[str]) -> Eligible:
    """Population → goal's inclusions → goal's exclusions → at least one channel that the rules allow."""
    steps: list[tuple[str, str, Mask]] = []
    findings: list[Finding] = []
    asked = [
        (c.value, c.kind == "include_people") for c in objective.constraints if c.kind in ("include_people", "exclude_people")
    ]
    asked += [(c.value, True) for c in objective.constraints if c.kind == "country"]
    phrases = [(str(p), keeps) for value, keeps in asked for p in _names(value)]
    phrases += [(phrase, True) for phrase in include] + [(phrase, False) for phrase in exclude]
    needs_effect = False
    for phrase, keeps in dict.fromkeys(phrases):
        if asks_for_effect(phrase):
            needs_effect = True
            continue
        mask = selection.match_people(phrase, people=data.people, features=data.features, tables=data.tables, as_of=data.as_of)
        if mask is None:
            findings.append(_not_understood(phrase, keeps))
        else:
            steps.append((f"{'only' if keeps else 'without'} {phrase}", "goal", mask if keeps else ~mask))
    channels = allowed_channels(data, objective)
    steps.append(("no channel the rules allow", "policies", _reachable(data, channels)))
    mask, funnel = selection.funnel(data.people, steps=steps)
    findings += _consent_findings(data, channels, mask)
    table = pa.table({"customer_id": pa.array(data.ids[mask], pa.string())})
    return Eligible(
        digest=data.deps.lake.put(table),
        population=len(data.ids),
        count=int(mask.sum()),
        funnel=funnel,
        findings=tuple(findings),
        reasons=_rule_reasons(data, channels),
        needs_effect=needs_effect,
    )


def _reachable(data: Data, channels: Sequence[Channel]) -> Mask:
    masks = [data.allowed[channel] for channel in channels]
    return np.logical_or.reduce(masks) if masks else np.zeros(len(data.ids), dtype=bool)


def _not_understood(phrase: str, keeps: bool) -> Finding:
    return Finding(
        rule="AUDIENCE-UNKNOWN",
        severity="block" if keeps else "needs_approval",
        subject=phrase,
        says=f"The data does not say who '{phrase}' are, so nobody was {'chosen' if keeps else 'left out'} by it.",
        fix="Say it with a column or event that was imported, or import one.",
    )


def _consent_findings(data: Data, channels: Sequence[Channel], mask: Mask) -> list[Finding]:
    kept = pa.array(data.ids[mask], pa.string())
    rows = data.verdicts.filter(
        pc.and_(pc.is_in(data.verdicts["channel"], pa.array(channels, pa.string())), pc.is_in(data.verdicts["customer_id"], kept))
    )
    rules = {rule.id: rule for rule in data.bundle.rules}
    counts: Counter[str] = Counter()
    for (_, rule), count in _fired(rows.filter(pc.equal(rows["outcome"], "needs_approval"))).items():
        counts[rule] += count
    return [
        Finding(
            rule=name,
            severity="needs_approval",
            subject="audience",
            count=count,
            says=rules[name].says,
            source=rules[name].source.cite,
            fix=rules[name].fix,
        )
        for name, count in sorted(counts.items())
        if rules[name].severity == "needs_approval" or rules[name].unknown == "needs_approval"
    ]


def _rule_reasons(data: Data, channels: Sequence[Channel]) -> tuple[str, ...]:
    blocked = data.verdicts.filter(
        pc.and_(pc.equal(data.verdicts["outcome"], "block"), pc.is_in(data.verdicts["channel"], pa.array(channels, pa.string())))
    )
    told = _fired(blocked).most_common(8)
    return tuple(f"{channel}: {count:,} people blocked by {rule}" for (channel, rule), count in told)


def _fired(verdicts: pa.Table) -> Counter[tuple[str, str]]:
    """How often each rule fired on each channel, in the order in which they first did."""
    rules = verdicts["rules"].combine_chunks()
    fired = pa.table({"channel": verdicts["channel"].take(pc.list_parent_indices(rules)), "rule": rules.flatten()})
    found = fired.group_by(["channel", "rule"], use_threads=False).aggregate([([], "count_all")])
    columns = (found[name].to_pylist() for name in ("channel", "rule", "count_all"))
    return Counter({(channel, rule): count for channel, rule, count in zip(*columns, strict=True)})


def measured_as(objective: Objective) -> str:
    """The metric the experiment is judged by."""
    return MEASURED.get(objective.metric, "margin")


def design(
    data: Data, scores: Scores, objective: Objective, found: Eligible, *, campaign_id: str, share: float | None
) -> Experiment:
    """Arms drawn by salted hash over everybody eligible, with the smallest effect the comparison can find.

    The detectable effect is stated for the eligible population; the final plan compares the would-be-chosen part of it.
    """
    metric = measured_as(objective)
    mean, sd = baseline(data, metric)
    scale = objective.days / OUTCOME_DAYS
    mean, sd = mean * scale, sd * scale**0.5
    if share is None:
        share = data.deps.settings.limits.holdout_share
        if data.rows is None:
            share = max(share, 0.2)
    salt = f"{campaign_id}:{data.seed}"
    ids = data.deps.lake.get(found.digest)["customer_id"].to_pylist()
    held = int(holdout.arms(ids, salt=salt, share=share).sum())
    looks = max(objective.days, 1)
    detects = power.detectable(treated=max(len(ids) - held, 1), holdout=max(held, 1), mean=mean, sd=sd, looks=looks)
    return Experiment(
        salt=salt,
        holdout_share=share,
        primary_metric=metric,
        mde=detects,
        looks=looks,
        method="difference in means by assignment, pooled variance, O'Brien-Fleming looks",
        treated=len(ids) - held,
        holdout=held,
        stop_rules=stopping.planned(
            budget=float(objective.budget.amount) if objective.budget is not None else None,
            margin_floor=data.deps.settings.margin.floor or None,
            guardrails=GUARDRAILS,
        ),
        adjust_when=(
            "a person opts out: their remaining touches are cancelled",
            "a text does better than another: its share grows, never below 5 %",
            "before each later wave: the rest is solved again for the people chosen here, on what they did since",
        ),
        note=_note(scores, detects.absolute, mean),
    )


def flight_waves(data: Data, objective: Objective, *, touches: int) -> tuple[waves.Wave, ...]:
    """The days of sending: within the contacts a person may get per week, no more waves than touches, far apart."""
    limit = objective.constraint("max_contacts_per_week")
    per_week = data.deps.settings.limits.contacts_per_week
    if limit is not None and isinstance(limit.value, int | float):
        per_week = min(per_week, int(limit.value))
    return waves.waves(
        starts_on=max(objective.starts_on, data.as_of.date()), ends_on=objective.ends_on, per_week=per_week, most=touches
    )


def _note(scores: Scores, absolute: float, mean: float) -> str:
    values = scores.effects.values
    best = float(np.maximum(values.max(axis=1), 0.0).mean()) if values.size else 0.0
    if best >= absolute:
        return "The expected effect is larger than the smallest the test can find."
    relative = f" ({absolute / mean:.0%} of the usual level)" if mean > 0 else ""
    return f"Effects below {absolute:.3f} per person{relative} are not measurable at this size; expected is {best:.3f}."

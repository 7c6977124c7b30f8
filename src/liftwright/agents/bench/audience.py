"""Who may be contacted at all: goal's words, then rules, step by step with counts; and the design of the experiment over them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.agents.bench import arms
from liftwright.agents.bench.data import Data
from liftwright.agents.bench.values import Eligible
from liftwright.audience import selection
from liftwright.compliance import evaluate
from liftwright.domain.goal import Metric, Objective
from liftwright.domain.policy import Finding
from liftwright.domain.profile import Channel
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
    kept_out = arms.global_holdout(data, objective)
    if kept_out is not None:
        touchable = ~arms.untouchable(data.ids.tolist(), kept_out)
        steps.append(("held out of every campaign this quarter", arms.GLOBAL, touchable))
    channels = allowed_channels(data, objective)
    steps.append(("no channel the rules allow", "policies", _reachable(data, channels)))
    mask, funnel = selection.funnel(data.people, steps=steps)
    findings += [*_consent_findings(data, channels, mask), *_left_out(data, channels)]
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


def _left_out(data: Data, channels: Sequence[Channel]) -> list[Finding]:
    """Why people and channels are not in the plan: every rule that blocked some, how many, where it stands and what would let them in.

    Rules about the hour only delay; what they say at the moment of planning says nothing of the plan.
    """
    waits = {rule.id for rule in data.bundle.rules if rule.delays}
    found = [each for each in evaluate.people_findings(data.bundle, _blocked(data, channels)) if each.rule not in waits]
    return [each.model_copy(update={"severity": "info", "subject": "left out"}) for each in found]


def _blocked(data: Data, channels: Sequence[Channel]) -> pa.Table:
    mine = pc.is_in(data.verdicts["channel"], pa.array(channels, pa.string()))
    return data.verdicts.filter(pc.and_(pc.equal(data.verdicts["outcome"], "block"), mine))


def _rule_reasons(data: Data, channels: Sequence[Channel]) -> tuple[str, ...]:
    told = _fired(_blocked(data, channels)).most_common(8)
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


def flight_waves(data: Data, objective: Objective, *, touches: int) -> tuple[waves.Wave, ...]:
    """The days of sending: within the contacts a person may get per week, no more waves than touches, far apart."""
    limit = objective.constraint("max_contacts_per_week")
    per_week = data.deps.settings.limits.contacts_per_week
    if limit is not None and isinstance(limit.value, int | float):
        per_week = min(per_week, int(limit.value))
    return waves.waves(
        starts_on=max(objective.starts_on, data.as_of.date()), ends_on=objective.ends_on, per_week=per_week, most=touches
    )

"""Pre-stated conditions that end or pause a flight, judged in their order of priority."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from scipy.stats import norm

from liftwright.domain.evidence import Estimate, Interval
from liftwright.domain.experiment import StopRule
from liftwright.domain.policy import Finding
from liftwright.measurement import anytime
from liftwright.measurement.estimate import BURN_IN
from liftwright.measurement.integrity import CONTAMINATION_BOUND, SRM_BOUND

KILL_SWITCH = "kill_switch"
GOAL = "goal_reached"
ORDER = ("data_fault", "guardrail", "budget", "stock", "margin_floor", "futility", GOAL, "end")
"""Rules after the kill switch, most important first."""
COMPARING = frozenset({"margin_floor", "futility", GOAL})
"""Rules that stand on the measured effect: a data fault silences them."""
FUTILE_POWER = 0.20
FUTILE_FROM = 0.30
HARM_ALPHA = 0.05
BREACH = 2.0
"""How many times its limit a rate is suspected to be when it is too high; bounds are sharpest there."""
_DATA_FAULT = (
    f"Pause when the arms' sizes differ from the plan (p below {SRM_BOUND:g}) or more than {CONTAMINATION_BOUND:.0%} of the people held out "
    "were contacted: no figure can be believed then."
)
_FUTILITY = (
    f"From {FUTILE_FROM:.0%} of the planned information, where the test was large enough to find the planned effect, stop when the "
    f"chance of still finding it is below {FUTILE_POWER:.0%}."
)


@dataclass(frozen=True)
class Guardrail:
    """A rate that must not get worse: `count` of `people` contacted against `limit`, on top of what the holdout shows.

    planned: people to be contacted by the end; 0 where the plan does not say.
    """

    name: str
    count: int
    people: int
    limit: float
    baseline_count: int = 0
    baseline_people: int = 0
    planned: int = 0


@dataclass(frozen=True)
class Watch:
    """All that a look knows. fraction: share of the flight seen; money in major units.

    information: share of the planned information seen, never ahead of the window (`looks.look`); `fraction` where it is None. matured: share of the effect that had time to
    show; `information` where it is None. has_power: whether the plan could find what it expects; without it nothing is futile.
    conversions: people with an outcome in the smaller arm. contaminated_share: of the holdout, who was contacted. margin_rate: margin share of treated orders with its interval.
    achieved: lower bound of the incremental margin so far, total. stock_left: redemptions left by offer. power, level: of the
    experiment. killed_by: who pulled the switch.
    """

    fraction: float
    lift: Estimate
    conversions: int = 0
    srm_p: float | None = None
    contaminated_share: float = 0.0
    guardrails: tuple[Guardrail, ...] = ()
    spent: float = 0.0
    budget: float | None = None
    stock_left: Mapping[str, int] = field(default_factory=dict)
    margin_rate: Interval | None = None
    achieved: float | None = None
    power: float = 0.8
    level: float = 0.95
    killed_by: str | None = None
    information: float | None = None
    matured: float | None = None
    has_power: bool = True


@dataclass(frozen=True)
class Signal:
    """A rule that fired. `kind`: stop, pause, stop_channels or stop_offer; `acts` False = ask a person."""

    rule: str
    kind: str
    statistic: float
    bound: float
    says: str
    acts: bool
    subject: str = ""


def planned(
    *,
    budget: float | None = None,
    margin_floor: float | None = None,
    guardrails: Mapping[str, float] | None = None,
    goal: float | None = None,
    acts: bool = True,
) -> tuple[StopRule, ...]:
    """The stop rules of a new experiment, in order of priority; they are part of what is approved.

    guardrails: greatest allowed rate by name. goal: incremental margin the target asks for, total; reaching it always asks, because
    what is left to send may still earn. acts: whether the rules besides that one, the kill switch and data faults act by themselves.
    """
    always = (
        _rule(KILL_SWITCH, "a person stops the campaign", 0.0, "Nothing leaves after the batch in flight."),
        _rule("data_fault", "p-value of the arm sizes against the plan", SRM_BOUND, _DATA_FAULT),
    )
    rules = [
        _rule(
            f"guardrail:{name}",
            f"lower bound of the {name} rate",
            limit,
            f"Stop when the {name} rate is surely (one-sided 95%) above {limit:.2%}.",
            acts=acts,
        )
        for name, limit in sorted((guardrails or {}).items())
    ]
    if budget is not None:
        rules.append(_rule("budget", "spent", budget, "Stop when the budget is spent.", acts=acts))
    rules.append(_rule("stock", "redemptions left", 0.0, "Stop an offer when its stock is gone.", acts=acts))
    if margin_floor:
        says = f"Stop when the margin rate of orders is surely below {margin_floor:.0%}."
        rules.append(_rule("margin_floor", "upper bound of the margin rate", margin_floor, says, acts=acts))
    rules.append(_rule("futility", "chance of still finding the planned effect", FUTILE_POWER, _FUTILITY, acts=acts))
    if goal is not None and goal > 0:
        says = f"Ask whether to stop when the goal is surely reached: the lower bound of the incremental margin is {goal:,.2f} or more."
        rules.append(_rule(GOAL, "lower bound of the incremental margin", goal, says, acts=False))
    return (*always, *rules, _rule("end", "share of the flight", 1.0, "Stop at the end of the flight."))


def _rule(name: str, statistic: str, bound: float, says: str, *, acts: bool = True) -> StopRule:
    return StopRule(name=name, statistic=statistic, bound=bound, says=says, acts=acts)


def judge(watch: Watch, *, rules: Sequence[StopRule]) -> tuple[Signal, ...]:
    """The rules that fire now, most important first. Only pre-stated `rules` are judged; the kill switch always is."""
    if watch.killed_by is not None:
        says = f"{watch.killed_by} stopped the campaign."
        return (Signal(rule=KILL_SWITCH, kind="stop", statistic=1.0, bound=0.0, says=says, acts=True),)
    found: list[Signal] = []
    for rule in sorted(rules, key=lambda rule: _rank(rule.name)):
        check = _CHECKS.get(rule.name.partition(":")[0])
        is_silenced = rule.name in COMPARING and any(signal.rule == "data_fault" for signal in found)
        if check is not None and not is_silenced:
            found.extend(check(watch, rule))
    return tuple(found)


def conditional_power(
    z: float, *, fraction: float, power: float = 0.8, level: float = 0.95, matured: float | None = None
) -> float:
    """Chance of |z| above the level's quantile at the end if the design effect is true, given z now (Jennison and Turnbull 2000).

    fraction: share of the information seen. matured: share of the design effect that had time to show by now, where contacts are
    recent or still to come; what has not shown yet is still expected. It is the share of the information unless given.
    """
    quantile = float(norm.ppf(0.5 + level / 2))
    if fraction >= 1.0:
        return 1.0 if z >= quantile else 0.0
    drift = quantile + float(norm.ppf(power))
    shown = fraction if matured is None else min(max(matured, 0.0), 1.0)
    gap = z * math.sqrt(max(fraction, 0.0)) + drift * (1.0 - shown) - quantile
    return float(norm.cdf(gap / math.sqrt(1.0 - fraction)))


def harm(guardrail: Guardrail, *, alpha: float = HARM_ALPHA) -> float:
    """One-sided lower bound of how much higher the rate is than the holdout's, valid at every look; 0 when nothing happened.

    What people do later than they were contacted only raises a rate later, so a daily look never fires too early for it.
    """
    if guardrail.count <= 0 or guardrail.people <= 0:
        return 0.0
    return anytime.rise_floor(
        guardrail.count,
        guardrail.people,
        guardrail.baseline_count,
        guardrail.baseline_people,
        suspected=min(max(BREACH * guardrail.limit, 1e-6), 0.5),
        share=min(guardrail.people / guardrail.planned, 1.0) if guardrail.planned else 1.0,
        alpha=alpha,
    )


def guardrail_findings(guardrails: Sequence[Guardrail]) -> tuple[Finding, ...]:
    """One line per guardrail for the report: a block where it is surely above its limit, information otherwise."""
    found = []
    for one in guardrails:
        rate = one.count / one.people if one.people else 0.0
        is_harm = harm(one) > one.limit
        says = f"{one.name}: {one.count} of {one.people} contacted ({rate:.2%}), limit {one.limit:.2%}."
        fix = "Stop contacting by this means and find out why." if is_harm else ""
        severity = "block" if is_harm else "info"
        found.append(
            Finding(rule=f"guardrail:{one.name}", severity=severity, subject=one.name, count=one.count, says=says, fix=fix)
        )
    return tuple(found)


def z_of(estimate: Estimate) -> float | None:
    """The signed z statistic behind an estimate; None when there is none."""
    if estimate.mid is None or estimate.p_value is None:
        return None
    return math.copysign(float(norm.isf(max(estimate.p_value, 1e-300) / 2.0)), estimate.mid)


def _rank(name: str) -> int:
    first = name.partition(":")[0]
    return ORDER.index(first) if first in ORDER else len(ORDER)


def _signal(rule: StopRule, kind: str, statistic: float, says: str, subject: str = "") -> Signal:
    return Signal(rule=rule.name, kind=kind, statistic=statistic, bound=rule.bound, says=says, acts=rule.acts, subject=subject)


def _data_fault(watch: Watch, rule: StopRule) -> list[Signal]:
    if watch.contaminated_share > CONTAMINATION_BOUND:
        says = f"{watch.contaminated_share:.1%} of the people held out were contacted: nothing can be concluded until it is explained."
        return [replace(_signal(rule, "pause", watch.contaminated_share, says), bound=CONTAMINATION_BOUND)]
    if watch.srm_p is None or watch.srm_p >= rule.bound:
        return []
    says = f"The arms' sizes differ from the plan (p = {watch.srm_p:.1e}): nothing can be concluded until it is explained."
    return [_signal(rule, "pause", watch.srm_p, says)]


def _guardrail(watch: Watch, rule: StopRule) -> list[Signal]:
    name = rule.name.partition(":")[2]
    mine = [one for one in watch.guardrails if one.name == name and harm(one) > rule.bound]
    return [
        _signal(
            rule, "stop", harm(one), f"The {name} rate is at least {harm(one):.2%}, above the limit of {rule.bound:.2%}.", name
        )
        for one in mine
    ]


def _budget(watch: Watch, rule: StopRule) -> list[Signal]:
    if watch.budget is None or watch.spent < rule.bound - 1e-9:
        return []
    return [_signal(rule, "stop", watch.spent, f"The budget of {rule.bound:.2f} is spent.")]


def _stock(watch: Watch, rule: StopRule) -> list[Signal]:
    gone = sorted(name for name, left in watch.stock_left.items() if left <= rule.bound)
    return [_signal(rule, "stop_offer", float(watch.stock_left[name]), f"The stock of {name} is gone.", name) for name in gone]


def _margin_floor(watch: Watch, rule: StopRule) -> list[Signal]:
    if watch.margin_rate is None or watch.margin_rate.high >= rule.bound:
        return []
    says = f"The margin rate of orders is at most {watch.margin_rate.high:.1%}, below the floor of {rule.bound:.1%}."
    return [_signal(rule, "stop", watch.margin_rate.high, says)]


def _futility(watch: Watch, rule: StopRule) -> list[Signal]:
    z, seen = z_of(watch.lift), watch.fraction if watch.information is None else watch.information
    is_comparable = watch.has_power and (watch.srm_p is None or watch.srm_p >= SRM_BOUND)
    if z is None or not is_comparable or watch.conversions < BURN_IN or watch.fraction >= 1.0 or not FUTILE_FROM <= seen < 1.0:
        return []
    chance = conditional_power(z, fraction=seen, power=watch.power, level=watch.level, matured=watch.matured)
    if chance >= rule.bound:
        return []
    says = f"Even if the planned effect is real, the chance of still finding it is {chance:.1%}."
    return [_signal(rule, "stop", chance, says)]


def _goal_reached(watch: Watch, rule: StopRule) -> list[Signal]:
    if watch.achieved is None or watch.conversions < BURN_IN or watch.achieved < rule.bound:
        return []
    says = f"The goal is reached: the incremental margin is at least {watch.achieved:,.2f}, and {rule.bound:,.2f} was asked for."
    return [_signal(rule, "stop", watch.achieved, says)]


def _end(watch: Watch, rule: StopRule) -> list[Signal]:
    return [] if watch.fraction < rule.bound else [_signal(rule, "stop", watch.fraction, "The flight is over.")]


_CHECKS: dict[str, Callable[[Watch, StopRule], list[Signal]]] = {
    "data_fault": _data_fault,
    "guardrail": _guardrail,
    "budget": _budget,
    "stock": _stock,
    "margin_floor": _margin_floor,
    "futility": _futility,
    GOAL: _goal_reached,
    "end": _end,
}

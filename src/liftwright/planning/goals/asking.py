"""The one question put to the marketer, and the one sentence that says what was understood."""

from __future__ import annotations

from liftwright.domain.goal import Constraint, Objective

_ASKS = {
    "metric": "what should this campaign move (for example revenue from shoes, orders, or churn)",
    "horizon": "over what time should it run (for example 'over the next two weeks' or 'until 24 December')",
    "budget": "how much may it cost (for example '30k', or 'e-mail only' if it must cost nothing)",
}
_METRICS = {
    "average_order_value": "average order value",
    "incremental_margin": "incremental margin",
    "repeat_rate": "repeat rate",
    "new_customers": "number of new customers",
    "reactivated_customers": "number of customers won back",
    "churn_rate": "churn rate",
    "opt_outs": "number of opt-outs",
}
_LIMITS = {
    "margin_floor": "margin at least {:.4g} %",
    "max_discount": "discounts up to {:.4g} %",
    "no_discount": "no discounts",
    "only_channels": "only by {}",
    "exclude_channels": "not by {}",
    "include_people": "only {}",
    "exclude_people": "leaving out {}",
    "country": "only in {}",
    "max_contacts_per_week": "at most {:.4g} contacts a week per person",
    "max_contacts": "at most {:.4g} contacts per person in all",
    "channel_budget": "at most {}",
    "minimum_order": "for orders from {:.2f}",
}


def question(*, missing: tuple[str, ...], contradictions: tuple[str, ...], unclear: tuple[str, ...] = ()) -> str | None:
    """One question: what contradicts itself first, else what is missing, the most important first; `unclear` words are named beside it."""
    beside = f" Not understood so far: {', '.join(repr(words) for words in unclear[:3])}." if unclear else ""
    if contradictions:
        named = "; ".join(contradictions)
        return f"Not everything can hold at once ({named}). Which should count?{beside}"
    if not missing:
        return None
    asks = [_ASKS[name] for name in missing]
    text = asks[0] if len(asks) == 1 else f"{', '.join(asks[:-1])}, and {asks[-1]}"
    return f"{text[0].upper()}{text[1:]}?{beside}"


def summary(objective: Objective) -> str:
    """What was understood, in one sentence."""
    metric = _METRICS.get(objective.metric, objective.metric)
    verb = {"increase": "Increase", "decrease": "Decrease", "hold": "Hold"}[objective.direction]
    parts = [f"{verb} the {metric}" + (f" of {objective.product}" if objective.product else "")]
    if objective.target:
        parts[0] += _how_far(objective)
    parts[0] += f" from {objective.starts_on:%d %b %Y} to {objective.ends_on:%d %b %Y}"
    if objective.budget:
        parts.append(f"spending at most {objective.budget}")
    parts += [_limit(constraint) for constraint in objective.constraints]
    return "; ".join(parts) + "."


def _how_far(objective: Objective) -> str:
    target = objective.target
    assert target is not None
    share = {"percent": f"{target.value * 100:.4g} %", "points": f"{target.value * 100:.4g} points"}.get(
        target.unit, f"{target.value:,.10g}"
    )
    return f" {'to' if target.is_level else 'by'} {share}"


def _limit(constraint: Constraint) -> str:
    words, value = _LIMITS[constraint.kind], constraint.value
    if isinstance(value, tuple):
        return words.format(" ".join(value) if constraint.kind == "channel_budget" else ", ".join(value))
    if constraint.kind in {"margin_floor", "max_discount"} and isinstance(value, float):
        value = value * 100
    return words.format(value)

"""What talking to models has cost a campaign: counted in its state, bounded before every agent step, shown with the plan.

A step that has nothing left takes the rules' own proposal, and its finding says so; a plan is never left without one.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from liftwright.agents.proposals import AgentResult
from liftwright.flow.state import CampaignState
from liftwright.ports import Deps
from liftwright.settings import AgentSettings


def of(result: AgentResult[Any]) -> dict[str, int]:
    """One step, for the state."""
    return {"calls": result.calls, "tokens": result.tokens}


def left(state: CampaignState, deps: Deps) -> Deps:
    """The dependencies with no more tokens for a step than the campaign has left."""
    budget = deps.settings.agents
    spent = state.get("usage", {}).get("tokens", 0)
    allowed = max(0, min(budget.max_tokens, _most(budget) - spent))
    if allowed == budget.max_tokens:
        return deps
    agents = budget.model_copy(update={"max_tokens": allowed})
    return replace(deps, settings=deps.settings.model_copy(update={"agents": agents}))


def shown(state: CampaignState, deps: Deps) -> dict[str, Any]:
    """`{"calls", "tokens", "cost", "max_tokens"}`; cost in major units, as text."""
    used, budget = state.get("usage", {}), deps.settings.agents
    cost = budget.price * used.get("tokens", 0) / 1000
    return {
        "calls": used.get("calls", 0),
        "tokens": used.get("tokens", 0),
        "cost": str(cost.quantize(Decimal("0.0001"))),
        "max_tokens": _most(budget),
    }


def _most(budget: AgentSettings) -> int:
    """The tokens of a campaign: its own bound, and what its money buys."""
    if budget.max_cost is None or budget.price == 0:
        return budget.max_campaign_tokens
    return min(budget.max_campaign_tokens, int(1000 * budget.max_cost / budget.price))

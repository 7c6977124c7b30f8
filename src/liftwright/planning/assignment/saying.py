"""A price list in business words: what more of each limit would earn, and what nobody waits for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

WORTH = 0.005
"""Prices below half a cent are called nothing."""


def said(prices: Mapping[str, Any], limits: Mapping[str, Any], rows: pa.Table) -> tuple[str, ...]:
    """One sentence per limit, most telling first: the budget, offers in stock, channels.

    prices: a solution's price list; its `ranges` say how far the price of the budget holds. rows: the chosen touches (channel, wave,
    offer, cost, stock_use, and send_on for the day a wave starts).
    """
    return (
        *_budget(prices, limits),
        *_channel_budgets(prices, limits),
        *_stocks(prices, limits, rows),
        *_slots(prices, limits, rows),
    )


def drawn(exploration_cost: float, objective: float, *, share: float) -> str:
    """What the randomised share costs."""
    part = f" ({exploration_cost / objective:.1%})" if objective > 0 else ""
    if exploration_cost <= 0:
        return f"At least {share:.0%} of the touches are decided by lot, to learn from; that costs nothing expected here."
    return f"At least {share:.0%} of the touches are decided by lot, to learn from; that gives up {exploration_cost:,.0f}{part}."


def _budget(prices: Mapping[str, Any], limits: Mapping[str, Any]) -> Iterable[str]:
    if limits.get("budget") is None:
        return
    found = prices.get("ranges", {}).get("budget")
    if float(prices.get("budget", 0.0)) < WORTH or not found:
        yield "More budget would earn nothing: it is not what holds the plan back."
        return
    step = float(found["step"])
    yield (
        f"One more {step:,.0f} of budget earns about {found['more'] * step:,.0f}; "
        f"{step:,.0f} less would lose about {found['less'] * step:,.0f}."
    )


def _channel_budgets(prices: Mapping[str, Any], limits: Mapping[str, Any]) -> Iterable[str]:
    for name, price in sorted(prices.get("channel_budgets", {}).items()):
        if (limits.get("channel_budget") or {}).get(name) is not None and price >= WORTH:
            yield f"One more unit of money for {name} alone earns {price:,.2f}."


def _stocks(prices: Mapping[str, Any], limits: Mapping[str, Any], rows: pa.Table) -> Iterable[str]:
    for name, most in sorted((limits.get("offer_stock") or {}).items()):
        price = float(prices.get("offers", {}).get(name, 0.0))
        if most is None or name not in prices.get("offers", {}):
            continue
        if price >= WORTH:
            yield f"One more {name} in stock is worth {price:,.2f}."
        else:
            taken = pc.sum(rows.filter(pc.equal(rows["offer"], name))["stock_use"]).as_py() or 0.0
            yield f"{name} is not scarce: {taken:,.0f} of {most:,.0f} are planned."


def _slots(prices: Mapping[str, Any], limits: Mapping[str, Any], rows: pa.Table) -> Iterable[str]:
    days, idle = _first_days(rows), []
    for name, by_wave in sorted(prices.get("channel_waves", {}).items()):
        if (limits.get("channel_capacity") or {}).get(name) is None or not by_wave:
            continue
        words = name.replace("_", " ")
        scarce = {wave: price for wave, price in by_wave.items() if price >= WORTH}
        if not scarce:
            idle.append(words)
            continue
        worth = ", ".join(f"{price:,.2f} {days.get(wave, f'in wave {wave}')}" for wave, price in _ordered(scarce))
        yield f"One more {words} slot is worth {worth}."
        if free := [days.get(wave, f"in wave {wave}") for wave, _ in _ordered(by_wave) if wave not in scarce]:
            yield f"The last {words} slot is free {', '.join(free)}: nobody is waiting."
    if idle:
        yield f"The last slot of {', '.join(idle)} is free: nobody is waiting."


def _ordered(by_wave: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(by_wave.items(), key=lambda entry: int(entry[0]))


def _first_days(rows: pa.Table) -> dict[str, str]:
    if "send_on" not in rows.column_names or not rows.num_rows:
        return {}
    first = rows.group_by("wave").aggregate([("send_on", "min")]).to_pylist()
    return {str(row["wave"]): f"from {row['send_on_min']:%-d %b}" for row in first}

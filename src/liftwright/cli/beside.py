"""What a report shows beside its headline, as lines for a terminal."""

from __future__ import annotations

from typing import Any

Data = dict[str, Any]


def lines(data: Data) -> list[str]:
    """The same effect under other caps, other metrics, arms on request, and campaigns together."""
    found = [f"Otherwise  {row['metric']} {effect(row)}, {row['method']}" for row in data["sensitivity"]]
    for row in data["secondary"]:
        p = f", adjusted p {row['adjusted_p']:.3f}" if row["adjusted_p"] is not None else ""
        found.append(f"Beside     {row['metric']} {effect(row)}{p}")
    if len(data["arms"]) > 2:
        found += [_arm(row) for row in data["arms"]]
    pooled = data["pooled"] or {}
    if pooled.get("fixed"):
        both = f"{effect(pooled['fixed'])}, any such campaign {effect(pooled['random'])}"
        found.append(f"Together   {len(pooled['campaigns'])} campaigns, margin per person {both}")
    return found


def _arm(row: Data) -> str:
    """One arm where there are more than the treated one and the holdout."""
    gain = f"; per person above the holdout {effect(row['gain'])}" if row["gain"] else ""
    spent = f"margin {row['margin']:,.2f}, contacts cost {row['contact_cost']:,.2f}"
    return (
        f"Arm        {row['arm']}: {row['people']:,} people, {row['reached']:,} reached, {row['buyers']:,} bought, {spent}{gain}"
    )


def effect(lift: Data) -> str:
    """`mid (low to high)` with four digits, or that there is none yet."""
    if lift["mid"] is None:
        return "not measurable yet"
    return f"{lift['mid']:,.4f} ({lift['low']:,.4f} to {lift['high']:,.4f})"

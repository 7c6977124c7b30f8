"""Pictures drawn by the server, as coordinates: a band of looks for pages without scripts, and a dot with its whiskers for one figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

WIDTH, HEIGHT, PAD = 720.0, 200.0, 12.0
SMALL = 160.0


def band(points: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Points with `low, mid, high` as a polygon and a line in a box of WIDTH x HEIGHT; None where no look has an interval."""
    rows = [(p["low"], p["mid"], p["high"]) for p in points if None not in (p["low"], p["mid"], p["high"])]
    if not rows:
        return None
    ends = [value for row in rows for value in row] + [0.0]
    low, high = min(ends), max(ends)
    span = (high - low) or 1.0

    def y(value: float) -> float:
        return float(round(PAD + (high - value) / span * (HEIGHT - 2 * PAD), 1))

    step = (WIDTH - 2 * PAD) / max(len(rows) - 1, 1)
    xs = [round(PAD + place * step, 1) for place in range(len(rows))] if len(rows) > 1 else [WIDTH / 2 - 8, WIDTH / 2 + 8]
    rows = rows * 2 if len(rows) == 1 else rows
    over = [f"{x},{y(row[2])}" for x, row in zip(xs, rows, strict=True)]
    under = [f"{x},{y(row[0])}" for x, row in zip(xs, rows, strict=True)]
    middle = [f"{x},{y(row[1])}" for x, row in zip(xs, rows, strict=True)]
    return {"range": " ".join(over + under[::-1]), "middle": " ".join(middle), "zero": y(0.0), "low": low, "high": high}


def whisker(figure: Mapping[str, Any], limit: float | None = None) -> dict[str, float | None] | None:
    """A figure's interval, zero and limit as places on a line of SMALL; None where there is no interval to draw."""
    low, mid, high = figure["low"], figure["mid"], figure["high"]
    if None in (low, mid, high):
        return None
    ends = [low, high, 0.0, *([limit] if limit is not None else [])]
    least, span = min(ends), (max(ends) - min(ends)) or 1.0

    def x(value: float) -> float:
        return float(round(6.0 + (value - least) / span * (SMALL - 12.0), 1))

    return {"low": x(low), "mid": x(mid), "high": x(high), "zero": x(0.0), "limit": None if limit is None else x(limit)}


def rail(rate: Mapping[str, Any], limit: Mapping[str, Any]) -> dict[str, float] | None:
    """A rate and its limit as places on a line of SMALL that begins at zero; None where one of them is not known."""
    value, most = rate["mid"], limit["mid"]
    if value is None or most is None:
        return None
    end = max(value, most * 1.25) or 1.0
    return {"value": round(6.0 + value / end * (SMALL - 12.0), 1), "limit": round(6.0 + most / end * (SMALL - 12.0), 1)}


def signed(effect: float, most: float) -> dict[str, Any]:
    """A bar from the middle of SMALL to the right (up) or left (down), as long as `effect` is beside the largest, `most`."""
    width = float(round(abs(effect) / (most or 1.0) * (SMALL / 2 - 6.0), 1))
    return {"x": SMALL / 2 if effect >= 0 else SMALL / 2 - width, "width": width, "way": "up" if effect >= 0 else "down"}

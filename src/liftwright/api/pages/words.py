"""Figures and words of pages: every filter of the templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup

from liftwright.api.pages import drawing

_MARKDOWN = MarkdownIt("commonmark", {"html": False, "linkify": False}).disable(["image", "link", "autolink"])
"""No HTML, no links, no pictures: what a model says may be emphasised and listed, and lead nowhere."""
STATUS = {
    "needs_answer": "has a question",
    "awaiting_approval": "waits for approval",
    "infeasible": "cannot be done as asked",
}
RISK_SIGN = {"high": "▲", "medium": "◆", "low": "●"}
SEVERITY_SIGN = {"block": "✕", "needs_approval": "◆", "warn": "!", "info": "i"}


def money(value: Mapping[str, Any] | None) -> str:
    """`{"amount": "1234.50", "currency": "USD"}` as `1,234.50 USD`."""
    return "none" if value is None else f"{float(value['amount']):,.2f} {value['currency']}"


def number(value: float | None, digits: int = 0) -> str:
    """A figure or a dash."""
    return "–" if value is None else f"{value:,.{digits}f}"


def percent(value: float | None, digits: int = 0) -> str:
    """A share as percent, or a dash."""
    return "–" if value is None else f"{value * 100:,.{digits}f} %"


def interval(value: Mapping[str, Any] | None, digits: int = 0) -> str:
    """`mid (low to high)`, or the words that there is none."""
    if not value or value.get("mid") is None:
        return "not measurable yet"
    if value.get("low") is None or value.get("high") is None:
        return f"{value['mid']:,.{digits}f}, no interval"
    return f"{value['mid']:,.{digits}f} ({value['low']:,.{digits}f} to {value['high']:,.{digits}f})"


def figure(value: Mapping[str, Any]) -> str:
    """A figure with its unit, and its interval where it has one: a count whole, a share as percent, anything else to what matters."""
    if value["mid"] is None:
        return "not measurable yet" if value["reason"] else "–"
    is_share = value["unit"] in ("share", "chance")

    def shown(number: float) -> str:
        if is_share:
            return f"{number * 100:,.2f} %"
        size = abs(number)
        return f"{number:,.{0 if isinstance(number, int) or size >= 1000 else 2 if size >= 1 or not size else 4}f}"

    if value["low"] is None or value["high"] is None:
        return shown(value["mid"])
    return f"{shown(value['mid'])} ({shown(value['low'])} to {shown(value['high'])})"


def unit(value: Mapping[str, Any]) -> str:
    """What a figure counts, where its words do not say so already."""
    return "" if value["unit"] in ("share", "chance", "") or value["mid"] is None else str(value["unit"])


def when(value: str | datetime | None) -> str:
    """A moment as `2026-11-26 22:15 UTC`."""
    if not value:
        return "–"
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment.utcoffset() is not None else f"{moment:%Y-%m-%d}"


def plain(value: Any) -> str:
    """`awaiting_approval` as words."""
    text = str(value)
    return STATUS.get(text, text.replace("_", " "))


@lru_cache(maxsize=256)
def markdown(text: str) -> Markup:
    """Markdown as HTML without any HTML, link or picture of its own."""
    return Markup(_MARKDOWN.render(text))


def bar(share: float | None, width: int = 120) -> float:
    """A share from 0 to 1 as a length."""
    return round(max(0.0, min(1.0, share or 0.0)) * width, 1)


FILTERS: dict[str, Callable[..., Any]] = {
    "money": money,
    "number": number,
    "percent": percent,
    "interval": interval,
    "figure": figure,
    "unit": unit,
    "whisker": drawing.whisker,
    "band": drawing.band,
    "rail": drawing.rail,
    "signed": drawing.signed,
    "when": when,
    "plain": plain,
    "markdown": markdown,
    "bar": bar,
    "risk_sign": lambda risk: RISK_SIGN.get(str(risk), "●"),
    "severity_sign": lambda severity: SEVERITY_SIGN.get(str(severity), "i"),
}

"""Arms of a past randomised test: which column says who got what, which level is the control, and whether chance decided."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience.mapping.columns import SYNONYMS, plain
from liftwright.audience.mapping.contents import EMPTY, Look

CONTROL = "control"
BALANCE_LIMIT = 0.1
"""Largest standardised difference of a feature between an arm and the control that still looks like chance (Austin 2009)."""
_CONTROL = re.compile(
    r"\b(no|non|not|without)[\s_-]*(e-?mail(ed)?|mail(ed|ing)?|contact(ed)?|sms|message|treatment|treated|offer|campaign|ads?|push|call)\b"
    r"|\bcontrol\b|\bhold[\s_-]?out\b|\buntreated\b|^none$|\bbaseline\b|\bplacebo\b|\bdo[\s_-]nothing\b",
    re.IGNORECASE,
)
_SURE = frozenset({"control", "holdout", "hold_out", "hold-out", "control group"})
_FALSE = frozenset({"0", "false", "no", "n", "f"})
_TRUE = frozenset({"1", "true", "yes", "y", "t"})
_CHANNELS = (
    ("direct_mail", r"direct[\s_-]*mail|postal|catalogu?e?s?|letters?|postcards?"),
    ("email", r"e[\s_-]?mails?|newsletters?|mailings?"),
    ("sms", r"sms|text[\s_-]*messages?|texts?"),
    ("push", r"push"),
    ("voice", r"phone|calls?|voice"),
    ("paid_social", r"paid[\s_-]*social|social|facebook|instagram"),
    ("display", r"display|banners?"),
    ("web", r"web|on[\s_-]?site"),
)


@dataclass(frozen=True)
class Level:
    """One value of the arm column: its channel if the words tell, its offer as a slug ('none' when only a channel is named)."""

    value: str
    is_control: bool
    channel: str | None
    offer: str
    name: str


@dataclass(frozen=True)
class Arms:
    """The arm column and what its values mean."""

    column: str
    levels: tuple[Level, ...]
    because: str

    @property
    def has_control(self) -> bool:
        return any(level.is_control for level in self.levels)


def levels_of(values: Sequence[str]) -> tuple[Level, ...]:
    """Read arm names: 'Womens E-Mail' is the channel email with the line 'womens'; 'No E-Mail' is a control.

    A value that says control in so many words makes it the only one; in a flag, 0 or no is the control.
    """
    sure = {value for value in values if value.lower() in _SURE}
    if not sure and {value.lower() for value in values} <= _FALSE | _TRUE:
        return tuple(Level(v, v.lower() in _FALSE, None, "none", CONTROL if v.lower() in _FALSE else "treated") for v in values)
    return tuple(_level(value, is_control=value in sure if sure else bool(_CONTROL.search(value))) for value in values)


def _level(value: str, *, is_control: bool) -> Level:
    if is_control:
        return Level(value, True, None, "none", CONTROL)
    for channel, words in _CHANNELS:
        rest, count = re.subn(rf"(?<![A-Za-z])({words})(?![A-Za-z])", " ", value, flags=re.IGNORECASE)
        if count:
            return Level(value, False, channel, _slug(rest) or "none", value)
    return Level(value, False, None, _slug(value) or "none", value)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def find(looks: Mapping[str, Look], *, fixed: str | None = None) -> Arms | None:
    """The arm column: told, else by name and content, else by content alone: few values of which exactly one reads as a control."""
    if fixed is not None:
        return Arms(fixed, levels_of(looks[fixed].levels), "your map says so")
    named = {name: place for place, name in enumerate(("arm", *SYNONYMS["arm"], "treated", *SYNONYMS["treated"]))}
    for column in sorted(looks, key=lambda column: (named.get(plain(column), len(named)), column)):
        levels = levels_of(looks[column].levels)
        if plain(column) == "arm" and levels:
            return Arms(column, levels, "same name")
        if _reads_as_arms(levels, is_named=plain(column) in named):
            control = next(level.value for level in levels if level.is_control)
            return Arms(column, levels, f"{len(levels)} values, of which '{control}' reads as the control")
    return None


def _reads_as_arms(levels: Sequence[Level], *, is_named: bool) -> bool:
    if not 2 <= len(levels) <= 40 or sum(level.is_control for level in levels) != 1:
        return False
    control = next(level.value.lower() for level in levels if level.is_control)
    return is_named or (len(levels) <= 12 and control not in _FALSE | {"none", "baseline"})


def largest_difference(features: pa.Table, control: np.ndarray, arms: Mapping[str, np.ndarray]) -> tuple[float, str, bool]:
    """Largest standardised mean difference of any feature between an arm and the control; its name; whether chance explains it.

    Numbers as they are, texts of at most 12 values one level at a time. Chance explains a difference up to
    `BALANCE_LIMIT`, and in small arms up to 4 standard errors.
    """
    worst, where, is_chance = 0.0, "", True
    for name, values in _numeric(features):
        for arm, mask in arms.items():
            one, other = values[mask], values[control]
            spread = float(np.sqrt((one.var() + other.var()) / 2)) if len(one) and len(other) else 0.0
            if spread == 0.0:
                continue
            gap = abs(float(one.mean() - other.mean())) / spread
            noise = 4.0 * float(np.sqrt(1 / len(one) + 1 / len(other)))
            if gap > worst:
                worst, where = gap, f"{name} in {arm}"
            is_chance = is_chance and gap <= max(BALANCE_LIMIT, noise)
    return worst, where, is_chance


def _numeric(features: pa.Table) -> Sequence[tuple[str, np.ndarray]]:
    found: list[tuple[str, np.ndarray]] = []
    for name in features.column_names:
        column = features[name]
        if pa.types.is_floating(column.type):
            values = column.to_numpy(zero_copy_only=False)
            found.append((name, np.nan_to_num(values, nan=float(np.nanmean(values)) if np.isfinite(values).any() else 0.0)))
        elif pa.types.is_string(column.type) and len(levels := pc.unique(column)) <= 12:
            for level in sorted(v for v in levels.to_pylist() if v is not None and v not in EMPTY):
                found.append(
                    (f"{name}={level}", pc.fill_null(pc.equal(column, level), False).to_numpy(zero_copy_only=False) * 1.0)
                )
    return found

"""How much each agreement counts: a Fellegi-Sunter model (1969) with fixed chances, so the same records always get the same answer.

Per level of agreement, `m` is its share among pairs of one person and `u` among pairs of two; log2(m/u) bits speak for one person. Where
`tf` is set, the share of the very value in the file stands in for u: two Smiths say less than two Zabriskies. The chances are set
by hand and stay as they are: fitting on few repeats is unstable, and refitting would rename people overnight. They, the thresholds and the
blocking keys grew beside `benchmarks/identity.py`, whose made-up files they resemble and which is therefore no independent test of them.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

LEAST_WEIGHT = 6.5
"""Bits from which a pair is one person: a posterior of 98.9 %."""
LEAST_UNREACHABLE = 3.0
"""The same (89 %) where neither record has an e-mail address or telephone that could reach the wrong person."""
_ROUNDS = 50
PSEUDO_RECORDS = 1_000
"""In a small file every name is frequent; its share is drawn towards the usual one with this many records."""
NEAR = 0.88
"""Jaro-Winkler similarity of a misspelt name."""
ALIKE = 0.75
"""Jaro-Winkler similarity below which two first names are two people's."""


@dataclass(frozen=True)
class Level:
    """One way in which a field of two records may agree, tested after the ones before it. `sql` speaks of x_l and x_r."""

    sql: str
    m: float
    u: float
    tf: str | None = None
    least_u: float = 0.0


_ELSE = "ELSE"
_SWAPPED = f"jaro_winkler_similarity(first_l, last_r) >= {NEAR} AND jaro_winkler_similarity(last_l, first_r) >= {NEAR}"
FIELDS: dict[str, tuple[str, tuple[Level, ...]]] = {
    "first_name": (
        "first_l IS NULL OR first_r IS NULL",
        (
            Level("first_l = first_r", 0.76, 0.008, "first"),
            Level(f"jaro_winkler_similarity(first_l, first_r) >= {NEAR}", 0.12, 0.010),
            Level(_SWAPPED, 0.015, 0.0003),
            Level("starts_with(first_l, first_r) OR starts_with(first_r, first_l)", 0.045, 0.03),
            Level(_ELSE, 0.06, 0.9517),
        ),
    ),
    "last_name": (
        "last_l IS NULL OR last_r IS NULL",
        (
            Level("last_l = last_r", 0.84, 0.002, "last"),
            Level(f"jaro_winkler_similarity(last_l, last_r) >= {NEAR}", 0.09, 0.006),
            Level(_SWAPPED, 0.015, 0.0003),
            Level(_ELSE, 0.055, 0.9917),
        ),
    ),
    "birth_date": (
        "born_l IS NULL OR born_r IS NULL",
        (
            Level("born_l = born_r", 0.88, 0.00005, "born", 0.00005),
            Level("damerau_levenshtein(born_l, born_r) <= 1 OR born_l = left(born_r, 4) || right(born_r, 2) || born_r[5:6]", 0.07, 0.002),
            Level("hamming(born_l, born_r) <= 2", 0.03, 0.012),
            Level(_ELSE, 0.02, 0.986),
        ),
    ),
    "address": (
        "(address_l IS NULL OR address_r IS NULL) AND (zip_l IS NULL OR zip_r IS NULL) AND (city_l IS NULL OR city_r IS NULL)",
        (
            Level("address_l = address_r AND (zip_l = zip_r OR city_l = city_r)", 0.58, 0.0015),
            Level(
                "address_l = address_r OR (jaro_winkler_similarity(address_l, address_r) >= 0.9 AND (zip_l = zip_r OR city_l = city_r))",
                0.17, 0.0012,
            ),
            Level("zip_l = zip_r", 0.12, 0.003, "zip", 0.002),
            Level("city_l = city_r OR damerau_levenshtein(zip_l, zip_r) <= 1", 0.05, 0.015),
            Level(_ELSE, 0.08, 0.979),
        ),
    ),
    "email": (
        "email_l IS NULL OR email_r IS NULL",
        (
            Level("email_l = email_r", 0.60, 0.0001, "email", 0.0001),
            Level("damerau_levenshtein(email_l, email_r) <= 2", 0.10, 0.0004),
            Level("split_part(email_l, '@', 1) = split_part(email_r, '@', 1)", 0.04, 0.0004),
            Level(_ELSE, 0.26, 0.9991),
        ),
    ),
    "phone": (
        "phone_l IS NULL OR phone_r IS NULL",
        (
            Level("phone_l = phone_r", 0.65, 0.0001, "phone", 0.0001),
            Level("damerau_levenshtein(phone_l, phone_r) <= 1", 0.07, 0.0002),
            Level(_ELSE, 0.28, 0.9997),
        ),
    ),
}  # fmt: skip
"""Per field: when nothing can be said, and its levels from the strongest down."""


def settings() -> dict[str, Any]:
    """The model as Splink's settings, with even odds before anything is known (see `prior_bits`)."""
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "row",
        "probability_two_random_records_match": 0.5,
        "retain_matching_columns": True,
        "comparisons": [
            {"output_column_name": name, "comparison_levels": [_unknown(unknown), *(_level(level) for level in levels)]}
            for name, (unknown, levels) in FIELDS.items()
        ],
        "blocking_rules_to_generate_predictions": [],
    }


def _unknown(sql: str) -> dict[str, Any]:
    return {"sql_condition": sql, "label_for_charts": "unknown", "is_null_level": True}


def _level(level: Level) -> dict[str, Any]:
    told = {"sql_condition": level.sql, "label_for_charts": level.sql, "m_probability": level.m, "u_probability": level.u}
    if level.tf is None:
        return told
    return told | {"tf_adjustment_column": level.tf, "tf_minimum_u_value": level.least_u}


MODEL = (
    "names-1-"
    + hashlib.sha256(json.dumps([settings(), LEAST_WEIGHT, LEAST_UNREACHABLE, PSEUDO_RECORDS]).encode()).hexdigest()[:8]
)
"""Name, generation and digest of the chances above; every link says which model made it."""


def prior_bits(bits: npt.NDArray[np.float64], pairs: float) -> float:
    """Log odds that two records are one person before they are compared: the only thing learned from a file, how many repeats it has.

    `bits` are the weights of the pairs looked at, at even odds; `pairs` how many pairs there are at all. Expectation maximisation of
    one share, which cannot fail to converge; rounded, so that it is the same whatever the order of the sum.
    """
    share = 1.0 / max(pairs, 2.0)
    for _ in range(_ROUNDS):
        prior = math.log2(share / (1.0 - share))
        expected = float((1.0 / (1.0 + np.exp2(-np.clip(bits + prior, -500.0, 500.0)))).sum())
        share = min(max(expected, 1.0) / max(pairs, 2.0), 0.5)
    return round(math.log2(share / (1.0 - share)), 2)

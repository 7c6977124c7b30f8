"""The customer file's own columns as features: numbers, and 0/1 columns of texts with few values. What is private stays out."""

from __future__ import annotations

import re
from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.policy import Finding

MOST_LEVELS = 12
"""A text column with at most this many values becomes one 0/1 feature per value."""
LONGEST_LEVEL = 30
"""A column with a longer value is a remark, not a level: people's words never become the name of a feature."""
_NO_FEATURE = re.compile(
    r"customer_id|email|phone|first_name|last_name|birth_date|street|postal_code|time_zone|created_at|kind|merged_from|household_id|consent_.*"
)
_SPECIAL = {
    "health": "health healthy disease diagnosis diagnoses disability disabled medical medication pregnant pregnancy patient illness",
    "religion": "religion religious faith church",
    "ethnicity": "ethnicity ethnic race racial",
    "politics": "political politics",
    "sexuality": "sexuality sexual lgbt",
    "trade_union": "union",
    "biometrics": "biometric fingerprint genetic dna",
    "crime": "criminal conviction convictions",
}
"""Words in a column's name that tell a special category of personal data (GDPR, article 9 and 10)."""
_DIRECT = frozenset(["name", "surname", "ssn", "passport", "iban", "ip", "address", "licence", "license", "nationalid", "taxid"])


def tag_of(name: str) -> str:
    """The tag a column of this name needs before a model may see it: a special category, `direct` (identifies a person), or ""."""
    words = set(re.findall(r"[a-z]+", name.lower()))
    found = [tag for tag, listed in _SPECIAL.items() if words & set(listed.split())]
    if found:
        return found[0]
    return "direct" if words & _DIRECT or {"national", "id"} <= words or {"tax", "id"} <= words else ""


def withheld(people: pa.Table, allowed: Collection[str]) -> tuple[Finding, ...]:
    """One finding per column that is kept from every model because its tag is not allowed."""
    found = []
    for name in people.column_names:
        tag = tag_of(name)
        if tag and tag not in allowed and not _NO_FEATURE.fullmatch(name):
            says = f"The column {name} looks like {tag.replace('_', ' ')} data; no model and no selection sees it."
            fix = f'Leave it so, or allow the tag: [features] allowed_tags = ["{tag}"] in liftwright.toml.'
            found.append(Finding(rule="FEATURE-PRIVATE", severity="info", subject=name, says=says, fix=fix))
    return tuple(found)


def unseen(people: pa.Table, allowed: Collection[str]) -> dict[str, str]:
    """Columns that never become a feature, each with why."""
    found = {}
    for name in people.column_names:
        tag = tag_of(name)
        if _NO_FEATURE.fullmatch(name):
            found[name] = "it says who somebody is or how to reach them, not what they are likely to do"
        elif tag and tag not in allowed:
            found[name] = f"it looks like {tag.replace('_', ' ')} data"
    return found


def columns(people: pa.Table, allowed: Collection[str]) -> dict[str, np.ndarray]:
    """Float64 values without gaps (missing numbers become the median), one per row of `people`, in the order of its columns."""
    seen = [name for name in people.column_names if not _NO_FEATURE.fullmatch(name) and tag_of(name) in ("", *allowed)]
    return _numeric(people.select(seen)) | _levels(people.select(seen))


def _numeric(people: pa.Table) -> dict[str, np.ndarray]:
    found = {}
    for name in people.column_names:
        kind = people.schema.field(name).type
        if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind):
            values = people[name].cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(np.float64)
            known = values[np.isfinite(values)]
            if len(known):
                found[name] = np.where(np.isfinite(values), values, float(np.median(known)))
    return found


def _levels(people: pa.Table) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for name in people.column_names:
        if not pa.types.is_string(people.schema.field(name).type):
            continue
        levels = sorted(level for level in pc.unique(people[name]).to_pylist() if level)
        if 2 <= len(levels) <= MOST_LEVELS and max(map(len, levels)) <= LONGEST_LEVEL:
            for level in levels:
                slug = re.sub(r"[^a-z0-9]+", "_", level.lower()).strip("_") or "other"
                is_level = pc.fill_null(pc.equal(people[name], level), False).to_numpy(zero_copy_only=False).astype(np.float64)
                key = f"{name}_is_{slug}"
                found[key] = np.maximum(found[key], is_level) if key in found else is_level
    return found

"""The table `identity_links`: what was found out or decided about pairs of records, each pair once, the latest word counts."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import pyarrow as pa

from liftwright.domain.errors import DataError

SCHEMA = pa.schema(
    [
        ("left_id", pa.string()),
        ("right_id", pa.string()),
        ("verdict", pa.string()),
        ("rule", pa.string()),
        ("weight", pa.float64()),
        ("agreed", pa.list_(pa.string())),
        ("model", pa.string()),
        ("decided_by", pa.string()),
        ("decided_at", pa.timestamp("us", tz="UTC")),
    ]
)
"""A pair of customer_ids (left < right); verdict same or different; rule told or model; match weight in bits, fields that agreed and
model version of an estimated link; who said so and when."""
Verdict = Literal["same", "different"]


def told(one: str, other: str, *, verdict: Verdict, by: str, at: datetime) -> pa.Table:
    """A row that says for good that two records are the same person or two. DataError IDENTITY-PAIR when it is one record."""
    if one == other:
        raise DataError("IDENTITY-PAIR", f"'{one}' and '{other}' are one record.", next_step="Name two different customer ids.")
    left, right = sorted((one, other))
    row = {"left_id": left, "right_id": right, "verdict": verdict, "rule": "told", "decided_by": by, "decided_at": at}
    return pa.Table.from_pylist([row], schema=SCHEMA)

"""What was decided for whom during a flight, with the chances: written to the lake by whoever decides, read back to judge other policies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from liftwright import __version__
from liftwright.domain.errors import DataError
from liftwright.ports import Deps

SCHEMA = pa.schema(
    [
        ("decision_id", pa.string()),
        ("customer_id", pa.string()),
        ("subject", pa.string()),
        ("decided_at", pa.timestamp("us", tz="UTC")),
        ("eligible", pa.list_(pa.string())),
        ("chances", pa.list_(pa.float64())),
        ("chosen", pa.string()),
        ("propensity", pa.float64()),
        ("policy", pa.string()),
        ("seed", pa.int64()),
        ("versions", pa.list_(pa.string())),
        ("features", pa.list_(pa.float64())),
        ("expected", pa.float64()),
    ]
)
"""A row per decision: `decision_id` is the send (or the visit) it is about, `subject` what was chosen for (a channel and offer, a
campaign's day, a visitor); `eligible` after every filter, with the chance of each; `propensity` is that of `chosen`. versions: of data, models and rules; features and
expected (reward, major units): what a learner saw and was told to expect, where one decided."""


def policy(name: str) -> str:
    """The name and version of a way of deciding."""
    return f"{name}@{__version__}"


def keep(rows: Sequence[dict[str, Any]], *, deps: Deps) -> str:
    """Write decisions to the lake; returns the digest that the action carries under `log`."""
    return deps.lake.put(pa.Table.from_pylist(list(rows), schema=SCHEMA))


def log(campaign_id: str, *, kind: str, deps: Deps) -> pa.Table:
    """Every logged decision of this kind of action, in order; the last one about a send is the one that held. DataError without any."""
    digests = [
        str(action.after["log"])
        for action in deps.campaigns.actions(campaign_id)
        if action.kind == kind and "log" in action.after
    ]
    if not digests:
        raise DataError(
            "DECISIONS-NONE",
            f"{campaign_id} logged no decision of the kind {kind}.",
            next_step=f"See what it did with `liftwright report {campaign_id}`.",
        )
    return pa.concat_tables([deps.lake.get(digest) for digest in digests])

"""Which channel a person answers on: rates of answered contacts per person and channel, drawn to what is usual on the channel.

A contact is answered by a click on its channel, or by a purchase while it is the last contact the person had. Opens never count: mail
programs open messages by themselves; clicks that machines made do not count either. It is what people did, not what a contact changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.errors import DataError
from liftwright.domain.evidence import ModelCard
from liftwright.scoring import calibration
from liftwright.scoring import card as cards
from liftwright.scoring.design import Floats

ANSWER_DAYS = 7
FEWEST = 100
"""A channel with fewer contacts has no rate of its own and is left out."""
_LATEST = 0.3
"""Share of the contacts, the latest, on which personal rates have to prove themselves."""
_PRIORS = (3.0, 10.0, 30.0, 100.0, 300.0)
"""Contacts that what is usual on a channel is worth; tried on the latest contacts."""


@dataclass(frozen=True)
class AffinityModel:
    """`usual` rate per channel and how many contacts it is worth against a person's own; None: own rates predict nothing, all are usual."""

    usual: Mapping[str, float]
    prior: Mapping[str, float | None]
    quality: dict[str, float]
    data: dict[str, Any]

    @cached_property
    def version(self) -> str:
        """Digest of the parameters."""
        return cards.version("affinity", self.parameters())

    def rates(self, contacts: pa.Table, *, people: Sequence[str], channels: Sequence[str]) -> Floats:
        """(people, channels) expected rate of answered contacts from a table of `answered`; NaN for a channel without evidence."""
        tried, answered = _counts(contacts, people, channels)
        found = np.full(tried.shape, np.nan)
        for place, channel in enumerate(channels):
            if channel not in self.usual:
                continue
            usual, prior = self.usual[channel], self.prior[channel]
            own = (answered[:, place] + prior * usual) / (tried[:, place] + prior) if prior is not None else usual
            found[:, place] = own
        return found

    def parameters(self) -> dict[str, Any]:
        """Everything as JSON; `from_parameters` gives back an equal model."""
        return {"usual": dict(self.usual), "prior": dict(self.prior), "quality": self.quality, "data": self.data}

    def card(self) -> ModelCard:
        """What it is for, what breaks it, how to turn it off."""
        return cards.card_of(
            "affinity",
            self.version,
            optimises=f"the rate at which a person answers contacts on a channel within {ANSWER_DAYS} days; it is no uplift",
            data=self.data,
            quality=self.quality,
            breaks_when=(
                "clicks are not recorded on a channel, so that only purchases answer it",
                "machines click and are not marked",
                "a channel was only ever used on people chosen for it",
            ),
        )


def from_parameters(parameters: Mapping[str, Any]) -> AffinityModel:
    """The model whose `parameters()` these are."""
    return AffinityModel(
        dict(parameters["usual"]), dict(parameters["prior"]), dict(parameters["quality"]), dict(parameters["data"])
    )


def answered(treatments: pa.Table, events: pa.Table | None, *, as_of: datetime) -> pa.Table:
    """One row per past contact whose answer time is over: customer_id, channel, at (microseconds), answered; sorted."""
    latest = int(as_of.timestamp() * 1e6) - ANSWER_DAYS * 86_400_000_000
    events = events if events is not None else pa.table({"customer_id": [], "type": [], "channel": [], "occurred_at": []})
    none = {"channel": pa.string(), "is_machine": pa.bool_()}
    for name, kind in none.items():
        if name not in events.column_names:
            events = events.append_column(name, pa.nulls(events.num_rows, kind))
    with duckdb.connect() as db:
        db.execute("SET threads = 1")
        db.register("treatments", treatments)
        db.register("events", _typed(events))
        return db.sql(
            "WITH c AS (SELECT customer_id, channel, epoch_us(treated_at) AS moment, lead(epoch_us(treated_at)) OVER"
            " (PARTITION BY customer_id ORDER BY treated_at, channel) AS next_moment FROM treatments WHERE channel IS NOT NULL"
            f" AND arm <> 'control' AND customer_id IS NOT NULL), r AS (SELECT * FROM c WHERE moment <= {latest})"
            " SELECT r.customer_id, r.channel, r.moment AS \"at\", coalesce(bool_or(e.type = 'click' AND e.channel = r.channel OR"
            " e.type = 'purchase' AND e.moment < coalesce(r.next_moment, e.moment + 1)), false) AS answered FROM r LEFT JOIN events e"
            " ON e.customer_id = r.customer_id AND e.moment >= r.moment"
            f" AND e.moment < r.moment + {ANSWER_DAYS * 86_400_000_000} GROUP BY ALL ORDER BY ALL"
        ).to_arrow_table()


def fit(contacts: pa.Table) -> AffinityModel:
    """Usual rates and their weight, from a table of `answered`. Raises DataError when no channel has 100 contacts.

    A channel's own rates are used only when, learned from the earlier contacts, they predict the latest 30 % better than the usual rate.
    """
    counts = pc.value_counts(contacts["channel"]).to_pylist() if contacts.num_rows else []
    channels = sorted(row["values"] for row in counts if row["counts"] >= FEWEST)
    if not channels:
        raise DataError(
            "AFFINITY-FEW",
            f"No channel has {FEWEST} past contacts whose answer could be counted.",
            next_step="Import treatments with channel and treated_at, and the clicks and purchases after them.",
        )
    usual, prior, quality = {}, {}, {}
    for channel in channels:
        mine = contacts.filter(pc.equal(contacts["channel"], channel))
        usual[channel] = float(mine["answered"].to_numpy(zero_copy_only=False).mean())
        prior[channel], quality[f"log_loss_saved_{channel}"] = _weight(mine, usual[channel])
    data = {"contacts": contacts.num_rows, "people": len(pc.unique(contacts["customer_id"])), "channels": channels}
    return AffinityModel(usual, prior, quality, data)


def _weight(contacts: pa.Table, usual: float) -> tuple[float | None, float]:
    """(contacts that the usual rate is worth or None, share of log-loss saved on the latest contacts by own rates)."""
    at = contacts["at"].to_numpy()
    is_late = at > np.quantile(at, 1 - _LATEST)
    happened = contacts["answered"].to_numpy(zero_copy_only=False).astype(bool)
    _, person = np.unique(np.asarray(contacts["customer_id"].to_pylist(), dtype=object), return_inverse=True)
    tried = np.bincount(person[~is_late], minlength=int(person.max()) + 1)
    yes = np.bincount(person[~is_late], weights=happened[~is_late], minlength=len(tried))
    late, who = happened[is_late], person[is_late]
    if not len(late) or not 0.0 < usual < 1.0:
        return None, 0.0
    flat = calibration.log_losses(np.full(len(late), usual), late)
    saved = {prior: flat - calibration.log_losses(((yes + prior * usual) / (tried + prior))[who], late) for prior in _PRIORS}
    best = max(_PRIORS, key=lambda prior: (saved[prior].mean(), prior))
    gain = saved[best]
    is_sure = gain.mean() > gain.std() / np.sqrt(len(gain))
    return (best if is_sure else None), float(max(gain.mean() / flat.mean(), 0.0)) if is_sure else 0.0


def _counts(contacts: pa.Table, people: Sequence[str], channels: Sequence[str]) -> tuple[Floats, Floats]:
    tried, yes = np.zeros((len(people), len(channels))), np.zeros((len(people), len(channels)))
    person = pc.index_in(contacts["customer_id"].cast(pa.string()), value_set=pa.array(list(people), pa.string()))
    channel = pc.index_in(contacts["channel"].cast(pa.string()), value_set=pa.array(list(channels), pa.string()))
    known = pc.and_(pc.is_valid(person), pc.is_valid(channel))
    rows, columns = person.filter(known).to_numpy(), channel.filter(known).to_numpy()
    np.add.at(tried, (rows, columns), 1.0)
    np.add.at(yes, (rows, columns), contacts["answered"].filter(known).to_numpy(zero_copy_only=False).astype(np.float64))
    return tried, yes


def _typed(events: pa.Table) -> pa.Table:
    """customer_id, type, channel, moment of the events that can be an answer."""
    kept = pc.and_(pc.is_in(events["type"].cast(pa.string()), value_set=pa.array(["click", "purchase"])),
                   pc.invert(pc.fill_null(events["is_machine"], False)))  # fmt: skip
    rows = events.select(["customer_id", "type", "channel", "occurred_at"]).filter(kept)
    at = rows["occurred_at"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    texts = {name: rows[name].cast(pa.string()) for name in ("customer_id", "type", "channel")}
    return pa.table({**texts, "moment": at})

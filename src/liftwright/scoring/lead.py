"""Lead scores from 0 to 100, made for closed revenue and not for meetings, with reasons in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.errors import DataError
from liftwright.domain.evidence import ModelCard
from liftwright.domain.readiness import Leak
from liftwright.scoring import card as cards
from liftwright.scoring import classifier, explain
from liftwright.scoring.calibration import Bools
from liftwright.scoring.design import Floats
from liftwright.scoring.encoding import Encoding, as_floats, is_number
from liftwright.scoring.worth import Worth

WON = ("won", "closed won", "closed_won", "converted", "customer", "sale", "sold", "yes", "true", "1", "1.0")
LOST = ("lost", "closed lost", "closed_lost", "rejected", "disqualified", "not converted", "no", "false", "0", "0.0")
"""How a closed lead's outcome is written. Anything else (open, meeting, proposal) is not closed and teaches nothing yet."""
_NO_FEATURE = ("lead_id", "customer_id", "email", "phone", "created_at", "outcome", "amount", "closed_at")
_MOST_GRADES = 101
_RIPE = 0.9
"""A lead that is not won counts as lost once it is older than this share of the won ones were when they closed."""


@dataclass(frozen=True)
class LeadModel:
    """`scores` of a lead table. `grades` are the hundredths of the expected revenue of the leads it was trained on."""

    encoding: Encoding
    model: classifier.Classifier
    worth: Worth
    grades: tuple[float, ...]
    dropped: tuple[Leak, ...]
    data: dict[str, Any]

    @cached_property
    def version(self) -> str:
        """Digest of the parameters."""
        return cards.version("lead", self.parameters())

    def chance(self, leads: pa.Table) -> Floats:
        """Calibrated chance that each lead closes with revenue."""
        return self.model.chance(self.encoding.apply(leads))

    def scores(self, leads: pa.Table, *, reasons: int = 3) -> pa.Table:
        """One row per lead, in their order: lead_id, score (0 to 100), chance, expected_revenue (major units), reason_1, reason_2, …

        The score is the share of past leads (in %) with less expected closed revenue; without known amounts, with a smaller chance.
        """
        encoded = self.encoding.apply(leads)
        chance = self.model.chance(encoded)
        expected = chance * self.worth.of(encoded)
        says = self._reasons(leads, encoded, count=reasons)
        amounts = pa.nulls(leads.num_rows, pa.float64()) if self.worth.is_unknown else pa.array(expected)
        return pa.table(
            {
                "lead_id": leads["lead_id"].cast(pa.string()),
                "score": pa.array(np.round(np.interp(expected, self.grades, np.linspace(0, 100, len(self.grades))), 1)),
                "chance": pa.array(chance),
                "expected_revenue": amounts,
                **{f"reason_{number + 1}": pa.array(column, pa.string()) for number, column in enumerate(says)},
            }
        )

    def parameters(self) -> dict[str, Any]:
        """Everything as JSON; `from_parameters` gives back an equal model."""
        return {
            "encoding": self.encoding.as_json(),
            "model": self.model.parameters(),
            "worth": self.worth.as_json(),
            "grades": list(self.grades),
            "dropped": [[leak.column, leak.sign, leak.says, leak.auc] for leak in self.dropped],
            "data": self.data,
        }

    def card(self) -> ModelCard:
        """What it is for, what breaks it, how to turn it off."""
        return cards.card_of(
            "lead",
            self.version,
            optimises="closed revenue per lead (chance to close with revenue times expected amount), never meetings or replies",
            data={**self.data, "dropped_columns": {leak.column: leak.says for leak in self.dropped}},
            quality=self.model.quality,
            breaks_when=(
                "a column is filled or overwritten after the outcome and its name and values do not show it",
                "sales works the leads in the order of the score: their outcome then follows the score",
                "leads come from sources or countries that were rare in training",
                "it is not trained again every month",
            ),
        )

    def _reasons(self, leads: pa.Table, encoded: pa.Table, *, count: int) -> list[list[str]]:
        """(count, leads) the columns that move each lead's chance most, in words; the parts of a text column are added up."""
        sources = list(dict.fromkeys(self.encoding.sources.values()))
        place = [sources.index(source) for source in self.encoding.sources.values()]
        parts = np.zeros((leads.num_rows, len(sources)))
        for column, contribution in zip(place, self.model.contributions(encoded).T, strict=True):
            parts[:, column] += contribution
        strongest, effects = explain.top(parts, count=count)
        values = [_values(leads, source) for source in sources]
        rows = range(leads.num_rows)
        return [[_words(sources[j], values[j][i], float(e)) for i, j, e in zip(rows, strongest[:, k], effects[:, k], strict=True)]
                for k in range(strongest.shape[1])]  # fmt: skip


def from_parameters(parameters: Mapping[str, Any]) -> LeadModel:
    """The model whose `parameters()` these are."""
    return LeadModel(
        encoding=Encoding.from_json(parameters["encoding"]),
        model=classifier.from_parameters(parameters["model"]),
        worth=Worth.from_json(parameters["worth"]),
        grades=tuple(parameters["grades"]),
        dropped=tuple(Leak(**dict(zip(("column", "sign", "says", "auc"), leak, strict=False))) for leak in parameters["dropped"]),
        data=dict(parameters["data"]),
    )


def fit(leads: pa.Table, *, as_of: datetime, seed: int, leaks: Sequence[Leak] = ()) -> LeadModel:
    """Fit on closed leads (the contract's `leads` table), without the columns of `leaks`, which know the outcome.

    Raises DataError with fewer than 10 leads won or lost. The same rows and seed give the same model bit for bit.
    """
    won, is_closed = closed(leads, as_of=as_of)
    leads, won = leads.filter(pa.array(is_closed)).combine_chunks(), won[is_closed]
    if min(int(won.sum()), int((~won).sum())) < classifier.FEWEST:
        raise DataError(
            "LEAD-FEW",
            f"{int(won.sum())} leads closed with revenue and {int((~won).sum())} without; at least 10 of each are needed.",
            next_step="Import leads with their outcome (won, lost), amount and closed_at.",
        )
    names = [name for name in features(leads) if name not in {leak.column for leak in leaks}]
    encoding = Encoding.fit(leads, names)
    encoded = encoding.apply(leads)
    ids = leads["lead_id"].cast(pa.string()).to_pylist()
    model = classifier.fit(encoded, won, names=encoded.column_names, ids=ids, seed=seed)
    worth = Worth.fit(encoded, _amounts(leads), won=won, ids=ids, seed=seed)
    expected = model.chance(encoded) * worth.of(encoded)
    return LeadModel(
        encoding=encoding, model=model, worth=worth, dropped=tuple(leaks),
        grades=tuple(np.quantile(expected, np.linspace(0, 1, _MOST_GRADES)).tolist()),
        data={"leads": len(won), "won": int(won.sum()), "columns": len(names), "amounts": worth.says},
    )  # fmt: skip


def features(leads: pa.Table) -> list[str]:
    """Columns that may describe a lead: neither its identity, its outcome nor its consent."""
    return [name for name in leads.column_names if name not in _NO_FEATURE and not name.startswith("consent_")]


def closed(leads: pa.Table, *, as_of: datetime) -> tuple[Bools, Bools]:
    """(won with revenue, closed) per lead.

    A won lead whose amount is 0 brought nothing and is not won. A lead without closing time that is too young to have closed is open.
    """
    if "outcome" not in leads.column_names:
        return np.zeros(leads.num_rows, dtype=bool), np.zeros(leads.num_rows, dtype=bool)
    words = pc.fill_null(pc.utf8_lower(pc.utf8_trim_whitespace(leads["outcome"].cast(pa.string()))), "")
    won, lost = (pc.is_in(words, value_set=pa.array(each)).to_numpy(zero_copy_only=False) for each in (WON, LOST))
    is_closed = (won | lost) & ~_too_young(leads, won, as_of)
    return won & ~(_amounts(leads) <= 0.0), is_closed


def _too_young(leads: pa.Table, won: Bools, as_of: datetime) -> Bools:
    if not {"created_at", "closed_at"} <= set(leads.column_names):
        return np.zeros(leads.num_rows, dtype=bool)
    created, ended = (
        as_floats(leads[n].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())) for n in ("created_at", "closed_at")
    )
    took = (ended - created)[won & np.isfinite(ended - created)]
    if not len(took):
        return np.zeros(leads.num_rows, dtype=bool)
    return ~won & np.isnan(ended) & (created > as_of.timestamp() * 1e6 - np.quantile(took, _RIPE))


def _amounts(leads: pa.Table) -> Floats:
    """Major units; NaN where unknown."""
    if "amount" not in leads.column_names or not is_number(leads["amount"]):
        return np.full(leads.num_rows, np.nan)
    return as_floats(leads["amount"])


def _values(leads: pa.Table, source: str) -> Sequence[Any]:
    return list(leads[source].to_pylist()) if source in leads.column_names else [None] * leads.num_rows


def _words(source: str, value: Any, effect: float) -> str:
    if effect == 0.0:
        return ""
    shown = "missing" if value is None or value == "" else f"{value:,.4g}" if isinstance(value, int | float) else str(value)
    return f"{source.replace('_', ' ')} is {shown}, which {'raises' if effect > 0 else 'lowers'} the chance to close"

"""How people answer: chances of a click, an opt-out and an order of their own, learned from the same past tests as the uplift, and from
every contact of own campaigns.

Effects are small and noisy, answers are not: a click chance and an opt-out chance tell the people a contact moves, and those it drives
away, from far fewer rows than the orders themselves. So the effect is learned mostly along these few directions (`Scale.leading`), in
the manner of proxy outcomes (Athey, Chetty, Imbens & Kang 2019). They order people; what an order of people is worth, only the
randomised outcomes say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from liftwright.domain.evidence import ModelCard
from liftwright.scoring import boosting
from liftwright.scoring import card as cards
from liftwright.scoring.design import CONTROL, Floats, folds_of

ANSWERS = {"click": "y_clicks", "opt_out": "y_opt_outs", "order": "y_orders"}
"""Answer to the column of the training rows that counts it. Orders are those of people left alone, the others those of contacted people."""
FOLDS, DEPTH = 3, 3
DETAIL_FROM = 1_000_000
"""Rows from which on twice the trees are grown: answers are rare, and on 200,000 rows a hundred shallow trees say as much."""
OWN = "own_campaign"
"""1 for contacts of own campaigns, which went out at each person's hour and to chosen people; chances are always those of the past tests' kind."""
FEWEST = 100
"""Rows with the answer, and rows without, below which a chance of it is not learned."""


@dataclass(frozen=True)
class Answers:
    """Per answer one model per fold of people: everybody's chances come from models that did not see them."""

    names: tuple[str, ...]
    trees: Mapping[str, tuple[str, ...]]
    seed: int
    data: dict[str, Any]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that `extend` adds."""
        return tuple(f"{answer}_chance" for answer in self.trees)

    @cached_property
    def version(self) -> str:
        """Digest of the parameters."""
        return cards.version("answers", self.parameters())

    def extend(self, table: pa.Table) -> pa.Table:
        """The table (customer_id and features) with one more column per answer: its chance, between 0 and 1."""
        fold = folds_of(table["customer_id"].to_pylist(), count=FOLDS, seed=self.seed)
        x = boosting.matrix(table, self.names)
        x[:, [name == OWN for name in self.names]] = 0.0
        for answer, texts in self.trees.items():
            chance = np.zeros(table.num_rows)
            for each, text in enumerate(texts):
                mine = fold == each
                if mine.any():
                    chance[mine] = lightgbm.Booster(model_str=text).predict(x[mine], num_threads=1)
            table = table.append_column(f"{answer}_chance", pa.array(chance))
        return table

    def parameters(self) -> dict[str, Any]:
        """Everything as JSON; `from_parameters` gives back equal chances."""
        trees = {answer: list(texts) for answer, texts in self.trees.items()}
        return {"names": list(self.names), "trees": trees, "seed": self.seed, "data": self.data}

    def card(self) -> ModelCard:
        """What it is for, what breaks it, how to turn it off."""
        return cards.card_of(
            "answers",
            self.version,
            optimises="the chances that a contact is clicked or answered by an opt-out, and of an order without a contact: the"
            " directions along which uplift looks for differences between people first",
            data=self.data,
            quality={},
            breaks_when=(
                "clicks are made by machines, or opt-outs are not recorded",
                "a new channel draws answers of another kind than those of the past tests",
            ),
        )


def from_parameters(parameters: Mapping[str, Any]) -> Answers:
    """The answers whose `parameters()` these are."""
    trees = {answer: tuple(texts) for answer, texts in parameters["trees"].items()}
    return Answers(tuple(parameters["names"]), trees, int(parameters["seed"]), dict(parameters["data"]))


def fit(rows: pa.Table, *, feature_names: Sequence[str], seed: int, touches: pa.Table | None = None) -> Answers:
    """Learn from the rows of `history.training_rows` every answer that is recorded often enough; none is no error.

    touches: contacts of own campaigns: customer_id, at, action, y_clicks, y_opt_outs and features as of then. Nobody need have drawn them by
    lot, because answers are no effects. A click counts where its channel ever got one, so that letters say nothing of clicks. The same
    rows and seed give the same model.
    """
    names = tuple(name for name in feature_names if name in rows.column_names)
    if touches is not None:
        rows, names = _with_touches(rows, touches), (*names, OWN)
    rows = rows.sort_by([("customer_id", "ascending"), ("at", "ascending"), ("action", "ascending")]).combine_chunks()
    x, fold = boosting.matrix(rows, names), folds_of(rows["customer_id"].to_pylist(), count=FOLDS, seed=seed)
    actions = np.asarray(rows["action"].to_pylist(), dtype=object).astype(str)
    trees: dict[str, tuple[str, ...]] = {}
    counts: dict[str, int] = {}
    for answer, column in ANSWERS.items():
        happened, known = _seen(rows, column, actions, alone=answer == "order")
        if min(int(happened[known].sum()), int((~happened[known]).sum())) < FEWEST:
            continue
        counts[f"rows_with_{answer}"] = int(happened[known].sum())
        trees[answer] = tuple(_grown(x, happened, known & (fold != each), seed=seed) for each in range(FOLDS))
    own = {} if touches is None else {"contacts_of_own_campaigns": touches.num_rows}
    return Answers(names, trees, seed, {"rows": rows.num_rows, **own, **counts})


def _with_touches(rows: pa.Table, touches: pa.Table) -> pa.Table:
    tables = [(rows, 0.0), (touches, 1.0)]
    return pa.concat_tables(
        [table.append_column(OWN, pa.array(np.full(table.num_rows, mark))) for table, mark in tables], promote_options="default"
    )


def _seen(
    rows: pa.Table, column: str, actions: npt.NDArray[np.str_], *, alone: bool
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Whether each row has the answer, and whether it could have."""
    if column not in rows.column_names:
        nothing = np.zeros(rows.num_rows, dtype=bool)
        return nothing, nothing
    count = np.asarray(rows[column].to_numpy(zero_copy_only=False), dtype=np.float64)
    happened = np.nan_to_num(count) > 0
    if alone:
        return happened, np.isfinite(count) & (actions == CONTROL)
    channel = np.char.partition(actions, ":")[:, 0]
    answering = np.unique(channel[happened & (actions != CONTROL)])
    return happened, np.isfinite(count) & np.isin(channel, answering) & (actions != CONTROL)


def _grown(x: Floats, happened: npt.NDArray[np.bool_], rows: npt.NDArray[np.bool_], *, seed: int) -> str:
    y = happened[rows].astype(np.float64)
    booster = boosting.grow(x[rows], y, objective="binary", seed=seed, depth=DEPTH, detail_from=DETAIL_FROM)
    return str(booster.model_to_string())

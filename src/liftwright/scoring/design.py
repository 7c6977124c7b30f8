"""Numbers for linear effect models: standardised features, and how an action is made of a channel, an offer and itself."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]
CLIP = 4.0
"""Standard deviations a feature value may lie from the mean; farther ones count as that far."""
LOG_ABOVE = 2.0
"""Features that are never negative and reach more than this are counts, amounts or days: they count on the log scale."""
LEAN = 0.1
"""Weight of a feature beside leading ones: as if its penalty were a hundred times theirs. Set on two simulated markets, where 10 to 1,000
times did about as well."""
CONTROL = "control"


@dataclass(frozen=True)
class Scale:
    """Features to mean 0 and standard deviation 1; those in `logs` after log(1 + x). Constant features are left out.

    The 0/1 columns `<text>_is_<level>` of one text get 1 / square root of their number, so that a text with many levels weighs as
    much as any other feature. Where there are `leading` features, all others count LEAN as much, whatever they are called.
    """

    names: tuple[str, ...]
    logs: frozenset[str]
    means: tuple[float, ...]
    sds: tuple[float, ...]
    leading: frozenset[str] = frozenset()

    @classmethod
    def fit(cls, table: pa.Table, names: Sequence[str], *, leading: Sequence[str] = ()) -> Scale:
        kept: list[tuple[str, bool, float, float]] = []
        levels = Counter(name.partition("_is_")[0] for name in names if "_is_" in name)
        for name in names:
            values = _column(table, name)
            is_log = bool(values.size) and float(values.min()) >= 0.0 and float(values.max()) > LOG_ABOVE
            values = np.log1p(values) if is_log else values
            sd = float(values.std()) if values.size else 0.0
            if np.isfinite(sd) and sd > 1e-9:
                share = levels[name.partition("_is_")[0]] if "_is_" in name else 1
                kept.append((name, is_log, float(values.mean()), sd * float(share) ** 0.5))
        return cls(
            tuple(k[0] for k in kept),
            frozenset(k[0] for k in kept if k[1]),
            tuple(k[2] for k in kept),
            tuple(k[3] for k in kept),
            frozenset(leading) & {k[0] for k in kept},
        )

    def apply(self, table: pa.Table) -> Floats:
        """(rows, features); a feature the table does not have counts as its mean."""
        columns = []
        for name, mean, sd in zip(self.names, self.means, self.sds, strict=True):
            if name not in table.column_names:
                columns.append(np.zeros(table.num_rows))
                continue
            values = _column(table, name)
            values = np.log1p(np.maximum(values, 0.0)) if name in self.logs else values
            columns.append(self._weight(name) * np.nan_to_num(np.clip((values - mean) / sd, -CLIP, CLIP)))
        return np.stack(columns, axis=1) if columns else np.zeros((table.num_rows, 0))

    def mean_of(self, name: str) -> float:
        """The mean of a feature in its own unit (of the geometric kind where logs are taken)."""
        mean = self.means[self.names.index(name)]
        return float(np.expm1(mean)) if name in self.logs else mean

    def value_of(self, place: int, scaled: float) -> float:
        """A scaled value in the feature's own unit."""
        value = self.means[place] + self.sds[place] * scaled / self._weight(self.names[place])
        return float(np.expm1(value)) if self.names[place] in self.logs else value

    def as_json(self) -> dict[str, Any]:
        known = {"names": list(self.names), "logs": sorted(self.logs), "means": list(self.means), "sds": list(self.sds)}
        return known | ({"leading": sorted(self.leading)} if self.leading else {})

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Scale:
        leading = frozenset(data.get("leading", ()))
        return cls(tuple(data["names"]), frozenset(data["logs"]), tuple(data["means"]), tuple(data["sds"]), leading)

    def _weight(self, name: str) -> float:
        return LEAN if self.leading and name not in self.leading else 1.0


def _column(table: pa.Table, name: str) -> Floats:
    return np.asarray(table[name].to_numpy(zero_copy_only=False), dtype=np.float64)


@dataclass(frozen=True)
class Layout:
    """Where each coefficient is. An effect is: any contact + its channel + its offer + the action itself, and for the first three
    also their product with every feature. Rarely tried combinations so borrow from what their channel and offer did elsewhere.
    """

    actions: tuple[str, ...]
    features: int

    @cached_property
    def channels(self) -> tuple[str, ...]:
        return tuple(sorted({action.partition(":")[0] for action in self.actions}))

    @cached_property
    def offers(self) -> tuple[str, ...]:
        return tuple(sorted({action.partition(":")[2] or "none" for action in self.actions} - {"none"}))

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """What features are multiplied with: any contact, each channel, each offer."""
        return ("any", *(f"channel {c}" for c in self.channels), *(f"offer {o}" for o in self.offers))

    @property
    def mains(self) -> int:
        return len(self.groups) + len(self.actions)

    @property
    def size(self) -> int:
        return self.mains + len(self.groups) * self.features

    def members(self) -> Floats:
        """(actions, groups): 1 where an action belongs to a group."""
        return np.array([[float(group in self.groups_of(action)) for group in self.groups] for action in self.actions])

    def groups_of(self, action: str) -> tuple[str, ...]:
        channel, _, offer = action.partition(":")
        return ("any", f"channel {channel}", f"offer {offer or 'none'}")

    def stack(self, action: str) -> Floats:
        """(1 + features, size): turns (1, features of a person) into the design row of treating that person with the action."""
        rows = np.zeros((1 + self.features, self.size))
        for place, group in enumerate(self.groups):
            if group in self.groups_of(action):
                rows[0, place] = 1.0
                start = self.mains + place * self.features
                rows[1:, start : start + self.features] += np.eye(self.features)
        if action in self.actions:
            rows[0, len(self.groups) + self.actions.index(action)] = 1.0
        return rows

    def knows(self, action: str) -> bool:
        """Whether the channel of an action was ever tried."""
        return action.partition(":")[0] in self.channels

    def penalties(self, main: float, shared: float, own: float) -> Floats:
        """Ridge penalty per coefficient: of mains, of the products of features with any contact, and of those with a channel or offer.

        The effect of any contact at all is hardly shrunk.
        """
        mains = np.full(self.mains, main)
        mains[0] = 1.0
        return np.concatenate([mains, np.full(self.features, shared), np.full(self.size - self.mains - self.features, own)])


def folds_of(customer_ids: Sequence[str], *, count: int, seed: int) -> npt.NDArray[np.int64]:
    """The fold of each row by a hash of its person, so that a person's rows are never on both sides."""
    names, inverse = np.unique(np.asarray(customer_ids, dtype=object), return_inverse=True)
    fold = [int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8], "big") % count for name in names]
    return np.array(fold, dtype=np.int64)[inverse]

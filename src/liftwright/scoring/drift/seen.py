"""What a model sees of people and says of them at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from liftwright.scoring.design import Floats
from liftwright.scoring.drift.outcomes import Batches
from liftwright.scoring.drift.reference import Reference
from liftwright.scoring.drift.signal import Signal


@dataclass(frozen=True)
class Seen:
    """`names` of the columns of `table` go in, `outputs` (scores by name, one per row) come out; `labels` outcomes it could learn from."""

    table: pa.Table
    names: Sequence[str]
    outputs: Mapping[str, Floats]
    labels: int

    @property
    def reference(self) -> Reference:
        """This moment, remembered."""
        return Reference.fit(self.table, self.names, self.outputs)


@dataclass(frozen=True)
class Came:
    """What came of a model's scores since its training: batches by what they are about, and signals that need no bound."""

    batches: Mapping[str, Batches] = field(default_factory=dict)
    shown: Sequence[Signal] = ()

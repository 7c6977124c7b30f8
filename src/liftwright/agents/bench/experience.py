"""What closed campaigns left for this run: how their contacts were answered, and how much of what was expected of them came true."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from liftwright.agents.bench.data import Data
from liftwright.audience import segments
from liftwright.domain.evidence import ModelCard
from liftwright.domain.learning import CellStatistics
from liftwright.planning import realised
from liftwright.planning.priors import Cell
from liftwright.planning.realised import Realised
from liftwright.planning.treatments import action_parts
from liftwright.scoring import card as cards
from liftwright.scoring import history

Floats = npt.NDArray[np.float64]
NAME = "memory"


class Experience:
    """Statistics in force at the moment of planning, without those a lesson was retired for and those that were tampered with."""

    def __init__(self, data: Data) -> None:
        self._data = data

    @cached_property
    def rows(self) -> tuple[CellStatistics, ...]:
        """Statistics that may be used, oldest first."""
        lessons, now = self._data.deps.lessons, self._data.as_of
        retired = {lesson.evidence_id for lesson in lessons.find(now=now, with_retired=True) if lesson.is_retired}
        return tuple(
            row for row in lessons.statistics(now=now).rows if not {row.evidence, f"{row.evidence}#{row.channel}"} & retired
        )

    @property
    def tampered(self) -> tuple[str, ...]:
        """Ids of rows that no longer hold what was written; they are not used."""
        return self._data.deps.lessons.statistics(now=self._data.as_of).tampered

    @cached_property
    def digest(self) -> str:
        """Of everything that may be used; "" when there is nothing."""
        ids = "|".join(row.statistics_id for row in self.rows)
        return hashlib.sha256(ids.encode()).hexdigest()[:16] if ids else ""

    @cached_property
    def touches(self) -> pa.Table | None:
        """Contacts of believed campaigns as rows for `answers.fit`, features as of the start of their day; None without any."""
        digests = dict.fromkeys(row.touches for row in self.rows if row.standing == "believed")
        tables = [self._data.deps.lake.get(digest) for digest in digests]
        if not sum(table.num_rows for table in tables):
            return None
        told = pa.concat_tables(tables).rename_columns(["customer_id", "at", "action", "y_clicks", "y_opt_outs"])
        return history.with_features(told, self._data.features_of)

    def learn(self) -> Memory:
        """What the statistics say of every action and segment."""
        cells = [Cell(c, segment, o) for c, o in map(action_parts, self._data.actions) for segment in segments.SEGMENTS]
        belief = realised.UNTESTED if self._data.rows is None else realised.TESTED
        found = realised.learn(self.rows, cells, now=self._data.as_of, people=len(self._data.ids), belief=belief)
        channels = {
            each.statistics_id: (each.campaign_id, f"{each.evidence}#{each.channel}", each.evidence) for each in self.rows
        }
        used = [channels[name] for name in found.used]
        evidence = {name for _, *names in used for name in names}
        lessons = [lesson for lesson in self._data.deps.lessons.find(now=self._data.as_of) if lesson.evidence_id in evidence]
        return Memory(
            realised=found,
            campaigns=tuple(dict.fromkeys(row.campaign_id for row in self.rows if row.standing == "believed")),
            lessons=tuple(lesson.lesson_id for lesson in lessons),
            touches=0 if self.touches is None else self.touches.num_rows,
        )


@dataclass(frozen=True)
class Memory:
    """A fitted memory, kept in the registry like any model: factors, the campaigns and lessons they come from, contacts that answers saw."""

    realised: Realised
    campaigns: tuple[str, ...]
    lessons: tuple[str, ...]
    touches: int

    def factors(self, people_segments: npt.NDArray[np.object_], actions: tuple[str, ...]) -> Floats:
        """(people, actions) factor on positive expected effects."""
        found = np.ones((len(people_segments), len(actions)))
        names, place = np.unique(people_segments.astype(str), return_inverse=True)
        for column, action in enumerate(actions):
            channel, offer = action_parts(action)
            known = [self.realised.factors.get(Cell(channel, str(name), offer), (1.0, 0.0))[0] for name in names]
            found[:, column] = np.array(known)[place]
        return found

    def parameters(self) -> dict[str, Any]:
        """Everything as JSON; `from_parameters` gives back an equal memory."""
        found = self.realised
        return {
            "factors": [[*cell, *factor] for cell, factor in found.factors.items()],
            "used": list(found.used),
            "set_aside": list(found.set_aside),
            "says": list(found.says),
            "campaigns": list(self.campaigns),
            "lessons": list(self.lessons),
            "touches": self.touches,
        }

    def card(self) -> ModelCard:
        """What it is for, what breaks it, how to turn it off."""
        parameters = self.parameters()
        return cards.card_of(
            NAME,
            cards.version(NAME, parameters),
            optimises="the share of the expected extra margin of contacts that comes true, by channel, segment and offer, from the holdouts of"
            " earlier campaigns; it scales the effects that uplift expects, and never above twice or below nothing",
            data={"campaigns": len(self.campaigns), "contacts": self.touches, "statistics": len(self.realised.used)},
            quality={"contradictions": list(self.realised.says)},
            breaks_when=(
                "the market changes within one campaign: the change is believed after the second campaign that shows it",
                "holdouts are too small: cells with fewer than 25 buyers in an arm are put together",
            ),
        )


def from_parameters(parameters: Mapping[str, Any]) -> Memory:
    """The memory whose `parameters()` these are."""
    return Memory(
        realised=Realised(
            factors={Cell(*map(str, row[:3])): (float(row[3]), float(row[4])) for row in parameters["factors"]},
            used=tuple(parameters["used"]),
            set_aside=tuple(parameters["set_aside"]),
            says=tuple(parameters["says"]),
        ),
        campaigns=tuple(parameters["campaigns"]),
        lessons=tuple(parameters["lessons"]),
        touches=int(parameters["touches"]),
    )

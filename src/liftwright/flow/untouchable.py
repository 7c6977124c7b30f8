"""Who must not be contacted so that effects can be proved: the draw of the arms, repeated; and the global holdout of this moment."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from liftwright.audience import identity
from liftwright.domain.experiment import Experiment
from liftwright.measurement import holdout
from liftwright.planning.postage import LETTER
from liftwright.settings import Settings


def is_drawn(experiment: Experiment, audience: pa.Table, *, gone: int) -> bool:
    """Whether the arms that the audience states are those of the plan's salt, shares and its strata, `gone` people having been erased since."""
    ids, arms = audience["customer_id"].to_pylist(), audience["arm"].to_pylist()
    strata = audience["stratum"].to_numpy() if experiment.strata > 1 else None
    return holdout.is_left_of_draw(ids, arms, salt=experiment.salt, shares=experiment.shares, strata=strata, gone=gone)


def planned_out(experiment: Experiment, customer_ids: Collection[str]) -> set[str]:
    """Those of these people whom the global holdout that the plan states keeps out."""
    found, ids = experiment.global_holdout, sorted(customer_ids)
    if found is None:
        return set()
    held = holdout.globally_held(ids, salts=found.salts, share=found.share)
    return {name for name, is_held in zip(ids, held, strict=True) if is_held}


def is_out(person: str, *, at: datetime, settings: Settings) -> bool:
    """Whether the global holdout of the quarter of `at` keeps one person out."""
    wanted = settings.experiment
    if wanted.global_holdout <= 0:
        return False
    return bool(holdout.globally_held([person], salts=_salts(at, settings), share=wanted.global_holdout)[0])


def now_out(people: pa.Table, channel: str, *, at: datetime, settings: Settings) -> np.ndarray:
    """Which rows of `people` the global holdout of the quarter of `at` keeps out; of letters, which households."""
    wanted = settings.experiment
    if wanted.global_holdout <= 0 or not people.num_rows:
        return np.zeros(people.num_rows, dtype=bool)
    salts = _salts(at, settings)
    persons = holdout.globally_held(people["customer_id"].to_pylist(), salts=salts, share=wanted.global_holdout)
    if channel != LETTER:
        return persons
    homes = identity.letter_ids(people).tolist()
    return np.asarray(persons | holdout.globally_held(homes, salts=salts, share=wanted.global_holdout))


def _salts(at: datetime, settings: Settings) -> Sequence[str]:
    day = at.astimezone(ZoneInfo(settings.time_zone)).date()
    return holdout.quarter_salts(day, day, salt=settings.experiment.salt)

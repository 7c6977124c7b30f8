"""Baselines: the scores of the accepted version, case by case, and what a run lost or gained against them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from liftwright.domain.base import Value
from liftwright.domain.errors import ConfigError
from liftwright.evaluation.results import Row


class Baseline(Value):
    """Scores by case and grader, and what they were measured on."""

    suite: str
    target: str
    model: str
    dataset_sha256: str
    scores: dict[str, dict[str, float]]


class Flips(Value):
    """`case: grader` pairs that passed in the baseline and fail now, and the other way round."""

    lost: tuple[str, ...] = ()
    gained: tuple[str, ...] = ()


def load_baseline(name: str | None, *, folder: Path) -> Baseline | None:
    """The baseline of a name; None when the suite has none yet. Raises ConfigError when the file is broken."""
    path = folder / "baselines" / f"{name}.json"
    if name is None or not path.is_file():
        return None
    try:
        return Baseline.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        says = f"baselines/{name}.json cannot be read: {error.errors()[0]['msg']}."
        raise ConfigError("EVAL-BASELINE", says, next_step="Accept a new baseline.") from error


def flips(rows: Iterable[Row], baseline: Baseline | None) -> Flips:
    """What changed against the baseline, for the cases both have."""
    lost: list[str] = []
    gained: list[str] = []
    for row in rows if baseline else ():
        before = baseline.scores.get(row.case, {}).get(row.grader) if baseline else None
        if before is not None and before != row.value:
            (lost if row.value < before else gained).append(f"{row.case}: {row.grader}")
    return Flips(lost=tuple(lost), gained=tuple(gained))

"""Baselines: the scores of the accepted version, case by case, and what a run lost or gained against them."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

from liftwright.domain.base import AwareDatetime, Value
from liftwright.domain.errors import ConfigError
from liftwright.evaluation.results import Row, mean_scores


class Accepted(Value):
    """Which run it was, who made it the baseline, when and why."""

    run: str
    by: str
    at: AwareDatetime
    reason: str


class Baseline(Value):
    """Scores (0 to 1, the mean over the epochs) by case and grader, and what they were measured on."""

    suite: str
    target: str
    model: str
    dataset_sha256: str
    accepted: Accepted | None = None
    scores: dict[str, dict[str, float]]

    def text(self) -> str:
        """The file: sorted, a case a line, so that a diff shows what changed and nothing else."""
        head = json.dumps(self.model_dump(mode="json", exclude={"scores"}), indent=1, ensure_ascii=False).removesuffix("\n}")
        lines = (f"  {json.dumps(case)}: {json.dumps(self.scores[case], sort_keys=True)}" for case in sorted(self.scores))
        return f'{head},\n "scores": {{\n' + ",\n".join(lines) + "\n }\n}\n"


class Flips(Value):
    """`case: grader` pairs that passed in the baseline and fail now, and the other way round."""

    lost: tuple[str, ...] = ()
    gained: tuple[str, ...] = ()


def load_baseline(name: str, *, folder: Path) -> Baseline | None:
    """The baseline of a name; None when there is none yet. Raises ConfigError when the file is broken."""
    path = _file(name, folder)
    if not path.is_file():
        return None
    try:
        return Baseline.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as error:
        says = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "it is not text"
        raise ConfigError(
            "EVAL-BASELINE", f"baselines/{name}.json cannot be read: {says}.", next_step="Accept a new baseline."
        ) from error


@contextmanager
def saving(name: str, baseline: Baseline, *, folder: Path) -> Iterator[None]:
    """Write the new file beside the old one, let the caller's block put down who accepts it, then put it in place in one piece.

    So no baseline stands that nobody answers for: where the block raises, the old file stays and nothing of the new one is left; where the
    process is killed after it, the old file stays and accepting again works. Raises ConfigError where the file cannot be written or put in place.
    """
    path = _file(name, folder)
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with _writable(name):
            path.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(baseline.text(), encoding="utf-8")
        yield
        with _writable(name):
            os.replace(new, path)
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


@contextmanager
def _writable(name: str) -> Iterator[None]:
    """What the disk refuses, in words."""
    try:
        yield
    except OSError as error:
        says = f"baselines/{name}.json cannot be written: {error.strerror}."
        raise ConfigError("EVAL-BASELINE-WRITE", says, next_step="Accept it where the evals folder may be written.") from error


def flips(rows: Sequence[Row], baseline: Baseline | None) -> Flips:
    """What changed against the baseline, for the cases both have."""
    lost: list[str] = []
    gained: list[str] = []
    for case, graders in mean_scores(rows).items() if baseline else ():
        for grader, value in graders.items():
            before = baseline.scores.get(case, {}).get(grader) if baseline else None
            if before is not None and before != value:
                (lost if value < before else gained).append(f"{case}: {grader}")
    return Flips(lost=tuple(lost), gained=tuple(gained))


def _file(name: str, folder: Path) -> Path:
    return folder / "baselines" / f"{name}.json"

"""What can be held against each other: the stored runs of a suite and its accepted baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liftwright.domain.errors import ConfigError
from liftwright.evaluation.baseline import Accepted, load_baseline
from liftwright.evaluation.results import Header, Row, RunFolder, mean_scores
from liftwright.evaluation.suite import Suite

BASELINE = "baseline"
USAGE = ("calls", "tokens", "seconds")


@dataclass(frozen=True)
class Side:
    """A stored run or the baseline. `scores` by case and grader, means over the epochs; reasons and outputs only of a run, by case."""

    name: str
    model: str
    dataset_sha256: str
    scores: dict[str, dict[str, float]]
    reasons: dict[str, dict[str, str]]
    outputs: dict[str, list[dict[str, Any]]]
    accepted: Accepted | None = None
    """Who made it the baseline."""

    @property
    def words(self) -> str:
        """`run 0003`, or `the baseline`."""
        return "the baseline" if self.name == BASELINE else f"run {self.name}"

    def passed(self, graders: Sequence[str]) -> dict[str, bool]:
        """Whether a case passed all these graders in every epoch, for the cases that all of them judged."""
        judged = {case: by for case, by in self.scores.items() if set(graders) <= set(by)}
        return {case: all(by[grader] >= 1 for grader in graders) for case, by in judged.items()}

    def took(self, case: str, what: str) -> float:
        """Calls, tokens or seconds of one epoch of a case, on average; 0 where nothing is known."""
        epochs = self.outputs.get(case, [])
        return sum(float(epoch.get(what, 0)) for epoch in epochs) / len(epochs) if epochs else 0.0

    def usage(self) -> dict[str, float]:
        """Calls, tokens and seconds of the whole run, and in how many cases the rules stood in for the model."""
        every = [epoch for epochs in self.outputs.values() for epoch in epochs]
        stood_in = sum(any(epoch.get("is_fallback") for epoch in epochs) for epochs in self.outputs.values())
        return {what: sum(float(each.get(what, 0)) for each in every) for what in USAGE} | {"is_fallback": float(stood_in)}


def run_side(folder: RunFolder, header: Header, rows: Sequence[Row]) -> Side:
    """A stored run. Of several epochs the reason of the first that failed counts."""
    reasons: dict[str, dict[str, str]] = {}
    for row in rows:
        kept = reasons.setdefault(row.case, {})
        kept[row.grader] = kept.get(row.grader) or row.reason
    return Side(folder.run, header.model, header.dataset_sha256, mean_scores(rows), reasons, folder.outputs())


def baseline_side(suite: Suite, *, folder: Path) -> Side | None:
    """The accepted baseline; None where the suite has none. Raises ConfigError for a file that cannot be read."""
    found = load_baseline(suite.baseline_name, folder=folder)
    return Side(BASELINE, found.model, found.dataset_sha256, found.scores, {}, {}, found.accepted) if found else None


def chosen(run: str, runs: Sequence[RunFolder]) -> RunFolder:
    """A run by its number, `3` or `0003`. Raises ConfigError EVAL-RUN-UNKNOWN, naming those there are."""
    found = next((each for each in runs if each.run == run.zfill(4)), None)
    if found is None:
        known = ", ".join(each.run for each in runs[:20])
        step = f"Use one of: {known}." if known else "Run the suite first: liftwright eval run SUITE."
        raise ConfigError("EVAL-RUN-UNKNOWN", f"There is no run '{run[:20]}'.", next_step=step)
    return found


def newest(suite: Suite, run: str, *, home: Path) -> RunFolder:
    """A run by its number, or the newest where none is named. Raises ConfigError where there is none."""
    runs = RunFolder.stored(home, suite.suite)
    if not runs:
        step = f"Run it first: liftwright eval run {suite.suite}."
        raise ConfigError("EVAL-RUN-NONE", f"{suite.suite} was never run in this workspace.", next_step=step)
    return chosen(run, runs) if run else runs[0]


def side(name: str, suite: Suite, *, home: Path, folder: Path) -> Side:
    """A run by its number, or `baseline`. Raises ConfigError for what there is not."""
    if name == BASELINE:
        found = baseline_side(suite, folder=folder)
        if found is None:
            step = f"Accept a run: liftwright eval baseline {suite.suite} --accept RUN --as USER --reason WHY."
            raise ConfigError("EVAL-BASELINE-NONE", f"{suite.suite} has no baseline yet.", next_step=step)
        return found
    run = chosen(name, RunFolder.stored(home, suite.suite))
    return run_side(run, run.header(), run.rows())

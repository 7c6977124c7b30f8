"""Runs of one small suite as the runner stores them, with the results a test wants: no target is run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from liftwright.evaluation.cases import load_dataset
from liftwright.evaluation.results import Header, Row, RunFolder
from liftwright.evaluation.suite import load_suite

SUITE = """
suite: small
says: Sixty goals.
target: goal_reading
dataset: sixty
epochs: {epochs}
graders:
  - {{use: fields_right, gate: at_least, at_least: 40}}
  - {{use: nothing_invented, gate: hard}}
  - {{use: missing_noticed, gate: none}}
"""
CASE = {
    "input": "Sell more shoes over the next two weeks",
    "today": "2026-11-02",
    "expected": dict.fromkeys(("metric", "direction", "target", "product", "starts_on", "ends_on", "budget"))
    | {"constraints": [], "missing": ["metric"], "contradictions": []},
}


class Place:
    """A workspace and an evals folder with the suite `small`: 60 cases, c00 to c59, in `clusters` clusters."""

    def __init__(self, root: Path, *, clusters: int = 60, epochs: int = 1) -> None:
        self.home, self.folder = root / "home", root / "evals"
        for name in ("suites", "baselines", "datasets/sixty"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "suites" / "small.yaml").write_text(SUITE.format(epochs=epochs), encoding="utf-8")
        self.cases = [f"c{number:02d}" for number in range(60)]
        self.write_cases({case: f"k{number % clusters}" for number, case in enumerate(self.cases)})

    def write_cases(self, clusters: dict[str, str]) -> None:
        """The dataset, with the cluster of each case."""
        lines = [json.dumps({"id": case, "cluster": cluster, **CASE}) for case, cluster in clusters.items()]
        (self.folder / "datasets" / "sixty" / "data.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def store(
        self,
        failed: Iterable[str] = (),
        *,
        invented: Iterable[str] = (),
        unnoticed: Iterable[str] = (),
        cases: int = 60,
        epochs: int = 1,
        first: int = 1,
        tokens: int = 100,
        reason: str = "wrong",
    ) -> str:
        """A run; `failed`, `invented` and `unnoticed` name the cases that fail fields_right, nothing_invented and missing_noticed in its
        epochs from `first` on. Returns its number."""
        suite = load_suite("small", folder=self.folder)
        data = load_dataset("sixty", folder=self.folder)
        header = Header(
            suite="small",
            suite_sha256=suite.sha256,
            target=suite.target,
            model="none",
            dataset=data.name,
            dataset_sha256=data.sha256,
            version="1",
        )
        store = RunFolder.create(self.home, header)
        wrong = {"fields_right": set(failed), "nothing_invented": set(invented), "missing_noticed": set(unnoticed)}
        for case in self.cases[:cases]:
            for epoch in range(1, epochs + 1):
                output = {
                    "brief": {"summary": case},
                    "is_fallback": False,
                    "calls": 1,
                    "tokens": tokens,
                    "seconds": 0.5,
                    "epoch": epoch,
                }
                store.add(case, output, list(_rows(case, epoch, wrong, first, reason)))
        return store.run


def _rows(case: str, epoch: int, wrong: dict[str, set[str]], first: int, reason: str) -> Iterable[Row]:
    for grader, cases in wrong.items():
        fails = case in cases and epoch >= first
        yield Row(case=case, grader=grader, value=0.0 if fails else 1.0, reason=reason if fails else "", epoch=epoch)

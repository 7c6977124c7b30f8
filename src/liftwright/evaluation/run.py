"""Runs a suite: every case through the target, every grader over what came back, every result stored, and the gate's verdict."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import computed_field

from liftwright import __version__, wiring
from liftwright.domain.base import Value
from liftwright.domain.errors import ConfigError, LiftwrightError
from liftwright.evaluation.baseline import Baseline, Flips, flips, load_baseline
from liftwright.evaluation.cases import Case, Dataset, load_dataset
from liftwright.evaluation.graders import GRADERS
from liftwright.evaluation.results import Header, Row, RunFolder
from liftwright.evaluation.suite import GraderUse, Suite, evals_folder, load_suite
from liftwright.evaluation.targets import MODEL_FREE, TARGETS, Answer
from liftwright.ports import Deps

Verdict = Literal["pass", "regression", "inconclusive", "harness_error"]
EXIT_CODES: dict[Verdict, int] = {"pass": 0, "regression": 1, "inconclusive": 2, "harness_error": 3}


class GraderCount(Value):
    """How one grader judged the cases run so far, and what its gate asks."""

    grader: str
    gate: str
    needs: int
    passed: int
    judged: int
    failed: tuple[str, ...]
    """`case: reason` of each failure."""


class Summary(Value):
    """What came out of a run. `cases` were judged so far, of `of` in the dataset."""

    suite: str
    run: str
    target: str
    model: str
    dataset: str
    dataset_sha256: str
    cases: int
    of: int
    graders: tuple[GraderCount, ...]
    errors: tuple[str, ...]
    fallbacks: int
    """Cases in which the model gave no usable answer and the rules' own was graded."""
    flips: Flips
    verdict: Verdict
    overhead_cpu_ms: float
    """CPU milliseconds per case of this process's own work (grading, storing), the target apart."""

    @computed_field
    def exit_code(self) -> int:
        """0 pass, 1 regression, 2 inconclusive, 3 harness error."""
        return EXIT_CODES[self.verdict]

    @property
    def text(self) -> str:
        """For a terminal: counts first, then every failure."""
        lines = [
            f"{self.suite} on {self.model}: {self.verdict.replace('_', ' ')} ({self.cases} of {self.of} cases, run {self.run})"
        ]
        for count in self.graders:
            lines.append(f"  {count.grader:<24} {count.passed:>3} of {count.judged:<3} {_needs(count)}")
        lines += [f"  failed  {count.grader}: {failure}" for count in self.graders for failure in count.failed]
        if self.fallbacks:
            lines.append(f"  in {self.fallbacks} cases the model gave no usable answer and the rules' own brief was graded")
        lines += [f"  error   {error}" for error in self.errors]
        lines += [f"  lost    {flip}" for flip in self.flips.lost] + [f"  gained  {flip}" for flip in self.flips.gained]
        return "\n".join(lines)


def _needs(count: GraderCount) -> str:
    return {"hard": "all must pass", "none": "shown only"}.get(count.gate, f"at least {count.needs} must pass")


def needs_model(name: str, *, folder: Path | None = None) -> bool:
    """Whether a language model, and so the workspace, takes part in a suite. Raises ConfigError for a suite that cannot be used."""
    return load_suite(name, folder=folder or evals_folder()).target not in MODEL_FREE


async def run_suite(
    name: str, *, deps: Deps | None, home: Path, limit: int | None = None, resume: str | None = None, folder: Path | None = None
) -> Summary:
    """Run the suite `name` and store every result under `home`/evals/`name`/<run>.

    `limit` runs the first cases only (never more than inconclusive); `resume` names a run that was cut off, whose finished
    cases are not run again. A target that fails is a harness error, not a wrong answer. Raises ConfigError for a suite,
    dataset or run that cannot be used.
    """
    root = folder or evals_folder()
    suite = load_suite(name, folder=root)
    dataset = load_dataset(suite.dataset, folder=root)
    _check_reachable(suite, dataset)
    header = _header(suite, dataset, deps)
    wiring.make_home(home)
    store = RunFolder.resume(home, header, resume) if resume else RunFolder.create(home, header)
    finished = store.finished([grader.use for grader in suite.graders])
    wanted = dataset.cases if limit is None else dataset.cases[: max(limit, 0)]
    every = [(case, epoch) for case in wanted for epoch in range(1, suite.epochs + 1)]
    left = [(case, epoch) for case, epoch in every if (case.id, epoch) not in finished]
    errors, overhead = await _work(left, suite, deps, store)
    baseline = load_baseline(suite.baseline_name, folder=root)
    return _summary(suite, dataset, store, header, baseline, errors=errors, overhead=overhead / len(left) if left else 0.0)


def _header(suite: Suite, dataset: Dataset, deps: Deps | None) -> Header:
    return Header(
        suite=suite.suite,
        suite_sha256=suite.sha256,
        target=suite.target,
        model=deps.settings.model if deps is not None and suite.target not in MODEL_FREE else "none",
        dataset=dataset.name,
        dataset_sha256=dataset.sha256,
        version=__version__,
    )


def _summary(
    suite: Suite,
    dataset: Dataset,
    store: RunFolder,
    header: Header,
    baseline: Baseline | None,
    *,
    errors: Sequence[str],
    overhead: float,
) -> Summary:
    rows, of = store.rows(), len(dataset.cases)
    counts = tuple(count(use, rows, total=of, epochs=suite.epochs) for use in suite.graders)
    finished = Counter(case for case, _ in store.finished([grader.use for grader in suite.graders]))
    return Summary(
        suite=suite.suite,
        run=store.run,
        target=suite.target,
        model=header.model,
        dataset=dataset.name,
        dataset_sha256=dataset.sha256,
        cases=sum(epochs >= suite.epochs for epochs in finished.values()),
        of=of,
        graders=counts,
        errors=tuple(errors),
        fallbacks=store.fallbacks(),
        flips=flips(rows, baseline),
        verdict=verdict(counts, errors=len(errors), of=of),
        overhead_cpu_ms=round(1000 * overhead, 3),
    )


def _check_reachable(suite: Suite, dataset: Dataset) -> None:
    for grader in suite.graders:
        if grader.at_least is not None and grader.at_least > len(dataset.cases):
            says = f"The suite '{suite.suite}' asks {grader.use} for {grader.at_least} of {len(dataset.cases)} cases."
            raise ConfigError("EVAL-GATE", says, next_step="Lower 'at_least' in the suite file or add cases.")


async def _work(left: Sequence[tuple[Case, int]], suite: Suite, deps: Deps | None, store: RunFolder) -> tuple[list[str], float]:
    """Run and store the cases and epochs that are left; errors of the target by case, and CPU seconds spent beside it."""
    target, errors, overhead = TARGETS[suite.target], [], 0.0
    for case, epoch in left:
        began, cpu = time.perf_counter(), time.process_time()
        try:
            answer = await target(case, deps)
        except LiftwrightError as error:
            errors.append(f"{case.id}: {error}")
            continue
        except Exception as error:
            errors.append(f"{case.id}: {type(error).__name__}: {error}")
            continue
        done = time.process_time()
        took = {"epoch": epoch, "seconds": round(time.perf_counter() - began, 4), "cpu": round(done - cpu, 4)}
        store.add(case.id, answer.as_json() | took, list(_graded(suite, case, epoch, answer)))
        overhead += time.process_time() - done
    return errors, overhead


def _graded(suite: Suite, case: Case, epoch: int, answer: Answer) -> Iterator[Row]:
    for grader in suite.graders:
        score = GRADERS[grader.use](case, answer.brief)
        yield Row(case=case.id, epoch=epoch, grader=grader.use, value=score.value, reason=score.reason)


def count(use: GraderUse, rows: Sequence[Row], *, total: int, epochs: int) -> GraderCount:
    """How a grader judged the cases of these rows, `total` of them in the dataset. A case passes when it does in every epoch."""
    mine = [row for row in rows if row.grader == use.use]
    failed = {row.case: row.reason for row in reversed(mine) if row.value < 1}
    whole = {case for case, times in Counter(row.case for row in mine).items() if times >= epochs}
    return GraderCount(
        grader=use.use,
        gate=use.gate,
        needs={"hard": total, "none": 0}.get(use.gate, use.at_least or 0),
        passed=len(whole - failed.keys()),
        judged=len(whole | failed.keys()),
        failed=tuple(f"{case}: {failed[case]}" for case in dict.fromkeys(row.case for row in mine) if case in failed),
    )


def verdict(counts: Sequence[GraderCount], *, errors: int, of: int) -> Verdict:
    """The gate. What can no longer be reached is a regression even before the last case; what is open is inconclusive."""
    if any(count.passed + of - count.judged < count.needs for count in counts):
        return "regression"
    if errors:
        return "harness_error"
    return "pass" if all(count.passed >= count.needs and count.judged == of for count in counts) else "inconclusive"

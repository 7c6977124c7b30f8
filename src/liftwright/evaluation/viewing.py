"""Stored runs for people: every suite with its newest run, a run against the baseline or another run, and one case with both outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liftwright.domain.errors import ConfigError, DataError
from liftwright.evaluation.cases import Dataset, load_dataset
from liftwright.evaluation.comparing import Comparison, compare, reasons
from liftwright.evaluation.gating import clusters, decided, gate
from liftwright.evaluation.paired import Difference
from liftwright.evaluation.results import Header, RunFolder
from liftwright.evaluation.run import GraderCount, Verdict, count, verdict
from liftwright.evaluation.sides import BASELINE, Side, baseline_side, chosen, run_side
from liftwright.evaluation.suite import Suite, evals_folder, list_suites, load_suite
from liftwright.flow.differing import Piece, pieces

SHOWS = ("all", "regressed", "improved", "failed")


@dataclass(frozen=True)
class Metric:
    """One grader: its gate in words, its count in this run, and its difference from the other side."""

    count: GraderCount
    gate: str
    difference: Difference | None


@dataclass(frozen=True)
class Line:
    """One case of the table: `flip` is regressed, improved, same, or new where the other side does not have it."""

    case: str
    passed: bool
    before: bool | None
    flip: str
    reasons: tuple[str, ...]
    seconds: float | None
    tokens: int


@dataclass(frozen=True)
class View:
    """A run of a suite and what it is held against; `not_compared` says why nothing is. `verdict` is the gate's, as `liftwright eval gate`
    says it, where that is the baseline or where it cannot judge the run at all (`unjudged` says why); else that of the suite's own gate, `own`, which judges today's cases only."""

    suite: Suite
    header: Header
    run: str
    runs: tuple[str, ...]
    baseline: Side | None
    of: int
    verdict: Verdict
    own: Verdict
    unjudged: str
    metrics: tuple[Metric, ...]
    lines: tuple[Line, ...]
    other: Side | None
    comparison: Comparison | None
    usage: dict[str, float]
    before: dict[str, float] | None
    notes: tuple[str, ...]
    not_compared: str


@dataclass(frozen=True)
class CaseView:
    """One case: what it asked and expected, both outputs as lines of words, their difference, and what each grader said."""

    case: str
    input: str
    answers: tuple[str, ...]
    expected: str
    now: str
    before: str
    pieces: tuple[Piece, ...]
    graders: tuple[dict[str, Any], ...]
    usage: dict[str, Any]


def overview(home: Path, *, folder: Path | None = None) -> list[dict[str, Any]]:
    """`{"suite", "newest", "problem"}` for every suite: its file, a View of its newest run or None, and why that cannot be read or ""."""
    found = []
    for suite in list_suites(folder=folder):
        newest, problem = None, ""
        try:
            newest = view(suite.suite, home=home, folder=folder)
        except ConfigError as error:
            problem = f"{error.says} {error.next_step}"
        found.append({"suite": suite, "newest": newest, "problem": problem})
    return found


def view(name: str, *, home: Path, run: str = "", against: str = "", folder: Path | None = None) -> View | None:
    """A run (the newest) against the baseline, a run, or by default the baseline where there is one and else the run before.

    None where the suite was never run. Raises ConfigError EVAL-SUITE and EVAL-RUN-UNKNOWN for a suite or a run that does not exist.
    """
    root = folder or evals_folder()
    suite = load_suite(name, folder=root)
    runs = RunFolder.stored(home, name)
    if not runs:
        return None
    dataset = load_dataset(suite.dataset, folder=root)
    looked = chosen(run, runs) if run else runs[0]
    header, rows = looked.header(), looked.rows()
    counts = tuple(count(use, rows, total=len(dataset.cases), epochs=suite.epochs) for use in suite.graders)
    side = run_side(looked, header, rows)
    accepted = baseline_side(suite, folder=root)
    other, why_not = _other(looked, header, runs, against, accepted)
    found = _compared(suite, other, side, clusters(dataset, header.dataset_sha256)) if other else None
    is_todays, held = header.dataset_sha256 == dataset.sha256, found if other is accepted else None
    own = verdict(counts, errors=0, of=len(dataset.cases)) if is_todays else "harness_error"
    unjudged = "" if is_todays and held is not None else _unjudged(name, looked.run, home, root)
    return View(
        suite=suite,
        header=header,
        run=looked.run,
        runs=tuple(each.run for each in runs),
        baseline=accepted,
        of=len(dataset.cases),
        verdict="harness_error" if unjudged else decided(own, held),
        own=own,
        unjudged=unjudged,
        metrics=tuple(_metrics(counts, found)),
        lines=tuple(_lines(side, other, suite.deciding)),
        other=other,
        comparison=found,
        usage=side.usage(),
        before=other.usage() if other and other.outputs else None,
        notes=tuple(_notes(suite, header, dataset)),
        not_compared=why_not or ("" if found or not other else "Both sides have no case in common."),
    )


def filtered(lines: Sequence[Line], show: str) -> list[Line]:
    """Lines that `show` asks for, one of SHOWS; anything else is all. Regressed come first, then the other failures."""
    chosen = [line for line in lines if show not in SHOWS[1:] or show in _kinds(line)]
    return sorted(chosen, key=lambda line: (line.flip != "regressed", line.passed))


def _kinds(line: Line) -> set[str]:
    return {line.flip} if line.passed else {line.flip, "failed"}


def case_view(name: str, case_id: str, found: View, *, home: Path, folder: Path | None = None) -> CaseView:
    """One case of a run and of what it is held against. Raises DataError for a case the suite does not have."""
    dataset = load_dataset(found.suite.dataset, folder=folder or evals_folder())
    case = next((each for each in dataset.cases if each.id == case_id), None)
    if case is None:
        says = f"There is no case '{case_id[:60]}' in {name}."
        raise DataError("EVAL-CASE-UNKNOWN", says, next_step="Choose one from the table of the suite.")
    looked = chosen(found.run, RunFolder.stored(home, name))
    side = run_side(looked, found.header, looked.rows())
    now, before = _text(side, case_id), _text(found.other, case_id) if found.other else ""
    return CaseView(
        case=case_id,
        input=case.input,
        answers=case.answers,
        expected=in_lines(case.expected.model_dump(mode="json")),
        now=now,
        before=before,
        pieces=pieces(before, now) if now and before else (),
        graders=tuple(_judged(use.use, case_id, side, found.other) for use in found.suite.graders),
        usage=next(iter(side.outputs.get(case_id, ())), {}),
    )


def in_lines(given: Mapping[str, Any]) -> str:
    """A brief as `where: value` lines, without what is empty."""
    return "\n".join(f"{where}: {value}" for where, value in _leaves(given))


def _leaves(given: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(given, Mapping):
        for key, value in given.items():
            yield from _leaves(value, f"{where} {str(key).replace('_', ' ')}".strip())
    elif isinstance(given, list | tuple):
        for number, value in enumerate(given, start=1):
            yield from _leaves(value, f"{where} {number}")
    elif given not in (None, ""):
        yield where, given


def _other(
    looked: RunFolder, header: Header, runs: Sequence[RunFolder], against: str, baseline: Side | None
) -> tuple[Side | None, str]:
    """What a run is held against, or why nothing is: sides must have judged the same data."""
    if against in ("", BASELINE) and baseline is not None and baseline.dataset_sha256 == header.dataset_sha256:
        return baseline, ""
    if against == BASELINE:
        says = "The baseline was measured on other cases." if baseline is not None else "This suite has no baseline yet."
        return None, says
    earlier = [each for each in runs if int(each.run) < int(looked.run)]
    for each in [chosen(against, runs)] if against else earlier:
        theirs = each.header()
        if theirs.dataset_sha256 == header.dataset_sha256:
            return run_side(each, theirs, each.rows()), ""
    if against:
        return None, f"Run {against} was on other cases."
    return None, "There is no baseline and no earlier run on the same cases."


def _unjudged(name: str, run: str, home: Path, root: Path) -> str:
    """Why `liftwright eval gate` cannot judge a run, in its own words; "" where it can."""
    said = gate(name, home=home, run=run, folder=root)
    return said.rule if said.verdict == "harness_error" else ""


def _compared(suite: Suite, other: Side, side: Side, named: Mapping[str, str]) -> Comparison | None:
    """None where both judged no case in common."""
    try:
        return compare(suite, other, side, clusters=named)
    except ConfigError:
        return None


def _metrics(counts: Sequence[GraderCount], found: Comparison | None) -> Iterator[Metric]:
    differences = {each.grader: each.difference for each in found.graders} if found else {}
    for each in sorted(counts, key=lambda one: one.gate != "hard"):
        yield Metric(each, _gate(each), differences.get(each.grader))


def _gate(found: GraderCount) -> str:
    """The line of the gate for one grader, in words."""
    stands = f"{found.passed} of {found.judged} passed"
    if found.gate == "none":
        return f"shown only; {stands}"
    needs = f"all {found.needs} must pass" if found.gate == "hard" else f"at least {found.needs} must pass"
    return f"{needs}; {stands}"


def _lines(side: Side, other: Side | None, graders: Sequence[str]) -> Iterator[Line]:
    before = other.passed(graders) if other else {}
    for case, passed in side.passed(graders).items():
        was = before.get(case)
        flip = "new" if was is None else "same" if was == passed else "improved" if passed else "regressed"
        seconds = side.took(case, "seconds") if case in side.outputs else None
        yield Line(case, passed, was, flip, reasons(side, case, graders), seconds, round(side.took(case, "tokens")))


def _notes(suite: Suite, header: Header, dataset: Dataset) -> Iterator[str]:
    """What has changed since the run was made."""
    if header.suite_sha256 != suite.sha256:
        yield "The suite's file has changed since this run; it is judged by today's."
    if header.dataset_sha256 != dataset.sha256:
        yield "The cases have changed since this run."


def _text(side: Side, case: str) -> str:
    output = next(iter(side.outputs.get(case, ())), {})
    return in_lines(output["brief"]) if isinstance(output.get("brief"), Mapping) else ""


def _judged(grader: str, case: str, side: Side, other: Side | None) -> dict[str, Any]:
    return {
        "grader": grader,
        "now": side.scores.get(case, {}).get(grader),
        "before": other.scores.get(case, {}).get(grader) if other else None,
        "reason": side.reasons.get(case, {}).get(grader, ""),
        "reason_before": other.reasons.get(case, {}).get(grader, "") if other else "",
    }

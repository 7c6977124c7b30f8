"""Stored runs for people: every suite with its newest run, a run against the baseline or another run, and one case with both outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liftwright.domain.errors import ConfigError, DataError
from liftwright.evaluation.baseline import load_baseline
from liftwright.evaluation.cases import Dataset, load_dataset
from liftwright.evaluation.paired import Change, Pairs, change, pairs
from liftwright.evaluation.results import Header, Row, RunFolder
from liftwright.evaluation.run import GraderCount, Verdict, count, verdict
from liftwright.evaluation.suite import Suite, evals_folder, list_suites, load_suite
from liftwright.flow.differing import Piece, pieces

BASELINE = "baseline"
SHOWS = ("all", "regressed", "improved", "failed")


@dataclass(frozen=True)
class Side:
    """One side of a comparison: a stored run or the baseline. `scores` by case and grader; outputs and reasons only of a run."""

    name: str
    model: str
    scores: dict[str, dict[str, float]]
    reasons: dict[str, dict[str, str]]
    outputs: dict[str, dict[str, Any]]

    @property
    def words(self) -> str:
        """`run 0003`, or `the baseline`."""
        return "the baseline" if self.name == BASELINE else f"run {self.name}"

    def passed(self, graders: Sequence[str]) -> dict[str, bool]:
        """Whether a case passed all these graders, for the cases that all of them judged."""
        judged = {case: by for case, by in self.scores.items() if set(graders) <= set(by)}
        return {case: all(by[grader] >= 1 for grader in graders) for case, by in judged.items()}


@dataclass(frozen=True)
class Metric:
    """One grader: its gate in words, its count in this run, and its change against the other side."""

    count: GraderCount
    gate: str
    change: Change | None


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
    """A run of a suite and what it is held against; `not_compared` says why nothing is."""

    suite: Suite
    header: Header
    run: str
    runs: tuple[str, ...]
    has_baseline: bool
    of: int
    verdict: Verdict
    metrics: tuple[Metric, ...]
    lines: tuple[Line, ...]
    other: Side | None
    paired: Pairs | None
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
    chosen = _chosen(run, runs) if run else runs[0]
    header, rows = chosen.header(), chosen.rows()
    counts = tuple(count(use, rows, total=len(dataset.cases)) for use in suite.graders)
    side = _side(chosen, header, rows)
    other, why_not = _other(suite, chosen, header, runs, against, root)
    graders = [use.use for use in suite.graders]
    return View(
        suite=suite,
        header=header,
        run=chosen.run,
        runs=tuple(each.run for each in runs),
        has_baseline=load_baseline(suite.baseline, folder=root) is not None,
        of=len(dataset.cases),
        verdict=verdict(counts, errors=0, of=len(dataset.cases)),
        metrics=tuple(Metric(each, _gate(each), _change(each.grader, side, other)) for each in counts),
        lines=tuple(_lines(side, other, graders)),
        other=other,
        paired=pairs(other.passed(graders), side.passed(graders)) if other else None,
        usage=_usage(side),
        before=_usage(other) if other and other.outputs else None,
        notes=tuple(_notes(suite, header, dataset)),
        not_compared=why_not,
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
    chosen = _chosen(found.run, RunFolder.stored(home, name))
    side = _side(chosen, found.header, chosen.rows())
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
        usage=side.outputs.get(case_id, {}),
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


def _chosen(run: str, runs: Sequence[RunFolder]) -> RunFolder:
    found = next((each for each in runs if each.run == run), None)
    if found is None:
        known = ", ".join(each.run for each in runs)
        raise ConfigError("EVAL-RUN-UNKNOWN", f"There is no run '{run[:20]}'.", next_step=f"Use one of: {known}.")
    return found


def _side(folder: RunFolder, header: Header, rows: Sequence[Row]) -> Side:
    scores: dict[str, dict[str, float]] = {}
    reasons: dict[str, dict[str, str]] = {}
    for row in rows:
        scores.setdefault(row.case, {})[row.grader] = row.value
        reasons.setdefault(row.case, {})[row.grader] = row.reason
    return Side(folder.run, header.model, scores, reasons, folder.outputs())


def _other(
    suite: Suite, chosen: RunFolder, header: Header, runs: Sequence[RunFolder], against: str, root: Path
) -> tuple[Side | None, str]:
    """What a run is held against, or why nothing is: sides must have judged the same data."""
    baseline = load_baseline(suite.baseline, folder=root) if against in ("", BASELINE) else None
    if baseline is not None and baseline.dataset_sha256 == header.dataset_sha256:
        return Side(BASELINE, baseline.model, baseline.scores, {}, {}), ""
    if against == BASELINE:
        says = "The baseline was measured on other cases." if baseline is not None else "This suite has no baseline yet."
        return None, says
    earlier = [each for each in runs if int(each.run) < int(chosen.run)]
    candidates = [_chosen(against, runs)] if against else earlier
    for each in candidates:
        theirs = each.header()
        if theirs.dataset_sha256 == header.dataset_sha256:
            return _side(each, theirs, each.rows()), ""
    if against:
        return None, f"Run {against} was on other cases."
    return None, "There is no baseline and no earlier run on the same cases."


def _change(grader: str, side: Side, other: Side | None) -> Change | None:
    return change(other.passed([grader]), side.passed([grader])) if other else None


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
        said = side.reasons.get(case, {})
        reasons = tuple(f"{g.replace('_', ' ')}: {said.get(g, '')}" for g in graders if side.scores[case][g] < 1)
        output = side.outputs.get(case, {})
        yield Line(case, passed, was, flip, reasons, output.get("seconds"), int(output.get("tokens", 0)))


def _usage(side: Side) -> dict[str, float]:
    """Calls, tokens, seconds and answers of the rules instead of the model, of all cases together."""
    every = list(side.outputs.values())
    names = ("calls", "tokens", "seconds", "is_fallback")
    return {name: float(sum(each.get(name, 0) for each in every)) for name in names}


def _notes(suite: Suite, header: Header, dataset: Dataset) -> Iterator[str]:
    """What has changed since the run was made."""
    if header.suite_sha256 != suite.sha256:
        yield "The suite's file has changed since this run; it is judged by today's."
    if header.dataset_sha256 != dataset.sha256:
        yield "The cases have changed since this run."


def _text(side: Side, case: str) -> str:
    output = side.outputs.get(case)
    return in_lines(output["brief"]) if output and isinstance(output.get("brief"), Mapping) else ""


def _judged(grader: str, case: str, side: Side, other: Side | None) -> dict[str, Any]:
    return {
        "grader": grader,
        "now": side.scores.get(case, {}).get(grader),
        "before": other.scores.get(case, {}).get(grader) if other else None,
        "reason": side.reasons.get(case, {}).get(grader, ""),
        "reason_before": other.reasons.get(case, {}).get(grader, "") if other else "",
    }

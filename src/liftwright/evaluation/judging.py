"""Whether a grader may be trusted: its verdicts on the cases of a run against people's labels."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from liftwright.domain.base import Value
from liftwright.domain.errors import ConfigError, DataError
from liftwright.evaluation.paired import Floats
from liftwright.evaluation.sides import newest, run_side
from liftwright.evaluation.suite import Suite, load_suite, nearest
from liftwright.evaluation.told import printable

LEAST_KAPPA, LEAST_LABELS = 0.4, 50
"""What the lower end of kappa's interval must reach, and on how many labels, before a grader is fit to gate."""
DRAWS, SEED = 10_000, 7
Fitness = Literal["fit", "not fit", "too few labels"]
EXIT_CODES: dict[Fitness, int] = {"fit": 0, "not fit": 1, "too few labels": 2}
LARGEST = 5_000_000
"""Bytes of a file of labels."""
SAID = {"pass": True, "1": True, "true": True, "yes": True, "fail": False, "0": False, "false": False, "no": False}


class Disagreement(Value):
    """A case that people and the grader see differently."""

    case: str
    people: bool
    grader: bool
    reason: str = ""


class Judged(Value):
    """A grader against people. `both_pass`, `only_grader`, `only_people`, `both_fail` are the confusion matrix, by who lets a case pass.

    `kappa` is Cohen's (1960) with its 95 % bootstrap interval, None where both gave one and the same answer to all; `balanced_accuracy` is the mean of the
    shares of people's passes and of people's failures that the grader sees, None where people gave one label only.
    """

    suite: str
    run: str
    grader: str
    labels: int
    both_pass: int
    only_grader: int
    only_people: int
    both_fail: int
    kappa: float | None
    kappa_low: float
    kappa_high: float
    balanced_accuracy: float | None
    disagreements: tuple[Disagreement, ...]
    notes: tuple[str, ...]
    verdict: Fitness
    """Whether it may gate, or why that cannot be said."""
    exit_code: int
    """0 fit, 1 not fit, 2 too few labels."""

    @property
    def text(self) -> str:
        """For a terminal."""
        return "\n".join(_lines(self))


def judge(name: str, labels: Path, *, home: Path, grader: str = "", run: str = "", folder: Path | None = None) -> Judged:
    """Hold a grader of a suite (may be left out where there is one) against a file of labels: id, label, and annotator where several people did.

    Of several labels of a case the majority counts. Raises DataError naming the line of what is wrong in the file, and ConfigError for a suite,
    grader or run there is not.
    """
    suite = load_suite(name, folder=folder)
    which = _grader(suite, grader)
    taken = newest(suite, run, home=home)
    side = run_side(taken, taken.header(), taken.rows())
    passed = side.passed([which])
    given = read_labels(labels)
    decided = {case: _majority(by) for case, by in given.items()}
    both = {case: label for case, label in decided.items() if label is not None and case in passed}
    pairs = [(label, passed[case]) for case, label in both.items()]
    cells = [sum(pair == cell for pair in pairs) for cell in ((True, True), (False, True), (True, False), (False, False))]
    if not both:
        says = f"No label is of a case that {which} judged in run {taken.run}."
        raise DataError("EVAL-LABELS", says, next_step="Take the ids from `liftwright eval export`.")
    differ = (
        Disagreement(case=case, people=label, grader=passed[case], reason=side.reasons[case].get(which, ""))
        for case, label in both.items()
        if label != passed[case]
    )
    return _judged(cells, suite=name, run=taken.run, grader=which, differ=differ, notes=_notes(given, decided, passed))


def _judged(
    cells: Sequence[int], *, suite: str, run: str, grader: str, differ: Iterable[Disagreement], notes: Iterable[str]
) -> Judged:
    """What four counts come to: the figures, and the verdict and its exit code, which nobody else sets."""
    labels, found, (low, high) = sum(cells), kappa(cells), kappa_interval(cells)
    verdict = fitness(labels, found, low)
    return Judged(
        suite=suite,
        run=run,
        grader=grader,
        labels=labels,
        both_pass=cells[0],
        only_grader=cells[1],
        only_people=cells[2],
        both_fail=cells[3],
        kappa=found,
        kappa_low=low,
        kappa_high=high,
        balanced_accuracy=balanced_accuracy(cells),
        disagreements=tuple(differ),
        notes=tuple(notes),
        verdict=verdict,
        exit_code=EXIT_CODES[verdict],
    )


def fitness(labels: int, kappa: float | None, low: float) -> Fitness:
    """Whether a grader may gate on so many labels, with this kappa and the lower end of its interval."""
    if labels < LEAST_LABELS:
        return "too few labels"
    return "fit" if kappa is not None and low >= LEAST_KAPPA else "not fit"


def kappa(cells: Sequence[int]) -> float | None:
    """Cohen's kappa of both pass, only one, only the other, both fail; None where both gave one and the same answer to all."""
    found = float(_kappas(np.array([cells], dtype=np.float64))[0])
    return None if np.isnan(found) else found


def kappa_interval(cells: Sequence[int]) -> tuple[float, float]:
    """The 95 % percentile interval of kappa over cases drawn anew; a draw in which both gave one answer shows no agreement and counts 0."""
    count = sum(cells)
    drawn = np.random.default_rng(SEED).multinomial(count, [cell / count for cell in cells], size=DRAWS).astype(np.float64)
    low, high = np.quantile(np.nan_to_num(_kappas(drawn)), [0.025, 0.975])
    return float(low), float(high)


def balanced_accuracy(cells: Sequence[int]) -> float | None:
    """Mean share of people's passes and of people's failures that the grader sees; None where people gave one label only."""
    both_pass, only_grader, only_people, both_fail = cells
    passes, failures = both_pass + only_people, both_fail + only_grader
    return (both_pass / passes + both_fail / failures) / 2 if passes and failures else None


def read_labels(path: Path) -> dict[str, dict[str, bool]]:
    """Labels by case and annotator. Raises DataError naming the line of what is wrong, ConfigError for a file that cannot be read."""
    rows = csv.DictReader(io.StringIO(_text(path)))
    try:
        return _labels(rows)
    except csv.Error as error:
        raise _wrong(rows.line_num + 1, str(error)) from error


def _labels(rows: csv.DictReader[str]) -> dict[str, dict[str, bool]]:
    names = [name.strip().lower() for name in rows.fieldnames or ()]
    if not {"id", "label"} <= set(names) or "" in names:
        raise _wrong(1, "the first line must name the columns id, label and, where several people labelled, annotator")
    rows.fieldnames = names
    found: dict[str, dict[str, bool]] = {}
    for row in rows:
        case, label, who = ((row.get(name) or "").strip() for name in ("id", "label", "annotator"))
        said = SAID.get(label.lower())
        if not case or said is None:
            raise _wrong(rows.line_num, f"'{case[:40]}' has the label '{label[:20]}'; labels are {', '.join(SAID)}")
        if who in found.setdefault(case, {}):
            raise _wrong(rows.line_num, f"'{case[:40]}' is labelled twice{f' by {who[:40]}' if who else ''}")
        found[case][who] = said
    return found


def _kappas(cells: Floats) -> Floats:
    """A kappa for each row of four counts; not a number where chance alone explains all."""
    both_pass, only_one, only_other, both_fail = cells.T
    total = cells.sum(axis=1)
    agreed = (both_pass + both_fail) / total
    first, second = (both_pass + only_one) / total, (both_pass + only_other) / total
    by_chance = first * second + (1 - first) * (1 - second)
    room = np.where(1 - by_chance > 1e-12, 1 - by_chance, np.nan)
    return np.asarray((agreed - by_chance) / room)


def _grader(suite: Suite, grader: str) -> str:
    known = [use.use for use in suite.graders]
    if not grader and len(known) == 1:
        return known[0]
    if grader not in known:
        says = (
            f"{suite.suite} has no grader '{grader[:40]}'.{nearest(grader, known)}"
            if grader
            else f"{suite.suite} has several graders."
        )
        raise ConfigError("EVAL-GRADER", says, next_step=f"Name one with --grader: {', '.join(known)}.")
    return grader


def _text(path: Path) -> str:
    try:
        content = path.read_bytes() if path.stat().st_size <= LARGEST else b""
    except OSError as error:
        raise ConfigError("EVAL-LABELS", f"{path} cannot be read: {error.strerror}.", next_step="Name a CSV file.") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError("EVAL-LABELS", f"{path.name} is not text in UTF-8.", next_step="Save it as UTF-8 CSV.") from error
    if not text.strip() or "\0" in text:
        says = f"{path.name} is empty, or larger than {LARGEST // 1_000_000} MB, or no text."
        raise DataError("EVAL-LABELS", says, next_step="Give a CSV file of id and label.")
    return text


def _wrong(line: int, says: str) -> DataError:
    return DataError("EVAL-LABELS", f"Line {line}: {says}.", next_step="Mend the file of labels.")


def _majority(by: Mapping[str, bool]) -> bool | None:
    """What most said; None where as many said the one as the other."""
    passes = sum(by.values())
    return None if 2 * passes == len(by) else 2 * passes > len(by)


def _notes(
    given: Mapping[str, Mapping[str, bool]], decided: Mapping[str, bool | None], passed: Mapping[str, bool]
) -> Iterator[str]:
    torn = sum(label is None for label in decided.values())
    unknown = sum(case not in passed for case in decided)
    several = [by for by in given.values() if len(by) > 1]
    if several:
        agreed = sum(len(set(by.values())) == 1 for by in several)
        yield f"People agree among themselves in {agreed} of the {len(several)} cases that several labelled."
    if torn:
        yield f"{torn} cases are left out: as many said pass as fail."
    if unknown:
        yield f"{unknown} labels are left out: the run has no such case."


def _lines(found: Judged) -> Iterator[str]:
    fits = "fit to gate" if found.verdict == "fit" else "not fit to gate"
    why = f": too few labels ({LEAST_LABELS} needed)" if found.verdict == "too few labels" else ""
    yield f"{found.suite} run {found.run}, {found.grader}: {fits}{why}"
    said = "unknown: both gave one and the same answer to all" if found.kappa is None else f"{found.kappa:.2f}"
    yield f"  Cohen's kappa {said} ({found.kappa_low:.2f} to {found.kappa_high:.2f}; the lower end must reach {LEAST_KAPPA}), {found.labels} labels"
    yield f"  balanced accuracy {'unknown: people gave one label only' if found.balanced_accuracy is None else f'{found.balanced_accuracy:.1%}'}"
    yield f"  {'':<16} {'people: pass':>14} {'people: fail':>14}"
    yield f"  {'grader: pass':<16} {found.both_pass:>14} {found.only_grader:>14}"
    yield f"  {'grader: fail':<16} {found.only_people:>14} {found.both_fail:>14}"
    for each in found.disagreements:
        sides = ("pass" if each.people else "fail", "pass" if each.grader else "fail")
        yield f"  differs  {each.case:<16} people {sides[0]}, grader {sides[1]}  {printable(each.reason)}".rstrip()
    yield from (f"  {note}" for note in found.notes)

"""The gate between two versions: a run against the accepted baseline; and how a run becomes the baseline."""

from __future__ import annotations

from pathlib import Path

from pydantic import computed_field

from liftwright.domain.base import Value
from liftwright.domain.errors import ApprovalError, ConfigError, LiftwrightError
from liftwright.evaluation import told
from liftwright.evaluation.baseline import Accepted, Baseline, saving
from liftwright.evaluation.cases import Dataset, load_dataset
from liftwright.evaluation.comparing import Comparison, compare, listed
from liftwright.evaluation.results import RunFolder, mean_scores
from liftwright.evaluation.run import EXIT_CODES, GraderCount, Verdict, count, verdict
from liftwright.evaluation.sides import BASELINE, newest, run_side, side
from liftwright.evaluation.suite import Suite, evals_folder, load_suite
from liftwright.flow import signing
from liftwright.ports import Deps

LONGEST = 300
"""Characters of a reason."""


class Gated(Value):
    """What the gate says of a run, the one rule that decided, and the comparison where it came to one."""

    suite: str
    run: str
    verdict: Verdict
    rule: str
    comparison: Comparison | None = None

    @computed_field
    def exit_code(self) -> int:
        """0 pass, 1 regression, 2 inconclusive, 3 harness error."""
        return EXIT_CODES[self.verdict]

    @property
    def text(self) -> str:
        """For a terminal: the verdict and its rule in the first line."""
        which = f" run {self.run}" if self.run else ""
        head = f"{self.suite}{which}: {self.verdict.replace('_', ' ')}, because {self.rule}"
        return "\n".join([head, *(list(told.lines(self.comparison))[2:] if self.comparison else ())])


def compared(name: str, before: str, now: str, *, home: Path, folder: Path | None = None) -> Comparison:
    """Two sides of a suite, each a run or `baseline`. Raises ConfigError for what there is not and for sides that judged other cases."""
    root = folder or evals_folder()
    suite = load_suite(name, folder=root)
    was, stands = (side(each, suite, home=home, folder=root) for each in (before, now))
    return compare(suite, was, stands, clusters=clusters(load_dataset(suite.dataset, folder=root), stands.dataset_sha256))


def clusters(dataset: Dataset, sha256: str) -> dict[str, str]:
    """The cluster of each case; nothing where a run was on other data than there is now."""
    return {case.id: case.cluster for case in dataset.cases} if dataset.sha256 == sha256 else {}


def gate(name: str, *, home: Path, run: str = "", folder: Path | None = None) -> Gated:
    """A run (the newest) by the suite's own gate, then against the accepted baseline. What keeps it from being judged is a harness error."""
    try:
        return _gate(name, home, run, folder or evals_folder())
    except LiftwrightError as error:
        return Gated(suite=name, run=run, verdict="harness_error", rule=f"{error.code}: {error.says} {error.next_step}")


def _gate(name: str, home: Path, run: str, root: Path) -> Gated:
    suite = load_suite(name, folder=root)
    dataset = load_dataset(suite.dataset, folder=root)
    judged = newest(suite, run, home=home)
    header, rows = judged.header(), judged.rows()
    if header.dataset_sha256 != dataset.sha256:
        says = f"Run {judged.run} was on other cases than the suite has today."
        raise ConfigError("EVAL-OTHER-CASES", says, next_step="Run the suite again.")
    counts = [count(use, rows, total=len(dataset.cases), epochs=suite.epochs) for use in suite.graders]
    own = verdict(counts, errors=0, of=len(dataset.cases))
    if own != "pass":
        rule = _own_rule(counts, own, len(dataset.cases))
        if own == "inconclusive":
            changed = header.suite_sha256 != suite.sha256
            rule += "; the suite has changed since, run it again" if changed else f"; go on with --resume {judged.run}"
        return Gated(suite=name, run=judged.run, verdict=own, rule=rule)
    was, stands = side(BASELINE, suite, home=home, folder=root), run_side(judged, header, rows)
    found = compare(suite, was, stands, clusters=clusters(dataset, header.dataset_sha256))
    return Gated(suite=name, run=judged.run, verdict=decided(own, found), rule=found.rule, comparison=found)


def decided(own: Verdict, found: Comparison | None) -> Verdict:
    """The suite's own gate first; then, where it is passed, the comparison with the baseline."""
    if own != "pass" or found is None or found.verdict in ("better", "non_inferior"):
        return own
    return "regression" if found.verdict == "worse" else "inconclusive"


def accept(name: str, run: str, *, by: str, reason: str, deps: Deps, folder: Path | None = None) -> Baseline:
    """Make a run the baseline of its suite; the journal keeps who and why.

    Raises ApprovalError for a name that may not, and ConfigError without a name or a reason, for a run that is not whole, has a hard failure or was on
    other cases than the suite has today, for a suite held against another's baseline, and where the file cannot be written.
    """
    who = acceptor(by, deps=deps)
    why = " ".join(reason.split())
    if not why or len(why) > LONGEST or not why.isprintable():
        raise ConfigError(
            "EVAL-BASELINE-WHY", f"A baseline needs a reason of at most {LONGEST} characters.", next_step="Say why."
        )
    root = folder or evals_folder()
    suite = load_suite(name, folder=root)
    if suite.baseline_name != suite.suite:
        says = f"{name} is held against the baseline of {suite.baseline_name}."
        raise ConfigError("EVAL-BASELINE-OTHERS", says, next_step=f"Accept a run of {suite.baseline_name}.")
    taken = newest(suite, run, home=deps.settings.home)
    _must_be_whole(suite, taken, load_dataset(suite.dataset, folder=root))
    header = taken.header()
    made = Baseline(
        suite=name,
        target=header.target,
        model=header.model,
        dataset_sha256=header.dataset_sha256,
        accepted=Accepted(run=taken.run, by=who, at=deps.now(), reason=why),
        scores=mean_scores(taken.rows()),
    )
    detail = {"run": taken.run, "reason": why, "dataset": header.dataset_sha256, "model": header.model}
    with saving(name, made, folder=root):
        deps.journal.append(at=deps.now(), actor=who, action="eval.baseline_accepted", subject=name, detail=detail)
    return made


def acceptor(by: str, *, deps: Deps) -> str:
    """The name under which somebody sets a baseline. Raises ApprovalError for who may not (no user, or a role that only looks), ConfigError for no name."""
    user = signing.known(by, deps=deps)
    if user is not None and set(user.roles) <= signing.LOOKS_ONLY:
        says = f"{user.name} may look, and set no baseline."
        raise ApprovalError("EVAL-BASELINE-ROLE", says, next_step="Ask somebody who decides: any role but analyst.")
    name = user.name if user is not None else " ".join(by.split())[:100]
    if not name or not name.isprintable():
        raise ConfigError("EVAL-BASELINE-WHO", "A baseline needs a name.", next_step="Say who accepts it.")
    return name


def _own_rule(counts: list[GraderCount], own: Verdict, of: int) -> str:
    """Which line of the suite's own gate decided; hard graders first."""
    if own == "inconclusive":
        return f"{min(each.judged for each in counts)} of {of} cases were judged by every grader"
    short = [each for each in counts if each.passed + of - each.judged < each.needs]
    broken = next((each for each in short if each.gate == "hard"), short[0])
    if broken.gate == "hard":
        cases = listed([failure.partition(": ")[0] for failure in broken.failed])
        return f"{broken.grader} must hold in every case and failed in {len(broken.failed)}: {cases}"
    return f"{broken.grader} passed {broken.passed} of {broken.judged} cases and must pass {broken.needs}"


def _must_be_whole(suite: Suite, taken: RunFolder, dataset: Dataset) -> None:
    """Raises ConfigError for a run that cannot stand for what is accepted."""
    if taken.header().dataset_sha256 != dataset.sha256:
        says = f"Run {taken.run} was on other cases than the suite has today."
        raise ConfigError("EVAL-OTHER-CASES", says, next_step="Run the suite again and accept that run.")
    counts = [count(use, taken.rows(), total=len(dataset.cases), epochs=suite.epochs) for use in suite.graders]
    failed = [each for each in counts if each.gate == "hard" and each.failed]
    if failed:
        says = f"Run {taken.run} fails what must always hold: {_own_rule(failed, 'regression', len(dataset.cases))}."
        raise ConfigError("EVAL-BASELINE-HARD", says, next_step="Mend it and accept a run without hard failures.")
    left = len(dataset.cases) - min(each.judged for each in counts)
    if left:
        says = f"Run {taken.run} lacks {left} of {len(dataset.cases)} cases."
        raise ConfigError(
            "EVAL-BASELINE-PART", says, next_step=f"Go on with it: liftwright eval run {suite.suite} --resume {taken.run}."
        )

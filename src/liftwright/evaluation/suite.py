"""Suite files: `evals/suites/<name>.yaml` as typed values. Says what is run on which data, how it is graded and what passes."""

from __future__ import annotations

import difflib
import hashlib
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from liftwright import wiring
from liftwright.domain.base import Value
from liftwright.domain.errors import ConfigError

Gate = Literal["hard", "at_least", "none"]


class GraderUse(Value):
    """One grader of a suite. `hard`: every case must pass; `at_least`: that many must; `none`: shown only."""

    use: str
    gate: Gate = "hard"
    at_least: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _number_fits_gate(self) -> GraderUse:
        if (self.gate == "at_least") != (self.at_least is not None):
            raise ValueError(f"grader '{self.use}': 'at_least: N' goes with 'gate: at_least' and only with it")
        return self


class Compare(Value):
    """How two runs are held against each other: the share of cases that may be lost (`margin`), and the draws of the bootstrap."""

    margin: float = Field(default=0.02, gt=0, lt=1)
    draws: int = Field(default=10_000, ge=1_000, le=100_000)
    seed: int = Field(default=7, ge=0)


class Suite(Value):
    """One suite. `target` and the graders are names of code; `dataset` and `baseline` are names of files. Every case is run `epochs` times."""

    suite: str
    says: str
    target: str
    dataset: str
    graders: tuple[GraderUse, ...] = Field(min_length=1)
    baseline: str | None = None
    epochs: int = Field(default=1, ge=1, le=100)
    compare: Compare = Compare()

    @property
    def sha256(self) -> str:
        """The digest of everything it says about running and grading; how runs are compared may change, and one epoch goes without saying."""
        unsaid = {"compare", "epochs"} if self.epochs == 1 else {"compare"}
        return hashlib.sha256(self.model_dump_json(exclude=unsaid).encode()).hexdigest()

    @property
    def baseline_name(self) -> str:
        """The file under baselines/ it is held against."""
        return self.baseline or self.suite

    @property
    def deciding(self) -> tuple[str, ...]:
        """Graders that make a case right: those with a gate, or all where none has one. Hard ones first."""
        ordered = sorted(self.graders, key=lambda use: use.gate != "hard")
        return tuple(use.use for use in ordered if use.gate != "none") or tuple(use.use for use in ordered)

    @model_validator(mode="after")
    def _graders_differ(self) -> Suite:
        names = [grader.use for grader in self.graders]
        if len(set(names)) != len(names):
            raise ValueError("a grader is named twice")
        return self


def evals_folder() -> Path:
    """The folder of suites, datasets and baselines that ships with Liftwright."""
    return wiring.shipped("evals")


def list_suites(*, folder: Path | None = None) -> list[Suite]:
    """Every suite, by name. Raises ConfigError naming the file and key of what is wrong."""
    root = folder or evals_folder()
    return [load_suite(path.stem, folder=root) for path in sorted((root / "suites").glob("*.yaml"))]


def load_suite(name: str, *, folder: Path | None = None) -> Suite:
    """The suite `suites/<name>.yaml`. Raises ConfigError when it does not exist or has a key, grader or target that does not."""
    root = folder or evals_folder()
    path = root / "suites" / f"{name}.yaml"
    known = sorted(p.stem for p in (root / "suites").glob("*.yaml"))
    if name not in known:
        raise _bad(
            "EVAL-SUITE", f"There is no suite '{name}'.{nearest(name, known)}", f"Use one of: {', '.join(known) or 'none'}."
        )
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _bad("EVAL-SUITE-FORM", f"suites/{name}.yaml cannot be read: {error}.") from error
    found = _parsed(data, where=f"suites/{name}.yaml")
    if found.suite != name:
        raise _bad("EVAL-SUITE-FORM", f"suites/{name}.yaml calls itself '{found.suite}'.")
    _check_names(found, where=f"suites/{name}.yaml")
    return found


def _parsed(data: Any, *, where: str) -> Suite:
    if not isinstance(data, dict):
        raise _bad("EVAL-SUITE-FORM", f"{where} is not a list of 'key: value' lines.")
    try:
        return Suite.model_validate(data)
    except ValidationError as error:
        first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        place = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            within: dict[str, type[Value]] = {"graders": GraderUse, "compare": Compare} if len(first["loc"]) > 1 else {}
            fields = within.get(str(first["loc"][0]), Suite).model_fields
            says = f"{where} has an unknown key '{place}'.{nearest(str(first['loc'][-1]), list(fields))}"
            raise _bad("EVAL-SUITE-KEY", says) from error
        raise _bad("EVAL-SUITE-FORM", f"{where}: '{place}': {first['msg']}.") from error


def _check_names(found: Suite, *, where: str) -> None:
    from liftwright.evaluation.graders import GRADERS
    from liftwright.evaluation.targets import TARGETS

    for grader in found.graders:
        if grader.use not in GRADERS:
            raise _bad(
                "EVAL-GRADER",
                f"{where} uses the grader '{grader.use}', which does not exist.{nearest(grader.use, list(GRADERS))}",
            )
    if found.target not in TARGETS:
        raise _bad(
            "EVAL-TARGET", f"{where} has the target '{found.target}', which does not exist.{nearest(found.target, list(TARGETS))}"
        )


def nearest(word: str, known: list[str]) -> str:
    """A hint with the known word closest to a misspelt one, or nothing."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f" Did you mean '{close[0]}'?" if close else ""


def _bad(code: str, says: str, next_step: str = "Mend the suite file.") -> ConfigError:
    return ConfigError(code, says, next_step=next_step)

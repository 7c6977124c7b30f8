"""Datasets: `evals/datasets/<name>/data.jsonl` as typed cases, and the digest that names exactly this data."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import Field, ValidationError

from liftwright.domain.base import Value
from liftwright.domain.errors import ConfigError
from liftwright.domain.goal import Constraint, Direction, Metric, Target


class ExpectedMoney(Value):
    """Money as the JSON contract writes it."""

    amount: str
    currency: str


class ExpectedContradiction(Value):
    """Words that the report of one contradiction must all contain."""

    names: tuple[str, ...] = Field(min_length=1)


class Expected(Value):
    """What a brief must say. Where something is missing or contradictory there is no objective, and every field is None."""

    metric: Metric | None
    direction: Direction | None
    target: Target | None
    product: str | None
    starts_on: date | None
    ends_on: date | None
    budget: ExpectedMoney | None
    constraints: tuple[Constraint, ...]
    missing: tuple[str, ...]
    contradictions: tuple[ExpectedContradiction, ...]
    not_understood: tuple[str, ...] = ()
    """Words that the reader cannot act on and must therefore report as not understood."""

    @property
    def is_complete(self) -> bool:
        """Whether the goal can be planned without a question."""
        return not self.missing and not self.contradictions


class Case(Value):
    """One goal, the answers given since, and the brief it must lead to. `cluster` is the family for statistics."""

    id: str
    input: str
    answers: tuple[str, ...] = ()
    today: date
    currency: str = "USD"
    expected: Expected
    cluster: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """Cases in file order; `sha256` is over the bytes of the file."""

    name: str
    cases: tuple[Case, ...]
    sha256: str


def load_dataset(name: str, *, folder: Path) -> Dataset:
    """The dataset of a name under `folder`/datasets. Raises ConfigError naming the line of what is wrong."""
    path = folder / "datasets" / name / "data.jsonl"
    if not path.is_file():
        raise _bad(f"datasets/{name}/data.jsonl does not exist.")
    raw = path.read_bytes()
    cases: dict[str, Case] = {}
    for number, line in enumerate(raw.decode("utf-8", errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        case = _case(line, where=f"datasets/{name}/data.jsonl:{number}")
        if case.id in cases:
            raise _bad(f"datasets/{name}/data.jsonl:{number}: the id '{case.id}' is used twice.")
        cases[case.id] = case
    if not cases:
        raise _bad(f"datasets/{name}/data.jsonl has no cases.")
    return Dataset(name, tuple(cases.values()), hashlib.sha256(raw).hexdigest())


def _case(line: str, *, where: str) -> Case:
    try:
        return Case.model_validate(json.loads(line))
    except json.JSONDecodeError as error:
        raise _bad(f"{where}: not JSON: {error.msg}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise _bad(f"{where}: '{'.'.join(str(part) for part in first['loc'])}': {first['msg']}.") from error


def _bad(says: str) -> ConfigError:
    return ConfigError("EVAL-DATASET", says, next_step="Mend the dataset.")

"""True and false texts: every falsehood is blocked, the truth passes, and the benchmark's peer shows that this is not easy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from liftwright.evaluation import claims
from liftwright.evaluation.suite import evals_folder
from liftwright.library import DiskLibrary

BUNDLE = DiskLibrary().policies()
FOLDER = evals_folder() / "datasets"
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "claims.py"


def _counted(name: str) -> claims.Counted:
    return claims.counted(FOLDER / name, lambda text, record: claims.is_blocked(text, record, bundle=BUNDLE))


def test_every_falsehood_is_blocked_and_the_truth_passes() -> None:
    found = _counted("claims")
    assert found.false >= 300
    assert found.blocked == found.false, found.wrong
    assert found.passed >= 0.95 * found.true, found.wrong


def test_so_it_is_for_texts_the_rules_were_not_written_with() -> None:
    found = _counted("claims_holdback")
    assert found.blocked == found.false, found.wrong
    assert found.passed >= 0.95 * found.true, found.wrong


@pytest.mark.parametrize("name", ["claims", "claims_holdback"])
def test_the_sets_are_sound(name: str) -> None:
    _, texts = claims.load(FOLDER / name)
    assert len({text.id for text in texts}) == len(texts)
    assert len({(text.text, text.channel) for text in texts}) == len(texts)
    assert {text.truth for text in texts} == {True, False}


def test_a_judge_that_knows_nothing_is_found_out() -> None:
    assert claims.counted(FOLDER / "claims", lambda text, record: True).passed == 0
    assert claims.counted(FOLDER / "claims", lambda text, record: False).blocked == 0


def test_the_line_of_the_benchmark() -> None:
    (only,) = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, check=True).stdout.splitlines()
    line = json.loads(only)
    assert (line["name"], line["ours"]["blocked"]) == ("claims", 1.0)
    assert line["peers"]["numbers_on_record"]["blocked"] < 0.9
    assert line["ratio"]["falsehoods_let_through"] > 10

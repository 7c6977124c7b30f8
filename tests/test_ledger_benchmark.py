"""The ledger benchmark runs small, its workers killed half-way: nothing twice, nothing lost; and what it counts by is right."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "ledger.py"


@pytest.mark.slow
def test_the_line_of_the_benchmark() -> None:
    command = [sys.executable, str(SCRIPT), "--people", "200", "--no-peer"]
    (only,) = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    line = json.loads(only)
    ours = line["ours"]
    assert (line["name"], ours["workers"], ours["kills"]) == ("ledger", 2, 3)
    assert ours["held_at_kill"] > 0
    assert (ours["duplicates"], ours["lost"], ours["kept_back"]) == (0, 0, 0)
    assert line["n"] > 400
    assert 0 < ours["rows_per_cpu_second"] < ours["ledger_rows_per_cpu_second"]
    assert ours["rows_per_cpu_second"] == pytest.approx(
        line["n"] / (ours["launch_cpu_seconds"] + ours["deliver_cpu_seconds"]), rel=0.1
    )
    assert (line["peers"]["dbos"], line["ratio"]) == ({"note": "left out"}, {})


@pytest.fixture(scope="module")
def ledger() -> Iterator[ModuleType]:
    """The benchmark as a module."""
    sys.path.insert(0, str(SCRIPT.parent))
    import ledger

    yield ledger
    sys.path.remove(str(SCRIPT.parent))


@pytest.mark.parametrize(
    ("written", "duplicates", "lost"),
    [
        (["a", "b"], 0, 0),
        (["a"], 0, 1),
        (["a", "b", "b"], 1, 0),
        (["a", "b", "not-approved"], 1, 0),
        (["a", "b", "kept"], 1, 0),
        ([], 0, 2),
    ],
)
def test_what_is_doubled_or_lost_is_counted(ledger: ModuleType, written: list[str], duplicates: int, lost: int) -> None:
    states = {"a": "sent", "b": "leased", "kept": "suppressed"}
    found = ledger.compared(states, written)
    assert (found["duplicates"], found["lost"]) == (duplicates, lost)

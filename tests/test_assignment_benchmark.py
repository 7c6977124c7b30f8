"""The assignment benchmark runs small: a checked plan, an agreeing relaxation, and the fields of the contract."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "assignment.py"


@pytest.mark.slow
def test_the_line_of_the_benchmark() -> None:
    command = [sys.executable, str(SCRIPT), "--n", "1000", "--peer-cpu", "3", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (only,) = done.stdout.splitlines()
    line = json.loads(only)
    ours, peers = line["ours"], line["peers"]
    assert (line["name"], line["n"], ours["violations"], ours["warm_violations"]) == ("assignment", 1000, 0, 0)
    assert 0 <= ours["gap"] < 1e-3
    assert ours["peak_gb"] < 1.0
    assert ours["objective"] <= peers["highs_lp"]["upper_bound"] <= ours["upper_bound"] * (1 + 1e-6)
    assert peers["greedy"]["objective"] < ours["objective"]
    assert {"warm_share", "cpu_seconds", "warm_cpu_seconds", "at_2000"} <= set(ours)
    assert {"highs_lp_cpu", "highs_mip_2000_cpu", "greedy_objective"} <= set(line["ratio"])

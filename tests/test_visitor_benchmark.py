"""The visitor benchmark runs small over a real server: rules, holdout and session hold, and its line has its fields."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "visitor.py"


@pytest.mark.slow
@pytest.mark.loopback
def test_the_line_of_the_benchmark() -> None:
    command = [sys.executable, str(SCRIPT), "--n", "4000", "--visitors", "5", "--decisions", "120"]
    (only,) = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    line = json.loads(only)
    assert (line["name"], line["n"], line["ours"]["decisions"]) == ("visitor", 4000, 120)
    wrong = ("violations", "rule_differences", "holdout_touched", "stale_reads")
    assert {name: line["ours"][name] for name in wrong} == dict.fromkeys(wrong, 0)
    assert line["ours"]["held"] > 0
    assert line["ours"]["acted"] > 0
    assert line["ours"]["cpu_ms"] > 0
    assert line["ratio"]["table_of_one"] > 1

"""The feature benchmark runs small: both sides agree, the oracle finds no difference, and the line has the fields of the contract."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "features.py"


@pytest.mark.slow
def test_the_line_of_the_benchmark() -> None:
    command = [sys.executable, str(SCRIPT), "--events", "60000", "--people", "900", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    line = json.loads(done.stdout)
    assert (line["name"], line["n"], line["ours"]["features"]) == ("features", 60_000, 30)
    assert line["ours"]["point_in_time_differences"] == 0
    assert line["ours"]["cpu_seconds"] > 0
    assert line["ours"]["peak_gb"] < 1.0
    assert set(line["ratio"]) == {"naive_sql_cpu"}

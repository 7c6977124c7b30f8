"""The benchmark of the prompt-evaluation suites runs small: the fields of the contract, every sample stored and judged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "evals.py"


@pytest.mark.slow
def test_the_line_of_the_benchmark() -> None:
    command = [sys.executable, str(SCRIPT), "--n", "400", "--starts", "1", "--no-peer"]
    (only,) = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    line = json.loads(only)
    ours = line["ours"]
    assert (line["name"], line["n"]) == ("evals", 400)
    assert (ours["stored"], ours["passed"], ours["verdict"]) == (400, 400, "pass")
    assert 0 < ours["start_cpu_seconds"] < 10
    assert ours["cpu_ms_per_sample"] < ours["reading_cpu_ms_per_sample"] < 20
    assert (line["peers"]["inspect_ai"], line["ratio"]) == ({"note": "left out"}, {})

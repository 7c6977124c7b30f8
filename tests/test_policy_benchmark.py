"""The policy benchmark runs small: the fields of the contract, and nothing differs between a table and a row."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "policy.py"


def test_the_line_of_the_benchmark() -> None:
    command = [sys.executable, str(SCRIPT), "--pairs", "2000", "--peer-rows", "200"]
    (only,) = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    line = json.loads(only)
    assert (line["name"], line["n"]) == ("policy", 2000)
    assert line["ours"]["set_single_differences"] == 0
    assert line["ours"]["cpu_seconds"] > 0
    assert line["ours"]["one_person_ms"] > 0
    assert 0.2 < line["ours"]["violated_share"] < 1.0
    assert line["peers"]["cel"].get("differences", 0) == 0

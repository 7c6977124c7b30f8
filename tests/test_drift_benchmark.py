"""The drift benchmark runs small: what is planted is found, what is not is not, and the fields are those of the contract."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "drift.py"


def test_the_line_of_the_benchmark() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "--runs", "4", "--json"], capture_output=True, text=True, check=True)
    (only,) = done.stdout.splitlines()
    line = json.loads(only)
    ours, peers = line["ours"], line["peers"]
    assert (line["name"], line["n"], ours["input_shift_found"]) == ("drift", 2_000, 1.0)
    assert ours["false_alarms_per_60_days"] <= 1
    assert ours["calibration_days"] <= 30
    assert peers["psi_above_0.1"]["input_shift_found"] == 0
    assert peers["ks_below_0.05"]["false_alarms_per_60_days"] > 10
    assert {"ks_false_alarms", "psi_input_shift_found", "daily_z_found_in_14_days"} <= set(line["ratio"])

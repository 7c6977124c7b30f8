"""The benchmark of looks runs small: the line has the fields of the contract, and what was planted is found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "sequential.py"


def test_the_line_of_the_benchmark() -> None:
    command = [sys.executable, str(SCRIPT), "--runs", "12", "--people", "20000", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    line = json.loads(done.stdout)
    ours = line["ours"]
    assert (line["name"], line["n"]) == ("sequential", 12)
    assert 0.0 <= max(ours["aa_rate_90_10"], ours["aa_rate_95_5"]) <= 0.5
    assert ours["coverage_at_stop"] >= 0.8
    assert 0.3 <= ours["null_sample_share"] <= ours["null_sample_share_without_futility"] <= 1.0
    assert ours["power_points_lost"] >= 0.0
    assert ours["metrics_1m"] == 6
    assert ours["cpu_seconds_1m"] > 0
    assert ours["healthy_report_passes"]
    assert ours["planted_srm_found"]
    assert ours["planted_contamination_found"]
    assert set(line["ratio"]) == {"naive_aa_rate"}

"""The graph benchmark runs small: the fields of the contract, and every node of a straight walk is in its steps."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "graph.py"
WALK = [
    *("strategist", "audience_analyst", "content_writer", "experiment_design"),
    *("channel_planner", "compliance_reviewer", "submit", "approval"),
]


@pytest.mark.slow
def test_the_line_of_the_benchmark() -> None:
    command = [sys.executable, str(SCRIPT), "--people", "200", "--goals", "1", "--replays", "2"]
    (only,) = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    line = json.loads(only)
    ours, peer = line["ours"], line["peers"]["bare_langgraph"]
    assert (line["name"], line["n"]) == ("graph", 1)
    assert sorted(ours["nodes_cpu_ms"]) == sorted(WALK)
    assert ours["steps_per_goal"] == peer["steps"] == len(WALK)
    assert ours["goal_to_approval_cpu_seconds"] * 1e3 == pytest.approx(ours["cpu_ms_per_step"] * len(WALK), rel=0.05)
    assert 0 < ours["graph_cpu_ms_per_step"] < ours["cpu_ms_per_step"]
    assert ours["checkpoint_bytes"] > 1_000
    assert line["ratio"]["bare_langgraph"] == pytest.approx(peer["cpu_ms_per_step"] / ours["cpu_ms_per_step"], rel=0.05)
    assert 0 < line["ratio"]["bare_langgraph"] < 1

"""The benchmarks of adaptation run small, and their lines have the fields of the contract."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def line(name: str, *options: str) -> dict[str, Any]:
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), *options, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (only,) = done.stdout.splitlines()
    found: dict[str, Any] = json.loads(only)
    assert set(found) >= {"name", "n", "ours", "peers", "ratio"}
    assert found["name"] == name
    return found


@pytest.mark.slow
def test_bandit_learns_margin_and_opens_do_not() -> None:
    found = line("bandit", "--runs", "20", "--worlds", "2")
    ours = found["ours"]
    assert {"margin_regret", "opens_regret", "linear_regret"} <= set(ours)
    assert ours["margin_regret"] < 0.75 < ours["opens_regret"]
    assert ours["linear_regret"] < found["peers"]["context_free"]["linear_regret"]
    assert "mabwiser" in found["ratio"]


@pytest.mark.slow
def test_budget_beats_an_equal_split() -> None:
    found = line("budget", "--worlds", "6")
    assert found["ours"]["mean_share_days_8_14"] > found["peers"]["equal_split"]["mean_share_days_8_14"]
    assert found["ours"]["p10_share_days_8_14"] <= found["ours"]["mean_share_days_8_14"] <= 1.0
    assert found["ratio"]["equal_split"] > 1.0


@pytest.mark.slow
def test_off_policy_is_less_biased_than_what_needs_no_chances_and_refuses_without() -> None:
    found = line("off_policy", "--runs", "5")
    ours = found["ours"]
    assert ours["without_propensities"] == "refused"
    assert abs(ours["bias"]) < 0.05 < abs(found["peers"]["matched_mean"]["bias"])
    assert 0.0 <= ours["coverage"] <= 1.0

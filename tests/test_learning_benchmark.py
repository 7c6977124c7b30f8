"""The learning benchmark runs small: the fields of the contract, and what was planted in the cells is found; the twin knows less."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "learning.py"


@pytest.fixture(scope="module")
def script() -> Any:
    """The script as a module."""
    sys.path.insert(0, str(SCRIPT.parent))
    import learning

    yield learning
    sys.path.remove(str(SCRIPT.parent))


@pytest.mark.slow
def test_the_line_of_the_benchmark() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--seeds", "0", "--worlds", "1"], capture_output=True, text=True, check=True
    )
    (only,) = done.stdout.splitlines()
    line = json.loads(only)
    assert line["name"] == "learning"
    assert line["ratio"]["rmse_ratio_after_3"] == line["ours"]["rmse_ratio_after_3"] < 0.6
    assert line["ours"]["poison_set_aside_after_1"] == 1.0
    assert line["ours"]["turned_ratio_after_2"] < line["ours"]["turned_ratio_without_settling"]


def test_the_twin_knows_orders_and_opt_outs_but_no_answer_to_own_sends(script: Any) -> None:
    kinds = ["purchase", "click", "click", "delivered", "opt_out"]
    events = pa.table({"type": kinds, "send_id": [None, "s1", None, "s1", "s1"]})
    lake = script.Blind(SimpleNamespace(read=lambda snapshot: {"events": events, "customers": events}, put=len))
    found = lake.read(None)
    assert found["events"]["type"].to_pylist() == ["purchase", "click", "opt_out"]
    assert found["customers"].num_rows == 5
    assert lake.put("abc") == 3


def test_the_twin_finds_no_lesson(script: Any) -> None:
    forgetful = script.Forgetful(SimpleNamespace(save="kept"))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert forgetful.find(now=now, with_retired=True) == []
    assert forgetful.statistics(now=now).rows == ()
    assert forgetful.save == "kept"


def test_the_line_and_the_chart_of_two_seeds(script: Any) -> None:
    first = {"share": 0.38, "flown": 380.0, "oracle": 1000.0, "planned": 385.0}
    later = {"share": 0.40, "flown": 400.0, "oracle": 1000.0, "planned": 405.0, "cold": 350.0, "untaught": 390.0}
    runs = [{"seed": seed, "campaigns": [first, later, later], "cpu": 1.0} for seed in (1, 2)]
    line = script.line({"rmse_ratio_after_3": 0.5}, runs, 1000)
    assert line["ratio"] == {
        "rmse_ratio_after_3": 0.5,
        "campaign_2_vs_1": round(40 / 38, 4),
        "campaign_3_vs_1": round(40 / 38, 4),
        "campaign_2_vs_cold_start": round(405 / 350, 4),
        "campaign_3_vs_cold_start": round(405 / 350, 4),
        "campaign_2_vs_untaught": round(405 / 390, 4),
        "campaign_3_vs_untaught": round(405 / 390, 4),
    }
    assert line["ours"]["beats_cold_start"] == [2, 2]
    drawn = script.chart(runs)
    assert drawn.startswith("<svg")
    assert drawn.count("<circle") == 12
    assert "cold start 35%" in drawn

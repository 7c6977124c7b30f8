"""Two people, two processes, one plan: it happens once, as one of them said. On SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import small_shop

pytestmark = pytest.mark.slow
DRIVER = Path(__file__).parent / "race_driver.py"
PAIRS = [["approve", "approve"], ["approve", "reject"], ["approve", "edit"], ["reject", "respond"], ["approve", "recover"]]
DECIDED = {"approve": "running", "reject": "rejected", "edit": "awaiting_approval", "respond": "awaiting_approval"}


@pytest.fixture
def raced(tmp_path: Path, database_url: str) -> dict[str, Any]:
    """Every pair of decisions raced, then two workers at once."""
    url = "" if database_url.startswith("sqlite") else database_url
    deps = small_shop.open_shop(tmp_path, database_url=url or None)
    small_shop.furnish(deps)
    small_shop.close(deps)
    results = tmp_path / "results.json"
    command = [sys.executable, str(DRIVER), str(tmp_path), url, json.dumps(PAIRS), str(results)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    found: dict[str, Any] = json.loads(results.read_text())
    assert found["worker_codes"] == [0, 0], run.stderr[-3000:]
    assert all(each["codes"] == [0, 0] for each in found["rounds"]), run.stderr[-3000:]
    return found


def test_one_decision_counts_and_its_effect_happens_at_most_once(raced: dict[str, Any]) -> None:
    for each in raced["rounds"]:
        left = each["left"]
        (kind,) = left["decisions"]
        assert kind in each["pair"]
        assert left["status"] == DECIDED[kind], each
        assert len(left["sends"]) == (left["touches"] if kind == "approve" else 0)
        decisions = [said for said, what in zip(each["said"], each["pair"], strict=True) if what != "recover"]
        assert decisions.count("done") == 1, each
        assert left["not_resumed"] == 0
    effects = raced["rounds"][-1]["left"]["effects"]
    assert effects
    assert max(Counter(effects).values()) == 1
    approved = {
        send_id for each in raced["rounds"] for send_id, plan in each["left"]["sends"].items() if plan in each["left"]["approved"]
    }
    assert set(effects) <= approved

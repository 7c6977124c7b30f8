"""A simulated market in a workspace, planned on by hand: all eight channels, and who is not worth the postage."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from liftwright.domain.profile import CHANNELS

Run = Callable[..., Any]
GOAL = "Sell more over the next two weeks, 500 USD budget"


@pytest.mark.slow
def test_a_market_with_all_channels_is_planned_on_and_its_postage_list_exported(run: Run, tmp_path: Path) -> None:
    home = tmp_path / "home"
    built = run("market", "--customers", "1000", "--channels", "all", "--home", home, "--json").data
    assert (built["starts_on"], built["tables"]["customers"]) == ("2026-11-02", 1000)
    plan = run("plan", GOAL, "--home", home, "--json").data
    assert plan["assignment"]["violations"] == 0
    tested = {found.split(",")[1].split()[0].partition(":")[0] for found in plan["evidence"]}
    assert {"direct_mail", "paid_social", "display", "web"} <= tested <= set(CHANNELS)
    assert "direct_mail" not in plan["decisions"]["channels"] or plan["decisions"]["channels"]["direct_mail"] >= 200

    target = home / "postage.csv"
    assert run("export", plan["campaign_id"], "--what", "postage", "--to", target, "--home", home).code == 0
    rows = list(csv.DictReader(target.read_text(encoding="utf-8").splitlines()))
    assert list(rows[0]) == ["customer_id", "tier", "margin", "cost", "fatigue", "value", "other"]
    told, unpaid = plan["decisions"]["postage"], [row for row in rows if float(row["value"]) <= 0]
    assert told["not_worth"] == len(unpaid) > 0
    assert sum(told["tiers"].values()) == len(rows)
    assert float(told["saved"]["amount"]) == pytest.approx(sum(float(row["cost"]) for row in unpaid), abs=0.01)
    assert told["says"] in run("show", plan["campaign_id"], "--home", home).out

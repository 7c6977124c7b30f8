"""Files in and out through the command line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import plain_shop
from liftwright.measurement import holdout

Run = Callable[..., Any]
Planned = tuple[Path, str, str]
COLUMNS = [
    "customer_id", "wave", "send_on", "channel", "offer", "variant", "hour", "value", "cost", "stock_use", "randomised", "propensity",
]  # fmt: skip
LIMITS = {
    "budget", "channel_capacity", "channel_budget", "offer_stock", "per_person_cap", "one_per_channel", "channel_min_run",
    "randomised_share_min",
}  # fmt: skip


def test_a_repeated_import_changes_nothing(run: Run, tmp_path: Path) -> None:
    files = plain_shop.write_files(tmp_path / "files")
    home = tmp_path / "home"
    first = {name: run("import", path, "--as", name, "--home", home, "--json").data for name, path in files.items()}
    assert first["customers"]["tables"] == {"customers": plain_shop.PEOPLE}
    assert not any(result["already"] for result in first.values())
    again = {name: run("import", path, "--as", name, "--home", home, "--json").data for name, path in files.items()}
    assert all(result["already"] for result in again.values())
    assert {result["snapshot_id"] for result in again.values()} == {first["documents"]["snapshot_id"]}
    assert "nothing changed" in run("import", files["events"], "--as", "events", "--home", home).out


def test_a_dry_run_shows_the_mapping_and_changes_nothing(run: Run, tmp_path: Path) -> None:
    path = plain_shop.write_files(tmp_path / "files")["customers"]
    said = run("import", path, "--as", "customers", "--dry-run", "--home", tmp_path / "home")
    assert said.code == 0
    assert "Would import 600 customers; nothing was changed." in said.out
    assert "consent_email" in said.out
    assert run("plan", plain_shop.GOAL, "--home", tmp_path / "home").code == 2


def test_bad_rows_are_set_aside_with_reasons(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(
        "customer_id,type,occurred_at,amount\nC1,purchase,2026-10-01T10:00:00+00:00,20\nC2,purchase,some day,20\n"
        "C3,purchase,2030-01-01T10:00:00+00:00,20\n",
        encoding="utf-8",
    )
    data = run("import", path, "--as", "events", "--home", tmp_path / "home", "--json").data
    assert data["tables"] == {"events": 1}
    assert data["quarantined"] == 2
    assert pq.read_table(data["quarantine_path"]).num_rows == 2
    assert len(data["reasons"]) == 2


def test_a_map_file_says_which_column_is_which(run: Run, tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("k1,k2,k3\n7,granted,4\n8,denied,5\n", encoding="utf-8")
    (tmp_path / "map.yaml").write_text("table: customers\ncolumns:\n  customer_id: k1\n  consent_email: k2\n", encoding="utf-8")
    words = ("import", "odd.csv", "--as", "customers", "--map", "map.yaml", "--home", tmp_path / "home", "--json")
    data = run(*words).data
    assert data["tables"] == {"customers": 2}
    assert {canonical: column for canonical, column, _ in data["shown"]}["customer_id"] == "k1"


@pytest.mark.parametrize("ending", ["csv", "parquet", "json"])
def test_the_assignment_in_every_format_has_the_columns_of_the_interface(run: Run, planned: Planned, ending: str) -> None:
    home, campaign, _ = planned
    target = home / "out" / f"assignment.{ending}"
    said = run("export", campaign, "--what", "assignment", "--to", target, "--home", home, "--json")
    assert said.code == 0
    columns, rows = read(target)
    assert columns == COLUMNS
    assert rows == said.data["rows"] > 0


KEY = ("customer_id", "wave", "channel", "offer")


def test_candidates_limits_and_prices_let_anyone_check_the_plan(run: Run, planned: Planned) -> None:
    home, campaign, _ = planned
    parts: dict[str, Any] = {}
    for what in ("assignment", "candidates"):
        run("export", campaign, "--what", what, "--to", f"{what}.parquet", "--home", home)
        parts[what] = pq.read_table(f"{what}.parquet").to_pylist()
        assert list(parts[what][0]) == COLUMNS
    for what in ("limits", "prices"):
        run("export", campaign, "--what", what, "--to", f"{what}.json", "--home", home)
        parts[what] = json.loads(Path(f"{what}.json").read_text(encoding="utf-8"))
    assert set(parts["limits"]) == LIMITS
    assert {"budget", "channels", "offers"} <= set(parts["prices"])
    options = {(row["customer_id"], row["wave"], row["channel"], row["offer"]): row["value"] for row in parts["candidates"]}
    chosen = {(row["customer_id"], row["wave"], row["channel"], row["offer"]): row["value"] for row in parts["assignment"]}
    assert chosen.items() <= options.items()
    chance = {tuple(row[name] for name in KEY): (row["randomised"], row["propensity"]) for row in parts["candidates"]}
    assert all(chance[tuple(row[name] for name in KEY)] == (row["randomised"], row["propensity"]) for row in parts["assignment"])
    drawn = [row for row in parts["assignment"] if row["randomised"]]
    assert len(drawn) / len(parts["assignment"]) >= parts["limits"]["randomised_share_min"]
    assert all(0.0 < row["propensity"] < 1.0 for row in drawn)
    run("export", campaign, "--what", "draws", "--to", "draws.json", "--home", home)
    draws = json.loads(Path("draws.json").read_text(encoding="utf-8"))
    assert len(draws) == len(drawn) + sum(row["channel"] is None for row in draws)
    touches: dict[str, int] = {}
    for row in parts["assignment"]:
        touches[row["customer_id"]] = touches.get(row["customer_id"], 0) + 1
    assert max(touches.values()) <= parts["limits"]["per_person_cap"]
    stated = run("show", campaign, "--home", home, "--json").data["assignment"]["objective"]
    assert sum(row["value"] for row in parts["assignment"]) == pytest.approx(stated, rel=1e-6)


def test_the_audience_names_every_arm_and_the_holdout_gets_nothing(run: Run, planned: Planned) -> None:
    home, campaign, _ = planned
    run("export", campaign, "--what", "audience", "--to", "audience.csv", "--home", home)
    with Path("audience.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {"customer_id", "arm", "is_selected", "predicted_value", "reason"} <= set(rows[0])
    design = run("show", campaign, "--home", home, "--json").data["experiment"]
    deps = plain_shop.open_shop(home)
    plan = deps.campaigns.plan(campaign)
    plain_shop.close(deps)
    assert plan is not None
    ids = [row["customer_id"] for row in rows]
    strata = [int(row["stratum"]) for row in rows]
    drawn = holdout.arms(ids, salt=plan.experiment.salt, share=design["holdout_share"], strata=strata)
    assert [row["arm"] == "holdout" for row in rows] == drawn.tolist()


def test_before_the_approval_there_are_no_sends(run: Run, planned: Planned) -> None:
    home, campaign, _ = planned
    assert run("export", campaign, "--what", "sends", "--to", "sends.csv", "--home", home, "--json").data["rows"] == 0


def test_after_it_every_send_names_the_approved_hash(run: Run, launched: Planned) -> None:
    home, campaign, plan_hash = launched
    run("export", campaign, "--what", "sends", "--to", "sends.csv", "--home", home)
    with Path("sends.csv").open(encoding="utf-8", newline="") as file:
        sends = list(csv.DictReader(file))
    assert {send["plan_hash"] for send in sends} == {plan_hash}
    assert {send["state"] for send in sends} <= {"planned", "sent"}
    assert {"send_id", "customer_id", "channel", "offer", "send_at", "campaign_id"} <= set(sends[0])


@pytest.mark.parametrize(("what", "target"), [("assignment", "x.txt"), ("limits", "x.xlsx"), ("prices", "x")])
def test_a_format_that_does_not_fit_is_refused(run: Run, planned: Planned, what: str, target: str) -> None:
    home, campaign, _ = planned
    said = run("export", campaign, "--what", what, "--to", target, "--home", home)
    assert said.code == 2
    assert said.complaint.startswith("liftwright: EXPORT-FORMAT: ")
    assert not Path(target).exists()


@pytest.mark.parametrize("what", ["limits", "prices"])
def test_limits_and_prices_are_the_same_in_every_format(run: Run, planned: Planned, what: str) -> None:
    home, campaign, _ = planned
    for ending in ("json", "csv", "PARQUET"):
        assert run("export", campaign, "--what", what, "--to", f"x.{ending}", "--home", home).code == 0
    whole = json.loads(Path("x.json").read_text(encoding="utf-8"))
    with Path("x.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    table = pq.read_table("x.PARQUET")
    assert table.column_names == ["key", "value"] == list(rows[0])
    assert [{"key": r["key"], "value": r["value"] or ""} for r in table.to_pylist()] == rows
    for row in table.to_pylist():
        found: Any = whole
        for step in row["key"].split("."):
            found = found[step]
        assert found == (None if row["value"] is None else json.loads(row["value"]))
    assert {row["key"].split(".")[0] for row in table.to_pylist()} == set(whole)


def read(path: Path) -> tuple[list[str], int]:
    """Columns and number of rows of an exported table."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        return table.column_names, table.num_rows
    if path.suffix == ".json":
        rows = json.loads(path.read_text(encoding="utf-8"))
        return list(rows[0]), len(rows)
    with path.open(encoding="utf-8", newline="") as file:
        found = list(csv.reader(file))
    return found[0], len(found) - 1


def test_a_plan_without_letters_has_no_postage_to_export(run: Run, planned: Planned) -> None:
    home, campaign, _ = planned
    refused = run("export", campaign, "--what", "postage", "--to", home / "postage.csv", "--home", home)
    assert refused.code == 2
    assert "EXPORT-NO-LETTERS" in refused.complaint


def test_a_seed_list_leaves_out_the_holdout_and_recent_buyers(run: Run, planned: Planned) -> None:
    home, campaign, _ = planned
    target = home / "seeds.csv"
    assert run("export", campaign, "--what", "seeds", "--to", target, "--home", home).code == 0
    arms = run("export", campaign, "--what", "audience", "--to", home / "audience.csv", "--home", home)
    assert arms.code == 0
    with (home / "audience.csv").open(encoding="utf-8", newline="") as file:
        held = {row["customer_id"] for row in csv.DictReader(file) if row["arm"] == "holdout"}
    with target.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert held
    assert len(rows) >= 100
    assert not held & {row["customer_id"] for row in rows}
    assert [float(row["extra_margin"]) for row in rows] == sorted((float(row["extra_margin"]) for row in rows), reverse=True)

"""`liftwright readiness` on imported files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest

import seeded_faults

Run = Callable[..., Any]
AT = seeded_faults.NOW.isoformat()
SMALL = [seeded_faults.case_duplicates, seeded_faults.meeting_label, seeded_faults.mixed_units, seeded_faults.leaking_note,
         seeded_faults.missing_outcomes, seeded_faults.broken_letters, seeded_faults.stale_feed]  # fmt: skip


def _imported(run: Run, tables: dict[str, pa.Table], directory: Path) -> Path:
    home = directory / "home"
    for name, table in tables.items():
        pa_csv.write_csv(table, directory / f"{name}.csv")
        assert run("import", directory / f"{name}.csv", "--as", name, "--home", home, at=AT).code == 0
    return home


def test_healthy_files_are_ready(run: Run, tmp_path: Path) -> None:
    home = _imported(run, seeded_faults.clean(21), tmp_path)
    said = run("readiness", "--home", home, "--json", at=AT)
    assert (said.code, said.data) == (
        0,
        {"ready": True, "scores": {"identity": 1.0, "outcomes": 1.0, "latency": 1.0}, "gaps": []},
    )
    assert run("readiness", "--home", home, at=AT).out.startswith("Ready.")


@pytest.mark.parametrize("fault", SMALL, ids=[fault.__name__ for fault in SMALL])
def test_a_fault_survives_the_import_and_is_named(fault: seeded_faults.Fault, run: Run, tmp_path: Path) -> None:
    kind, table, column = seeded_faults.FAULTS[fault]
    broken = fault(seeded_faults.clean(22), np.random.default_rng(22))
    said = run("readiness", "--home", _imported(run, {table: broken[table]}, tmp_path), "--json", at=AT)
    assert said.code == 1
    gap = next(gap for gap in said.data["gaps"] if gap["kind"] == kind)
    assert (gap["table"], gap["column"], gap["severity"]) == (table, column, "block")


GERMAN = {
    "lead_id": "Anfragenummer", "created_at": "Anfrage vom", "outcome": "Ergebnis", "amount": "Auftragswert", "closed_at": "Erledigt am",
    "source": "Herkunft", "pages": "Seitenaufrufe", "city": "Ort", "note": "Gesprächsverlauf",
}  # fmt: skip


def test_headers_in_another_language_are_named_as_they_are(run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(24)
    leads = seeded_faults.leaking_note(seeded_faults.clean(24), rng)["leads"]
    billed = [f"{at.day:02}.{at.month:02}.{at.year}" for at in leads["closed_at"].to_pylist()]
    leads = leads.rename_columns([GERMAN[name] for name in leads.column_names]).append_column("Rechnung vom", pa.array(billed))
    pa_csv.write_csv(leads, tmp_path / "anfragen.csv")
    columns = "\n".join(f"  {name}: {GERMAN[name]}" for name in ("lead_id", "created_at", "outcome", "amount", "closed_at"))
    (tmp_path / "map.yaml").write_text(f"table: leads\ncolumns:\n{columns}\n", encoding="utf-8")
    home = tmp_path / "home"
    made = run("import", tmp_path / "anfragen.csv", "--as", "leads", "--map", tmp_path / "map.yaml", "--home", home, at=AT)
    assert made.code == 0
    gaps = run("readiness", "--home", home, "--json", at=AT).data["gaps"]
    assert {(gap["kind"], gap["column"]) for gap in gaps} == {("leakage", "gesprachsverlauf"), ("leakage", "rechnung_vom")}


def test_what_the_import_kept_out_is_told_with_its_table(run: Run, tmp_path: Path) -> None:
    events = seeded_faults.clean(23)["events"].slice(0, 2_000)
    ahead = pa.array([None] * 1_990 + [seeded_faults.NOW.replace(year=2030)] * 10, seeded_faults.STAMP)
    events = events.set_column(3, "occurred_at", pa.compute.coalesce(ahead, events["occurred_at"]))
    home = _imported(run, {"events": pa.concat_tables([events, events.slice(0, 30)])}, tmp_path)
    gaps = run("readiness", "--home", home, "--json", at=AT).data["gaps"]
    told = {(gap["kind"], gap["table"], gap["concerned"]) for gap in gaps if gap["severity"] == "warn"}
    assert told >= {("future_date", "events", 10), ("duplicate_event", "events", 30)}


def test_an_empty_workspace_is_not_ready(run: Run, tmp_path: Path) -> None:
    said = run("readiness", "--home", tmp_path / "home", at=AT)
    assert said.code == 1
    assert "missing in customers" in said.out

"""The file drop: rows merge by send_id, order is priority, and a reader never sees half a file."""

import csv
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.channels import files
from liftwright.channels.file_drop import COLUMNS, FileDrop
from liftwright.domain.delivery import Delivery
from liftwright.domain.errors import DataError

NOW = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
Make = Callable[..., Delivery]


def rows(home: Path, day: str = "2026-03-02") -> list[dict[str, str]]:
    with (home / "outbox" / "actions" / f"{day}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_delivery_becomes_a_row_of_the_contract(tmp_path: Path, make: Make) -> None:
    drop = FileDrop("email", tmp_path)
    receipts = drop.deliver([make(1)], now=NOW)
    assert [(r.send_id, r.outcome, r.provider_id) for r in receipts] == [("s0001", "sent", "2026-03-02.csv")]
    assert rows(tmp_path) == [
        {
            "send_id": "s0001",
            "customer_id": "C0001",
            "channel": "email",
            "offer": "save10",
            "discount": "0.1",
            "variant": "email-v1",
            "send_at": "2026-03-02T14:00:00+00:00",
            "campaign_id": "cmp1",
        }
    ]
    assert drop.is_idempotent


def test_no_address_is_written(tmp_path: Path, make: Make) -> None:
    FileDrop("email", tmp_path).deliver([make(1)], now=NOW)
    text = (tmp_path / "outbox" / "actions" / "2026-03-02.csv").read_text(encoding="utf-8")
    assert "jana" not in text.lower()
    assert "555" not in text


def test_row_order_is_priority_over_batches_and_channels(tmp_path: Path, make: Make) -> None:
    FileDrop("email", tmp_path).deliver([make(5), make(2)], now=NOW)
    FileDrop("sms", tmp_path).deliver([make(3, "sms"), make(1, "sms"), make(9, "sms")], now=NOW)
    assert [row["send_id"] for row in rows(tmp_path)] == ["s0001", "s0002", "s0003", "s0005", "s0009"]


def test_delivering_again_changes_nothing(tmp_path: Path, make: Make) -> None:
    drop = FileDrop("email", tmp_path)
    batch = [make(number) for number in range(1, 6)]
    drop.deliver(batch, now=NOW)
    before = (tmp_path / "outbox" / "actions" / "2026-03-02.csv").read_bytes()
    again = drop.deliver(batch[::-1], now=NOW + timedelta(hours=2))
    assert all(receipt.outcome == "sent" for receipt in again)
    assert (tmp_path / "outbox" / "actions" / "2026-03-02.csv").read_bytes() == before


def test_a_send_delivered_again_on_a_later_day_stays_in_its_first_file(tmp_path: Path, make: Make) -> None:
    drop = FileDrop("email", tmp_path)
    drop.deliver([make(1)], now=NOW)
    receipt = drop.deliver([make(1)], now=NOW + timedelta(days=3))[0]
    assert receipt.provider_id == "2026-03-02.csv"
    assert not (tmp_path / "outbox" / "actions" / "2026-03-05.csv").exists()


def test_a_late_send_goes_into_the_file_of_the_day_it_is_delivered(tmp_path: Path, make: Make) -> None:
    late = make(1, send_at=NOW - timedelta(days=1))
    FileDrop("email", tmp_path).deliver([late, make(2)], now=NOW)
    assert [(row["send_id"], row["send_at"]) for row in rows(tmp_path)] == [
        ("s0001", "2026-03-02T14:00:00+00:00"),
        ("s0002", "2026-03-02T14:00:00+00:00"),
    ]


def test_the_day_is_the_utc_day_of_send_at(tmp_path: Path, make: Make) -> None:
    evening = datetime.fromisoformat("2026-03-02T22:30:00-05:00")
    FileDrop("email", tmp_path).deliver([make(1, send_at=evening)], now=NOW)
    assert rows(tmp_path, "2026-03-03")[0]["send_at"] == "2026-03-03T03:30:00+00:00"


def test_values_with_commas_quotes_and_line_breaks_come_back_whole(tmp_path: Path, make: Make) -> None:
    odd = 'C,"1"\n2'
    FileDrop("email", tmp_path).deliver([make(1, customer_id=odd)], now=NOW)
    FileDrop("email", tmp_path).deliver([make(2)], now=NOW)
    assert rows(tmp_path)[0]["customer_id"] == odd


def test_a_file_with_other_columns_is_not_overwritten(tmp_path: Path, make: Make) -> None:
    path = tmp_path / "outbox" / "actions" / "2026-03-02.csv"
    path.parent.mkdir(parents=True)
    path.write_text("send_id,who\ns1,me\n", encoding="utf-8")
    with pytest.raises(DataError, match="DROP-COLUMNS"):
        FileDrop("email", tmp_path).deliver([make(1)], now=NOW)
    assert path.read_text(encoding="utf-8") == "send_id,who\ns1,me\n"


def test_a_crash_before_the_rename_leaves_the_old_file(tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    drop = FileDrop("email", tmp_path)
    drop.deliver([make(1)], now=NOW)
    before = rows(tmp_path)

    def power_cut(descriptor: int) -> None:
        raise OSError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", power_cut)
        with pytest.raises(OSError, match="power cut"):
            drop.deliver([make(2)], now=NOW)
    assert rows(tmp_path) == before
    drop.deliver([make(2)], now=NOW)
    assert [row["send_id"] for row in rows(tmp_path)] == ["s0001", "s0002"]


WRITER = """
import sys
from pathlib import Path

from liftwright.channels import files
from liftwright.channels.file_drop import COLUMNS
directory, first = Path(sys.argv[1]), int(sys.argv[2])
for number in range(first, first + 20):
    row = dict.fromkeys(COLUMNS, "") | {"send_id": f"s{number:04d}"}
    with files.locked(directory):
        files.merge(directory / "day.csv", [row], columns=COLUMNS, priorities={row["send_id"]: number})
"""


def test_two_processes_writing_one_file_lose_no_row(tmp_path: Path) -> None:
    others = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(first)]) for first in (0, 100)]
    assert [other.wait(timeout=60) for other in others] == [0, 0]
    with (tmp_path / "day.csv").open(encoding="utf-8", newline="") as file:
        found = [row["send_id"] for row in csv.DictReader(file)]
    assert found == [f"s{number:04d}" for number in (*range(20), *range(100, 120))]


@settings(max_examples=20)
@given(st.lists(st.lists(st.integers(0, 30), max_size=6), max_size=6))
def test_every_send_stands_exactly_once_however_batches_overlap(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]]
) -> None:
    directory = tmp_path_factory.mktemp("drop")
    for batch in batches:
        found = [dict.fromkeys(COLUMNS, "") | {"send_id": f"s{number:04d}"} for number in batch]
        with files.locked(directory):
            files.merge(directory / "day.csv", found, columns=COLUMNS, priorities={f"s{number:04d}": number for number in batch})
    wanted = sorted({f"s{number:04d}" for batch in batches for number in batch})
    with files.locked(directory):
        assert sorted(files.keys(directory / "day.csv")) == wanted


def test_what_was_handed_over_is_recalled_beside_its_file_once(tmp_path: Path, make: Make) -> None:
    drop = FileDrop("email", tmp_path)
    early = [make(number) for number in (1, 2, 3)]
    drop.deliver(early, now=NOW)
    before = rows(tmp_path)
    assert drop.recall(["s0002", "s0003", "s0009"], reason="enough", now=NOW) == dict.fromkeys(
        ("s0002", "s0003"), "2026-03-02.csv"
    )
    notice = rows(tmp_path, "2026-03-02.cancelled")
    assert [(row["send_id"], row["reason"]) for row in notice] == [("s0002", "enough"), ("s0003", "enough")]
    assert drop.recall(["s0001", "s0002"], reason="later", now=NOW + timedelta(hours=1)).keys() == {"s0001", "s0002"}
    assert {row["send_id"]: row["reason"] for row in rows(tmp_path, "2026-03-02.cancelled")} == {
        "s0001": "later",
        "s0002": "enough",
        "s0003": "enough",
    }
    assert rows(tmp_path) == before
    assert drop.recall(["s0001"], reason="too late", now=NOW + timedelta(days=1)) == {}

"""Letters: a print file per run date."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from liftwright.channels.direct_mail import DirectMailAdapter

NOW = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)


def rows(home: Path, day: str) -> list[dict[str, str]]:
    with (home / "outbox" / "print" / f"{day}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_letter_has_an_address_block_and_its_text(tmp_path: Path, make: Any) -> None:
    made = make(1, "direct_mail", variant={"subject": "New in", "body": "Dear {{first_name}},\ncome and see."})
    receipt = DirectMailAdapter(tmp_path).deliver([made], now=NOW)[0]
    assert (receipt.outcome, receipt.provider_id) == ("sent", "2026-03-02.csv")
    row = rows(tmp_path, "2026-03-02")[0]
    assert row["name"] == "Jana Krüger"
    assert [row[name] for name in ("street", "postal_code", "city", "region", "country")] == [
        "12 Oak Street",
        "62701",
        "Springfield",
        "IL",
        "US",
    ]
    assert row["text"] == "Dear Jana,\ncome and see."


def test_a_letter_is_printed_once_however_often_it_is_delivered(tmp_path: Path, make: Any) -> None:
    adapter = DirectMailAdapter(tmp_path)
    adapter.deliver([make(1, "direct_mail"), make(2, "direct_mail")], now=NOW)
    again = adapter.deliver([make(1, "direct_mail"), make(3, "direct_mail")], now=NOW + timedelta(days=2))
    assert [receipt.provider_id for receipt in again] == ["2026-03-02.csv", "2026-03-04.csv"]
    assert [row["send_id"] for row in rows(tmp_path, "2026-03-02")] == ["s0001", "s0002"]
    assert [row["send_id"] for row in rows(tmp_path, "2026-03-04")] == ["s0003"]


def test_an_incomplete_address_fails_alone(tmp_path: Path, make: Any) -> None:
    lost = make(1, "direct_mail", contact={"first_name": "Jana", "city": "Springfield"})
    first, second = DirectMailAdapter(tmp_path).deliver([lost, make(2, "direct_mail")], now=NOW)
    assert (first.outcome, second.outcome) == ("failed", "sent")
    assert "street, postal_code, country" in first.reason


def test_an_address_is_never_a_formula_or_a_second_line(tmp_path: Path, make: Any) -> None:
    contact = {"street": '=HYPERLINK("http://x")', "city": "A\nB", "postal_code": "1", "country": "US"}
    DirectMailAdapter(tmp_path).deliver([make(1, "direct_mail", contact=contact)], now=NOW)
    row = rows(tmp_path, "2026-03-02")[0]
    assert row["street"].startswith("HYPERLINK")
    assert row["city"] == "A B"
    assert row["name"] == "Our customer at"


def test_a_text_longer_than_a_page_is_refused(tmp_path: Path, make: Any) -> None:
    made = make(1, "direct_mail", variant={"body": "x" * 2_001})
    assert DirectMailAdapter(tmp_path).deliver([made], now=NOW)[0].outcome == "failed"
    assert not (tmp_path / "outbox" / "print" / "2026-03-02.csv").exists()

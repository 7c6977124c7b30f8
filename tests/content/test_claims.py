"""Claims and what proves them: approved wording word for word, figures to the last digit."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from liftwright.content.claims import claims_in, evidence_rows, resolve
from liftwright.content.goods import Goods
from liftwright.domain.treatment import Offer

EVIDENCE = pa.table(
    {
        "evidence_id": ["E2", "E1", "E3"],
        "kind": ["certification", "delivery", "review"],
        "claim": ["Certified organic cotton", "Orders ship within 24 hours", "Best shoes I ever had"],
        "wording": [None, "Ships within 24 hours.", None],
        "valid_from": [date(2026, 1, 1), None, None],
        "valid_until": [date(2026, 11, 30), None, None],
    }
)
SAVE10 = Offer(name="save10", discount=0.1)


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("Hello. Take a look.", []),
        ("Hello. The best shoes in town! Bye.", ["The best shoes in town!"]),
        ("Take 10% off. {{first_name}}, see https://shop.test/2026", ["Take 10% off."]),
        ("It weighs 1.5 kg. Nice.", ["It weighs 1.5 kg."]),
        ("Clinically proven. Really", ["Clinically proven."]),
        ("Half price today", ["Half price today"]),
        ("Doctors recommend it", ["Doctors recommend it"]),
        ("Everybody wins with freedom of choice", []),
    ],
)
def test_a_claim_is_a_sentence_that_can_be_checked(text: str, claims: list[str]) -> None:
    assert claims_in(text) == claims


@pytest.mark.parametrize(
    ("claim", "proof"),
    [
        ("Orders ship within 24 hours.", "E1"),
        ("ships within  24 hours!", "E1"),
        ("Orders ship within 48 hours.", None),
        ("Orders ship within 24 days.", None),
        ("Orders ship within 24 hours, guaranteed.", None),
        ("Certified organic cotton", "E2"),
        ("Certified organic wool", None),
        ("Take 10% off with code SAVE10 until December 6.", "offer:save10"),
        ("Take 15% off with code SAVE10 until December 6.", None),
        ("Take 10% off with code SAVE10 until December 7.", None),
        ("Now $49.90.", "price"),
        ("Now $49.", None),
        ("Only 7 left.", "stock"),
        ("Only 3 left.", None),
        ("The best shoes.", None),
        ("1 Example Street, Springfield", "text"),
        ("Only 1 left.", None),
    ],
)
def test_a_claim_stands_on_evidence_or_on_nothing(claim: str, proof: str | None) -> None:
    uses = resolve(
        [claim],
        EVIDENCE,
        goods=[Goods("P", "Shoe", "USD", price=Decimal("49.90"), stock=7)],
        offers=[SAVE10],
        dates=[date(2026, 12, 6)],
        texts=["1 Example Street, Springfield"],
    )
    assert [(use.text, use.evidence_id) for use in uses] == [(claim, proof)]


def test_evidence_counts_only_while_it_is_valid() -> None:
    assert [row.evidence_id for row in evidence_rows(EVIDENCE, on=date(2026, 11, 30))] == ["E1", "E2", "E3"]
    assert [row.evidence_id for row in evidence_rows(EVIDENCE, on=date(2026, 12, 1))] == ["E1", "E3"]
    assert [row.evidence_id for row in evidence_rows(EVIDENCE)] == ["E1", "E2", "E3"]
    assert resolve(["Certified organic cotton"], EVIDENCE, on=date(2026, 12, 1))[0].evidence_id is None


@pytest.mark.parametrize("until", ["2026-12-01", datetime(2026, 12, 1, 9), date(2026, 12, 1), None, ""])
def test_dates_of_evidence_may_be_written_in_any_usual_form(until: Any) -> None:
    row = {"evidence_id": 5, "kind": "spec", "claim": "Weighs 300 g", "valid_until": until}
    assert [item.evidence_id for item in evidence_rows([row], on=date(2026, 12, 1))] == ["5"]


def test_no_evidence_at_all_is_fine() -> None:
    assert evidence_rows(None) == ()
    assert resolve([], None) == ()

"""A grader against people's labels: what agrees beyond chance, and when that is too little to gate on."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.domain.errors import ConfigError, DataError
from liftwright.evaluation.judging import LARGEST, Judged, balanced_accuracy, judge, kappa, kappa_interval, read_labels
from stored_runs import Place

Cells = st.lists(st.integers(0, 40), min_size=4, max_size=4).filter(any)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    found = Place(tmp_path)
    found.store(found.cases[:20])
    return found


def judged(place: Place, text: str | bytes, **options: str) -> Judged:
    path = place.home / "labels.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return judge("small", path, home=place.home, folder=place.folder, **({"grader": "fields_right"} | options))


def labels(fails: list[str], cases: list[str]) -> str:
    return "id,label\n" + "".join(f"{case},{'fail' if case in fails else 'pass'}\n" for case in cases)


def test_published_figures_of_kappa() -> None:
    """Two readers of 50 proposals: 20 both yes, 15 both no, 5 and 10 apart; kappa 0.4."""
    assert kappa([20, 5, 10, 15]) == pytest.approx(0.4)
    assert balanced_accuracy([20, 5, 10, 15]) == pytest.approx((20 / 30 + 15 / 20) / 2)


@given(Cells)
def test_kappa_does_not_ask_who_is_who_and_its_interval_is_within_bounds(cells: list[int]) -> None:
    both, one, other, neither = cells
    found = kappa(cells)
    turned = [kappa([both, other, one, neither]), kappa([neither, one, other, both])]
    assert turned == ([None, None] if found is None else pytest.approx([found, found]))
    low, high = kappa_interval(cells)
    assert -1 - 1e-9 <= low <= high <= 1 + 1e-9
    if found is not None:
        assert found <= 1 + 1e-9
        assert (found > 1 - 1e-9) == (one == other == 0)


def test_a_grader_that_sees_what_people_see_is_fit(place: Place) -> None:
    found = judged(place, labels(place.cases[:20], place.cases))
    assert (found.verdict, found.exit_code, found.kappa, found.balanced_accuracy) == ("fit", 0, 1.0, 1.0)
    assert (found.both_pass, found.only_grader, found.only_people, found.both_fail) == (40, 0, 0, 20)


def test_disagreements_are_listed_with_what_the_grader_said(place: Place) -> None:
    found = judged(place, labels([*place.cases[2:20], "c58", "c59"], place.cases))
    assert (found.verdict, found.only_grader, found.only_people) == ("fit", 2, 2)
    assert [(each.case, each.people, each.grader, each.reason) for each in found.disagreements] == [
        ("c00", True, False, "wrong"),
        ("c01", True, False, "wrong"),
        ("c58", False, True, ""),
        ("c59", False, True, ""),
    ]
    assert "differs  c58              people fail, grader pass" in found.text


def test_agreement_that_chance_explains_is_not_fit_however_high(place: Place) -> None:
    place.store(["c00", "c01"])
    found = judged(place, labels(["c50", "c51"], place.cases))
    assert found.both_pass + found.both_fail == 56
    assert (found.verdict, found.exit_code) == ("not fit", 1)
    assert "not fit to gate" in found.text
    everything = judged(place, labels([], place.cases), grader="nothing_invented")
    assert (everything.kappa, everything.balanced_accuracy, everything.verdict) == (None, None, "not fit")


def test_too_few_labels_say_nothing_even_where_all_agree(place: Place) -> None:
    found = judged(place, labels(place.cases[:20], place.cases[:49]))
    assert (found.verdict, found.exit_code, found.kappa) == ("too few labels", 2, 1.0)
    assert "not fit to gate: too few labels (50 needed)" in found.text


def test_of_several_annotators_the_majority_counts_and_a_tie_is_left_out(place: Place) -> None:
    whole = [f"{case},{'fail' if case in place.cases[:20] else 'pass'},ann" for case in place.cases]
    found = judged(place, "\n".join(["id,label,annotator", *whole, "c00,pass,ben", "c01,0,ben", "c59,pass,ben", "zzz,pass,ben"]))
    assert found.labels == 59
    assert found.notes == (
        "People agree among themselves in 2 of the 3 cases that several labelled.",
        "1 cases are left out: as many said pass as fail.",
        "1 labels are left out: the run has no such case.",
    )


def test_another_run_and_labels_as_a_spreadsheet_writes_them(place: Place) -> None:
    place.store()
    text = "\ufeffID, Label \r\n" + "".join(
        f"{case},{'FALSE' if case in place.cases[:20] else 'TRUE'}\r\n" for case in place.cases
    )
    assert judged(place, text, run="0001").verdict == "fit"
    assert judged(place, text).verdict == "not fit"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("id;label\nc00;pass\n", "Line 1"),
        ("id,label,\nc00,pass,\n", "Line 1"),
        ("id,label\nc00,maybe\n", "Line 2: 'c00' has the label 'maybe'"),
        ("id,label\n,pass\n", "Line 2"),
        ("id,label\nc00\n", "Line 2"),
        ("id,label\nc00,pass\nc00,fail\n", "Line 3: 'c00' is labelled twice"),
        ("id,label\nzzz,pass\n", "No label is of a case"),
        ("id,label\n", "No label is of a case"),
        ("id,label\nc00,pass\0\n", "no text"),
        (b"\xff\xfei\x00d\x00", "not text in UTF-8"),
        ("id,label\n" + "c" * 200_000 + ",pass\n", "Line 2"),
        ("i" * 200_000 + ",label\n", "Line 1"),
        (b"x" * (LARGEST + 1), "larger than 5 MB"),
    ],
)
def test_a_file_of_labels_that_cannot_be_used_is_named_with_its_line(place: Place, text: str | bytes, says: str) -> None:
    with pytest.raises(DataError, match=says) as error:
        judged(place, text)
    assert len(str(error.value)) < 400


def test_a_grader_run_or_file_there_is_not_is_said_to(place: Place) -> None:
    text = labels([], place.cases)
    for options, says in (
        ({"grader": ""}, "several graders"),
        ({"grader": "field_right"}, "Did you mean 'fields_right'"),
        ({"run": "9"}, "no run '9'"),
    ):
        with pytest.raises(ConfigError, match=says):
            judged(place, text, **options)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_labels(place.home / "nosuch.csv")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_labels(place.home)

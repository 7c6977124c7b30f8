"""Columns that were guessed wrong are put right by page: chosen, looked at again, imported by that map; nothing that was chosen is lost."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from browsing import Open, empty, token
from fastapi.testclient import TestClient

from liftwright.flow import intake, uploads
from liftwright.flow.fresh import newest
from liftwright.ports import Deps

PEOPLE = b"Kundennummer,Mail,Status\nC1,ann@shop.test,gold\nC2,bob@shop.test,gold\nC3,cid@shop.test,silver\n"
CHOICES = {"column.0": "customer_id", "column.2": "keep"}


def _looked(client: TestClient, body: bytes = PEOPLE, *, table: str = "customers", name: str = "kunden.csv") -> Any:
    fields = {"token": token(client, "/data"), "table": table}
    return client.post("/data/look", data=fields, files={"file": (name, body, "text/csv")})


def _form(text: str) -> dict[str, str]:
    """The form as the page has it, with what is selected in it."""
    form = dict(re.findall(r'name="(upload|table|digest)" value="([^"]*)"', text))
    for name, choices in re.findall(r'<select name="(column\.\d+)"[^>]*>(.*?)</select>', text):
        selected = re.search(r'<option value="([^"]*)" selected', choices)
        form[name] = selected[1] if selected else ""
    return form


def _sent(client: TestClient, text: str, **more: Any) -> Any:
    return client.post("/data/keep", data={"token": token(client, "/data"), **_form(text), **more})


def _people(deps: Deps) -> list[dict[str, Any]]:
    return newest(deps).tables["customers"].to_pylist()


def test_a_file_whose_columns_are_not_known_is_shown_and_imported_once_they_are_chosen(browse: Open, tmp_path: Path) -> None:
    client, deps = browse(empty(tmp_path))
    looked = _looked(client)
    assert looked.status_code == 200
    assert "no column for customer_id" in looked.text
    assert "customer_id (needed)" in looked.text
    assert "ann@shop.test" not in looked.text
    assert "xxx@xxxx.xxxx" in looked.text
    kept = _sent(client, looked.text, **CHOICES)
    assert "Imported: kunden.csv" in kept.text
    row = _people(deps)[0]
    assert (row["customer_id"], row["email"], row["status"]) == ("C1", "ann@shop.test", "gold")
    assert not list((deps.settings.home / "uploads").rglob("upload*"))


def test_importing_at_once_leads_to_the_columns_where_they_are_not_known(browse: Open, tmp_path: Path) -> None:
    client, deps = browse(empty(tmp_path))
    fields = {"token": token(client, "/data"), "table": "customers"}
    answer = client.post("/data", data=fields, files={"file": ("kunden.csv", PEOPLE, "text/csv")})
    assert "kunden.csv has no column for customer_id" in answer.text
    assert deps.lake.snapshot() is None
    assert "Imported: kunden.csv" in _sent(client, answer.text, **CHOICES).text


def test_it_is_the_same_as_import_with_a_map(browse: Open, tmp_path: Path) -> None:
    client, deps = browse(empty(tmp_path))
    looked = _sent(client, _looked(client).text, do="look", **CHOICES)
    assert "3 customers" in looked.text
    assert deps.lake.snapshot() is None
    shown = re.search(r"<pre>(table: .*?)</pre>", looked.text, re.DOTALL)
    assert shown
    import yaml

    path = tmp_path / "kunden.csv"
    path.write_bytes(PEOPLE)
    _sent(client, looked.text)
    again = intake.import_file(path, declared="customers", mapping=yaml.safe_load(shown[1].replace("&#34;", '"')), deps=deps)
    assert again.already, "the same file with the same map was in before"


def test_looking_again_shows_what_was_chosen_and_what_it_would_bring(browse: Open, tmp_path: Path) -> None:
    client, deps = browse(empty(tmp_path))
    first = _looked(client)
    again = _sent(client, first.text, do="look", **CHOICES | {"column.2": "region"})
    assert again.request.method == "GET"
    form = _form(again.text)
    assert (form["column.0"], form["column.1"], form["column.2"]) == ("customer_id", "", "region")
    assert form == _form(client.get(str(again.url)).text), "loaded again it is all there"
    back = _sent(client, again.text, do="look", **{"column.0": ""})
    assert "no column is customer_id" in back.text
    kept = client.post("/data/keep", data={"token": token(client, "/data"), **{k: v for k, v in form.items() if "." not in k}})
    assert "Imported" not in kept.text, "what was chosen last counts, also where a form does not repeat it"
    assert deps.lake.snapshot() is None


@pytest.mark.parametrize(
    ("more", "says", "fields"),
    [
        ({"column.0": "kundennummer"}, "is no column of customers", ["column.0"]),
        ({"column.0": "<script>alert(1)</script>"}, "is no column of customers", ["column.0"]),
        ({"column.0": "customer_id", "column.2": "customer_id"}, "cannot both be customer_id", ["column.0", "column.2"]),
        ({"column.0": "email"}, "Kundennummer and Mail cannot both be email", ["column.0", "column.1"]),
        ({"column.1": "keep"}, "no column is customer_id", []),
        ({"column.0": "x" * 100_000}, "is no column of customers", ["column.0"]),
    ],
)
def test_a_wrong_missing_or_doubled_choice_is_said_beside_the_field_and_nothing_is_lost(
    browse: Open, tmp_path: Path, more: dict[str, str], says: str, fields: list[str]
) -> None:
    client, deps = browse(empty(tmp_path))
    first = _looked(client)
    answer = _sent(client, first.text, **({"column.2": "region"} | more))
    assert says in answer.text
    assert 'role="alert"' in answer.text
    assert re.findall(r'<select name="(column\.\d+)"[^>]*aria-invalid', answer.text) == fields
    assert "<script>alert" not in answer.text
    assert _form(answer.text)["column.2"] == more.get("column.2", "region")
    assert deps.lake.snapshot() is None
    kept = _sent(client, answer.text, **{"column.0": "customer_id", "column.1": "", "column.2": ""})
    assert "Imported: kunden.csv" in kept.text


def test_a_choice_under_which_no_row_can_be_kept_is_told_and_can_be_mended(browse: Open, tmp_path: Path) -> None:
    client, deps = browse(empty(tmp_path))
    orders = b"wer,wann,was\nC1,2026-01-02,12.50\nC2,2026-01-03,9\n"
    looked = _looked(client, orders, table="events")
    wrong = _sent(client, looked.text, **{"column.0": "customer_id", "column.1": "amount", "column.2": "occurred_at"})
    assert "Not one of 2 rows can be kept" in wrong.text
    assert deps.lake.snapshot() is None
    right = _sent(client, wrong.text, **{"column.1": "occurred_at", "column.2": "amount"})
    assert "Imported" in right.text
    assert newest(deps).tables["events"]["amount"].to_pylist() == [12.5, 9.0]


def test_fields_nobody_asked_for_do_nothing(browse: Open, tmp_path: Path) -> None:
    client, deps = browse(empty(tmp_path))
    looked = _looked(client)
    odd = {f"column.{place}": "email" for place in ("99", "-1", "1e3", "²", "999999999999", "", "0.0")}
    kept = _sent(client, looked.text, **odd, **CHOICES)
    assert "Imported" in kept.text
    assert _people(deps)[0]["email"] == "ann@shop.test"


def test_a_file_of_many_columns_can_be_put_right_as_far_as_the_page_goes(browse: Open, tmp_path: Path) -> None:
    client, deps = browse(empty(tmp_path))
    names = ["wer", *(f"f{n}" for n in range(uploads.MOST_COLUMNS + 20))]
    body = "\n".join([",".join(names), *(",".join([f"C{row}", *("1" for _ in names[1:])]) for row in range(3))]).encode()
    looked = _looked(client, body)
    assert len([name for name in _form(looked.text) if name.startswith("column.")]) == uploads.MOST_COLUMNS
    assert f"after the first {uploads.MOST_COLUMNS}" in looked.text
    assert "Imported" in _sent(client, looked.text, **{"column.0": "customer_id"}).text
    assert len(_people(deps)[0]) == len(names)


NASTY = '"><script>alert(1)</script>{{ 9999*9973 }}'


@pytest.mark.parametrize(
    "body",
    [
        b'wer,"""><script>alert(1)</script>{{ 9999*9973 }}"\nC1,"<img src=x>"\nC2,b\n',
        json.dumps({"wer": "C1", NASTY: NASTY}).encode() + b"\n",
        json.dumps({"wer": "C1", "a\x00b\r\nc": "\ud800"}).encode() + b"\n",
        b"wer,__row,column.0,wer\nC1,2,3,4\n",
    ],
)
def test_names_and_values_of_a_file_stay_words(browse: Open, tmp_path: Path, body: bytes) -> None:
    client, _ = browse(empty(tmp_path))
    looked = _looked(client, body)
    assert looked.status_code in (200, 422)
    kept = _sent(client, looked.text, **{"column.0": "customer_id"})
    for text in (looked.text, kept.text):
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert str(9999 * 9973) not in text


def test_what_a_document_is_taken_for_is_said_without_columns(browse: Open, tmp_path: Path) -> None:
    client, _ = browse(empty(tmp_path))
    looked = _looked(client, b"# Brand\n\nWe write plainly.\n", table="documents", name="brand.md")
    assert "text: upload.md; the whole file" in looked.text
    assert '<select name="column' not in looked.text
    assert "Imported: brand.md" in _sent(client, looked.text).text


def test_a_large_file_can_be_looked_at_and_a_large_form_cannot(browse: Open, tmp_path: Path) -> None:
    client, _ = browse(empty(tmp_path))
    body = b"customer_id,note\n" + b"".join(b"C%d,%s\n" % (n, b"x" * 300) for n in range(4_000))
    assert len(body) > 1_000_000
    assert "4,000 customers" in _looked(client, body).text
    refused = client.post("/data/keep", data={"token": token(client, "/data"), "column.0": "x" * 1_100_000})
    assert refused.status_code == 413

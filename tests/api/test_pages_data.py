"""The data page: a file is looked at and then kept, a simulated shop is brought in once, rows put aside are taken along, large data wait."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from browsing import Open, empty, token
from fastapi.testclient import TestClient

import plain_shop
from liftwright.evaluation import sample
from liftwright.flow import data_state, people, uploads
from liftwright.ports import Deps

GOOD = b"customer_id,email\nC1,ann@shop.test\nC2,bob@shop.test\n"
HALF = b"customer_id,email\nC1,ann@shop.test\n,=HYPERLINK(1)\nC1,bob@shop.test,too,many\n"


def _upload(
    client: TestClient, path: str = "/data/look", body: bytes = GOOD, name: str = "people.csv", table: str = "customers"
) -> Any:
    return client.post(path, data={"token": token(client, "/data"), "table": table}, files={"file": (name, body, "text/csv")})


def _form(text: str) -> dict[str, str]:
    return dict(re.findall(r'name="(upload|table|digest)" value="([^"]*)"', text))


def _waiting_files(deps: Deps) -> list[Path]:
    return sorted((deps.settings.home / "uploads").rglob("upload*"))


def test_a_look_shows_the_mapping_and_the_rows_and_changes_nothing_until_it_is_kept(browse: Open, tmp_path: Path) -> None:
    client, deps = browse(empty(tmp_path))
    looked = _upload(client, name="<b>people</b>.csv")
    assert looked.status_code == 200
    assert looked.request.url.path == "/data"
    assert "Nothing is imported yet" in looked.text
    assert "2 customers" in looked.text
    assert "<td>email<br><small>same name</small></td>" in looked.text
    assert "<b>people" not in looked.text
    assert deps.lake.snapshot() is None
    (folder,) = (deps.settings.home / "uploads").iterdir()
    assert folder.stat().st_mode & 0o077 == 0
    kept = client.post("/data/keep", data={"token": token(client, "/data"), **_form(looked.text)})
    assert "Imported: &lt;b&gt;people" in kept.text
    snapshot = deps.lake.snapshot()
    assert snapshot is not None
    assert snapshot.rows["customers"] == 2
    assert _waiting_files(deps) == []
    again = client.post("/data/keep", data={"token": token(client, "/data"), **_form(looked.text)})
    assert again.status_code == 422
    assert "not kept any more" in again.text


def test_what_a_look_would_set_aside_is_said_with_its_reason_and_can_be_taken_along_after(browse: Open, tmp_path: Path) -> None:
    client, _ = browse(empty(tmp_path))
    looked = _upload(client, body=HALF)
    assert "rows set aside, by reason" in looked.text
    assert "/data/aside/" not in looked.text
    kept = client.post("/data/keep", data={"token": token(client, "/data"), **_form(looked.text)})
    link = re.search(r'href="(/data/aside/[^"]+\.csv)"', kept.text)
    assert link
    answer = client.get(link[1])
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) >= 1
    assert set(rows[0]) == {"row", "reason", "content"}
    assert not [value for row in rows for value in row.values() if value.startswith(("=", "+", "-", "@", "\t"))]


def test_a_cell_that_a_spreadsheet_would_run_comes_as_text(browse: Open, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    client, deps = browse(empty(tmp_path))
    _upload(client, "/data")
    folder = deps.settings.home / "quarantine"
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table({"row": [2], "reason": ["+1"], "content": ['=cmd|" /C calc"!A0']}), folder / "upload-0123.parquet")
    rows = list(csv.reader(io.StringIO(client.get("/data/aside/upload-0123.csv").text)))
    assert rows[1] == ["2", "'+1", '\'=cmd|" /C calc"!A0']


@pytest.mark.parametrize("name", ["nothing", "..%2F..%2Fliftwright", "%2Fetc%2Fpasswd", "*", "upload-%00"])
def test_only_rows_that_are_listed_are_given_out(browse: Open, tmp_path: Path, name: str) -> None:
    client, _ = browse(empty(tmp_path))
    assert client.get(f"/data/aside/{name}.csv").status_code == (422 if "%00" in name else 404)


def test_a_file_changed_between_the_steps_is_not_imported(browse: Open, tmp_path: Path) -> None:
    client, deps = browse(empty(tmp_path))
    looked = _upload(client)
    (path,) = _waiting_files(deps)
    path.write_bytes(GOOD.replace(b"ann", b"eve"))
    answer = client.post("/data/keep", data={"token": token(client, "/data"), **_form(looked.text)})
    assert answer.status_code == 422
    assert "not what was looked at" in answer.text
    assert deps.lake.snapshot() is None
    assert _waiting_files(deps) == []


@pytest.mark.parametrize("wrong", [{"table": "events"}, {"table": "secrets"}, {"digest": "0" * 64}, {"digest": ""}, {"digest": "é"},
                                   {"upload": ""}, {"upload": "../" * 5}, {"upload": "*"}, {"upload": "0" * 32}])  # fmt: skip
def test_a_second_step_that_does_not_fit_the_first_imports_nothing(browse: Open, tmp_path: Path, wrong: dict[str, str]) -> None:
    client, deps = browse(empty(tmp_path))
    looked = _upload(client)
    answer = client.post("/data/keep", data={"token": token(client, "/data"), **_form(looked.text), **wrong})
    assert answer.status_code == 422
    assert deps.lake.snapshot() is None


def test_nobody_else_keeps_or_sees_what_a_visitor_brought(browse: Open, tmp_path: Path) -> None:
    client, deps = browse(empty(tmp_path))
    looked = _upload(client)
    form, address = _form(looked.text), str(looked.url)
    client.cookies.clear()
    assert "A look at" not in client.get(address).text
    answer = client.post("/data/keep", data={"token": token(client, "/data"), **form})
    assert answer.status_code == 422
    assert deps.lake.snapshot() is None


def test_after_an_hour_a_file_is_gone_and_of_one_visit_only_a_few_are_kept(browse: Open, tmp_path: Path) -> None:
    import dataclasses

    client, deps = browse(empty(tmp_path))
    for number in range(uploads.MOST + 3):
        looked = _upload(client, body=GOOD + f"C{number + 3},x{number}@shop.test\n".encode())
    assert len(_waiting_files(deps)) == uploads.MOST
    later = dataclasses.replace(deps, now=lambda: deps.now() + timedelta(minutes=61))
    assert uploads.sweep(deps=later) == uploads.MOST
    assert _waiting_files(deps) == []
    assert "not kept any more" in client.get(str(looked.url)).text


@pytest.mark.parametrize("path", ["/data", "/data/look"])
@pytest.mark.parametrize(
    ("body", "name"), [(b"", "a.csv"), (b"\x00\x01\x02", "a.parquet"), (b"\x1f\x8bnope", "a.csv.gz"), (b"a,b\n", "../../x.csv")]
)
def test_a_file_that_cannot_be_read_leaves_nothing_behind(
    browse: Open, tmp_path: Path, path: str, body: bytes, name: str
) -> None:
    client, deps = browse(empty(tmp_path))
    answer = _upload(client, path, body=body, name=name)
    assert answer.status_code == 422
    assert "Traceback" not in answer.text
    assert deps.lake.snapshot() is None
    assert _waiting_files(deps) == []


def test_a_file_that_is_too_large_is_refused_and_not_kept(browse: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client, deps = browse(empty(tmp_path))
    monkeypatch.setattr("liftwright.api.pages.data.MOST_BYTES", 20)
    answer = _upload(client)
    assert answer.status_code == 422
    assert "larger than" in answer.text
    assert list((deps.settings.home / "uploads").iterdir()) == []


def test_at_once_without_a_look_works_as_before_and_a_reload_imports_nothing_twice(browse: Open, tmp_path: Path) -> None:
    client, deps = browse(empty(tmp_path))
    answer = _upload(client, "/data")
    assert "Imported: people.csv" in answer.text
    assert answer.request.method == "GET"
    assert client.get(str(answer.url)).text.count("Imported: people.csv") == 1
    snapshot = deps.lake.snapshot()
    assert snapshot is not None
    assert snapshot.rows["customers"] == 2


def test_small_data_are_checked_and_large_ones_only_on_request(browse: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    client, deps = browse(plain_shop.furnished())
    text = client.get("/data").text
    assert "Ready" in text
    assert "Check now" not in text
    state = data_state.state(check=False, deps=deps)
    assert state.snapshot is not None
    newest = max(each.newest for each in state.features if each.newest is not None)
    assert newest <= deps.now()
    assert next(each for each in state.features if each.feature.name == "orders_90").newest is not None
    monkeypatch.setattr(data_state, "SMALL", state.snapshot.rows["events"])

    def never(**_: Any) -> None:
        raise AssertionError("checked without being asked")

    with monkeypatch.context() as at_first:
        at_first.setattr("liftwright.flow.readiness.audit", never)
        text = client.get("/data").text
    assert "Check now" in text
    assert "Is it ready?" in text
    assert "Check now" not in client.get("/data?check=1").text


def test_money_at_risk_and_every_feature_with_its_owner_are_shown(browse: Open) -> None:
    client, deps = browse(plain_shop.furnished())
    moment = pa.timestamp("us", tz="UTC")
    rows = {
        "customer_id": ["C000001"] * 300,
        "type": ["purchase"] * 300,
        "occurred_at": pa.array([deps.now() - timedelta(days=5)] * 300, moment),
        "amount": [None] * 300,
    }
    deps.lake.add(
        {
            "events": pa.table(
                rows,
                schema=pa.schema(
                    {"customer_id": pa.string(), "type": pa.string(), "occurred_at": moment, "amount": pa.float64()}
                ),
            )
        },
        source="x",
        now=deps.now(),
    )
    state = data_state.state(check=True, deps=deps)
    text = client.get("/data").text
    assert state.ready is not None
    amounts = [gap["money_at_risk"]["amount"] for gap in state.ready["gaps"] if "money_at_risk" in gap]
    assert amounts
    for amount in amounts:
        assert f"At risk: <strong>{float(amount):,.2f} USD" in text
    for each in state.features:
        assert f"<code>{each.feature.name}</code>" in text
        assert f"<td>{each.feature.owner}</td>" in text


def test_features_whose_events_ended_long_ago_are_said_to_be_too_old(browse: Open) -> None:
    import dataclasses

    _, deps = browse(plain_shop.furnished())
    later = dataclasses.replace(deps, now=lambda: plain_shop.NOW + timedelta(days=90))
    stale = [each for each in data_state.state(check=True, deps=later).features if each.is_stale]
    assert stale
    assert all(each.feature.fresh_days is not None and each.feature.source == "events" for each in stale)
    assert not [each for each in data_state.state(check=True, deps=deps).features if each.is_stale]


@pytest.mark.parametrize("path", ["/data", "/data/look", "/data/keep", "/data/sample"])
def test_a_form_without_its_token_is_refused_and_strangers_are_led_to_the_door(browse: Open, tmp_path: Path, path: str) -> None:
    client, deps = browse(empty(tmp_path))
    client.get("/data")
    assert client.post(path, data={"table": "customers"}).status_code == 403
    people.put("ada", roles=["admin"], is_active=True, by="ada", deps=deps)
    assert client.get("/data").url.path == "/sign-in"
    assert client.get("/data/aside/x.csv").url.path == "/sign-in"
    assert client.post(path, data={"token": token(client, "/sign-in"), "table": "customers"}).status_code == 401
    assert sample.state(deps=deps) is None
    assert deps.lake.snapshot() is None

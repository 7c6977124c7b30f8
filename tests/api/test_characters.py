"""NUL and halves of characters in bodies, forms and cookies: a clear refusal on both databases, and never an error of one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from access import BODIES, NAMED, forms
from browsing import PAGE, empty, token
from calling import opened, refused
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

import plain_shop
from liftwright.api.characters import are_whole

BROKEN = ("a\x00b", "\x00", "a\ud800b", "\udfff")
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda each: st.lists(each) | st.dictionaries(st.text(), each)
)


@pytest.fixture
def client(tmp_path: Path, database_url: str) -> Iterator[TestClient]:
    """A server over an empty workspace, on SQLite and on PostgreSQL."""
    client, deps = opened(empty(tmp_path), database_url=database_url)
    yield client
    client.close()
    plain_shop.close(deps)


def _filled(path: str) -> str:
    return path.format(campaign_id="c-12345678", customer_id="C1", talk_id="t-1", model="propensity", suite="goals")


def _spoilt(body: dict[str, Any], text: str) -> Iterator[dict[str, Any]]:
    """The body with one of its texts, or one of its names, spoilt."""
    for name, value in body.items():
        if isinstance(value, str):
            yield body | {name: value + text}
    yield body | {text: "x"}


def _posted(client: TestClient, path: str, body: str) -> Any:
    return client.post(path, content=body, headers={"content-type": "application/json"})


@pytest.mark.parametrize("text", BROKEN)
def test_a_body_with_such_a_character_is_refused_before_anything_is_done(client: TestClient, text: str) -> None:
    for path, body in BODIES.items():
        whole = body | ({"by": "Ann"} if path in NAMED else {})
        for spoilt in _spoilt(whole, text):
            answer = _posted(client, _filled(path), json.dumps(spoilt))
            refused(answer, 422, "REQUEST")
    nested = {"kind": "edit", "plan_hash": "sha256:x", "by": "Ann", "changes": {text: text}}
    answer = _posted(client, "/v1/campaigns/c-12345678/decisions", json.dumps(nested))
    refused(answer, 422, "REQUEST")
    assert "half of a character" in answer.text
    assert client.get("/v1/campaigns").json() == []


def test_escaped_backslashes_before_such_figures_are_a_text_like_any_other(client: TestClient) -> None:
    answer = _posted(client, "/v1/campaigns", r'{"goal": "Sell more \\u0000 and \\ud800", "by": "Ann"}')
    refused(answer, 422, "DATA-NONE")


@pytest.mark.parametrize("path", forms())
def test_a_form_with_such_a_character_is_refused_and_nothing_breaks(client: TestClient, path: str) -> None:
    client.headers.update(PAGE)
    fields = {"token": token(client), "by": "An\x00n", "text": "a\x00b", "reason": "\x00", "name": "\x00", "person": "\x00"}
    for sent in ({"data": fields}, {"data": {"token": fields["token"], "na\x00me": "x"}}):
        answer = client.post(_filled(path), follow_redirects=False, **sent)
        assert answer.status_code == 422, (path, answer.text)
        assert "NUL" in answer.text


def test_a_part_in_a_strange_encoding_is_no_way_around(client: TestClient) -> None:
    client.headers.update(PAGE)
    key = token(client)
    body = f'--x\r\ncontent-disposition: form-data; name="token"\r\n\r\n{key}\r\n--x\r\ncontent-disposition: form-data; name="text"\r\n\r\nSell \\ud800\\x00\r\n--x--\r\n'
    for charset in ("unicode_escape", "raw_unicode_escape", "utf-7", "utf-16-le", "no-such-thing", "utf-8"):
        kind = {"content-type": f"multipart/form-data; boundary=x; charset={charset}"}
        answer = client.post("/policies/try", content=body.encode(), headers=kind)
        assert answer.status_code < 500, charset
    named = {"file": ("a\x00.csv", b"customer_id\nC1\n", "text/csv")}
    assert client.post("/data", data={"token": key, "table": "customers"}, files=named).status_code < 500


@pytest.mark.parametrize("value", ["An%00n", "%00"])
def test_a_cookie_with_one_is_nobody_s_name(client: TestClient, value: str) -> None:
    client.headers.update(PAGE)
    client.cookies.set("lw_name", value, domain="shop.test")
    answer = client.post("/campaigns/c-12345678", data={"token": token(client), "do": "stop", "reason": "enough"})
    assert answer.status_code == 422
    assert "needs a name" in answer.text


@given(JSON)
def test_what_is_whole_can_be_written_down(value: Any) -> None:
    assert are_whole(value) == (r"\u0000" not in json.dumps(value).replace(r"\\", ""))


def test_what_is_deep_is_looked_through() -> None:
    value: Any = "\x00"
    for _ in range(50_000):
        value = [value]
    assert not are_whole(value)

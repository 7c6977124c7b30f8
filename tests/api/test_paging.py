"""Lists a page at a time: every row once, in order, whatever is added meanwhile; and what is no cursor is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest
from calling import Call, refused
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

import plain_shop
from liftwright.api.v1 import paging
from liftwright.domain.errors import DataError


def walk(client: TestClient, path: str) -> list[Any]:
    """Every row, page by page, as the Link headers lead."""
    rows: list[Any] = []
    following: str | None = path
    while following:
        answer = client.get(following)
        assert answer.status_code == 200, answer.text
        rows += answer.json()
        found = re.fullmatch(r'<(/v1/[^>]*)>; rel="next"', answer.headers.get("link", ""))
        following = found[1] if found else None
    return rows


@pytest.fixture
def many(call: Call) -> tuple[TestClient, Any]:
    """A workspace with seven campaigns."""
    client, deps = call(plain_shop.planned()[0])
    campaign = plain_shop.planned()[1]
    for number in range(6):
        deps.campaigns.create(campaign.model_copy(update={"campaign_id": f"c-{number}", "status": "planning"}))
    return client, deps


def test_pages_together_are_the_whole_list(many: tuple[TestClient, Any]) -> None:
    client, _ = many
    for path in ("/v1/campaigns", "/v1/approvals", "/v1/journal"):
        whole = client.get(path, params={"limit": 200})
        assert "link" not in whole.headers
        for limit in (1, 2, 3, 7):
            assert walk(client, f"{path}?limit={limit}") == whole.json(), path
    assert len(client.get("/v1/campaigns").json()) == 7
    numbers = [entry["seq"] for entry in client.get("/v1/journal").json()]
    assert numbers == sorted(numbers, reverse=True)


def test_a_row_added_meanwhile_brings_no_row_twice(many: tuple[TestClient, Any]) -> None:
    client, deps = many
    first = client.get("/v1/journal?limit=1")
    deps.journal.append(at=deps.now(), actor="ann", action="noted", subject="x", detail={})
    following = re.match(r"<(.*)>", first.headers["link"])
    assert following
    second = client.get(following[1])
    assert second.json()[0]["seq"] == first.json()[0]["seq"] - 1


@pytest.mark.parametrize(
    "cursor", ["x", "e30", "W10", "WyJhIiwxXQ", "//", "W251bGxd", "WzFlOTk5LCJhIl0=" * 20, "W1tbW1tbW1tbW1s", "W05hTiwiYSJd"]
)
def test_what_is_no_cursor_is_refused(many: tuple[TestClient, Any], cursor: str) -> None:
    client, _ = many
    for path in ("/v1/campaigns", "/v1/approvals", "/v1/journal"):
        refused(client.get(path, params={"cursor": cursor}), 422, "CURSOR")


@pytest.mark.parametrize("limit", ["0", "201", "-1", "many", "1e3"])
def test_a_page_has_one_to_two_hundred_rows(many: tuple[TestClient, Any], limit: str) -> None:
    client, _ = many
    for path in ("/v1/campaigns", "/v1/approvals", "/v1/journal"):
        refused(client.get(path, params={"limit": limit}), 422, "REQUEST")


@given(st.text(max_size=80))
def test_a_cursor_is_a_place_of_the_right_kind_or_an_error(cursor: str) -> None:
    try:
        place = paging.read(cursor, like=(0.0, ""))
    except DataError:
        return
    assert place is None or (isinstance(place[0], float) and isinstance(place[1], str))

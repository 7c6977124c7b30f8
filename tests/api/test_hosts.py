"""By which names the server is called: its own, and those the settings say; any other gets an answer that holds nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from browsing import PAGE, empty
from calling import Call, refused
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

import plain_shop
from liftwright import settings
from liftwright.api.app import create
from liftwright.api.hosts import is_known
from liftwright.domain.errors import ConfigError

OURS = ("127.0.0.1", "127.0.0.1:8000", "localhost:8000", "LOCALHOST", "lw.localhost", "[::1]:8000", "10.0.0.7", "[fe80::1]")
STRANGERS = (
    *("evil.test", "evil.test:8000", "127.0.0.1.evil.test", "localhost.evil.test", "notlocalhost", "localhost@evil.test"),
    *(
        "",
        " ",
        ":8000",
        "[::1",
        "::1",
        "127.1",
        "0x7f.0.0.1",
        "a b",
        "localhost:",
        "localhost:123456",
        "localhost/x",
        "localhost\t",
    ),
    *("shop.example", "xshop.example", "wäre.test", "localhost,evil.test", "a" * 300),
)


def told(**server: Any) -> settings.Settings:
    return settings.parse({"server": server})


@pytest.mark.parametrize("host", OURS)
def test_this_machine_and_addresses_in_figures_are_ours_out_of_the_box(host: str) -> None:
    assert is_known(host, told())


@pytest.mark.parametrize("host", STRANGERS)
def test_any_other_name_is_not(host: str) -> None:
    assert not is_known(host, told(hosts=["lw.shop.example", "*.shop.example"]))


def test_names_of_the_settings_of_the_links_and_of_host_are_ours() -> None:
    known = told(hosts=["LW.shop.example", "*.shop.test"])
    assert is_known("lw.shop.example", known)
    assert is_known("lw.SHOP.example.:8000", known)
    assert is_known("a.b.shop.test", known)
    assert not is_known("shop.test", known), "only those below"
    assert is_known("anything.test", told(hosts=["*"]))
    assert is_known("lw.shop.example:8000", settings.parse({"notify": {"base_url": "https://lw.shop.example/app"}}))
    assert is_known("inside.shop", told(), bound="Inside.shop")
    assert not is_known("inside.shop", told(), bound="0.0.0.0")


@pytest.mark.parametrize(
    "name", ["https://shop.example", "shop.example:8000", "", "a b", "*shop.example", "shop.*", "*.", "bär.example"]
)
def test_what_is_no_name_is_refused_in_the_settings(name: str) -> None:
    with pytest.raises(ConfigError, match=r"server\.hosts.*is no name"):
        told(hosts=[name])


@given(st.text(max_size=40))
def test_no_text_breaks_the_door(host: str) -> None:
    assert is_known(host, told()) in (True, False)


@pytest.mark.parametrize("path", ["/", "/v1/campaigns", "/shared/x", "/static/app.css", "/no/such/page", "/openapi.json"])
def test_a_stranger_s_name_gets_a_plain_refusal_on_every_path(call: Call, tmp_path: Path, path: str) -> None:
    client, _ = call(empty(tmp_path))
    stranger = {"host": 'evil"><script>.test'}
    refused(client.get(path, headers=stranger), 400, "REQUEST-HOST")
    page = client.get(path, headers=stranger | PAGE)
    assert page.status_code == 400
    assert "<script" not in page.text
    assert "set-cookie" not in page.headers
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    if path.startswith("/v1/"):
        refused(page, 400, "REQUEST-HOST")
    else:
        assert "[server] hosts" in page.text
        assert page.headers["content-type"].startswith("text/html")


def test_a_form_under_a_stranger_s_name_does_nothing(call: Call) -> None:
    home, campaign = plain_shop.planned()
    client, deps = call(home)
    body = {"kind": "approve", "plan_hash": campaign.plan_hash, "by": "Ann"}
    path = f"/v1/campaigns/{campaign.campaign_id}/decisions"
    refused(client.post(path, json=body, headers={"host": "evil.test", "origin": "http://evil.test"}), 400, "REQUEST-HOST")
    assert deps.approvals.decisions(campaign.campaign_id) == []


def test_two_names_at_once_are_none(call: Call, tmp_path: Path) -> None:
    client, _ = call(empty(tmp_path))
    refused(client.get("/v1/campaigns", headers=[("host", "localhost"), ("host", "evil.test")]), 400, "REQUEST-HOST")


def test_a_setting_that_changes_counts_at_the_next_request(call: Call, tmp_path: Path) -> None:
    _, deps = call(empty(tmp_path))
    now = [deps]
    with TestClient(create(lambda: now[0]), base_url="http://new.shop") as client:
        refused(client.get("/v1/campaigns"), 400, "REQUEST-HOST")
        server = deps.settings.server.model_copy(update={"hosts": ("new.shop",)})
        now[0] = replace(deps, settings=deps.settings.model_copy(update={"server": server}))
        assert client.get("/v1/campaigns").status_code == 200

"""What the server writes down during a walk with keys, sessions and people: none of them."""

from __future__ import annotations

import logging
import logging.config
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from calling import key, staff

import plain_shop
from liftwright.api import logs
from liftwright.api.app import create
from liftwright.ports import Deps

pytestmark = pytest.mark.loopback
NEVER = ("C000002", "sh0p", "s3ven", "lw_wrong-guess", "c0de-of-a-provider", "t0ken-of-a-link", "st4te", "my-idempotency")
"""What the walk sends and nobody writes down."""


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Deps, list[str]]]:
    """A real server as `serve` starts it; everything anybody but the caller logs, as it would be written."""
    lines: list[str] = []
    deps = plain_shop.open_shop(plain_shop.copy_of(plain_shop.planned()[0], tmp_path / "home"))
    server = uvicorn.Server(uvicorn.Config(create(lambda: deps), port=0, log_level="debug", log_config=logs.config()))
    write = logging.StreamHandler.emit

    def also(self: logging.StreamHandler[object], record: logging.LogRecord) -> None:
        if not record.name.startswith(("httpx", "httpcore")):
            lines.append(self.format(record))
        write(self, record)

    monkeypatch.setattr(logging.StreamHandler, "emit", also)
    root, before = logging.getLogger(), logging.getLogger().level
    every = logging.StreamHandler()
    root.addHandler(every)
    root.setLevel(logging.DEBUG)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", deps, lines
    server.should_exit = True
    thread.join(10)
    root.removeHandler(every)
    root.setLevel(before)
    plain_shop.close(deps)


def test_a_walk_with_keys_and_people_leaves_no_trace_of_them(served: tuple[str, Deps, list[str]]) -> None:
    url, deps, lines = served
    staff(deps, leo=["approver"])
    shown = key(deps, "leo")
    secret = shown["Authorization"].removeprefix("Bearer ")
    person, campaign = "c000001@example.test", plain_shop.planned()[1].campaign_id
    with httpx.Client(base_url=url, headers={"accept": "text/html"}, follow_redirects=True) as client:
        door = client.get("/sign-in").text
        token = door.split('name="token" value="')[1].split('"')[0]
        assert client.post("/sign-in", data={"token": token, "name": "leo", "key": secret, "to": "/approvals"}).status_code == 200
        session = client.cookies["lw_session"].strip('"').partition(":")[2]
        client.get("/explain", params={"person": person, "campaign": campaign})
        client.get(f"/explain/{person}?campaign={campaign}")
        client.get("/sign-in/oidc/callback?code=c0de-of-a-provider&state=st4te")
        body = {"session": "s", "type": "click"}
        client.post(f"/v1/visitors/{person}/events", json=body, headers=shown | {"idempotency-key": "my-idempotency"})
        assert client.post("/v1/visitors/C000002/events", json=body, headers=shown).status_code == 201
        client.post("/v1/visitors/C000002/next-action", headers=shown)
        client.post("/v1/visitors/sh0p%2Fann%2Fs3ven/events", json=body, headers=shown)
        client.post("/v1/visitors/sh0p/ann/s3ven/next-action", headers=shown)
        client.get("/explain/sh0p%2Fs3ven")
        client.get("/v1/campaigns", headers={"Authorization": "Bearer lw_wrong-guess"})
        client.get("/shared/t0ken-of-a-link")
        client.get("/%73hared/t0ken-of-a-link/review")
        client.post("/v1/campaigns", content=b"{", headers=shown)
    written = "\n".join(lines)
    assert "POST /v1/visitors/…/events" in written
    assert "GET /explain/…" in written
    assert "GET /approvals" in written
    for kept in (secret, session, person, token, *NEVER):
        assert kept not in written, kept
    assert "%40example" not in written


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/v1/visitors/ann%40shop.test/events", "/v1/visitors/…/events"),
        ("/explain/ann?campaign=c-1", "/explain/…"),
        ("/shared/s3cret", "/shared/…"),
        ("/shared/s3cret/review?x=1", "/shared/…/review"),
        ("//shared//s3cret", "//shared/…"),
        ("/behind/a/proxy/shared/s3cret", "/behind/a/proxy/shared/…"),
        ("/explain?person=ann", "/explain"),
        ("/v1/visitors/shop/ann/7/events", "/v1/visitors/…/events"),
        ("/v1/visitors/shop%2Fann/next-action?x=1", "/v1/visitors/…/next-action"),
        ("/v1/visitors/shop/ann", "/v1/visitors/…"),
        ("/v1/visitors/events/ann", "/v1/visitors/…"),
        ("/explain/shop/ann/?campaign=c-1", "/explain/…"),
        ("/explain/shop%2fann%0Abob/eve", "/explain/…"),
        ("/shared/s3/cret/review/", "/shared/…/review"),
        ("/shared/s3cret/reviews", "/shared/…"),
        ("/shared/events", "/shared/…"),
        ("/explain/", "/explain/"),
        pytest.param("/shared/s" + "/" * 60_000 + "3", "/shared/…", id="as long as a request line may be"),
        ("/v1/campaigns?cursor=x", "/v1/campaigns"),
        ("/v1/campaigns/c-1", "/v1/campaigns/c-1"),
    ],
)
def test_an_address_is_shortened(path: str, shown: str) -> None:
    assert logs.shortened(path) == shown

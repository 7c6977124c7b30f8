"""A simulated shop by page: brought in once, said to be one, never over data or settings, and taken up by the server."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from browsing import Open, empty, send

import plain_shop
from liftwright.api.app import following
from liftwright.evaluation import sample
from liftwright.ports import Deps


@pytest.mark.slow
def test_a_simulated_shop_is_brought_in_once_and_says_that_it_is_one(browse: Open, tmp_path: Path) -> None:
    client, deps = browse(empty(tmp_path))
    assert "Bring in a simulated shop" in client.get("/data").text
    begun = send(client, "/data/sample", "/data")
    assert "is being brought in" in begun.text
    assert send(client, "/data/sample", "/data").status_code == 422
    until = time.monotonic() + 240
    while sample.is_working(deps=deps) and time.monotonic() < until:
        time.sleep(0.5)
    text = client.get("/data").text
    assert "<strong>Simulated.</strong>" in text, sample.state(deps=deps)
    snapshot = deps.lake.snapshot()
    assert snapshot is not None
    assert snapshot.rows["customers"] >= sample.CUSTOMERS
    assert {entry.action for entry in deps.journal.page(limit=20)} >= {"data.simulated", "night.refreshed"}
    assert deps.models.cards()
    assert (deps.settings.home / sample.SETTINGS).exists()
    assert send(client, "/data/sample", "/data").status_code == 422
    assert "Bring in a simulated shop" not in text


def test_a_simulated_shop_never_comes_over_data_or_settings(browse: Open, tmp_path: Path) -> None:
    client, deps = browse(plain_shop.furnished())
    before = deps.lake.snapshot()
    assert "There is data" in send(client, "/data/sample", "/data").text
    assert deps.lake.snapshot() == before
    bare, own = browse(empty(tmp_path))
    (own.settings.home / sample.SETTINGS).write_text('currency = "EUR"\n', encoding="utf-8")
    assert send(bare, "/data/sample", "/data").status_code == 422
    assert (own.settings.home / sample.SETTINGS).read_text(encoding="utf-8") == 'currency = "EUR"\n'
    assert sample.state(deps=own) is None


def test_a_shop_that_failed_says_why_and_can_be_asked_for_again(
    browse: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, deps = browse(empty(tmp_path))
    sample.reserve(by="", deps=deps)
    monkeypatch.setattr(
        "liftwright.evaluation.market.imported", lambda *_, **__: (_ for _ in ()).throw(OSError("disk <b>full</b>"))
    )
    monkeypatch.setattr(sample, "CUSTOMERS", 50)
    with pytest.raises(OSError, match="full"):
        sample.make(by="", deps=deps)
    text = client.get("/data").text
    assert "could not be brought in" in text
    assert "Bring in a simulated shop" in text
    assert not (deps.settings.home / sample.SETTINGS).exists()
    sample.reserve(by="", deps=deps)
    assert sample.is_working(deps=deps)


def test_a_server_takes_up_settings_that_appear_once_the_shop_is_there(browse: Open, tmp_path: Path) -> None:
    home = empty(tmp_path)
    (_, first), (_, second) = browse(home), browse(home)
    opened: list[int] = []

    def again() -> Deps:
        opened.append(1)
        return second

    current = following(first, again)
    assert current() is first
    sample.reserve(by="", deps=first)
    (first.settings.home / sample.SETTINGS).write_text('currency = "EUR"\n', encoding="utf-8")
    assert current() is first, "not while it is at work"
    (first.settings.home / sample.FILE).unlink()
    assert current() is second
    assert current() is second
    assert opened == [1]

"""What docs/api.md says can be asked to know that a server is up."""

from __future__ import annotations

from contextlib import closing

import pytest
from calling import Call, key, staff
from fastapi.testclient import TestClient

import plain_shop
from liftwright.api.app import create
from liftwright.ports import Deps

PROCESS, PAGE, API, CHAIN = "/openapi.json", "/sign-in", "/v1/campaigns?limit=1", "/v1/journal/verify"


def _broken(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database does not answer."""

    def down(*_: object, **__: object) -> None:
        raise OSError("the database is gone")

    for repository in (deps.users, deps.campaigns, deps.journal, deps.approvals):
        for name in [name for name in dir(repository) if not name.startswith("_")]:
            monkeypatch.setattr(repository, name, down)


def test_the_process_the_database_and_the_journal_can_each_be_asked(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    _, deps = call(plain_shop.furnished())
    with closing(TestClient(create(lambda: deps), base_url="http://127.0.0.1", raise_server_exceptions=False)) as client:

        def asked(**headers: str) -> list[int]:
            return [client.get(path, headers=headers).status_code for path in (PROCESS, PAGE, API, CHAIN)]

        assert (client.head(PROCESS).status_code, client.head(PAGE).status_code) == (200, 405)
        assert asked() == [200, 200, 200, 200]
        assert client.get(CHAIN).json() == {"ok": True, "entries": len(deps.journal.entries())}
        staff(deps, leo=["approver"])
        shown, other = key(deps, "leo"), key(deps, "leo", "visitors")
        assert asked() == [200, 200, 401, 401]
        assert asked(**shown) == [200, 200, 200, 200]
        assert asked(**other) == [200, 200, 403, 403]
        assert asked(host="another.example") == [400, 400, 400, 400]
        _broken(deps, monkeypatch)
        assert asked(**shown) == [200, 500, 500, 500]

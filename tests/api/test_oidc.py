"""Signing in at a provider: who it vouches for comes in as the user of that name, and every word that is not for us, now, is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from calling import Call, staff
from fastapi.testclient import TestClient
from joserfc import jwk
from provider import CLIENT, SECRET, OpenIdProvider

import plain_shop
from liftwright.flow import people
from liftwright.ports import Deps

pytestmark = pytest.mark.loopback
DOOR = "/sign-in/oidc"


@pytest.fixture(scope="module")
def running() -> Iterator[OpenIdProvider]:
    import pytest_socket

    pytest_socket.enable_socket()
    provider = OpenIdProvider()
    yield provider
    provider.end()


@pytest.fixture
def provider(running: OpenIdProvider) -> OpenIdProvider:
    """The provider, honest again."""
    running.email, running.lies, running.signer, running.algorithm = "mia@shop.test", {}, running.key, "RS256"
    running.is_broken = False
    running.codes.clear()
    return running


@pytest.fixture
def browser(call: Call, provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch) -> tuple[TestClient, Deps]:
    """A browser at the door of a workspace whose users sign in elsewhere."""
    monkeypatch.setenv("CLIENT_SECRET", SECRET)
    oidc = {"issuer": provider.issuer, "client_id": CLIENT, "secret_env": "CLIENT_SECRET"}
    client, deps = call(plain_shop.furnished(), oidc=oidc)
    staff(deps, **{"mia@shop.test": ["marketer"]})
    client.headers["accept"] = "text/html"
    client.follow_redirects = False
    return client, deps


def there(client: TestClient, to: str = "/approvals") -> str:
    """Go to the provider and be sent back; the path to come back to."""
    gone = client.get(DOOR, params={"to": to})
    assert gone.status_code == 303, gone.text
    sent = httpx.get(gone.headers["location"])
    assert sent.headers["location"].startswith("http://shop.test/sign-in/oidc/callback?")
    return sent.headers["location"].removeprefix("http://shop.test")


def is_inside(client: TestClient) -> bool:
    return client.get("/approvals").status_code == 200


def test_who_the_provider_knows_comes_in_and_goes_on_where_they_wanted(browser: Any, provider: OpenIdProvider) -> None:
    client, deps = browser
    assert f"Sign in with {urlsplit(provider.issuer).netloc}" in client.get("/sign-in").text
    before = client.cookies.get("lw_visit")
    back = client.get(there(client, "/campaigns?a=1"))
    assert (back.status_code, back.headers["location"]) == (303, "/campaigns?a=1")
    assert client.cookies["lw_session"].strip('"').startswith("mia@shop.test:lws_")
    assert client.cookies["lw_visit"] != before
    assert "lw_attempt" not in client.cookies
    assert is_inside(client)
    assert ">mia@shop.test<" in client.get("/").text
    entry = deps.journal.entries()[-1]
    assert (entry.action, entry.actor, entry.subject) == ("user.key", provider.issuer, "mia@shop.test")
    secrets = (SECRET, client.cookies["lw_session"].partition(":")[2].strip('"'))
    assert not [secret for secret in secrets if secret in str(deps.journal.entries())]


def test_what_is_asked_of_the_provider_has_state_nonce_and_challenge_of_its_own(browser: Any) -> None:
    client, _ = browser
    asked = [parse_qs(urlsplit(client.get(DOOR).headers["location"]).query) for _ in range(2)]
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
        assert len(asked[0][name][0]) == 43
    secret = client.cookies["lw_attempt"].strip('"').partition(":")[0]
    assert secret not in str(asked)


LIES: dict[str, dict[str, Any]] = {
    "another attempt's nonce": {"nonce": "x"},
    "no nonce": {"nonce": None},
    "for another program": {"aud": "another"},
    "for two programs, given to another": {"aud": [CLIENT, "another"], "azp": "another"},
    "for nobody": {"aud": None},
    "over": {"exp": int(time.time()) - 3600},
    "without an end": {"exp": None},
    "not yet": {"nbf": int(time.time()) + 3600},
    "of another issuer": {"iss": "https://evil.test"},
    "without a name": {"email": None},
    "a name that is no text": {"email": ["mia@shop.test"]},
    "a name it did not check": {"email_verified": False},
    "a user nobody added": {"email": "eve@shop.test"},
    "the name in other letters": {"email": "MIA@shop.test"},
    "a user who was switched off": {"email": "off@shop.test"},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_word_that_does_not_hold_lets_nobody_in(browser: Any, provider: OpenIdProvider, lie: dict[str, Any]) -> None:
    client, deps = browser
    people.put("off@shop.test", roles=["marketer"], is_active=False, by="ada", deps=deps)
    users = deps.users.all()
    provider.lies = lie
    answer = client.get(there(client))
    assert answer.status_code == 401, answer.text
    assert "lw_session" not in client.cookies
    assert not is_inside(client)
    assert deps.users.all() == users
    provider.lies = {}
    assert client.get(there(client)).status_code == 303


@pytest.mark.parametrize("how", ["another key", "no signature", "the public key as a secret"])
def test_a_word_somebody_else_signed_lets_nobody_in(browser: Any, provider: OpenIdProvider, how: str) -> None:
    client, _ = browser
    if how == "another key":
        provider.signer = provider.other
    elif how == "no signature":
        provider.algorithm = "none"
    else:
        pem = provider.key.as_pem(private=False)
        provider.algorithm, provider.signer = "HS256", jwk.OctKey.import_key(b"k" + pem[1:])
    assert client.get(there(client)).status_code == 401
    assert not is_inside(client)


def test_an_answer_counts_once_and_only_in_the_browser_that_asked(browser: Any, call: Call) -> None:
    client, _ = browser
    path = there(client)
    thief = TestClient(client.app, base_url="http://shop.test", headers={"accept": "text/html"}, follow_redirects=False)
    assert thief.get(path).status_code == 401
    thief.get(DOOR)
    assert thief.get(path).status_code == 401, "the state is another browser's"
    attempt = client.cookies["lw_attempt"]
    assert client.get(path).status_code == 303
    assert client.get(path).status_code == 401, "the attempt is over"
    client.cookies.clear()
    client.cookies.set("lw_attempt", attempt, domain="shop.test")
    assert client.get(path).status_code == 401, "the visit is another"


def test_a_code_counts_once_at_the_provider_too(browser: Any) -> None:
    client, _ = browser
    path = there(client)
    kept = {name: client.cookies[name] for name in ("lw_attempt", "lw_visit")}
    assert client.get(path).status_code == 303
    client.cookies.clear()
    for name, value in kept.items():
        client.cookies.set(name, value, domain="shop.test")
    answer = client.get(path)
    assert (answer.status_code, "did not take its own code" in answer.text) == (401, True)


@pytest.mark.parametrize("path", ["", "?code=x", "?state=x", "?error=access_denied&state=x", "?code=x&state="])
def test_half_an_answer_is_none(browser: Any, path: str) -> None:
    client, _ = browser
    client.get(DOOR)
    assert client.get(f"{DOOR}/callback{path}").status_code == 401


@pytest.mark.parametrize("to", ["https://evil.test", "//evil.test", "/\\evil.test"])
def test_the_way_back_leads_to_this_site(browser: Any, to: str) -> None:
    client, _ = browser
    assert client.get(there(client, to)).headers["location"] == "/"


def test_a_provider_that_is_down_or_another_one_is_said_to_be(browser: Any, provider: OpenIdProvider) -> None:
    client, _ = browser
    path = there(client)
    provider.is_broken = True
    for asked in (DOOR, path):
        answer = client.get(asked)
        assert (answer.status_code, "OIDC-DOWN" in answer.text) == (503, True)
    provider.is_broken, provider.lies = False, {"issuer": "https://evil.test"}
    assert client.get(DOOR).status_code == 503


def test_nobody_there_at_all_and_addresses_that_are_not_safe(call: Call) -> None:
    for issuer, status in (("http://127.0.0.1:9", 503), ("http://evil.test", 422), ("ftp://evil.test", 422), ("", 404)):
        client, deps = call(plain_shop.furnished(), oidc={"issuer": issuer, "client_id": CLIENT})
        staff(deps)
        client.headers["accept"] = "text/html"
        assert client.get(DOOR, follow_redirects=False).status_code == status, issuer


def test_a_workspace_without_users_lets_nobody_in_that_way(
    call: Call, provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIENT_SECRET", SECRET)
    oidc = {"issuer": provider.issuer, "client_id": CLIENT, "secret_env": "CLIENT_SECRET"}
    client, deps = call(plain_shop.furnished(), oidc=oidc)
    client.headers["accept"] = "text/html"
    client.follow_redirects = False
    assert "Sign in with" not in client.get("/sign-in").text
    answer = client.get(there(client))
    assert (answer.status_code, "this workspace does not" in answer.text) == (401, True)
    assert deps.users.all() == []

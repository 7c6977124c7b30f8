"""Settings by page: users, roles and keys through the same rules as the terminal; nobody is locked out, no key is seen twice."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from access import ROLES
from browsing import PAGE, Open, send, token
from calling import staff
from fastapi.testclient import TestClient

import plain_shop
from liftwright import settings as house_settings
from liftwright.api.app import create
from liftwright.domain.errors import ApprovalError
from liftwright.flow import people, signing
from liftwright.ports import Deps

HERE = "/settings"
NASTY = '"><script>alert(1)</script>'


def _key(text: str) -> str:
    found = re.search(r"<code>(lw_[\w-]{43})</code>", text)
    assert found, text
    return found[1]


def _entered(client: TestClient, deps: Deps, name: str) -> TestClient:
    """A browser in which a user has signed in."""
    browser = TestClient(client.app, headers=PAGE, base_url="http://shop.test")
    key = deps.users.new_key(name, by="ada", now=deps.now(), lasts=signing.KEY_LASTS)
    assert send(browser, "/sign-in", "/sign-in", name=name, key=key).status_code == 200
    return browser


@pytest.fixture
def house(browse: Open) -> tuple[TestClient, Deps]:
    """Where Ada is the admin, signed in, and Leo approves."""
    client, deps = browse(plain_shop.furnished())
    staff(deps, leo=["approver"])
    return _entered(client, deps, "ada"), deps


def test_the_page_says_what_the_first_user_changes_and_lets_them_in_with_the_key_it_shows_once(browse: Open) -> None:
    client, deps = browse(plain_shop.furnished())
    text = client.get(HERE).text
    for said in ("ask everybody to sign in", "<code>--as</code>", "comes in no more", "An admin signs nothing"):
        assert said in text
    made = send(client, "/settings/first", HERE, name=" ada ", email="ada@shop.example", sure="yes")
    key = _key(made.text)
    assert made.headers["cache-control"] == "no-store"
    assert [(user.name, user.roles, user.email) for user in deps.users.all()] == [("ada", ("admin",), "ada@shop.example")]
    assert client.get(HERE).url.path == "/sign-in"
    entered = send(client, "/sign-in", "/sign-in", name="ada", key=key, to=HERE)
    assert entered.url.path == HERE
    assert key not in entered.text
    assert [entry.action for entry in deps.journal.entries(subject="ada")] == ["user.put", "user.key", "user.key"]
    again = send(client, "/settings/first", HERE, name="eve", sure="yes")
    assert (again.status_code, people.admins(deps=deps)) == (422, ["ada"])


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": "ada"}, "not confirmed"),
        ({"name": "ada", "sure": "no"}, "not confirmed"),
        ({"name": " ", "sure": "yes"}, "needs a name"),
        ({"name": "x" * 101, "sure": "yes"}, "needs a name"),
        ({"name": "a\x07b", "sure": "yes"}, "needs a name"),
        ({"name": "ada", "email": "ada@@shop", "sure": "yes"}, "no e-mail address"),
    ],
)
def test_a_first_user_who_is_not_one_is_refused_and_what_was_typed_stays(browse: Open, fields: dict[str, str], says: str) -> None:
    client, deps = browse(plain_shop.furnished())
    answer = send(client, "/settings/first", HERE, **fields)
    assert (answer.status_code, deps.users.all()) == (422, [])
    assert says in answer.text
    assert f'value="{fields.get("email", "")}"' in answer.text
    for path in ("/settings/users", "/settings/keys", "/settings/keys/revoke"):
        assert send(client, path, HERE, name="eve", role="admin", new="yes", active="yes").status_code == 422
    assert deps.users.all() == []


def test_the_page_says_when_an_admin_s_key_ends_and_what_lets_one_in_then(browse: Open) -> None:
    client, deps = browse(plain_shop.furnished())
    for admin in ("ADMIN", "ada"):
        text = client.get(HERE).text
        assert f"A key ends after {signing.KEY_LASTS.days} days, an admin's too" in text
        assert f"<code>liftwright users recover {admin} --as YOU --reason TEXT</code>" in text
        if admin == "ADMIN":
            staff(deps, leo=["approver"])
            client = _entered(client, deps, "ada")
    late = replace(deps, now=lambda: deps.now() + signing.KEY_LASTS)
    with pytest.raises(ApprovalError, match="an admin whose key holds: ada"):
        people.recover("ada", by="Zoe", reason="it ended", deps=deps)
    assert people.recover("ada", by="Zoe", reason="it ended", deps=late).startswith("lw_")


def test_an_admin_adds_changes_switches_off_and_on(house: tuple[TestClient, Deps]) -> None:
    client, deps = house
    added = send(
        client,
        "/settings/users",
        HERE,
        new="yes",
        active="yes",
        name="cora",
        role=["compliance", "finance"],
        email="c@shop.example",
    )
    assert (added.url.path, "Change cora" in added.text) == (HERE, True)
    cora = deps.users.get("cora")
    assert cora is not None
    assert (cora.roles, cora.email, cora.is_active) == (("compliance", "finance"), "c@shop.example", True)
    send(client, "/settings/users", HERE, name="cora", role="compliance", email="")
    cora = deps.users.get("cora")
    assert cora is not None
    assert (cora.roles, cora.email, cora.is_active) == (("compliance",), None, False)
    assert "switched off" in client.get(HERE).text
    send(client, "/settings/users", HERE, name="cora", role="compliance", active="yes")
    entries = deps.journal.entries(subject="cora")
    assert [(entry.actor, entry.detail["is_active"]) for entry in entries] == [("ada", True), ("ada", False), ("ada", True)]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"new": "yes", "name": "leo", "role": "admin"}, "There is a user leo already"),
        ({"new": "yes", "name": "zed", "email": "z@shop.example"}, "and a role"),
        ({"new": "yes", "name": "zed", "role": "king"}, "no role king"),
        ({"new": "yes", "name": "zed\u202e", "role": "finance"}, "printable"),
        ({"new": "yes", "name": "z" * 101, "role": "finance"}, "printable"),
        ({"new": "yes", "name": "zed", "role": "finance", "email": NASTY}, "no e-mail address"),
        ({"name": "ada", "role": "analyst", "active": "yes"}, "stay admin"),
        ({"name": "ada", "role": "admin"}, "stay admin"),
    ],
)
def test_what_is_wrong_stands_beside_what_was_typed_and_changes_nobody(
    house: tuple[TestClient, Deps], fields: dict[str, str], says: str
) -> None:
    client, deps = house
    before = deps.users.all()
    answer = send(client, "/settings/users", HERE, **fields)
    assert (answer.status_code, deps.users.all()) == (422, before)
    alert = answer.text.split('role="alert"')[1]
    assert says in alert.split("</p>")[0]
    if "role" in fields and fields["role"] != "king":
        assert f'value="{fields["role"]}" checked' in answer.text
    assert "<script>alert" not in answer.text


def test_a_key_is_shown_once_is_for_what_was_ticked_and_ends_with_all_of_them(house: tuple[TestClient, Deps]) -> None:
    client, deps = house
    made = send(client, "/settings/keys", HERE, name="leo", scope=["read", "plan"])
    key = _key(made.text)
    assert "for read, plan only" in made.text
    assert key not in client.get(HERE).text
    holder = deps.users.holder(key, now=deps.now())
    assert holder is not None
    assert (holder.name, holder.scopes) == ("leo", ("plan", "read"))
    assert send(client, "/settings/keys", HERE, name="leo", scope="everything").status_code == 422
    assert send(client, "/settings/keys", HERE, name="nobody").status_code == 404
    assert send(client, "/settings/keys/revoke", HERE, name="nobody").status_code == 404
    assert send(client, "/settings/keys/revoke", HERE, name="leo").status_code == 200
    assert deps.users.holder(key, now=deps.now()) is None
    assert {(entry.actor, entry.action) for entry in deps.journal.entries(subject="leo")} >= {
        ("ada", "user.key"),
        ("ada", "user.keys_revoked"),
    }
    assert not [entry for entry in deps.journal.entries() if key in entry.model_dump_json()]


def test_the_only_admin_cannot_end_their_own_keys_and_a_second_one_can(house: tuple[TestClient, Deps]) -> None:
    client, deps = house
    assert "Make somebody else an admin first" in client.get(HERE).text
    refused = send(client, "/settings/keys/revoke", HERE, name="ada")
    assert (refused.status_code, "only admin" in refused.text) == (422, True)
    assert client.get(HERE).url.path == HERE
    deps.users.put("eve", roles=["admin"], is_active=True, by="ada", now=deps.now())
    assert send(client, "/settings/keys/revoke", HERE, name="ada").url.path == "/sign-in", "the session ended too"


def test_who_is_no_admin_sees_who_could_and_keeps_their_own_keys(house: tuple[TestClient, Deps]) -> None:
    admin, deps = house
    leo = _entered(admin, deps, "leo")
    text = leo.get(HERE).text
    assert "Users are changed by an admin: ada" in text
    assert "Change leo" not in text
    assert "Add a user" not in text
    assert "Keys of ada" not in text
    before = deps.users.all()
    wanted = [
        ("/settings/users", {"name": "leo", "role": "admin", "active": "yes"}),
        ("/settings/users", {"new": "yes", "name": "zed", "role": "admin", "active": "yes"}),
        ("/settings/keys", {"name": "ada"}),
        ("/settings/keys/revoke", {"name": "ada"}),
    ]
    for path, fields in wanted:
        answer = send(leo, path, HERE, **fields)
        assert (answer.status_code, "Who could: ada" in answer.text) == (403, True), path
    assert deps.users.all() == before
    assert deps.users.holder(_key(send(leo, "/settings/keys", HERE, name="leo").text), now=deps.now())
    assert send(leo, "/settings/keys/revoke", HERE, name="leo").url.path == "/sign-in"


def test_every_role_may_do_here_what_the_rules_give_it_and_nothing_more(house: tuple[TestClient, Deps]) -> None:
    client, deps = house
    for role in ROLES:
        deps.users.put(f"one {role}", roles=[role], is_active=True, by="ada", now=deps.now())
        browser = _entered(client, deps, f"one {role}")
        changed = send(browser, "/settings/users", HERE, name="leo", role="king", active="yes")
        assert changed.status_code == (422 if role == "admin" else 403), role
        made = send(browser, "/settings/keys", HERE, name="leo")
        assert made.status_code == (200 if role == "admin" else 403), role
        signed = send(browser, "/settings/autonomy", HERE, do="sign", proposal="l-none")
        assert signed.status_code == (409 if role in ("marketing_lead", "compliance", "approver") else 403), role
        assert browser.get("/settings/channels").status_code == 200


def test_a_name_as_long_as_a_name_may_be_comes_in_and_fits_every_field(house: tuple[TestClient, Deps]) -> None:
    client, deps = house
    long = "n" * 100
    send(client, "/settings/users", HERE, new="yes", active="yes", name=long, role="finance")
    browser = _entered(client, deps, long)
    assert f"<span>{long}</span>" in browser.get(HERE).text
    assert 'name="name" required maxlength="100"' in browser.get("/sign-in").text


def test_words_of_users_stay_words(house: tuple[TestClient, Deps]) -> None:
    client, deps = house
    deps.users.put(NASTY, roles=["admin"], is_active=True, by="ada", now=deps.now())
    text = send(client, "/settings/keys", HERE, name=NASTY).text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


@pytest.mark.parametrize(
    "path", ["/settings/first", "/settings/users", "/settings/keys", "/settings/keys/revoke", "/settings/autonomy"]
)
def test_a_form_without_its_token_and_a_stranger_change_nothing(house: tuple[TestClient, Deps], path: str) -> None:
    client, deps = house
    stranger = TestClient(client.app, headers=PAGE, base_url="http://shop.test")
    before = (deps.users.all(), len(deps.journal.entries()))
    fields = {"name": "eve", "role": "admin", "new": "yes", "active": "yes", "sure": "yes", "do": "propose"}
    assert client.post(path, data=fields).status_code == 403
    given = token(stranger, "/sign-in")
    assert stranger.post(path, data={"token": given, **fields}).status_code == 401
    assert stranger.get(path, follow_redirects=True).url.path == "/sign-in" if path == "/settings/autonomy" else True
    assert (deps.users.all(), len(deps.journal.entries())) == before


def test_channels_say_what_they_lack_and_what_to_write_and_no_secret(browse: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    _, deps = browse(plain_shop.furnished())
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    monkeypatch.setenv("GATEWAY_SECRET", secret)
    values: dict[str, Any] = {
        "sms": {
            "live": True,
            "adapter": "webhook",
            "options": {"url": f"https://g.test/?t={secret}", "secret_env": "GATEWAY_SECRET"},
        },
        "push": {"adapter": "webhook", "options": {"url": "https://g.test", "secret_env": "PUSH_SECRET"}},
    }
    settings = house_settings.parse({**plain_shop.VALUES, "home": deps.settings.home, "channels": values})
    client = TestClient(create(lambda: replace(deps, settings=settings)), headers=PAGE, base_url="http://shop.test")
    text = client.get("/settings/channels").text
    cards = {name: text.split(f'<h2 id="{name}">')[1].split("</section>")[0] for name in ("sms", "push", "voice")}
    assert "real people by webhook" in cards["sms"]
    assert "Yes, nothing is missing" in cards["sms"]
    assert "live = false" in cards["sms"]
    assert "PUSH_SECRET is not set" in cards["push"]
    assert "the option url is not set; the option secret_env is not set" in cards["voice"]
    assert "live = true" in cards["voice"]
    assert secret not in text
    unset = replace(deps, settings=house_settings.parse({"home": deps.settings.home, "server": {"hosts": ["shop.test"]}}))
    text = TestClient(create(lambda: unset), headers=PAGE, base_url="http://shop.test").get("/settings/channels").text
    assert "name, address, from_email, unsubscribe_url" in text
    assert 'name = "…"' in text

"""`[notify]`: what can be used is read; what cannot is named, without repeating what might be a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright import settings
from liftwright.domain.errors import ConfigError

MAIL = {"base_url": "https://lw.shop.example/", "from_email": "lw@shop.example", "smtp": "smtp://mail.shop.example"}
HOOK = {"url": "https://chat.example/hook", "secret_env": "CHAT_SECRET"}


def read(**changes: Any) -> settings.Settings:
    return settings.parse({"notify": {**MAIL, **changes}}, where="liftwright.toml")


def test_nothing_is_told_out_of_the_box_and_an_empty_table_is_nothing() -> None:
    assert not settings.Settings().notify.is_on
    assert not settings.parse({"notify": {}}).notify.is_on


def test_the_table_of_the_guide_is_read(tmp_path: Path) -> None:
    (tmp_path / "liftwright.toml").write_text(
        '[notify]\nbase_url = "https://lw.shop.example/app/"\nfrom_email = "lw@shop.example"\n'
        'smtp = "smtp://lw%40shop.example@mail.shop.example:2525"\npassword_env = "MAIL_PASSWORD"\ntls = "required"\n'
        '[notify.webhooks.chat]\nurl = "https://chat.example/hook"\nsecret_env = "CHAT_SECRET"\n'
    )
    found = settings.load(directory=tmp_path, environment={}).notify
    assert found.is_on
    assert found.base_url == "https://lw.shop.example/app"
    assert found.server == ("mail.shop.example", 2525, "lw@shop.example")
    assert found.webhooks["chat"].secret_env == "CHAT_SECRET"
    assert read().notify.server == ("mail.shop.example", 587, "")


def test_who_is_told_changes_no_plan() -> None:
    assert read().digest == settings.parse({}).digest


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"base_url": "http://lw.shop.example"}, "https"),
        ({"base_url": "javascript:alert(1)"}, "https"),
        ({"base_url": "https://lw.shop.example?x=1"}, r"without user, \? or #"),
        ({"base_url": "https://a:b@lw.shop.example"}, "without user"),
        ({"base_url": "https://lw.shop.example/a b"}, "https"),
        ({"base_url": "https://lw.shop.example:99999"}, "https"),
        ({"base_url": ""}, "base_url is needed"),
        ({"from_email": "nobody"}, "no e-mail address"),
        ({"from_email": "a@b.example\r\nBcc: c@d.example"}, "no e-mail address"),
        ({"from_email": ""}, "need each other"),
        ({"smtp": "mail.shop.example"}, "smtp://user@host:port"),
        ({"smtp": "https://mail.shop.example"}, "smtp://user@host:port"),
        ({"smtp": "smtp://lw@mail.shop.example"}, "password_env need each other"),
        ({"password_env": "MAIL_PASSWORD"}, "password_env need each other"),
        ({"smtp": ""}, "nobody who is told"),
        ({"tls": "never"}, "offered"),
        ({"from": "lw@shop.example"}, "Did you mean 'from_email'"),
        ({"webhooks": {"chat": {**HOOK, "url": "http://chat.example/hook"}}}, "https"),
        ({"webhooks": {"chat": {**HOOK, "url": "https://u:p@chat.example/hook"}}}, "without user"),
        ({"webhooks": {"chat": {**HOOK, "url": "https:///hook"}}}, "https"),
        ({"webhooks": {"chat": {**HOOK, "secret": "x"}}}, "chat.secret'.*Did you mean 'secret_env'"),
        ({"webhooks": {"a b": HOOK}}, "letters, digits"),
    ],
)
def test_what_cannot_be_used_is_refused_and_says_why(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=rf"CONFIG-KEY.*notify.*{says}"):
        read(**changes)


def test_where_the_pages_are_may_be_said_without_anybody_being_told() -> None:
    found = read(smtp="", from_email="")
    assert not found.notify.is_on
    assert found.notify.base_url == "https://lw.shop.example"


def test_this_machine_may_be_spoken_to_without_tls() -> None:
    found = read(base_url="http://127.0.0.1:8000", webhooks={"chat": {**HOOK, "url": "http://localhost:9/hook"}})
    assert found.notify.base_url == "http://127.0.0.1:8000"


@given(st.from_regex(r"whsec_[A-Za-z0-9+/]{32}=", fullmatch=True))
def test_a_secret_in_the_file_is_refused_and_not_repeated(secret: str) -> None:
    for changes in (
        {"webhooks": {"chat": {**HOOK, "secret_env": secret}}},
        {"password_env": secret},
        {"smtp": f"smtp://lw:{secret.replace('/', 'x')}@mail.shop.example", "password_env": "MAIL_PASSWORD"},
    ):
        with pytest.raises(ConfigError) as caught:
            read(**changes)
        assert secret[6:] not in str(caught.value)
        assert "environment variable" in str(caught.value)

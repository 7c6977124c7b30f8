"""What somebody who looks at the settings learns of a channel: what it lacks, which lines change it, and never a secret."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from liftwright import settings as house_settings
from liftwright.channels import choose, ways
from liftwright.domain.errors import ConfigError
from liftwright.domain.profile import CHANNELS, Channel

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KNOWN = {"SMS_SECRET": SECRET, "EMAIL_PASSWORD": "hunter2"}


def way(home: Path, channel: Channel, *, environment: dict[str, str] | None = None, **values: Any) -> ways.Way:
    settings = house_settings.parse({"home": home, "channels": {channel: values}})
    return next(each for each in ways.of(settings, environment=environment or {}) if each.channel == channel)


@pytest.mark.parametrize("channel", CHANNELS)
def test_the_lines_shown_are_settings_that_switch_a_channel_on_and_off_again(tmp_path: Path, channel: Channel) -> None:
    lines = tomllib.loads(way(tmp_path, channel).lines)["channels"][channel]
    known = {lines.get("options", {}).get("secret_env", "NONE"): SECRET}
    on = way(tmp_path, channel, environment=known, **lines)
    assert (on.reaches_people, on.lacks) == (True, ())
    settings = house_settings.parse({"home": tmp_path, "channels": {channel: lines}})
    assert choose.adapter(channel, settings, environment=known).channel == channel
    off = tomllib.loads(on.lines)["channels"][channel]
    assert not way(tmp_path, channel, environment=known, **(lines | off)).reaches_people


@pytest.mark.parametrize(
    ("channel", "values", "says"),
    [
        ("sms", {}, ("the option url is not set", "the option secret_env is not set")),
        ("sms", {"options": {"url": "https://g.test", "secret_env": "SMS_SECRET"}}, ("variable SMS_SECRET is not set",)),
        ("sms", {"options": {"url": "https://g.test", "secret_env": SECRET}}, ("variable that secret_env names is not set",)),
        ("email", {"options": {"host": "m.test", "user": "u"}}, ("the option password_env is not set",)),
        ("email", {"options": {"host": "m.test", "user": "u", "password_env": "EMAIL_PASSWORD"}}, ("EMAIL_PASSWORD is not set",)),
        ("email", {"options": {"host": "m.test", "port": "twenty"}}, ("port is 'twenty'",)),
        ("email", {"options": {"host": "m.test"}}, ()),
        ("direct_mail", {}, ()),
    ],
)
def test_everything_that_is_missing_is_named_at_once(
    tmp_path: Path, channel: Channel, values: dict[str, Any], says: tuple[str, ...]
) -> None:
    lacks = way(tmp_path, channel, **values).lacks
    assert len(lacks) == len(says)
    assert all(said in lack for said, lack in zip(says, lacks, strict=True))
    assert SECRET not in " ".join(lacks)


@pytest.mark.parametrize("url", ["http://far.test/hook", "http://[", "not an address", "//"])
def test_an_address_that_cannot_be_used_is_said_to_be(tmp_path: Path, url: str) -> None:
    options = {"url": url, "secret_env": "SMS_SECRET"}
    assert len(way(tmp_path, "sms", options=options, environment=KNOWN).lacks) == 1


def test_a_channel_lacks_exactly_what_its_adapter_refuses(tmp_path: Path) -> None:
    for options in ({}, {"host": "m.test"}, {"host": "m.test", "user": "u"}, {"host": "m.test", "port": "0"}):
        settings = house_settings.parse(
            {"home": tmp_path, "channels": {"email": {"live": True, "adapter": "smtp", "options": options}}}
        )
        lacks = next(each for each in ways.of(settings, environment={}) if each.channel == "email").lacks
        try:
            choose.adapter("email", settings, environment={})
        except ConfigError:
            assert lacks
        else:
            assert lacks == ()


def test_no_option_shows_more_than_a_host_and_the_name_of_a_variable(tmp_path: Path) -> None:
    url = f"https://leo:{SECRET}@gateway.test/hook?token={SECRET}"
    shown = way(tmp_path, "sms", options={"url": url, "secret_env": "SMS_SECRET", "password": SECRET}, environment=KNOWN)
    assert shown.options == ("url: gateway.test", "secret_env: SMS_SECRET", "password: set")
    mail = way(tmp_path, "email", options={"host": "m.test", "port": "25", "user": "leo", "password_env": SECRET.lower()})
    assert mail.options == ("host: m.test", "port: 25", "user: set", "password_env: set")
    assert SECRET not in f"{shown.lines} {mail.lines} {shown.lacks} {mail.lacks}"

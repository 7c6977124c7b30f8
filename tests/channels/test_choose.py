"""Which adapter a channel gets, and that the sandbox holds."""

from pathlib import Path
from typing import Any

import pytest

from liftwright import settings as house_settings
from liftwright.channels.base import require_live
from liftwright.channels.choose import adapter, names
from liftwright.channels.email import EmailAdapter
from liftwright.channels.file_drop import FileDrop
from liftwright.domain.errors import ConfigError
from liftwright.domain.profile import CHANNELS, Channel
from liftwright.settings import ChannelSettings, Settings

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WEBHOOKS = ("sms", "push", "voice", "paid_social", "display", "web")


def with_channel(home: Path, channel: str, **values: Any) -> Settings:
    return house_settings.parse({"home": home, "channels": {channel: values}})


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_channel_drops_files_out_of_the_box(tmp_path: Path, channel: Channel) -> None:
    chosen = adapter(channel, Settings(home=tmp_path))
    assert isinstance(chosen, FileDrop)
    assert (chosen.channel, chosen.is_idempotent) == (channel, True)


@pytest.mark.parametrize("channel", CHANNELS)
def test_in_the_sandbox_nothing_but_the_file_drop_is_ever_made(tmp_path: Path, channel: Channel) -> None:
    chosen = adapter(channel, with_channel(tmp_path, channel, adapter=names(channel)[-1], live=False), environment={})
    assert isinstance(chosen, FileDrop)


@pytest.mark.parametrize("channel", WEBHOOKS)
def test_a_live_webhook_takes_its_secret_from_the_environment(tmp_path: Path, channel: Channel) -> None:
    options = {"url": "https://gateway.example.test/hook", "secret_env": "GATEWAY_SECRET"}
    settings = with_channel(tmp_path, channel, adapter="webhook", live=True, options=options)
    assert adapter(channel, settings, environment={"GATEWAY_SECRET": SECRET}).channel == channel
    with pytest.raises(ConfigError, match=r"CHANNEL-SECRET.*GATEWAY_SECRET"):
        adapter(channel, settings, environment={})


def test_live_mail_is_smtp(tmp_path: Path) -> None:
    settings = with_channel(tmp_path, "email", adapter="smtp", live=True, options={"host": "mail.example.test"})
    chosen = adapter("email", settings, environment={})
    assert isinstance(chosen, EmailAdapter)
    assert not chosen.is_idempotent


def test_live_letters_are_a_print_file(tmp_path: Path) -> None:
    chosen = adapter("direct_mail", with_channel(tmp_path, "direct_mail", adapter="print_file", live=True))
    assert chosen.channel == "direct_mail"
    assert chosen.is_idempotent


@pytest.mark.parametrize(
    ("channel", "values", "says"),
    [
        ("sms", {"adapter": "webhok"}, "Did you mean 'webhook'"),
        ("email", {"adapter": "webhook"}, "Use one of: file_drop, smtp"),
        ("email", {"adapter": "smtp", "live": True}, "needs the option 'host'"),
        ("email", {"adapter": "smtp", "live": True, "options": {"host": "x", "port": "twenty"}}, "port is 'twenty'"),
        ("email", {"adapter": "smtp", "live": True, "options": {"host": "x", "user": "u"}}, "needs the option 'password_env'"),
        ("web", {"adapter": "webhook", "live": True}, "needs the option"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, channel: Channel, values: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        adapter(channel, with_channel(tmp_path, channel, **values), environment={})


def test_the_sandbox_rule_can_be_asked_for() -> None:
    with pytest.raises(ConfigError, match="CHANNEL-SANDBOX"):
        require_live("sms", ChannelSettings())
    require_live("sms", ChannelSettings(live=True))

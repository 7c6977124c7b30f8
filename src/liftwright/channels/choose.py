"""From one channel's settings to its adapter. Called by wiring only."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping

from liftwright.channels.base import option, require_live
from liftwright.channels.direct_mail import DirectMailAdapter
from liftwright.channels.display import DisplayAdapter
from liftwright.channels.email import EmailAdapter
from liftwright.channels.file_drop import FileDrop
from liftwright.channels.paid_social import PaidSocialAdapter
from liftwright.channels.push import PushAdapter
from liftwright.channels.sms import SmsAdapter
from liftwright.channels.voice import VoiceAdapter
from liftwright.channels.web import WebAdapter
from liftwright.channels.webhook import WebhookAdapter
from liftwright.domain.errors import ConfigError
from liftwright.domain.profile import Channel
from liftwright.ports import ChannelAdapter
from liftwright.settings import DEFAULT_CHANNELS, ChannelSettings, Settings

_WEBHOOKS: dict[Channel, type[WebhookAdapter]] = {
    "sms": SmsAdapter,
    "push": PushAdapter,
    "voice": VoiceAdapter,
    "paid_social": PaidSocialAdapter,
    "display": DisplayAdapter,
    "web": WebAdapter,
}


def names(channel: Channel) -> tuple[str, ...]:
    """The adapters a channel can have."""
    own = {"email": ("smtp",), "direct_mail": ("print_file",)}.get(channel, ("webhook",))
    return ("file_drop", *own)


def adapter(channel: Channel, settings: Settings, *, environment: Mapping[str, str] | None = None) -> ChannelAdapter:
    """The adapter of a channel. In the sandbox (`live = false`) it is the file drop, whatever is set; what is set is still checked.

    Secrets are read from the environment variables that the options `password_env` and `secret_env` name. Raises ConfigError.
    """
    own = settings.channels.get(channel) or DEFAULT_CHANNELS[channel]
    if own.adapter not in names(channel):
        close = difflib.get_close_matches(own.adapter, names(channel), n=1, cutoff=0.4)
        raise ConfigError(
            "CHANNEL-ADAPTER",
            f"The channel {channel} has no adapter '{own.adapter}'." + (f" Did you mean '{close[0]}'?" if close else ""),
            next_step=f"Use one of: {', '.join(names(channel))}.",
        )
    if not own.live or own.adapter == "file_drop":
        return FileDrop(channel, settings.home)
    require_live(channel, own)
    if own.adapter == "print_file":
        return DirectMailAdapter(settings.home)
    secret = _secrets(channel, own, os.environ if environment is None else environment)
    if channel == "email":
        return _smtp(own, settings, secret)
    return _WEBHOOKS[channel](url=option(channel, own, "url"), secret=secret("secret_env", True))


def _smtp(own: ChannelSettings, settings: Settings, secret: Callable[[str, bool], str]) -> EmailAdapter:
    port = own.options.get("port", "587")
    if not port.isdigit() or not 0 < int(port) < 65_536:
        raise ConfigError("CHANNEL-OPTION", f"The mail server's port is '{port}'.", next_step="Use a number from 1 to 65535.")
    return EmailAdapter(
        sender=settings.sender,
        host=option("email", own, "host"),
        port=int(port),
        user=own.options.get("user", ""),
        password=secret("password_env", bool(own.options.get("user"))),
        tls=own.options.get("tls", "offered"),
    )


def _secrets(channel: Channel, own: ChannelSettings, environment: Mapping[str, str]) -> Callable[[str, bool], str]:
    def secret(name: str, is_needed: bool) -> str:
        if not is_needed:
            return ""
        variable = option(channel, own, name)
        if not environment.get(variable):
            raise ConfigError(
                "CHANNEL-SECRET",
                f"The channel {channel} takes its secret from the environment variable {variable}, which is not set.",
                next_step=f"Set {variable}.",
            )
        return environment[variable]

    return secret

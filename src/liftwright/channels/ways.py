"""Every channel as somebody who looks at the settings sees it: where it leads, what it lacks to reach people, and which lines would change that.

Secrets are told by the name of their variable only, and addresses by their host: an option may hold more than it should.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from liftwright.channels import choose
from liftwright.domain.errors import ConfigError
from liftwright.domain.profile import CHANNELS, Channel
from liftwright.settings import ChannelSettings, Settings

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,63}")
_NEEDED = {"smtp": ("host",), "webhook": ("url", "secret_env")}
_SECRETS = ("password_env", "secret_env")
_SAID = ("port", "tls")
"""Options that hold no address and no secret."""


@dataclass(frozen=True)
class Way:
    """One channel. `adapter`: what reaches people, or would; `options` set, in words; `lacks`: what is missing for it to run, in words;
    `lines`: of liftwright.toml, that switch it on, or off where it is live."""

    channel: Channel
    settings: ChannelSettings
    adapter: str
    options: tuple[str, ...]
    lacks: tuple[str, ...]
    lines: str

    @property
    def reaches_people(self) -> bool:
        """Whether what is sent by it leaves the house; otherwise it is a file."""
        return self.settings.live and self.settings.adapter != "file_drop"


def of(settings: Settings, *, environment: Mapping[str, str] | None = None) -> list[Way]:
    """Every configured channel."""
    known = os.environ if environment is None else environment
    return [_way(channel, settings, known) for channel in CHANNELS if channel in settings.channels]


def _way(channel: Channel, settings: Settings, environment: Mapping[str, str]) -> Way:
    own = settings.channels[channel]
    real = own.adapter if own.adapter != "file_drop" else choose.names(channel)[-1]
    needed = _NEEDED.get(real, ()) + (("password_env",) if own.options.get("user") else ())
    absent = tuple(name for name in needed if not own.options.get(name, "").strip())
    unset = [
        f"the environment variable {_variable(own.options[name]) or f'that {name} names'} is not set"
        for name in needed
        if name in _SECRETS and name not in absent and not environment.get(own.options[name])
    ]
    lacks = [f"the option {name} is not set" for name in absent] + unset
    return Way(
        channel=channel,
        settings=own,
        adapter=real,
        options=tuple(_said(name, value) for name, value in own.options.items()),
        lacks=tuple(lacks or _refused(channel, settings, real, environment)),
        lines=_lines(channel, own, real, absent),
    )


def _refused(channel: Channel, settings: Settings, real: str, environment: Mapping[str, str]) -> list[str]:
    """What the adapter itself says against it, once everything is there."""
    live = settings.channels[channel].model_copy(update={"live": True, "adapter": real})
    try:
        choose.adapter(channel, settings.model_copy(update={"channels": {channel: live}}), environment=environment)
    except ConfigError as error:
        return [f"{error.says} {error.next_step}"]
    except ValueError:
        return ["the address in url cannot be read"]
    return []


def _variable(name: str) -> str:
    """The name of a variable; "" for what does not look like one, since it may be the secret itself."""
    return name if _VARIABLE.fullmatch(name) else ""


def _host(address: str) -> str:
    try:
        return urlsplit(address if "//" in address else f"//{address}").hostname or ""
    except ValueError:
        return ""


def _said(name: str, value: str) -> str:
    shown = _variable(value) if name in _SECRETS else _host(value) if name in ("host", "url") else value if name in _SAID else ""
    return f"{name}: {shown or 'set'}"


def _lines(channel: Channel, own: ChannelSettings, real: str, absent: tuple[str, ...]) -> str:
    if own.live:
        return f"[channels.{channel}]\nlive = false"
    examples = {"host": "mail.example.com", "url": f"https://gateway.example.com/{channel}"}
    variables = {name: f"{channel.upper()}_{name.removesuffix('_env').upper()}" for name in _SECRETS}
    lines = [f"[channels.{channel}]", "live = true", *([f'adapter = "{real}"'] if own.adapter != real else [])]
    lines += ["", f"[channels.{channel}.options]"] if absent else []
    return "\n".join([*lines, *(f'{name} = "{(examples | variables)[name]}"' for name in absent)])

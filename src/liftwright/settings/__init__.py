"""Environment variables and `liftwright.toml` become one frozen `Settings`. Unknown keys are errors that name the nearest known key."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator

from liftwright.domain.base import Value
from liftwright.domain.errors import ConfigError
from liftwright.domain.profile import CHANNELS, Channel
from liftwright.settings.notify import NotifySettings
from liftwright.settings.sender import SenderSettings
from liftwright.settings.serving import OidcSettings, ServerSettings


class MarginSettings(Value):
    """`rate` is used where neither events nor products say what a sale earns; `floor` is the least expected margin of a plan."""

    rate: float = Field(default=0.40, gt=0, le=1)
    floor: float = Field(default=0.0, ge=0, lt=1)


class ChannelSettings(Value):
    """One channel. `unit_cost` in major units per contact; sandboxed (`live = false`) unless switched on.

    `lead_days`: days from handing over until it lands with the person. `least_run`: fewer contacts than this in a flight are not made.
    `most_per_week`: most contacts by this channel to one person in seven days, besides the cap over all channels.
    """

    unit_cost: Decimal = Decimal("0")
    capacity_per_day: int | None = Field(default=None, ge=0)
    lead_days: int = Field(default=0, ge=0)
    least_run: int = Field(default=0, ge=0)
    most_per_week: int | None = Field(default=None, ge=0)
    live: bool = False
    adapter: str = "file_drop"
    options: dict[str, str] = {}


class OfferSettings(Value):
    """One offer: `discount` a share of the price, `stock` how many may be redeemed."""

    discount: float = Field(ge=0, lt=1)
    stock: int | None = Field(default=None, ge=0)


class LimitSettings(Value):
    """House limits that policies read as facts.

    Contacts of one person over all channels and campaigns in 24 hours, seven and thirty days; `hours_between` two of them; `unanswered`:
    contacts within 30 days without a click, visit or order after which we leave somebody alone; `blackout`: days on which nothing leaves;
    `outbid`: by this share more must a touch be worth to take the place of another campaign's.
    """

    max_discount: float = Field(default=0.30, ge=0, lt=1)
    contacts_per_day: int = Field(default=2, ge=0)
    contacts_per_week: int = Field(default=3, ge=0)
    contacts_per_month: int = Field(default=12, ge=0)
    hours_between: int = Field(default=3, ge=0)
    unanswered: int = Field(default=12, ge=1)
    outbid: float = Field(default=0.10, ge=0)
    blackout: tuple[date, ...] = ()
    holdout_share: float = Field(default=0.10, gt=0, lt=1)
    randomised_share: float = Field(default=0.05, ge=0, le=1)
    approval_hours: int = Field(default=72, ge=1)


class UsualSettings(Value):
    """Business as usual, for campaigns with such an arm: one contact by `channel` with `offer` to `people`, in words ("" = everybody)."""

    channel: Channel = "email"
    offer: str = "none"
    people: str = ""


class ExperimentSettings(Value):
    """How campaigns are tested. `global_holdout`: share of people no campaign contacts, drawn anew every quarter with `salt`.

    `visitor_holdout`: share of people for whom nothing is chosen when they visit, always the same ones, so that choices can be judged.
    `most_holdout`: the largest share the plan takes by itself to make an effect measurable. `random_share`, `usual_share`: size of
    the arms on request.
    """

    global_holdout: float = Field(default=0.0, ge=0, le=0.5)
    salt: str = "liftwright"
    visitor_holdout: float = Field(default=0.05, ge=0, le=0.5)
    most_holdout: float = Field(default=0.20, gt=0, lt=1)
    random_share: float = Field(default=0.05, gt=0, le=0.3)
    usual_share: float = Field(default=0.05, gt=0, le=0.3)
    usual: UsualSettings = UsualSettings()


class FeatureSettings(Value):
    """`allowed_tags`: special categories of personal data (`health`, `religion`, ...) or `direct` that a model may see. None by default."""

    allowed_tags: tuple[str, ...] = ()


class AgentSettings(Value):
    """The budget of one agent step, and of all steps of a campaign's planning together. `price`: major units per 1,000 tokens, for the ledger;
    `max_cost` needs it."""

    max_calls: int = Field(default=12, ge=1)
    max_tokens: int = Field(default=60_000, ge=100)
    max_campaign_tokens: int = Field(default=1_000_000, ge=100)
    price: Decimal = Field(default=Decimal(0), ge=0)
    max_cost: Decimal | None = Field(default=None, gt=0)
    max_seconds: float = Field(default=120.0, gt=0)
    attempts: int = Field(default=3, ge=1)


DEFAULT_CHANNELS: dict[Channel, ChannelSettings] = {
    "email": ChannelSettings(unit_cost=Decimal("0.002")),
    "push": ChannelSettings(unit_cost=Decimal("0.001")),
    "web": ChannelSettings(unit_cost=Decimal("0.0005")),
    "sms": ChannelSettings(unit_cost=Decimal("0.04")),
    "display": ChannelSettings(unit_cost=Decimal("0.02")),
    "paid_social": ChannelSettings(unit_cost=Decimal("0.05")),
    "direct_mail": ChannelSettings(unit_cost=Decimal("0.85")),
    "voice": ChannelSettings(unit_cost=Decimal("0.60")),
}


class Settings(Value):
    """Everything the operator may set. `country` and `time_zone` are used where a person's own is unknown."""

    home: Path = Path(".liftwright")
    key: SecretStr | None = Field(default=None, exclude=True)
    """Whoever acts in this process shows this key (LIFTWRIGHT_KEY); it is in no digest and no log."""
    seals: Path | None = None
    """Folder for the journal's seals, best on another disk; None = `seals` in the workspace."""
    database_url: str | None = None
    model: str = "scripted"
    model_options: dict[str, Any] = {}
    embedding: str = "hashing"
    currency: str = "USD"
    country: str = "US"
    time_zone: str = "America/New_York"
    seed: int = 7
    margin: MarginSettings = MarginSettings()
    channels: dict[Channel, ChannelSettings] = Field(default_factory=lambda: dict(DEFAULT_CHANNELS))
    offers: dict[str, OfferSettings] = {}
    limits: LimitSettings = LimitSettings()
    experiment: ExperimentSettings = ExperimentSettings()
    features: FeatureSettings = FeatureSettings()
    agents: AgentSettings = AgentSettings()
    sender: SenderSettings = SenderSettings()
    notify: NotifySettings = NotifySettings()
    server: ServerSettings = ServerSettings()
    oidc: OidcSettings = OidcSettings()

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"'{name}' is not an IANA time zone such as America/New_York") from error
        return name

    @property
    def digest(self) -> str:
        """SHA-256 over what changes a plan: everything but where things are kept, which model speaks, how pages are served and who is told of approvals."""
        apart = {"home", "database_url", "model", "model_options", "embedding", "notify", "server", "oidc"}
        kept = self.model_dump(mode="json", exclude=apart)
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()

    def unit_cost(self, channel: Channel) -> float:
        """Contact cost in major units; a channel that is not configured costs what the built-in default says."""
        return float(self.channels.get(channel, DEFAULT_CHANNELS[channel]).unit_cost)


_ENVIRONMENT = {
    "LIFTWRIGHT_HOME": "home",
    "LIFTWRIGHT_DATABASE_URL": "database_url",
    "LIFTWRIGHT_MODEL": "model",
    "LIFTWRIGHT_EMBEDDING": "embedding",
    "LIFTWRIGHT_CURRENCY": "currency",
    "LIFTWRIGHT_COUNTRY": "country",
    "LIFTWRIGHT_TIME_ZONE": "time_zone",
    "LIFTWRIGHT_SEED": "seed",
    "LIFTWRIGHT_KEY": "key",
}


def load(
    *, directory: Path | None = None, environment: Mapping[str, str] | None = None, home: Path | None = None, **overrides: Any
) -> Settings:
    """Read `liftwright.toml` in `directory` (default: the current one), else in the workspace; then the environment, then `overrides`.

    Raises ConfigError naming the key, and the nearest known key where one was misspelt.
    """
    environment = os.environ if environment is None else environment
    path = (directory or Path.cwd()) / "liftwright.toml"
    if not path.exists():
        path = Path(home or environment.get("LIFTWRIGHT_HOME") or Settings().home) / "liftwright.toml"
    values: dict[str, Any] = {}
    if path.exists():
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError("CONFIG-SYNTAX", f"{path.name} cannot be read: {error}.", next_step="Mend the file.") from error
    values |= {field: environment[name] for name, field in _ENVIRONMENT.items() if environment.get(name)}
    if home is not None:
        values["home"] = home
    values |= overrides
    return parse(values, where=path.name)


def parse(values: dict[str, Any], *, where: str = "settings") -> Settings:
    """Validate a mapping into Settings; channels named keep the defaults of those not named."""
    values = dict(values)
    if isinstance(values.get("channels"), dict):
        values["channels"] = _with_default_channels(values["channels"], where=where)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise _config_error(error, where=where) from error


def _with_default_channels(named: dict[str, Any], *, where: str) -> dict[str, Any]:
    for name in named:
        if name not in CHANNELS:
            raise ConfigError(
                "CONFIG-CHANNEL",
                f"{where} names the channel '{name}', which does not exist.{_nearest(name, CHANNELS)}",
                next_step=f"Use one of: {', '.join(CHANNELS)}.",
            )
    defaults: dict[str, Any] = {name: channel.model_dump() for name, channel in DEFAULT_CHANNELS.items()}
    return defaults | {name: (defaults[name] | value if isinstance(value, dict) else value) for name, value in named.items()}


def _config_error(error: ValidationError, *, where: str) -> ConfigError:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _known_keys(first["loc"][:-1])
        says = f"{where} has an unknown key '{place}'.{_nearest(str(first['loc'][-1]), known)}"
    else:
        says = f"{where}: '{place}' is wrong: {first['msg'].removeprefix('Value error, ')}."
    return ConfigError("CONFIG-KEY", says, next_step="Mend that key and run the command again.")


def _known_keys(place: tuple[Any, ...]) -> tuple[str, ...]:
    owner: type[Value] = Settings
    for name in place:
        field = owner.model_fields.get(str(name))
        kind = (get_args(field.annotation) or (field.annotation,))[-1] if field is not None else None
        owner = kind if isinstance(kind, type) and issubclass(kind, Value) else owner
    return tuple(owner.model_fields)


def _nearest(word: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f" Did you mean '{close[0]}'?" if close else ""

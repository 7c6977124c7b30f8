"""What every channel shares: each send once per batch, a receipt for each, retries of what may pass, and the sandbox rule."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar

import tenacity

from liftwright.channels.merge import NoValue
from liftwright.domain.delivery import Delivery, Receipt
from liftwright.domain.errors import ConfigError
from liftwright.domain.profile import Channel
from liftwright.settings import ChannelSettings

T = TypeVar("T")
TRIES = 3
MOST_ATTEMPTS = 5
"""Tries within one delivery; deliveries of one send before a send that keeps failing is given up."""


class Transient(Exception):
    """It failed now and may pass in a moment; nothing has left."""


class NoAnswer(Transient):
    """Nothing was heard; repeating is safe because the receiver knows the key, but it may have left."""


class Refused(Exception):
    """It will never pass: the address, the content or the account is refused."""


class InDoubt(Exception):
    """It may or may not have left."""


class BaseAdapter(ABC):
    """A channel that delivers one message after the other. `channel` and `is_idempotent` as in ports.ChannelAdapter."""

    channel: Channel
    is_idempotent: bool = False
    takes_ahead: timedelta = timedelta(0)

    def __init__(self, *, wait: Callable[[float], None] | None = None) -> None:
        self._wait = wait

    def deliver(self, batch: Sequence[Delivery], *, now: datetime) -> list[Receipt]:
        """One receipt per delivery. A send_id that stands twice in the batch is delivered once."""
        with self.open() as line:
            done: dict[str, Receipt] = {}
            for delivery in batch:
                if delivery.send.send_id not in done:
                    done[delivery.send.send_id] = self._receipt(line, delivery, now=now)
        return [done[delivery.send.send_id] for delivery in batch]

    @contextmanager
    def open(self) -> Iterator[Any]:
        """Whatever is kept open for a batch, such as a connection."""
        yield None

    @abstractmethod
    def send(self, line: Any, delivery: Delivery, *, now: datetime) -> str:
        """Send one; returns the provider's id. Raises Transient, Refused or InDoubt."""

    def _receipt(self, line: Any, delivery: Delivery, *, now: datetime) -> Receipt:
        send_id = delivery.send.send_id
        try:
            return Receipt(send_id, "sent", provider_id=self._try(line, delivery, now=now))
        except (Refused, NoValue) as error:
            return Receipt(send_id, "failed", reason=str(error))
        except InDoubt as error:
            return Receipt(send_id, "unknown", reason=str(error))
        except Transient as error:
            if delivery.send.attempts + 1 < MOST_ATTEMPTS:
                return Receipt(send_id, "delayed", reason=str(error))
            outcome: Literal["failed", "unknown"] = "unknown" if isinstance(error, NoAnswer) else "failed"
            return Receipt(send_id, outcome, reason=f"given up after {delivery.send.attempts + 1} attempts: {error}")

    def _try(self, line: Any, delivery: Delivery, *, now: datetime) -> str:
        return tried(lambda: self.send(line, delivery, now=now), wait=self._wait)


def tried(work: Callable[[], T], *, wait: Callable[[float], None] | None = None) -> T:
    """What `work` returns; after a moment it is called again where it raised Transient, `TRIES` times in all."""
    waits: dict[str, Any] = {} if wait is None else {"sleep": wait}
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(TRIES),
        wait=tenacity.wait_exponential(multiplier=0.2, max=2.0) + tenacity.wait_random(0, 0.2),
        retry=tenacity.retry_if_exception_type(Transient),
        reraise=True,
        **waits,
    )
    return retrying(work)


def require_live(channel: Channel, settings: ChannelSettings) -> None:
    """The sandbox rule: what talks to a network exists only for a channel that is switched on. Raises ConfigError."""
    if not settings.live:
        raise ConfigError(
            "CHANNEL-SANDBOX",
            f"The channel {channel} is in the sandbox (live = false), so nothing may be sent over the network.",
            next_step=f"Set live = true under [channels.{channel}] when you mean it.",
        )


def option(channel: Channel, settings: ChannelSettings, name: str) -> str:
    """One entry of `options` that the adapter cannot do without. Raises ConfigError."""
    value = settings.options.get(name, "").strip()
    if not value:
        raise ConfigError(
            "CHANNEL-OPTION",
            f"The adapter '{settings.adapter}' of the channel {channel} needs the option '{name}'.",
            next_step=f"Add {name} under [channels.{channel}.options].",
        )
    return value

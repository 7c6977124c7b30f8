"""Signed JSON over HTTPS to a provider or a gateway of the shop: one request per send, the send_id is the idempotency key.

Signature as in the Standard Webhooks specification: `webhook-id`, `webhook-timestamp` and `webhook-signature` with
`v1,` + base64(HMAC-SHA256(secret, "id.timestamp.body")). The receiver must honour `Idempotency-Key`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import http.client
import json
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from liftwright.channels.base import BaseAdapter, NoAnswer, Refused, Transient
from liftwright.channels.merge import fill, one_line
from liftwright.domain.address import is_private
from liftwright.domain.delivery import Delivery
from liftwright.domain.errors import ConfigError

_LATER = frozenset({408, 409, 425, 429})
_MOST_ANSWER = 64_000


class Post:
    """One kept-alive connection to the receiver. Redirects are not followed: a signed request goes where the operator said."""

    def __init__(self, url: str, *, timeout: float) -> None:
        self._url, self._timeout = urlsplit(url), timeout
        self._connection: http.client.HTTPConnection | None = None

    def post(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """(status, answer). Raises NoAnswer when none came."""
        if self._connection is None:
            kind = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
            self._connection = kind(self._url.hostname or "", self._url.port, timeout=self._timeout)
        path = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
        try:
            self._connection.request("POST", path, body, headers)
            answer = self._connection.getresponse()
            return answer.status, answer.read(_MOST_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NoAnswer(f"the receiver did not answer ({type(error).__name__})") from error

    def close(self) -> None:
        """Close the connection, if one is open."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class WebhookAdapter(BaseAdapter):
    """Posts one JSON object per send. A child states the channel and its `payload`.

    2xx is sent; 408, 409, 425, 429, 5xx and silence are tried again; everything else is a failure. Repeating has no second effect
    because the receiver knows the key.
    """

    is_idempotent = True

    def __init__(self, *, url: str, secret: str, timeout: float = 15.0, wait: Callable[[float], None] | None = None) -> None:
        super().__init__(wait=wait)
        if not is_private(urlsplit(url)):
            raise ConfigError(
                "WEBHOOK-URL",
                f"The webhook of {self.channel} is not https.",
                next_step="Use an https address (http only on this machine).",
            )
        self._url, self._key, self._timeout = url, key_of(secret), timeout

    @abstractmethod
    def payload(self, delivery: Delivery) -> dict[str, Any]:
        """What the receiver needs to deliver one send. Raises Refused or NoValue."""

    @contextmanager
    def open(self) -> Iterator[Post]:
        """A connection for the batch."""
        post = Post(self._url, timeout=self._timeout)
        try:
            yield post
        finally:
            post.close()

    def send(self, line: Post, delivery: Delivery, *, now: datetime) -> str:
        """Post one send; returns the id the receiver gave it, or the send_id."""
        send = delivery.send
        data = {
            "send_id": send.send_id,
            "campaign_id": send.campaign_id,
            "channel": self.channel,
            "offer": send.offer,
        } | self.payload(delivery)
        return _id_in(signed(line, data, key=self._key, message_id=send.send_id)) or send.send_id


def signed(line: Post, data: Mapping[str, Any], *, key: bytes, message_id: str) -> bytes:
    """Post one JSON object, signed; returns the answer. Raises Transient or NoAnswer where trying again may help, else Refused."""
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    status, answer = line.post(body, headers(key, message_id, body, at=int(time.time())))
    if 200 <= status < 300:
        return answer
    says = f"the receiver answered {status}"
    if status in _LATER or status >= 500:
        raise Transient(says)
    raise Refused(says)


def key_of(secret: str) -> bytes:
    """The key in a `whsec_…` secret (base64 after the prefix). Raises ConfigError when it is not one or shorter than 24 bytes."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConfigError(
            "WEBHOOK-SECRET", "The webhook secret is not base64.", next_step="Use whsec_ and base64 of 24 to 64 bytes."
        ) from error
    if not 24 <= len(key) <= 64:
        raise ConfigError(
            "WEBHOOK-SECRET", "The webhook secret is too short or too long.", next_step="Use whsec_ and base64 of 24 to 64 bytes."
        )
    return key


def headers(key: bytes, send_id: str, body: bytes, *, at: int) -> dict[str, str]:
    """The request's headers; `at` is the time of sending in seconds since 1970."""
    name = one_line(send_id)
    signature = base64.b64encode(hmac.new(key, f"{name}.{at}.".encode() + body, hashlib.sha256).digest()).decode()
    return {
        "Content-Type": "application/json",
        "Idempotency-Key": name,
        "webhook-id": name,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{signature}",
    }


def fitted(text: str, delivery: Delivery, *, most: int | Callable[[str], bool], what: str) -> str:
    """`text` with the merge tags filled; where a long name makes it too long, with the neutral word. Raises Refused when it stays so."""
    fits = (lambda filled: len(filled) <= most) if isinstance(most, int) else most
    for neutral in (False, True):
        filled = fill(text, delivery.contact, channel=delivery.send.channel, neutral=neutral)
        if fits(filled):
            return filled
    raise Refused(f"the {what} is longer than the channel carries")


def _id_in(answer: bytes) -> str:
    try:
        data = json.loads(answer)
    except ValueError:
        return ""
    return one_line(str(data["id"]))[:100] if isinstance(data, dict) and isinstance(data.get("id"), str | int) else ""

"""Deliveries, and real servers on this machine: SMTP and HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from liftwright.domain.campaign import Send
from liftwright.domain.delivery import Delivery
from liftwright.domain.profile import Channel
from liftwright.domain.treatment import Variant

NOW = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
CONTACT = {
    "email": "jana@example.com",
    "phone": "(415) 555-0123",
    "country": "US",
    "push_token": "device-1",
    "first_name": "Jana",
    "last_name": "Krüger",
    "street": "12 Oak Street",
    "city": "Springfield",
    "region": "IL",
    "postal_code": "62701",
}
MakeDelivery = Callable[..., Delivery]


@pytest.fixture
def make() -> MakeDelivery:
    """A delivery: number, channel, and whatever differs in the contact, the variant or the send."""

    def delivery(
        number: int = 1,
        channel: Channel = "email",
        *,
        contact: dict[str, str] | None = None,
        variant: dict[str, Any] | None = None,
        **send: Any,
    ) -> Delivery:
        text = {
            "variant_id": f"{channel}-v1",
            "channel": channel,
            "template": "t",
            "subject": "Hello {{first_name}}",
            "body": "Hi {{first_name}}",
        }
        fields = {
            "send_id": f"s{number:04d}",
            "idem_key": f"k{number}",
            "campaign_id": "cmp1",
            "plan_hash": "sha256:0",
            "customer_id": f"C{number:04d}",
            "wave": 0,
            "channel": channel,
            "offer": "save10",
            "discount": 0.1,
            "variant_id": f"{channel}-v1",
            "send_at": NOW,
            "priority": number,
            "cost": 0.01,
        }
        return Delivery(Send(**(fields | send)), Variant(**(text | (variant or {}))), CONTACT if contact is None else contact)

    return delivery


@dataclass
class Receiver:
    """What an HTTP server on loopback was asked, and what it is told to answer next (then 200)."""

    url: str = ""
    asked: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]] | None] = field(default_factory=list)

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.asked]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A real HTTP server; an answer of None hangs up without one."""
    seen = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.asked.append(({name.lower(): value for name, value in self.headers.items()}, body))
            answer = seen.answers.pop(0) if seen.answers else (200, {})
            if answer is None:
                self.close_connection = True
                return
            data = json.dumps({"id": f"p{len(seen.asked)}"}).encode()
            self.send_response(answer[0])
            for name, value in {"Content-Length": str(len(data)), **answer[1]}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *parts: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    seen.url = f"http://127.0.0.1:{server.server_address[1]}/hook?shop=1"
    yield seen
    server.shutdown()
    server.server_close()
    thread.join()

"""Real servers on this machine that keep what they are handed: SMTP and HTTP."""

from __future__ import annotations

import email
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP


@dataclass
class Mailbox:
    """What arrived, and how the server behaves."""

    arrived: list[tuple[str, bytes]] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    data_answers: list[str] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    async def handle_EHLO(self, server: SMTP, session: Any, envelope: Any, hostname: str, responses: list[str]) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        answer = self.data_answers.pop(0) if self.data_answers else "250 queued"
        if answer == "hang up":
            self.arrived.append((envelope.rcpt_tos[0], envelope.content))
            assert server.transport is not None
            server.transport.abort()
        elif answer.startswith("250"):
            self.arrived.append((envelope.rcpt_tos[0], envelope.content))
        return answer

    def messages(self) -> list[EmailMessage]:
        return [email.message_from_bytes(content, policy=default) for _, content in self.arrived]  # type: ignore[misc]


def serve(mailbox: Mailbox, **options: Any) -> Controller:
    with socket.create_server(("127.0.0.1", 0)) as free:
        mailbox.port = free.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port, **options)
    controller.start()
    return controller


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    controller = serve(box)
    yield box
    controller.stop()


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

"""A loopback server that speaks the chat-completions protocol of OpenAI and plays a list of answers, good and bad."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Play = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]


class Provider:
    """What was asked, and the address to ask at."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.base_url = ""


def completion(content: str = "", *, tool_calls: list[tuple[str, str]] | None = None) -> dict[str, Any]:
    """A chat completion with text or tool calls (name, arguments as JSON text)."""
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if tool_calls:
        message["tool_calls"] = [
            {"id": f"call_{i}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for i, (name, arguments) in enumerate(tool_calls)
        ]
    return {
        "id": "completion-1",
        "object": "chat.completion",
        "created": 1,
        "model": "test",
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if tool_calls else "stop"}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14},
    }


@contextmanager
def provider(*plays: Play) -> Iterator[Provider]:
    """Answer the n-th request with the n-th play, the last one for ever."""
    state = Provider()
    handler = type("Handler", (_Handler,), {"state": state, "plays": plays})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    state.base_url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: Provider
    plays: tuple[Play, ...]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        play = self.plays[min(len(self.state.requests), len(self.plays) - 1)]
        self.state.requests.append(body)
        status, answer = play(body)
        if body.get("stream") and status == 200:
            self._stream(answer)
        else:
            self._send(status, json.dumps(answer).encode(), "application/json")

    def _stream(self, answer: dict[str, Any]) -> None:
        words = answer["choices"][0]["message"]["content"].split(" ")
        chunk = {**answer, "object": "chat.completion.chunk"}
        parts = [{"content": word if i == 0 else f" {word}"} for i, word in enumerate(words)]
        lines = [{**chunk, "usage": None, "choices": [{"index": 0, "delta": part, "finish_reason": None}]} for part in parts]
        told = [json.dumps(line) for line in [*lines, {**chunk, "choices": []}]]
        self._send(200, "".join(f"data: {line}\n\n" for line in [*told, "[DONE]"]).encode(), "text/event-stream")

    def _send(self, status: int, data: bytes, kind: str) -> None:
        try:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):
            return

    def log_message(self, *args: Any) -> None:
        return


def says(content: str = "", *, tool_calls: list[tuple[str, str]] | None = None) -> Play:
    """Answer 200 with text or tool calls."""
    return lambda body: (200, completion(content, tool_calls=tool_calls))


def fails(status: int) -> Play:
    """Answer with an error status."""
    return lambda body: (status, {"error": {"message": "no", "type": "test", "code": None}})


def hangs(seconds: float) -> Play:
    """Answer only after some seconds."""

    def play(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        time.sleep(seconds)
        return 200, completion("late")

    return play

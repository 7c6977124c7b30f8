"""Texts as vectors: built in, as an extra, and from a provider on loopback."""

import json
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.domain.errors import ConfigError, ProviderError
from liftwright.memory.embedding import Hashing, OpenAICompatible, WordLlama, choose


def closeness(one: str, other: str) -> float:
    rows = Hashing()([one, other])
    return float(rows[0] @ rows[1])


@given(st.text(max_size=300))
def test_every_text_becomes_a_direction_of_length_one(text: str) -> None:
    rows = Hashing()([text, text])
    assert rows.shape == (2, 1024)
    assert np.all(np.isfinite(rows))
    assert np.linalg.norm(rows[0]) == pytest.approx(1.0, abs=1e-5)
    assert np.array_equal(rows[0], rows[1])


def test_texts_that_share_words_are_closer_than_texts_that_do_not() -> None:
    assert closeness("the sms coupon lost money", "SMS coupons lose money") > 0.3
    assert abs(closeness("the sms coupon lost money", "weatherproof hiking jacket")) < 0.15


def test_accents_case_and_word_endings_hardly_matter() -> None:
    assert closeness("Café", "cafe") == pytest.approx(1.0, abs=1e-5)
    assert closeness("discounting", "discounted") > 0.3


def test_the_vector_is_the_same_in_every_process() -> None:
    code = "from liftwright.memory.embedding import Hashing; r = Hashing()(['running shoes']); print(r[0].nonzero()[0].tolist())"
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert seen == {f"{Hashing()(['running shoes'])[0].nonzero()[0].tolist()}\n"}


def test_an_unknown_embedding_names_the_choices(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"hashing, wordllama, or openai:<model>"):
        choose("word2vec", cache=tmp_path)


def test_a_missing_extra_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wordllama", None)
    with pytest.raises(ConfigError, match=r"liftwright\[embeddings\]"):
        choose("wordllama", cache=tmp_path)


def test_wordllama_is_loaded_from_its_package_without_a_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "wordllama"
    for name in ("weights/one.safetensors", "tokenizers/one.json"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("x")
    asked: dict[str, Any] = {}

    class Model:
        @staticmethod
        def load(**options: Any) -> "Model":
            asked.update(options)
            return Model()

        def embed(self, texts: list[str]) -> np.ndarray:
            return np.full((len(texts), 256), 2.0)

    module = types.ModuleType("wordllama")
    module.__file__ = str(package / "__init__.py")
    module.WordLlama = Model  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wordllama", module)
    rows = WordLlama(tmp_path / "cache")(["a", ""])
    assert asked == {"cache_dir": tmp_path / "cache", "disable_download": True}
    assert (tmp_path / "cache" / "weights" / "one.safetensors").exists()
    assert (tmp_path / "cache" / "tokenizers" / "one.json").exists()
    assert np.linalg.norm(rows[1]) == pytest.approx(1.0)


@pytest.fixture
def provider() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    seen: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append({"path": self.path, "auth": self.headers.get("Authorization"), **asked})
            data = [{"index": place, "embedding": [1.0, float(place), 0.0]} for place in range(len(asked["input"]))]
            answer = json.dumps({"data": data[::-1]}).encode()
            self.send_response(500 if asked["model"] == "broken" else 200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *parts: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1", seen
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.loopback
def test_a_provider_is_asked_over_http_and_never_sees_addresses(provider: tuple[str, list[dict[str, Any]]]) -> None:
    url, seen = provider
    embedding = OpenAICompatible("small", environment={"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "k"})
    rows = embedding(["write to jana.k@shop.example or +1 (415) 555-0123", "second"])
    assert seen[0]["path"] == "/v1/embeddings"
    assert seen[0]["auth"] == "Bearer k"
    assert seen[0]["input"] == ["write to (address) or (number)", "second"]
    assert rows.shape == (2, 3)
    assert embedding.dimension == 3
    assert rows[1] == pytest.approx(np.array([1.0, 1.0, 0.0]) / np.sqrt(2))


@pytest.mark.loopback
def test_a_provider_that_fails_is_a_provider_error(provider: tuple[str, list[dict[str, Any]]]) -> None:
    with pytest.raises(ProviderError, match="status 500"):
        OpenAICompatible("broken", environment={"OPENAI_BASE_URL": provider[0]})(["a"])

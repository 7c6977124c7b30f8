"""Texts as vectors. Hashing is built in and needs nothing; `wordllama` is an extra that works offline; a provider's is asked over HTTP."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import unicodedata
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np

from liftwright.domain.errors import ConfigError, ProviderError

LONGEST = 20_000
"""Characters of a text that are embedded; the rest of a very long one is not looked at."""
_STOP = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be but by can do does for from had has have how i if in is it its me my no not of on or our so than that the their them"
        " there they this to was we were what when which who why will with you your",
    )
)
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_NUMBER = re.compile(r"(?<!\w)\+?\d(?:[\s().-]{0,2}\d){7,14}(?!\w)")


class Embedding(Protocol):
    """Texts in, one row of length 1 per text out. `name` is stored with what was embedded; `dimension` 0 = known after the first call."""

    name: str
    dimension: int

    def __call__(self, texts: Sequence[str]) -> np.ndarray: ...


class Hashing:
    """Words and their 4-grams, hashed into 1,024 signed places (BLAKE2, the same on every machine), length 1. No model, no download."""

    name = "hashing"
    dimension = 1024

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Shape (texts, 1024), float32."""
        rows = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for token, weight in _tokens(text).items():
                place, sign = _place(token, self.dimension)
                row[place] += sign * weight
        return _unit(rows)


def _tokens(text: str) -> dict[str, float]:
    """Words (weight 1 + log count) and the 4-grams of each word (half of that, shared among them)."""
    folded = unicodedata.normalize("NFKD", text[:LONGEST].casefold())
    folded = "".join(char for char in folded if not unicodedata.combining(char))
    counts = Counter(word for word in re.findall(r"\w+", folded) if word not in _STOP)
    weights: dict[str, float] = {}
    for word, count in counts.items():
        weight = 1.0 + float(np.log(count))
        weights[f"w:{word}"] = weight
        padded = f"<{word[:64]}>"
        grams = [padded[start : start + 4] for start in range(max(1, len(padded) - 3))]
        for gram in grams:
            weights[f"g:{gram}"] = weights.get(f"g:{gram}", 0.0) + weight / np.sqrt(len(grams))
    return weights


@lru_cache(maxsize=65_536)
def _place(token: str, dimension: int) -> tuple[int, float]:
    number = int.from_bytes(hashlib.blake2b(token.encode("utf-8", "replace"), digest_size=8).digest(), "big")
    return number % dimension, 1.0 if number >> 63 else -1.0


def _unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1; a text without words points in a direction of its own."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    rows[length[:, 0] < 1e-12, 0] = 1.0
    unit: np.ndarray = (rows / np.where(length < 1e-12, 1.0, length)).astype(np.float32)
    return unit


class WordLlama:
    """Static word vectors from the extra `embeddings`; their files are in the package, nothing is downloaded."""

    name = "wordllama"
    dimension = 256

    def __init__(self, cache: Path) -> None:
        try:
            import wordllama
        except ImportError as error:
            raise ConfigError(
                "MEMORY-EXTRA",
                "The embedding 'wordllama' is not installed.",
                next_step="Install liftwright[embeddings], or set embedding to 'hashing'.",
            ) from error
        package = Path(wordllama.__file__).parent
        for folder, pattern in (("weights", "*.safetensors"), ("tokenizers", "*.json")):
            (cache / folder).mkdir(parents=True, exist_ok=True)
            for file in (package / folder).glob(pattern):
                if not (cache / folder / file.name).exists():
                    shutil.copyfile(file, cache / folder / file.name)
        self._model = wordllama.WordLlama.load(cache_dir=cache, disable_download=True)

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Shape (texts, 256), float32."""
        shown = [text[:LONGEST] if text.strip() else "." for text in texts]
        return _unit(np.array(self._model.embed(shown), dtype=np.float32))


class OpenAICompatible:
    """`POST {OPENAI_BASE_URL}/embeddings`. E-mail addresses and telephone numbers are blanked before a text leaves."""

    dimension = 0

    def __init__(self, model: str, *, environment: Mapping[str, str] | None = None, timeout: float = 30.0) -> None:
        known = os.environ if environment is None else environment
        self.name = f"openai:{model}"
        self._model, self._timeout = model, timeout
        self._url = known.get("OPENAI_BASE_URL", "https://api.openai.com/v1").rstrip("/") + "/embeddings"
        self._key = known.get("OPENAI_API_KEY", "")
        if not model or not self._url.startswith(("https://", "http://")):
            raise ConfigError(
                "MEMORY-EMBEDDING", "The embedding model has no name or no address.", next_step="Use openai:<model>."
            )

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Shape (texts, what the provider gives), float32. Raises ProviderError."""
        shown = [_NUMBER.sub("(number)", _ADDRESS.sub("(address)", text[:LONGEST])) or " " for text in texts]
        body = json.dumps({"model": self._model, "input": shown, "encoding_format": "float"}).encode()
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self._key}"} if self._key else {})
        request = urllib.request.Request(self._url, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:
                found = sorted(json.load(answer)["data"], key=lambda item: item["index"])
            rows = np.array([item["embedding"] for item in found], dtype=np.float32)
        except (OSError, ValueError, KeyError, TypeError) as error:
            says = f"status {error.code}" if isinstance(error, urllib.error.HTTPError) else type(error).__name__
            raise _failed(f"The embedding provider failed ({says}).") from error
        if rows.shape[:1] != (len(texts),) or rows.ndim != 2:
            raise _failed("The embedding provider gave another number of vectors than it was asked for.")
        self.dimension = rows.shape[1]
        return _unit(rows)


def _failed(says: str) -> ProviderError:
    return ProviderError("MEMORY-PROVIDER", says, next_step="Try again, or set embedding to 'hashing'.")


def choose(name: str, *, cache: Path) -> Embedding:
    """`hashing`, `wordllama`, or `openai:<model>`. Raises ConfigError naming the choices."""
    if name == "hashing":
        return Hashing()
    if name == "wordllama":
        return WordLlama(cache)
    provider, _, model = name.partition(":")
    if provider == "openai":
        return OpenAICompatible(model)
    raise ConfigError(
        "MEMORY-EMBEDDING",
        f"There is no embedding '{name}'.",
        next_step="Use hashing, wordllama, or openai:<model>.",
    )

"""Our embeddings under a name Chroma knows, so that its own tools can open the collections. Imported late: Chroma is slow to load."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from chromadb import EmbeddingFunction
from chromadb.utils.embedding_functions import register_embedding_function

from liftwright.memory.embedding import Embedding, choose


@register_embedding_function
class LiftwrightEmbedding(EmbeddingFunction):  # type: ignore[misc]
    """One of `memory/embedding.py`; its configuration is the name and, for wordllama, where the files are copied to."""

    def __init__(self, embedding: Embedding | None = None, *, named: str = "hashing", cache: str = "") -> None:
        self._embedding, self._cache = embedding, cache
        self._named = embedding.name if embedding else named

    def __call__(self, input: Sequence[str]) -> list[np.ndarray]:
        """One vector per text."""
        if self._embedding is None:
            self._embedding = choose(self._named, cache=Path(self._cache))
        return list(self._embedding(list(input)))

    @staticmethod
    def name() -> str:
        """The name in Chroma's registry."""
        return "liftwright"

    def get_config(self) -> dict[str, Any]:
        """What `build_from_config` needs."""
        return {"embedding": self._named, "cache": self._cache}

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> LiftwrightEmbedding:
        """The same embedding again; a model is loaded only when something is embedded."""
        return LiftwrightEmbedding(named=str(config["embedding"]), cache=str(config.get("cache", "")))

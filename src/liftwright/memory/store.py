"""The memory on disk: one Chroma collection per kind.

Chroma's files have one owner at a time. Every operation opens a client of its own under a file lock, shared for searching and
exclusive for writing, and closes it: another process's writes are always seen, and nothing is written by two at once.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

from liftwright.domain.errors import ConfigError, DataError, LiftwrightError
from liftwright.domain.learning import Found, MemoryKind
from liftwright.memory.embedding import Embedding, choose

LONGEST = 50_000
"""Characters kept of one text."""
MOST = 50
"""Results of one search at most."""
_WAIT = 0.02
_one_client = threading.Lock()


class ChromaMemory:
    """Implements ports.Memory under `<home>/memory`. `embedding` is a name for `embedding.choose`, or an embedding.

    Raises ConfigError MEMORY-BUSY when another process writes for longer than `patience` seconds, MEMORY-MISMATCH when what is
    there was embedded differently, MEMORY-BROKEN when Chroma cannot read its own files.
    """

    def __init__(self, home: Path, embedding: str | Embedding = "hashing", *, patience: float = 15.0) -> None:
        self._path = home / "memory"
        self._named = embedding
        self._embedding: Embedding | None = None
        self._patience = patience

    def remember(self, kind: MemoryKind, item_id: str, text: str, metadata: Mapping[str, str]) -> None:
        """Keep a text under an id; the same id again replaces it. Raises DataError for an unknown kind or an empty id."""
        _check_kind(kind)
        if not item_id.strip():
            raise DataError("MEMORY-ID", "A text to remember needs an id.", next_step="Give it one.")
        shown = _storable(text)
        vector = self._vectors(shown)
        kept = {_storable(str(name)): _storable(str(value)) for name, value in metadata.items() if _is_own(str(name))}
        with self._collection(kind, writes=True) as collection:
            before = collection.get(ids=[_storable(item_id)], include=["metadatas"])["metadatas"]
            gone = dict.fromkeys((before[0] or {}) if before else {})
            collection.upsert(
                ids=[_storable(item_id)], documents=[shown], embeddings=vector, metadatas=[gone | kept] if gone | kept else None
            )

    def search(self, kind: MemoryKind, query: str, *, limit: int = 5) -> list[Found]:
        """The nearest texts, nearest first (cosine distance 0 to 2). Nothing remembered: an empty list."""
        _check_kind(kind)
        limit = min(limit, MOST)
        if limit < 1 or not (self._path / "chroma.sqlite3").exists():
            return []
        vector = self._vectors(_storable(query))
        with self._collection(kind, writes=False) as collection:
            count = collection.count() if collection is not None else 0
            if not count:
                return []
            found = collection.query(
                query_embeddings=vector, n_results=min(limit, count), include=["documents", "metadatas", "distances"]
            )
        rows = zip(*(found[name][0] for name in ("ids", "documents", "metadatas", "distances")), strict=True)
        return [
            Found(item_id, text or "", {name: str(value) for name, value in (metadata or {}).items()}, float(distance))
            for item_id, text, metadata, distance in rows
        ]

    def _vectors(self, text: str) -> Any:
        return self._chosen()([text])

    def _chosen(self) -> Embedding:
        if self._embedding is None:
            self._embedding = choose(self._named, cache=self._path / "wordllama") if isinstance(self._named, str) else self._named
        return self._embedding

    @contextmanager
    def _collection(self, kind: MemoryKind, *, writes: bool) -> Iterator[Any]:
        """The collection of a kind, in a client of this operation; None when searching for what was never written."""
        with self._locked(exclusive=writes), _one_client:
            try:
                client = _client(self._path)
                try:
                    collection = self._opened(client, kind, creates=writes)
                    if collection is not None:
                        self._check(collection)
                    yield collection
                finally:
                    client.close()
            except LiftwrightError:
                raise
            except Exception as error:
                raise ConfigError(
                    "MEMORY-BROKEN",
                    f"The memory in {self._path} cannot be used ({type(error).__name__}).",
                    next_step="Move that folder away and import the documents again; every number is in the database and unharmed.",
                ) from error

    def _opened(self, client: Any, kind: MemoryKind, *, creates: bool) -> Any:
        from liftwright.memory.registration import LiftwrightEmbedding

        name, embedding = f"liftwright-{kind}", self._chosen()
        function = LiftwrightEmbedding(embedding, cache=str(self._path / "wordllama"))
        existing = {collection.name for collection in client.list_collections()}
        if name in existing:
            return client.get_collection(name, embedding_function=function)
        if not creates:
            return None
        return client.create_collection(
            name,
            embedding_function=function,
            metadata={"embedding": embedding.name, "dimension": embedding.dimension},
            configuration={"hnsw": {"space": "cosine"}},
        )

    def _check(self, collection: Any) -> None:
        """What was embedded one way cannot be searched another way: the distances would mean nothing."""
        embedding, kept = self._chosen(), collection.metadata or {}
        if kept.get("embedding") != embedding.name or kept.get("dimension") != embedding.dimension:
            raise ConfigError(
                "MEMORY-MISMATCH",
                f"The memory was embedded with '{kept.get('embedding')}' ({kept.get('dimension')} numbers), "
                f"and '{embedding.name}' ({embedding.dimension}) is configured.",
                next_step=f"Set embedding to '{kept.get('embedding')}', or move {self._path} away and import the documents again.",
            )

    @contextmanager
    def _locked(self, *, exclusive: bool) -> Iterator[None]:
        self._path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            give_up_at = time.monotonic() + self._patience
            while not _taken(descriptor, exclusive=exclusive):
                if time.monotonic() >= give_up_at:
                    raise ConfigError(
                        "MEMORY-BUSY",
                        f"Another process is using the memory in {self._path}.",
                        next_step="Run the command again when it is done.",
                    )
                time.sleep(_WAIT)
            yield
        finally:
            os.close(descriptor)


def _taken(descriptor: int, *, exclusive: bool) -> bool:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _client(path: Path) -> Any:
    import chromadb
    from chromadb.config import Settings

    return chromadb.PersistentClient(path=str(path), settings=Settings(anonymized_telemetry=False))


def _check_kind(kind: str) -> None:
    if kind not in get_args(MemoryKind):
        raise DataError(
            "MEMORY-KIND", f"There is no memory for '{kind}'.", next_step=f"Use one of: {', '.join(get_args(MemoryKind))}."
        )


def _is_own(name: str) -> bool:
    """Chroma keeps the empty name and its own prefix to itself."""
    return bool(name.strip()) and not name.lower().startswith("chroma")


def _storable(text: str) -> str:
    """Text that SQLite and JSON keep whole: no NUL, no lone surrogates, not endless."""
    return text[:LONGEST].replace("\x00", " ").encode("utf-8", "replace").decode("utf-8")

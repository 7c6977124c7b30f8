"""Seals: signed statements, kept outside the database, of how long the journal was and how it ended at a moment.

A hash chain cannot tell that its end was cut off or that it was written anew from some point on; a seal made before that can, for whoever
holds it and the public key. One JSON line a seal, each naming the line before; signatures are Ed25519 (RFC 8032) over RFC 8785 JSON. Keys
change by a line in which the old key names the new one, so the first public key is all that has to be kept safe.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

from liftwright.domain.errors import ConfigError, DataError
from liftwright.store.times import utc

FILE, PRIVATE, PUBLIC = "journal.jsonl", "journal.pem", "journal.pub"
NOTHING_BEFORE = "0" * 64


@dataclass(frozen=True)
class Seal:
    """The journal had `seq` entries, the last with `entry_hash`, at `sealed_at` (UTC)."""

    seq: int
    entry_hash: str
    sealed_at: datetime


@dataclass(frozen=True)
class Read:
    """The seals that hold, in order, and what is wrong with the first line that does not (its number and words), if one does not."""

    seals: tuple[Seal, ...]
    bad_line: int | None = None
    says: str = ""


class SealFile:
    """`folder/journal.jsonl`, written with the key in `keys/`, which is made at the first seal (readable by its owner only)."""

    def __init__(self, folder: Path, keys: Path) -> None:
        self._path, self._keys = folder / FILE, keys

    @property
    def path(self) -> Path:
        """Where the seals are."""
        return self._path

    @property
    def keys(self) -> Path:
        """Where the keys are."""
        return self._keys

    def add(self, seal: Seal) -> None:
        """Write a seal at the end; a line that a crash left unfinished is taken away first."""
        body = {"seq": seal.seq, "entry_hash": seal.entry_hash, "sealed_at": utc(seal.sealed_at).isoformat()}
        with self._open() as lines:
            self._append(lines, self._key(), body)

    def rotate(self, *, at: datetime) -> str:
        """Let the present key name a new one and use that from now on; returns the new public key, hexadecimal."""
        new = Ed25519PrivateKey.generate()
        named = new.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
        with self._open() as lines:
            self._append(lines, self._key(), {"new_key": named, "sealed_at": utc(at).isoformat()})
            _keep(self._keys / PRIVATE, _pem(new))
        return named

    def public_key(self) -> str:
        """The first public key, hexadecimal: what to keep elsewhere. Made if there is none yet."""
        with self._open():
            self._key()
        return (self._keys / PUBLIC).read_text(encoding="ascii").strip()

    def last(self) -> Seal | None:
        """The last seal written, signatures not checked."""
        if not self._path.is_file():
            return None
        whole = [line for line in self._path.read_bytes().split(b"\n")[:-1] if b'"entry_hash"' in line]
        try:
            return _seal(json.loads(whole[-1])) if whole else None
        except (ValueError, KeyError, TypeError) as error:
            raise self._broken(str(error)) from error

    def read(self, *, public_key: str | None = None) -> Read:
        """Every seal that holds against the first public key (the kept one, or that of this workspace)."""
        if not self._path.is_file():
            return Read(())
        found: list[Seal] = []
        key = _public(public_key or self.public_key())
        before = NOTHING_BEFORE
        for number, line in enumerate(self._path.read_bytes().split(b"\n")[:-1], start=1):
            try:
                body = _checked(line, key, before)
                if "new_key" in body:
                    key = _public(str(body["new_key"]))
                else:
                    found.append(_seal(body))
            except (ValueError, KeyError, TypeError, RecursionError, InvalidSignature, ConfigError) as error:
                return Read(tuple(found), number, f"line {number} is not what was sealed ({type(error).__name__})")
            before = hashlib.sha256(line).hexdigest()
        return Read(tuple(found))

    @contextmanager
    def _open(self) -> Iterator[Any]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._keys.mkdir(parents=True, exist_ok=True)
        with self._path.open("a+b") as lines:
            fcntl.flock(lines, fcntl.LOCK_EX)
            yield lines

    def _append(self, lines: Any, key: Ed25519PrivateKey, body: dict[str, Any]) -> None:
        lines.seek(0)
        there = lines.read()
        whole = there[: there.rfind(b"\n") + 1]
        if len(whole) < len(there):
            lines.truncate(len(whole))
        last = whole[:-1].rpartition(b"\n")[2]
        body["before"] = hashlib.sha256(last).hexdigest() if last else NOTHING_BEFORE
        body["signature"] = key.sign(rfc8785.dumps(body)).hex()
        lines.write(rfc8785.dumps(body) + b"\n")
        lines.flush()
        os.fsync(lines.fileno())

    def _key(self) -> Ed25519PrivateKey:
        path = self._keys / PRIVATE
        if not path.is_file():
            made = Ed25519PrivateKey.generate()
            _keep(path, _pem(made))
            public = made.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
            (self._keys / PUBLIC).write_text(public + "\n", encoding="ascii")
        try:
            found = load_pem_private_key(path.read_bytes(), password=None)
        except ValueError as error:
            raise self._broken(f"{path.name}: {error}") from error
        if not isinstance(found, Ed25519PrivateKey):
            raise self._broken(f"{path.name} is not an Ed25519 key")
        return found

    def _broken(self, why: str) -> DataError:
        return DataError(
            "JOURNAL-SEALS",
            f"The seals in {self._path} cannot be read or continued: {why}.",
            next_step="Find out who changed them; put the copy back.",
        )


def _seal(body: dict[str, Any]) -> Seal:
    return Seal(int(body["seq"]), str(body["entry_hash"]), datetime.fromisoformat(body["sealed_at"]))


def _checked(line: bytes, key: Ed25519PublicKey, before: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(line)
    signature = bytes.fromhex(body.pop("signature"))
    key.verify(signature, rfc8785.dumps(body))
    if body["before"] != before or rfc8785.dumps(body | {"signature": signature.hex()}) != line:
        raise ValueError("it does not follow the line before")
    return body


def _public(text: str) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(text.strip()))
    except ValueError as error:
        raise ConfigError(
            "JOURNAL-KEY",
            "That is not an Ed25519 public key in hexadecimal.",
            next_step="Give the one `liftwright journal keys` showed.",
        ) from error


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _keep(path: Path, content: bytes) -> None:
    """Write a file of its owner's only, whole or not at all."""
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)

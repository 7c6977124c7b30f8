"""What is said to a model, as it stands in a file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Prompt:
    """One prompt file: front matter and body with `{{name}}` places. `digest` is its identity."""

    name: str
    version: int
    inputs: tuple[str, ...]
    output: str
    body: str
    digest: str

"""What talking to a model has cost so far."""

from __future__ import annotations

import threading

from langchain_core.messages import BaseMessage


class Usage:
    """Counts since the process started: calls that were answered, tokens, retries, failures, and messages refused for privacy."""

    def __init__(self) -> None:
        self.calls = 0
        self.input_tokens = 0
        self.output_tokens = 0
        self.retries = 0
        self.failures = 0
        self.refused = 0
        self._lock = threading.Lock()

    def add(
        self,
        *,
        calls: int = 0,
        input_tokens: int = 0,
        output_tokens: int = 0,
        retries: int = 0,
        failures: int = 0,
        refused: int = 0,
    ) -> None:
        """Add to the counts; safe from several threads."""
        with self._lock:
            self.calls += calls
            self.input_tokens += input_tokens
            self.output_tokens += output_tokens
            self.retries += retries
            self.failures += failures
            self.refused += refused

    def count(self, answer: BaseMessage) -> None:
        """Count one answer; its `usage_metadata` gives the tokens, its length where a server does not say."""
        said = getattr(answer, "usage_metadata", None)
        if said:
            self.add(calls=1, input_tokens=said["input_tokens"], output_tokens=said["output_tokens"])
        else:
            self.add(calls=1, output_tokens=estimate_tokens(answer))

    def as_json(self) -> dict[str, int]:
        """The counts by name."""
        names = ("calls", "input_tokens", "output_tokens", "retries", "failures", "refused")
        return {name: int(getattr(self, name)) for name in names}


def estimate_tokens(*messages: BaseMessage) -> int:
    """About four characters a token, where nobody counted."""
    return sum(len(message.text) + len(str(getattr(message, "tool_calls", "") or "")) for message in messages) // 4 + 1

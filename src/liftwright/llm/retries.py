"""When asking a provider again is right, and how long to wait before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)

_TRANSIENT_STATUS = frozenset({408, 425, 429})
_TRANSIENT_NAMES = frozenset(
    {"APIConnectionError", "APITimeoutError", "TransportError", "ServiceUnavailable", "DeadlineExceeded", "ResourceExhausted"}
)


@dataclass(frozen=True)
class Retry:
    """`attempts` in all, seconds before the second one, the longest wait, and the time one attempt may take."""

    attempts: int = 3
    first_wait: float = 0.5
    longest_wait: float = 20.0
    timeout: float = 60.0

    def waiting(self, on_retry: Callable[[], None]) -> Retrying:
        """A tenacity controller for synchronous calls."""
        return Retrying(
            stop=stop_after_attempt(self.attempts),
            wait=self._wait,
            retry=retry_if_exception(is_transient),
            reraise=True,
            before_sleep=lambda state: on_retry(),
        )

    def waiting_async(self, on_retry: Callable[[], None]) -> AsyncRetrying:
        """A tenacity controller for asynchronous calls."""
        return AsyncRetrying(
            stop=stop_after_attempt(self.attempts),
            wait=self._wait,
            retry=retry_if_exception(is_transient),
            reraise=True,
            before_sleep=lambda state: on_retry(),
        )

    def _wait(self, state: RetryCallState) -> float:
        backoff = wait_exponential(multiplier=self.first_wait, max=self.longest_wait) + wait_random(0, self.first_wait)
        error = state.outcome.exception() if state.outcome else None
        return min(max(backoff(state), _asked_wait(error)), self.longest_wait)


def status_of(error: BaseException) -> int | None:
    """The HTTP error status (400 and above) an SDK's exception carries, if any."""
    for holder in (error, getattr(error, "response", None)):
        status = getattr(holder, "status_code", None)
        if isinstance(status, int) and status >= 400:
            return status
    return None


def is_transient(error: BaseException) -> bool:
    """True for 408, 425, 429, 5xx, timeouts and broken connections; False for refusals such as 400 and 401, and for our own errors."""
    status = status_of(error)
    if status is not None:
        return status in _TRANSIENT_STATUS or 500 <= status < 600
    names = {kind.__name__ for kind in type(error).__mro__}
    return isinstance(error, TimeoutError | ConnectionError) or bool(names & _TRANSIENT_NAMES)


def _asked_wait(error: BaseException | None) -> float:
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    try:
        return max(0.0, float(headers.get("retry-after", 0)))
    except (TypeError, ValueError):
        return 0.0

"""A simulated shop brought in by a thread of this process; how far it is can be seen from every process."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

from liftwright.evaluation import sample
from liftwright.ports import Deps

_LOG = logging.getLogger("uvicorn.error")
_AT_WORK = ThreadPoolExecutor(1, thread_name_prefix="sample")


def begin(*, by: str, deps: Deps) -> None:
    """Begin it. Raises DataError as `sample.reserve` does."""
    sample.reserve(by=by, deps=deps)
    _AT_WORK.submit(_make, by, deps)


def _make(by: str, deps: Deps) -> None:
    try:
        sample.make(by=by, deps=deps)
    except Exception:
        _LOG.exception("the simulated shop broke")

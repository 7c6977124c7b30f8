"""The one way to a chat model: `scripted`, or a LangChain provider string; always behind the guard."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from langchain_core.language_models import BaseChatModel

from liftwright.domain.errors import ConfigError
from liftwright.llm.guard import GuardedChatModel
from liftwright.llm.retries import Retry
from liftwright.llm.terms import PersonalTerms
from liftwright.llm.usage import Usage
from liftwright.settings import Settings

SCRIPTED = "scripted"
_OWN_OPTIONS = ("timeout", "max_retries", "retry_wait", "retry_longest_wait")


def build_model(
    settings: Settings,
    *,
    terms: Callable[[], PersonalTerms] | None = None,
    usage: Usage | None = None,
    inner: BaseChatModel | None = None,
) -> GuardedChatModel:
    """The configured model behind the guard.

    `terms` gives the hashed dictionary of the customer file, asked for before every call, so the caller caches it; the
    scripted model runs in this process, so for it only patterns of contact data are looked for. `settings.model_options`
    go to the provider, except `timeout` (seconds of one attempt), `max_retries`, `retry_wait` and `retry_longest_wait` (seconds), which
    the guard obeys itself. `inner` puts a ready-made model behind the guard. Raises ConfigError for a model that cannot be built.
    """
    options = dict(settings.model_options)
    own = {name: options.pop(name) for name in _OWN_OPTIONS if name in options}
    default = Retry()
    retry = Retry(
        attempts=int(own.get("max_retries", default.attempts - 1)) + 1,
        first_wait=float(own.get("retry_wait", default.first_wait)),
        longest_wait=float(own.get("retry_longest_wait", default.longest_wait)),
        timeout=float(own.get("timeout", default.timeout)),
    )
    return GuardedChatModel(
        inner=inner or _inner(settings.model, options, timeout=retry.timeout),
        label=settings.model,
        terms=None if inner is None and settings.model == SCRIPTED else terms,
        allowed=frozenset({settings.sender.from_email.lower()}),
        retry=retry,
        usage=usage or Usage(),
    )


def _inner(name: str, options: dict[str, Any], *, timeout: float) -> BaseChatModel:
    if name == SCRIPTED:
        from liftwright.llm.scripted.model import ScriptedChatModel

        return ScriptedChatModel()
    from langchain.chat_models import init_chat_model

    if name.startswith("openai:") and os.environ.get("OPENAI_BASE_URL") and not os.environ.get("OPENAI_API_KEY"):
        options = {"api_key": "none"} | options
    try:
        model = init_chat_model(name, **({"timeout": timeout, "max_retries": 0} | options))
    except Exception as error:
        raise ConfigError(
            "CONFIG-MODEL",
            f"The model '{name}' cannot be used ({type(error).__name__}: {str(error).splitlines()[0][:200]}).",
            next_step="Use 'scripted', or a LangChain string such as 'openai:gpt-5' with its package installed and its key set.",
        ) from error
    if not isinstance(model, BaseChatModel):
        raise ConfigError("CONFIG-MODEL", f"'{name}' names no chat model.", next_step="Use a string such as 'openai:gpt-5'.")
    return model

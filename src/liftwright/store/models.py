"""The registry of fitted models: a card and JSON parameters under the digest of their content."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, func
from sqlmodel import Session, col, select

from liftwright.domain.errors import ConfigError, DataError
from liftwright.domain.evidence import ModelCard, ModelState
from liftwright.store.engine import reading, serialise, writing
from liftwright.store.journal import append_in
from liftwright.store.tables import ModelRow

VERSION_DIGITS = 16


class SqlModels:
    """Model rows: every version is kept as it was saved. The current version of a model is the one saved last."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def save(self, card: ModelCard, parameters: Mapping[str, Any], *, now: datetime) -> str:
        """Keep a fitted model and return its version, 16 hex digits of SHA-256 over its name and parameters.

        A version that is there already becomes the current one again and stays as it is. A model that was switched off or blocked
        stays so when a newer version is saved. Raises DataError MODEL-NUMBERS when a
        parameter is not a finite number or not JSON.
        """
        text = _canonical(card.model, parameters)
        version = _version(card.model, text)
        with writing(self._engine) as session:
            serialise(session, "models")
            newest = _newest(session, card.model)
            state = card.state if newest is None else newest.state
            kept = card.model_copy(update={"version": version, "state": state})
            seq = int(session.exec(select(func.max(ModelRow.seq))).one() or 0) + 1
            there = session.get(ModelRow, (card.model, version))
            if there is not None:
                there.seq, there.parameters = seq, text
            session.add(
                there
                or ModelRow(
                    model=card.model,
                    version=version,
                    seq=seq,
                    state=state,
                    card=kept.model_dump_json(),
                    parameters=text,
                    saved_at=now,
                )
            )
        return version

    def load(self, model: str, version: str | None = None) -> tuple[ModelCard, dict[str, Any]] | None:
        """Card and parameters of a version (default: the newest), or None.

        Raises DataError MODEL-TAMPERED when the stored parameters are not those the version stands for.
        """
        with reading(self._engine) as session:
            row = _newest(session, model) if version is None else session.get(ModelRow, (model, version))
        if row is None:
            return None
        if _version(model, row.parameters) != row.version:
            raise DataError(
                "MODEL-TAMPERED",
                f"The parameters of model '{model}', version {row.version}, were changed outside the program.",
                next_step=f"Train it again with: liftwright model train {model}.",
            )
        return _card(row.card, row.state), json.loads(row.parameters)

    def cards(self) -> list[ModelCard]:
        """The current card of every model, by name."""
        found: dict[str, ModelCard] = {}
        for card in self.versions():
            found.setdefault(card.model, card)
        return list(found.values())

    def versions(self) -> list[ModelCard]:
        """The card of every version, by name and, within a model, the current one first and then the newest."""
        query = select(ModelRow.card, ModelRow.state).order_by(col(ModelRow.model), col(ModelRow.seq).desc())
        with reading(self._engine) as session:
            return [_card(text, state) for text, state in session.exec(query)]

    def switch(self, model: str, state: ModelState, *, by: str, now: datetime, reason: str = "") -> None:
        """Turn every version of a model on or off, or block it, and journal it; ConfigError MODEL-UNKNOWN when there is no such model."""
        with writing(self._engine) as session:
            serialise(session, "models")
            rows = session.exec(select(ModelRow).where(ModelRow.model == model)).all()
            if not rows:
                raise _unknown(model, session.exec(select(ModelRow.model)).all())
            before = rows[-1].state
            for row in rows:
                row.state = state
                session.add(row)
            session.flush()
            detail = {"before": before, "after": state} | ({"reason": reason} if reason else {})
            append_in(session, at=now, actor=by, action="model.switched", subject=model, detail=detail)


def _newest(session: Session, model: str) -> ModelRow | None:
    return session.exec(select(ModelRow).where(ModelRow.model == model).order_by(col(ModelRow.seq).desc())).first()


def _card(text: str, state: str) -> ModelCard:
    return ModelCard.model_validate_json(text).model_copy(update={"state": state})


def _canonical(model: str, parameters: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(parameters), sort_keys=True, separators=(",", ":"), allow_nan=False, default=_from_array)
    except (ValueError, TypeError) as error:
        raise DataError(
            "MODEL-NUMBERS",
            f"Model '{model}' cannot be kept: {error}.",
            next_step="Look for columns without any value in the training data, then train it again.",
        ) from error


def _from_array(value: Any) -> Any:
    """NumPy numbers and arrays as plain ones."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} is not JSON")


def _version(model: str, text: str) -> str:
    return hashlib.sha256(f"{model}\n{text}".encode()).hexdigest()[:VERSION_DIGITS]


def _unknown(model: str, known: Any) -> ConfigError:
    near = difflib.get_close_matches(model, sorted(set(known)), n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return ConfigError(
        "MODEL-UNKNOWN", f"There is no model '{model}'.{hint}", next_step="See the models with: liftwright model list."
    )

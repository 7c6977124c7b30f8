"""model list, card, off, on."""

from __future__ import annotations

from typing import Literal

import click

from liftwright.cli.workspace import Workspace, command
from liftwright.domain.errors import DataError


@click.group(name="model")
def model_command() -> None:
    """Scoring models, their cards and their switches."""


@command(name="list")
def model_list(workspace: Workspace) -> None:
    """Every model in the registry, whether it is on, and its versions: the current one first."""
    models = workspace.deps().models
    every = models.versions()
    rows = [
        {**card.model_dump(mode="json"), "versions": [each.version for each in every if each.model == card.model]}
        for card in models.cards()
    ]
    lines = [
        f"{row['model']:<14} {row['versions'][0]} {row['state']:<4} {row['optimises']}\n{_earlier(row['versions'])}"
        for row in rows
    ]
    workspace.show(rows, "".join(lines).rstrip() or "No models yet: they are fitted by the first plan.")


def _earlier(versions: list[str]) -> str:
    return "".join(f"{'':<14} {version} earlier\n" for version in versions[1:])


@command(name="card")
@click.argument("model", metavar="NAME[@VERSION]")
def model_card(workspace: Workspace, model: str) -> None:
    """What a model is for, how good it is, what breaks it, how to turn it off. Without @VERSION: the current version."""
    name, _, version = model.partition("@")
    found = workspace.deps().models.load(name, version or None)
    if found is None:
        raise DataError("MODEL-UNKNOWN", f"There is no model '{model}'.", next_step="See `liftwright model list`.")
    card = found[0]
    lines = [f"{name}: {value}" for name, value in card.model_dump(mode="json").items()]
    workspace.show(card.model_dump(mode="json"), "\n".join(lines))


def _switch(workspace: Workspace, model: str, state: Literal["on", "off"], by: str) -> None:
    deps = workspace.deps()
    deps.models.switch(model, state, by=by, now=deps.now())
    workspace.show({"model": model, "state": state}, f"{model} is {state}.")


@command(name="off")
@click.argument("model")
@click.option("--as", "by", required=True, metavar="USER", help="Who switches it.")
def model_off(workspace: Workspace, model: str, by: str) -> None:
    """Stop using MODEL: the next plan uses the safe fallback and says so."""
    _switch(workspace, model, "off", by)


@command(name="on")
@click.argument("model")
@click.option("--as", "by", required=True, metavar="USER", help="Who switches it.")
def model_on(workspace: Workspace, model: str, by: str) -> None:
    """Use MODEL again."""
    _switch(workspace, model, "on", by)


for _each in (model_list, model_card, model_off, model_on):
    model_command.add_command(_each)

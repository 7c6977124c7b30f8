"""model list, train, card, off, on, drift; leads score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from liftwright.cli.workspace import Workspace, command
from liftwright.domain.errors import DataError
from liftwright.domain.evidence import ModelCard


@click.group(name="model")
def model_command() -> None:
    """Scoring models, their cards and their switches."""


@command(name="list")
def model_list(workspace: Workspace) -> None:
    """Every model in the registry, whether it is on and due for training, and its versions: the current one first."""
    models = workspace.deps().models
    every = models.versions()
    rows = [
        {**_card(card, workspace), "versions": [each.version for each in every if each.model == card.model]}
        for card in models.cards()
    ]
    lines = [
        f"{row['model']:<14} {row['versions'][0]} {row['state']:<4} {row['optimises']}"
        + (f" ({row['due']})" if row["due"] else "")
        + f"\n{_earlier(row['versions'])}"
        for row in rows
    ]
    nothing = "No models yet: they are fitted by the first plan, or by liftwright model train."
    workspace.show(rows, "".join(lines).rstrip() or nothing)


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
    card = _card(found[0], workspace)
    workspace.show(card, "\n".join(f"{name}: {value}" for name, value in card.items()))


def _card(card: ModelCard, workspace: Workspace) -> dict[str, Any]:
    from liftwright.flow import registry

    return registry.card_json(card, deps=workspace.deps())


@command(name="train")
@click.argument("model", required=False)
def model_train(workspace: Workspace, model: str | None) -> None:
    """Train MODEL, or every model that the data allows, on the newest data."""
    from liftwright.flow import training

    done = training.train(model, deps=workspace.deps())
    lines = [
        f"{d['model']:<14} " + (f"trained: {d['version']}" if d["trained"] else f"not trained: {d['because']}") for d in done
    ]
    workspace.show(done, "\n".join(lines))


@command(name="drift")
@click.argument("model", required=False)
def model_drift(workspace: Workspace, model: str | None) -> None:
    """Whether MODEL (or every model) still sees what it was trained on. Exit code 1 when one has drifted."""
    from liftwright.flow import watching

    found = watching.drifted(model, deps=workspace.deps())
    workspace.show(found, "\n".join(_drift(each) for each in found) or "No model was trained yet.")
    if any(each["drifted"] for each in found):
        raise click.exceptions.Exit(1)


def _drift(found: dict[str, Any]) -> str:
    beyond = [signal for signal in found["signals"] if signal["is_beyond"]]
    if found["because"]:
        return f"{found['model']}: not compared. {found['because']}"
    head = f"{found['model']} {found['version']}: {len(beyond)} of {len(found['signals'])} signals beyond their bound"
    rests = [f"  on it rests: {found['decides']}"] if beyond else []
    return "\n".join([head, *(f"  {signal['level']:<6} {signal['kind']:<12} {signal['says']}" for signal in beyond), *rests])


def _switch(workspace: Workspace, model: str, state: str, by: str, reason: str) -> None:
    from liftwright.flow import registry

    registry.switch(model, state, by=by, reason=reason, deps=workspace.deps())
    workspace.show({"model": model, "state": state}, f"{model} is {state}.")


@command(name="off")
@click.argument("model")
@click.option("--as", "by", required=True, metavar="USER", help="Who switches it.")
@click.option("--reason", default="", help="Why; the journal keeps it.")
def model_off(workspace: Workspace, model: str, by: str, reason: str) -> None:
    """Stop using MODEL: the next plan uses the safe fallback and says so."""
    _switch(workspace, model, "off", by, reason)


@command(name="on")
@click.argument("model")
@click.option("--as", "by", required=True, metavar="USER", help="Who switches it.")
@click.option("--reason", default="", help="Why; the journal keeps it.")
def model_on(workspace: Workspace, model: str, by: str, reason: str) -> None:
    """Use MODEL again."""
    _switch(workspace, model, "on", by, reason)


@click.group(name="leads")
def leads_command() -> None:
    """Leads and their scores."""


@command(name="score")
@click.option("--to", "target", type=click.Path(path_type=Path), default=None, help="File ending in .parquet, .csv or .json.")
@click.option("--open", "only_open", is_flag=True, help="Only leads that are not closed.")
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="How many to print without --to.")
def leads_score(workspace: Workspace, target: Path | None, only_open: bool, top: int) -> None:
    """Score leads from 0 to 100 on closed revenue, each with its reasons, best first."""
    from liftwright.flow import export, leads

    table = leads.score(only_open=only_open, deps=workspace.deps())
    if target is not None:
        rows = export.write_table(table, target)
        workspace.show({"file": str(target), "rows": rows}, f"{rows} rows written to {target}.")
        return
    rows = table.slice(0, top).to_pylist()
    workspace.show(rows, "\n".join(_lead(row) for row in rows) or "There are no such leads.")


def _lead(row: dict[str, Any]) -> str:
    reasons = "; ".join(row[name] for name in ("reason_1", "reason_2", "reason_3") if row.get(name))
    score = "   -" if row["score"] is None else f"{row['score']:5.1f}"
    return f"{score} {row['lead_id']:<38} chance {row['chance']:.0%}  {reasons}"


for _each in (model_list, model_train, model_card, model_off, model_on, model_drift):
    model_command.add_command(_each)
leads_command.add_command(leads_score)

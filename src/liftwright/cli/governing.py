"""policy and journal."""

from __future__ import annotations

from typing import Any

import click

from liftwright.cli.workspace import Workspace, command, leave


@click.group(name="policy")
def policy_command() -> None:
    """Rules as data: check, test, hash."""


@command(name="test")
def policy_test(workspace: Workspace) -> None:
    """Run every rule's own tests through the engine that decides."""
    from liftwright import wiring
    from liftwright.compliance import evaluate

    bundle = wiring.policies(workspace.settings())
    failures = evaluate.run_tests(bundle)
    tests = sum(len(rule.tests) for rule in bundle.rules)
    data: dict[str, Any] = {
        "rules": len(bundle.rules),
        "tests": tests,
        "failures": [str(f) for f in failures],
        "hash": bundle.digest,
    }
    lines = [f"FAILED {failure}" for failure in failures]
    lines.append(f"{len(bundle.rules)} rules, {tests} tests, {len(failures)} failed. Bundle {bundle.digest}.")
    workspace.show(data, "\n".join(lines))
    leave(1 if failures else 0)


@command(name="hash")
def policy_hash(workspace: Workspace) -> None:
    """The hash that plans, approvals and sends name."""
    from liftwright import wiring

    bundle = wiring.policies(workspace.settings())
    workspace.show({"hash": bundle.digest, "rules": len(bundle.rules)}, bundle.digest)


@command(name="check")
@click.argument("campaign")
def policy_check(workspace: Workspace, campaign: str) -> None:
    """Check CAMPAIGN's plan against the rules in force now; exit 1 when a rule blocks it."""
    from liftwright.flow import checking

    findings = checking.check(campaign, deps=workspace.deps())
    data = [finding.model_dump(mode="json") for finding in findings]
    lines = [f"{f.severity:<15} {f.rule:<24} {f.says} {f.fix}" for f in findings]
    workspace.show(data, "\n".join(lines) or "No findings.")
    leave(1 if any(f.severity == "block" for f in findings) else 0)


for _each in (policy_check, policy_test, policy_hash):
    policy_command.add_command(_each)


@click.group(name="journal")
def journal_command() -> None:
    """The tamper-evident log."""


@command(name="verify")
def journal_verify(workspace: Workspace) -> None:
    """Recompute the hash chain; exit 1 and name the first bad entry when it does not hold."""
    ok, entries, first_bad = workspace.deps().journal.verify()
    data = {"ok": ok, "entries": entries} | ({"first_bad": first_bad} if first_bad is not None else {})
    workspace.show(data, f"{entries} entries, chain holds." if ok else f"Broken at entry {first_bad} of {entries}.")
    leave(0 if ok else 1)


journal_command.add_command(journal_verify)

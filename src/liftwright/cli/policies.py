"""policy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from liftwright.cli.findings import finding_lines
from liftwright.cli.workspace import Workspace, command, leave

if TYPE_CHECKING:
    from liftwright.domain.policy import Finding
    from liftwright.domain.profile import Channel


@click.group(name="policy")
def policy_command() -> None:
    """Rules as data: check, test, explain, diff, hash, coverage, mutants, waivers."""


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


@command(name="coverage")
def policy_coverage(workspace: Workspace) -> None:
    """Every rule with its passing, violating and boundary tests and how well its source is known; exit 1 when one lacks a kind."""
    from liftwright import wiring
    from liftwright.compliance import explain

    rows = explain.coverage(wiring.policies(workspace.settings()))
    covered = [row for row in rows if row["violating"] and row["passing"] and (row["boundary"] or not row["has_boundary"])]
    share = len(covered) / len(rows)
    lines = [
        f"{row['rule']:<24} {row['violating']:>3} {row['passing']:>3} {row['boundary']:>3} {row['confidence']}" for row in rows
    ]
    lines.insert(0, f"{'rule':<24} violating, passing, boundary, source")
    lines.append(f"{len(covered)} of {len(rows)} rules covered ({share:.0%}).")
    workspace.show({"covered": share, "rules": rows}, "\n".join(lines))
    leave(0 if len(covered) == len(rows) else 1)


@command(name="mutants")
@click.option("--least", default=0.95, show_default=True, type=click.FloatRange(0.0, 1.0), help="Share that must be noticed.")
def policy_mutants(workspace: Workspace, least: float) -> None:
    """Change every predicate in every small way and see whether the rule's tests notice; exit 1 when too few do."""
    from liftwright import wiring
    from liftwright.compliance import mutants

    found = mutants.tried(wiring.policies(workspace.settings()))
    share = found.noticed / found.mutants if found.mutants else 1.0
    survivors = [
        {
            "rule": each.rule,
            "mutant": each.mutant,
            "a_test_that_would_tell": {"facts": dict(each.facts), "violates": each.violates},
        }
        for each in found.survivors
    ]
    lines = [f"{each['rule']:<24} not told from: {each['mutant']}" for each in survivors]
    lines.append(
        f"{found.noticed} of {found.mutants} mutants noticed ({share:.1%}); {found.equivalent} equivalent ones left out."
    )
    data = {
        "mutants": found.mutants,
        "noticed": found.noticed,
        "share": share,
        "equivalent": found.equivalent,
        "survivors": survivors,
    }
    workspace.show(data, "\n".join(lines))
    leave(0 if share >= least else 1)


@command(name="hash")
def policy_hash(workspace: Workspace) -> None:
    """The hash that plans, approvals and sends name."""
    from liftwright import wiring

    bundle = wiring.policies(workspace.settings())
    workspace.show({"hash": bundle.digest, "rules": len(bundle.rules)}, bundle.digest)


@command(name="check")
@click.argument("campaign", required=False)
@click.option("--text", help="Check this text instead of a campaign.")
@click.option("--subject", default="", help="The subject or title of the text.")
@click.option("--channel", default="email", show_default=True, help="The channel the text is for.")
@click.option("--country", help="Country of the reader, two letters (default: the configured one).")
def policy_check(
    workspace: Workspace, campaign: str | None, text: str | None, subject: str, channel: str, country: str | None
) -> None:
    """Check CAMPAIGN's plan, or one text, against the rules in force now; exit 1 when a rule blocks it."""
    from liftwright.flow import checking, ruling

    if (campaign is None) == (text is None):
        raise click.UsageError("Name a campaign, or give a text with --text.")
    deps = workspace.deps()
    found: tuple[Finding, ...]
    if campaign is not None:
        found = checking.check(campaign, deps=deps)
    else:
        where = country or deps.settings.country
        found = ruling.text(text or "", channel=_channel(channel), country=where, subject=subject, deps=deps)
    data = [finding.model_dump(mode="json") for finding in found]
    workspace.show(data, "\n".join(finding_lines(data)) or "No findings.")
    leave(1 if any(f.severity == "block" for f in found) else 0)


@command(name="explain")
@click.option("--person", required=True, help="Customer id.")
@click.option("--channel", required=True, help="Channel the message would use.")
def policy_explain(workspace: Workspace, person: str, channel: str) -> None:
    """Why PERSON may or may not be contacted on CHANNEL now: rule, facts, source, fix; exit 1 when not."""
    from liftwright.flow import ruling

    data = ruling.person(person, _channel(channel), deps=workspace.deps())
    lines = [f"{person} on {channel}: {'may be contacted' if data['allowed'] else 'may not be contacted'} now."]
    for each in data["findings"]:
        facts = ", ".join(f"{name} = {'not known' if value is None else value}" for name, value in each["facts"].items())
        lines += [f"{each['severity']:<15} {each['rule']} v{each['version']}: {each['says']}", f"  facts:  {facts}"]
        lines += [f"  source: {each['source']}", f"  fix:    {each['fix']}"]
    workspace.show(data, "\n".join(lines))
    leave(0 if data["allowed"] else 1)


@command(name="diff")
@click.argument("old", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("new", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
def policy_diff(workspace: Workspace, old: Path, new: Path | None) -> None:
    """Who becomes reachable or not, of the real audience, from the rules in folder OLD to those in NEW.

    With one folder: from the rules in force to it. A folder adds to the shipped rules or replaces files of the same path.
    """
    from liftwright import wiring
    from liftwright.flow import ruling

    first = wiring.policies_in(old) if new is not None else wiring.policies(workspace.settings())
    data = ruling.difference(first, wiring.policies_in(new or old), deps=workspace.deps())
    lines = [f"{each['what']:<8} {each['rule']}" for each in data["rules"]] or ["The rules are the same."]
    for channel, each in data["channels"].items():
        before, after = each["reachable_before"], each["reachable_after"]
        lines.append(
            f"{channel:<12} {before:>9,} -> {after:>9,} reachable: {len(each['lost']):,} lost, {len(each['gained']):,} gained"
        )
    lines += [f"{each['rule']:<24} takes out {each['lost']:,}, lets in {each['gained']:,}" for each in data["by_rule"]]
    workspace.show(data, "\n".join(lines))


@command(name="waive")
@click.argument("rule")
@click.option("--campaign", help="For this campaign only (default: for all).")
@click.option("--reason", required=True, help="Why the rule should not count.")
@click.option("--days", default=7, show_default=True, type=int, help="How long, from now.")
@click.option("--as", "by", required=True, metavar="USER", help="Who asks.")
def policy_waive(workspace: Workspace, rule: str, campaign: str | None, reason: str, days: int, by: str) -> None:
    """Ask that RULE does not count for a while. Somebody else approves it; a law's rule is never waived."""
    from liftwright.flow import waiving

    made = waiving.ask(rule, campaign_id=campaign, reason=reason, days=days, by=by, deps=workspace.deps())
    says = f"{made.waiver_id}: {rule} counts until somebody else approves: liftwright policy waive-approve {made.waiver_id} --as USER"
    workspace.show(made.model_dump(mode="json"), says)


@command(name="waive-approve")
@click.argument("waiver")
@click.option("--as", "by", required=True, metavar="USER", help="Who approves: not who asked.")
def policy_waive_approve(workspace: Workspace, waiver: str, by: str) -> None:
    """Approve WAIVER: from now until it is over its rule does not count."""
    from liftwright.flow import waiving

    made = waiving.approve(waiver, by=by, deps=workspace.deps())
    workspace.show(made.model_dump(mode="json"), f"{made.rule} does not count until {made.expires_at:%Y-%m-%d %H:%M} UTC.")


@command(name="waive-revoke")
@click.argument("waiver")
@click.option("--as", "by", required=True, metavar="USER", help="Who takes it back.")
def policy_waive_revoke(workspace: Workspace, waiver: str, by: str) -> None:
    """Take WAIVER back: its rule counts again at once, also for what is planned."""
    from liftwright.flow import waiving

    made = waiving.revoke(waiver, by=by, deps=workspace.deps())
    workspace.show(made.model_dump(mode="json"), f"{made.rule} counts again.")


@command(name="waivers")
def policy_waivers(workspace: Workspace) -> None:
    """Every waiver there ever was, and whether it holds now."""
    from liftwright.flow import waiving

    deps = workspace.deps()
    data = [each.model_dump(mode="json") | {"holds": each.holds(deps.now())} for each in waiving.every(deps=deps)]
    lines = [
        f"{each['waiver_id']} {'holds' if each['holds'] else '-':<6} {each['rule']:<24} {each['scope']:<12} {each['reason']}"
        for each in data
    ]
    workspace.show(data, "\n".join(lines) or "No waivers.")


def _channel(name: str) -> Channel:
    from liftwright.domain.profile import CHANNELS

    if name not in CHANNELS:
        raise click.UsageError(f"There is no channel '{name}' (known: {', '.join(CHANNELS)}).")
    return name


for _each in (
    policy_check,
    policy_test,
    policy_hash,
    policy_coverage,
    policy_mutants,
    policy_explain,
    policy_diff,
    policy_waive,
    policy_waive_approve,
    policy_waive_revoke,
    policy_waivers,
):
    policy_command.add_command(_each)

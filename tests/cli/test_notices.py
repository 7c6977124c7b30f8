"""Being told of approvals, from the command line: addresses, the worker, and what `approvals` says of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from post_office import Mailbox, mailbox  # noqa: F401 (fixture)

Run = Callable[..., Any]
Planned = tuple[Path, str, str]


def _notify(home: Path, port: int, more: str = "") -> None:
    (home / "liftwright.toml").write_text(
        f'[notify]\nbase_url = "https://lw.shop.example"\nfrom_email = "lw@shop.example"\nsmtp = "smtp://127.0.0.1:{port}"\n{more}'
    )


def test_without_notify_approvals_says_that_nobody_is_told_and_the_worker_tells_nobody(run: Run, planned: Planned) -> None:
    home, _, _ = planned
    assert "Nobody is told of these by mail or webhook" in run("approvals", "--home", home).out
    assert not [name for name in run("worker", "--once", "--home", home, "--json").data if "notices" in name]


@pytest.mark.loopback
def test_the_worker_tells_who_could_sign_and_approvals_says_who_was_told(run: Run, planned: Planned, mailbox: Mailbox) -> None:  # noqa: F811
    home, campaign, _ = planned
    for name, role, *address in (("ada", "admin"), ("leo", "approver", "--email", "leo@shop.example"), ("lou", "approver")):
        assert run("users", "add", name, "--role", role, *address, "--as", "ada", "--home", home).code == 0
    assert "leo@shop.example" in run("users", "list", "--home", home).out
    _notify(home, mailbox.port)
    assert "nobody yet" in run("approvals", "--home", home).out
    assert run("worker", "--once", "--home", home, "--json").data["notices_sent"] == 1
    assert "notices_sent" not in run("worker", "--once", "--home", home, "--json").data
    (message,) = mailbox.messages()
    assert message["To"] == "leo@shop.example"
    assert f"https://lw.shop.example/approvals/{campaign}" in message.get_content()
    said = run("approvals", "--home", home).out
    assert "told: leo (asked, sent)" in said
    assert "without an address: lou" in said


def test_an_address_that_is_none_is_refused(run: Run, shop: Path) -> None:
    refused = run("users", "add", "ada", "--role", "admin", "--email", "ada@@shop", "--as", "ada", "--home", shop)
    assert (refused.code, "USER-EMAIL" in refused.err) == (2, True)


def test_a_worker_without_the_secret_says_which_variable_is_missing(run: Run, planned: Planned) -> None:
    home, _, _ = planned
    _notify(home, 25, '[notify.webhooks.chat]\nurl = "https://chat.example/hook"\nsecret_env = "CHAT_SECRET"\n')
    refused = run("worker", "--once", "--home", home)
    assert (refused.code, "NOTIFY-SECRET" in refused.complaint, "Set CHAT_SECRET" in refused.complaint) == (2, True, True)
    assert run("approvals", "--home", home).code == 0, "only a worker needs the secret"


def test_a_wrong_setting_stops_every_command_with_one_line(run: Run, planned: Planned) -> None:
    home, _, _ = planned
    (home / "liftwright.toml").write_text('[notify]\nbase_url = "http://lw.shop.example"\nsmtp = "smtp://mail.shop.example"\n')
    refused = run("approvals", "--home", home)
    assert (refused.code, "notify.base_url" in refused.complaint) == (2, True)

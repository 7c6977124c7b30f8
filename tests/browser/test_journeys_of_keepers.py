"""Who keeps the workspace: the first admin lets a colleague in, and a file whose columns are not known comes in all the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from clicks import sign_in
from playwright.sync_api import Page, expect
from shops import Serve, Visit, aside

import plain_shop
from liftwright.flow.fresh import newest

pytestmark = [pytest.mark.loopback, pytest.mark.slow]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


def _key(page: Page) -> str:
    return page.get_by_role("region", name="seen this once").locator("code").first.inner_text()


def _is_for_everybody(page: Page) -> None:
    """Every form that is folded away is opened, and then looked at as axe does."""
    page.evaluate("document.querySelectorAll('main details').forEach((each) => { each.open = true; })")
    assert Axe().run(page, options=RULES).response["violations"] == []


def test_the_first_admin_comes_in_with_their_key_and_lets_a_colleague_in(serve: Serve, visit: Visit) -> None:
    shop = serve(aside(plain_shop.furnished))
    page = visit(shop, "/settings")
    page.get_by_label("Name of the first admin").fill("ada")
    page.get_by_label("I have read what changes").check()
    page.get_by_role("button", name="Add the first admin").click()
    key = _key(page)
    page.get_by_role("link", name="Sign in with it").click()
    sign_in(page, "ada", key)
    form = page.locator("form").filter(has=page.get_by_role("button", name="Add", exact=True))
    form.get_by_label("Name", exact=True).fill("leo")
    form.get_by_label("approver").check()
    form.get_by_role("button", name="Add", exact=True).click()
    page.get_by_text("Keys of leo").click()
    page.get_by_role("button", name="Make a key for leo").click()
    theirs = _key(page)
    _is_for_everybody(page)
    leo = visit(shop, "/settings", width=390, scheme="dark")
    sign_in(leo, "leo", theirs)
    expect(leo.get_by_text("Users are changed by an admin: ada")).to_be_visible()
    expect(leo.get_by_role("button", name="Add", exact=True)).to_have_count(0)
    _is_for_everybody(leo)


def test_columns_nobody_knows_are_chosen_without_scripts_and_the_file_comes_in(
    serve: Serve, visit: Visit, tmp_path: Path
) -> None:
    home, file = tmp_path / "empty", tmp_path / "kunden.csv"
    home.mkdir()
    file.write_text("Kundennummer,Mail,Stufe\nC1,ann@shop.test,gold\nC2,bob@shop.test,gold\n", encoding="utf-8")
    shop = serve(home)
    page = visit(shop, "/data", scripts=False)
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Look at it first").click()
    expect(page.get_by_role("alert")).to_contain_text("no column for customer_id")
    page.get_by_label("Kundennummer").select_option("email")
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_text("cannot both be email").first).to_be_visible()
    page.get_by_label("Kundennummer").select_option("customer_id")
    page.get_by_role("button", name="Look again with these").click()
    expect(page.get_by_role("status")).to_contain_text("2 customers")
    other = visit(shop, page.url.removeprefix(shop.url), width=390)
    expect(other.get_by_text("not kept any more")).to_be_visible()
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("status")).to_contain_text("Imported: kunden.csv")
    assert aside(newest, shop.deps).tables["customers"]["email"].to_pylist() == ["ann@shop.test", "bob@shop.test"]


def test_a_look_with_wrong_choices_breaks_no_rule_of_wcag(serve: Serve, visit: Visit, tmp_path: Path) -> None:
    home, file = tmp_path / "empty", tmp_path / "kunden.csv"
    home.mkdir()
    file.write_text("Kundennummer,Mail,Stufe\nC1,ann@shop.test,gold\n", encoding="utf-8")
    page = visit(serve(home), "/data", width=390)
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Look at it first").click()
    page.get_by_label("Stufe").select_option("email")
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_text("cannot both be email").first).to_be_visible()
    _is_for_everybody(page)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0

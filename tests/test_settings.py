"""Settings: what an operator writes is read back; what they misspell is named with its nearest key."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright import settings
from liftwright.domain.errors import ConfigError
from liftwright.evaluation import market


def test_defaults_need_no_file(tmp_path: Path) -> None:
    assert settings.load(directory=tmp_path, environment={}).model == "scripted"


def test_the_file_of_the_contract_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "liftwright.toml").write_text(
        'currency = "EUR"\n[margin]\nrate = 0.4\nfloor = 0.35\n[channels.email]\nunit_cost = "0.002"\ncapacity_per_day = 50000\n'
        "live = false\n[offers.save10]\ndiscount = 0.1\nstock = 5000\n[limits]\nmax_discount = 0.2\ncontacts_per_week = 3\n"
    )
    found = settings.load(directory=tmp_path, environment={})
    assert (found.currency, found.margin.floor, found.offers["save10"].stock) == ("EUR", 0.35, 5000)
    assert found.channels["email"].capacity_per_day == 50000
    assert found.unit_cost("direct_mail") == 0.85, "channels that are not named keep their defaults"


def test_the_workspace_may_hold_the_file_and_the_environment_wins(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "liftwright.toml").write_text('currency = "EUR"\nmodel = "openai:x"\n')
    found = settings.load(directory=tmp_path, environment={"LIFTWRIGHT_HOME": str(home), "LIFTWRIGHT_MODEL": "scripted"})
    assert (found.currency, found.model, found.home) == ("EUR", "scripted", home)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("curency = 'USD'\n", "Did you mean 'currency'"),
        ("[margin]\nrat = 0.4\n", "Did you mean 'rate'"),
        ("[channels.emial]\nunit_cost = '1'\n", "Did you mean 'email'"),
        ("[margin]\nrate = 7\n", "margin.rate"),
        ("time_zone = 'Mars/Base'\n", "time_zone"),
        ("currency = \n", "cannot be read"),
    ],
)
def test_a_wrong_file_is_one_clear_error(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "liftwright.toml").write_text(text)
    with pytest.raises(ConfigError, match=expected):
        settings.load(directory=tmp_path, environment={})


def test_the_digest_changes_with_what_changes_a_plan_and_not_with_where_things_are_kept() -> None:
    one = settings.parse({"home": "a"})
    assert one.digest == settings.parse({"home": "b", "model": "openai:x"}).digest
    assert one.digest != settings.parse({"margin": {"rate": 0.3}}).digest


@given(
    rate=st.floats(0.01, 1.0),
    stock=st.integers(0, 10**9),
    country=st.text(alphabet=st.characters(categories=["L", "Nd"]), min_size=1, max_size=8),
    cost=st.decimals(0, 1000, places=4).map(str),
)
def test_settings_written_as_toml_read_back_the_same(
    tmp_path_factory: pytest.TempPathFactory, rate: float, stock: int, country: str, cost: str
) -> None:
    directory = tmp_path_factory.mktemp("toml")
    values = {"country": country, "margin": {"rate": rate}, "offers": {"x1": {"discount": 0.1, "stock": stock}}}
    values["channels"] = {"email": {"unit_cost": cost}}
    (directory / "liftwright.toml").write_text(market.as_toml(values), encoding="utf-8")
    assert settings.load(directory=directory, environment={}).digest == settings.parse(values).digest

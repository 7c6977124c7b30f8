"""Repeats found at import, shown with their evidence, split for good, and joined again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import small_shop

from liftwright.domain.errors import DataError
from liftwright.flow import fresh, identities
from liftwright.flow.intake import import_file
from liftwright.ports import Deps

HEADER = "customer_id,first_name,last_name,date_of_birth,address,zip,email,consent_email\n"
CUSTOMERS = HEADER + "\n".join(
    [
        "A,Katherine,Zabriskie,1980-03-04,12 Elm Street,62704,kz@x.com,yes",
        "B,Katherine,Zabriski,1980-03-04,12 Elm Street,62704,,no",
        "C,Robert,Zabriskie,1979-07-08,12 Elm Street,62704,rob@x.com,yes",
        "D,Robert,,,,,Rob@X.com,",
        *(f"X{n},Name{n}er,Sur{n}son,19{50 + n}-01-0{1 + n % 9},{n} Road {n},{10000 + n},x{n}@y.com,yes" for n in range(40)),
    ]
)


@pytest.fixture
def shop(tmp_path: Path, sqlite_url: str) -> Iterator[Deps]:
    """A workspace with two people who are in the file twice, and their household."""
    deps = small_shop.open_shop(tmp_path, now=small_shop.Clock())
    (tmp_path / "customers.csv").write_text(CUSTOMERS)
    result = import_file(tmp_path / "customers.csv", declared="customers", deps=deps)
    assert any("1 pairs of records" in note for note in result.notes)
    assert result.snapshot_id == deps.lake.snapshot().snapshot_id  # type: ignore[union-attr]
    yield deps
    small_shop.close(deps)


def test_a_repeat_without_a_common_key_is_one_person_with_reasons(shop: Deps) -> None:
    shown = identities.show("B", deps=shop)
    assert (shown["person"], shown["records"]) == ("A", ["A", "B"])
    (link,) = shown["links"]
    assert (link["rule"], link["decided_by"]) == ("model", "liftwright")
    assert link["agreed"] == ["first_name", "last_name", "birth_date", "address"]
    assert shown["household"] == ["C"]
    assert shown["consent"]["email"] == "denied"
    (by_key,) = identities.show("D", deps=shop)["links"]
    assert (by_key["rule"], by_key["agreed"]) == ("email", ["email"])


def test_importing_the_same_file_again_finds_nothing_new(shop: Deps, tmp_path: Path) -> None:
    before = shop.lake.snapshot()
    again = import_file(tmp_path / "customers.csv", declared="customers", deps=shop)
    assert again.already
    assert shop.lake.snapshot() == before


def test_a_split_lasts_over_later_imports_and_is_journalled(shop: Deps, tmp_path: Path) -> None:
    split = identities.tell("B", "A", verdict="different", by="ada", deps=shop)
    assert [person["records"] for person in split] == [["B"], ["A"]]
    assert split[0]["apart"][0]["decided_by"] == "ada"
    later = tmp_path / "later.csv"
    later.write_text(HEADER + "E,Katherine,Zabriskie,1980-03-04,12 Elm Street,62704,kz@x.com,yes")
    import_file(later, declared="customers", deps=shop)
    assert identities.show("E", deps=shop)["records"] == ["A", "E"]
    assert identities.show("B", deps=shop)["records"] == ["B"]
    noted = shop.journal.entries(subject="people")
    assert [entry.action for entry in noted] == ["identity.different"]
    assert noted[0].detail["who"] == [shop.traces.pseudonym("A"), shop.traces.pseudonym("B")]  # nobody is named
    joined = identities.tell("A", "B", verdict="same", by="bea", deps=shop)
    assert [person["records"] for person in joined] == [["A", "B", "E"]]


def test_a_plan_made_before_a_split_keeps_its_people(shop: Deps) -> None:
    before = shop.lake.snapshot()
    assert before is not None
    identities.tell("A", "B", verdict="different", by="ada", deps=shop)
    assert fresh.pinned(before.snapshot_id, shop).present_id("B") == "A"
    assert fresh.newest(shop).present_id("B") == "B"


@pytest.mark.parametrize(("one", "other", "code"), [("A", "nobody", "IDENTITY-NOBODY"), ("A", "A", "IDENTITY-PAIR")])
def test_what_is_no_pair_of_records_is_refused(shop: Deps, one: str, other: str, code: str) -> None:
    with pytest.raises(DataError) as refused:
        identities.tell(one, other, verdict="different", by="ada", deps=shop)
    assert refused.value.code == code
    with pytest.raises(DataError, match="Nobody has the id"):
        identities.show("nobody", deps=shop)

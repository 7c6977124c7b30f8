"""Merge tags: filled once, at delivery, without letting a name become anything but a name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.channels.merge import LONGEST, NoValue, clean, fill, one_line


@given(st.text(max_size=200))
def test_a_header_never_gets_a_second_line_or_an_invisible_character(name: str) -> None:
    filled = fill("{{first_name}}, a look at shoes", {"first_name": name}, channel="email", context="header")
    assert filled.isprintable()
    assert filled.endswith(", a look at shoes")
    assert len(filled) <= LONGEST + len(", a look at shoes")


@given(st.text(alphabet=st.characters(categories=["Lu", "Ll", "Lo"]), min_size=1, max_size=20))
def test_a_name_of_letters_is_used_as_it_is(name: str) -> None:
    assert clean(name, is_name=True) == one_line(name)


@pytest.mark.parametrize(
    "name",
    [
        "http://evil.example/x",
        "www.evil.example",
        "evil.com",
        "<b>Jana</b>",
        "{{email}}",
        "Jana\r\nBcc: all@example.com",
        "4155550123",
        "Jana; DROP TABLE",
        "\u202e\u200b",
        "   ",
        "",
    ],
)
def test_what_is_not_a_name_gives_the_neutral_word(name: str) -> None:
    assert fill("Hi {{first_name}},", {"first_name": name}, channel="email") == "Hi there,"


@pytest.mark.parametrize("name", ["Anne-Marie", "O’Brien", "D'Arcy", "J. R.", "Zoë", "李", "María José"])
def test_real_names_are_kept(name: str) -> None:
    assert fill("Hi {{first_name}},", {"first_name": name}, channel="email") == f"Hi {name},"


def test_the_neutral_word_fits_its_place() -> None:
    assert fill("{{first_name}}, a look", {}, channel="email") == "Hello, a look"
    assert fill("Dear {{first_name}},", {}, channel="direct_mail") == "Dear customer,"
    assert fill("Dear {{first_name}} {{last_name}},", {"first_name": "Al"}, channel="direct_mail") == "Dear Al ,"


def test_a_tag_nobody_can_fill_is_an_error() -> None:
    with pytest.raises(NoValue, match="loyalty_number"):
        fill("Your number is {{loyalty_number}}", {}, channel="email")


def test_values_are_not_read_as_tags_again() -> None:
    assert fill("{{city}}", {"city": "{{email}}", "email": "a@b.c"}, channel="web") == "{{email}}"

"""What strangers put into a text gives the terminal no orders, and loses nothing in JSON."""

import json
import unicodedata

import click
import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from cwalarm.cli.terminal import echo, harmless, print_json, styled, wrapped

ORDERS = ["\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\r", "\x08", "\u202e", "\u2066", "\u2028", "\x00", "\x7f"]


def shown(text: str, *, colour: bool = True) -> str:
    @click.command()
    def show() -> None:
        echo(text)

    return CliRunner().invoke(show, color=colour).output


@pytest.mark.parametrize("order", ORDERS, ids=ascii)
def test_an_order_in_a_text_is_a_question_mark(order: str) -> None:
    assert shown(f"a{order[0]}b") == "a?b\n"


@given(st.text())
def test_nothing_but_letters_line_breaks_and_tabs_is_printed_of_any_text(text: str) -> None:
    printed = harmless(text)
    assert not [sign for sign in printed if unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\t"]
    assert not set(printed) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def test_a_style_of_our_own_colours_a_terminal_and_nothing_else() -> None:
    assert shown(styled("ALARM", "red", bold=True)) == "\x1b[31;1mALARM\x1b[0m\n"
    assert shown(styled("ALARM", "red"), colour=False) == "ALARM\n"


def test_a_style_takes_no_room_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    sentence = "{}  sms-credit: 1 of 439 SMS failed."
    line = wrapped(sentence.format(styled("healthy", "green")))
    assert click.unstyle(harmless(line)) == sentence.format("healthy")
    assert harmless(line).startswith("\x1b[32mhealthy\x1b[0m")


def test_a_text_cannot_style_itself() -> None:
    assert "\x1b" not in harmless("\ufdd0<31>red \x1b[31mred")


@given(st.dictionaries(st.text(max_size=5), st.text(alphabet=st.characters(codec="utf-8"))))
@example({"a": "\ufdd0\u202e\x9b"})
def test_json_gives_no_orders_and_is_the_same_document(document: dict[str, str]) -> None:
    @click.command()
    def show() -> None:
        print_json(document)

    output = CliRunner().invoke(show, color=True).output
    assert json.loads(output) == document
    assert harmless(output) == output

"""Text as cells: what users call things takes the room that it has, and nothing else on the screen moves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from live.widgets.cells import plain, shorten, width
from live.widgets.paint import Canvas

# What is on keyboards and in file names, and what breaks a screen.
ODD = "aZ ÿピ한👍🏽👩\u200d🚀❤\ufe0f🇩🇪\u0301\u0300\t\n\x1b\x07\x9b\xad\u202e\udce9\u0939\u093f"
TEXT = st.text(st.sampled_from(ODD)) | st.text()


def lines(canvas: Canvas) -> list[str]:
    return ["".join(segment.text for segment in strip) for strip in canvas.strips()]


@given(st.lists(st.tuples(st.integers(-4, 14), TEXT), max_size=4), st.integers(0, 12))
def test_whatever_is_written_a_line_stays_as_wide_as_it_is(
    written: list[tuple[int, str]], across: int
) -> None:
    canvas = Canvas(across, 1)
    for x, text in written:
        assert canvas.text(x, 0, text) == x + width(text)
        (line,) = lines(canvas)
        assert cell_len(line) == across
        line.encode()
    canvas.put(3, 0, "━", "#ffffff")
    canvas.centre(0, written[0][1] if written else "")
    assert cell_len(lines(canvas)[0]) == across


@given(TEXT, st.integers(0, 12))
def test_what_is_cut_fits_and_what_fits_is_not_cut(text: str, room: int) -> None:
    cut = shorten(text, room)
    assert cell_len(cut) == width(cut) <= room
    if width(text) <= room:
        assert cut == plain(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ピアス", "ピアス"),
        ("e\u0301t\u0323\u0301", "éṭ\u0301"),
        ("\x1b[2Jred\x07\u202e", "[2Jred"),
        ("a\tb\nc", "a b c"),
        ("caf\udce9.mid", "caf\ufffd.mid"),
        ("👩\u200d🚀❤\ufe0f", "👩🚀❤"),
    ],
)
def test_plain_text_keeps_letters_and_marks_only(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_wide_letters_are_cut_and_written_over_whole() -> None:
    assert [shorten("ピアス", room) for room in (6, 5, 4, 1, 0)] == ["ピアス", "ピア…", "ピ…", "…", ""]
    canvas = Canvas(7, 1)
    assert canvas.text(0, 0, "ピアス") == 6
    assert lines(canvas) == ["ピアス "]
    canvas.put(3, 0, "x", "#ffffff")
    assert lines(canvas) == ["ピ xス "]
    canvas.text(1, 0, "ア")
    assert lines(canvas) == [" アxス "]
    canvas.text(6, 0, "ス")
    canvas.text(-1, 0, "ピ")
    assert lines(canvas) == [" アxス "]

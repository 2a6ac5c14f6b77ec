"""Answers beside each other: no line exceeds its width, and nothing of the text is lost."""

from hypothesis import given
from hypothesis import strategies as st

from advisor.report.columns import beside, column_width, wrapped
from advisor.report.text_table import display_width


@given(st.text(alphabet="ab 漢字\n\t-é", max_size=200), st.integers(8, 60))
def test_lines_fit_and_hold_every_character(text, width):
    lines = wrapped(text, width)
    assert all(display_width(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_short_lines_stay_as_they_are():
    code = "def f():\n    return 1\n\nf()"
    assert wrapped(code, 40) == code.split("\n")


def test_columns_stand_side_by_side_and_wide_characters_count_double():
    lines = beside([["ab", "漢字"], ["x"]], 6)
    assert lines == ["ab       x", "漢字"]


def test_too_narrow_for_columns():
    assert column_width(2, 60) is None
    assert column_width(2, 100) == 48

import pytest

from advisor.domain.units import GIB, format_duration, format_size, parse_duration, parse_size
from advisor.errors import UsageError


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("64GiB", 64 * GIB),
        ("24 GB", 24 * 10**9),
        ("8G", 8 * GIB),
        ("512MB", 512 * 10**6),
        ("34359738368", 32 * GIB),
        ("1.5gib", 3 * GIB // 2),
    ],
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "-1GiB", "GiB", "1e9", "12 parsecs", "0", "99999999TiB", "nan"])
def test_bad_sizes_are_one_line(text):
    with pytest.raises(UsageError) as caught:
        parse_size(text)
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_a_size_without_a_unit_is_asked_for():
    """`--ram 16` is no machine of 16 bytes."""
    with pytest.raises(UsageError, match="no unit") as caught:
        parse_size("16", "--ram")
    assert caught.value.hint == "write 16GiB"


@pytest.mark.parametrize(("text", "seconds"), [("800ms", 0.8), ("2s", 2), ("1m", 60), ("0.5", 0.5), ("1h", 3600)])
def test_durations(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "-2s", "0", "2 fortnights", "inf", "1000000h"])
def test_bad_durations(text):
    with pytest.raises(UsageError):
        parse_duration(text)


def test_formats_round_trip_to_people():
    assert format_size(12.34 * GIB) == "12.3 GiB"
    assert format_size(None) == "?"
    assert format_duration(0.085) == "85 ms"
    assert format_duration(200) == "3 min 20 s"

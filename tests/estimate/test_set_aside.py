"""Rows of cards that were held back or waited are left out for what they say of themselves."""

import pytest

from benchmarks.set_aside import slowed

ROW = {"notes": "", "power_limit_w": "", "n_gpus": "1"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"notes": "ctx 4096; power 165.1 W"}, "drew little power"),
        ({"notes": "ctx 4096; power 270.0 W"}, None),
        ({"power_limit_w": "200"}, "power limit"),
        ({"power_limit_w": "250"}, None),
        ({"power_limit_w": "200", "n_gpus": "4"}, None),
    ],
)
def test_reasons(changes, reason):
    found = slowed({**ROW, **changes}, 320.0, 6e9)
    assert found is None if reason is None else str(found).startswith(reason)


def test_small_models_leave_a_card_waiting_anyway_and_a_card_of_unknown_power_is_not_judged():
    row = {**ROW, "notes": "power 120.0 W"}
    assert slowed(row, 320.0, 5e8) is None
    assert slowed(row, None, 6e9) is None

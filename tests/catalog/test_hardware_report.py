"""What `advisor hardware list` and `show` say."""

import json

import pytest

from advisor.catalog.hardware import HardwareCatalog
from advisor.domain.device import DeviceKind
from advisor.errors import UnknownName
from advisor.report.hardware import (
    hardware_device_document,
    hardware_device_text,
    hardware_document,
    hardware_text,
)
from advisor.verbs.hardware import list_hardware, show_hardware


def test_list_filters_by_kind_and_vendor(hardware: HardwareCatalog) -> None:
    listing = list_hardware(hardware, kind="GPU", vendor="nvidia")
    assert listing.devices
    assert {d.vendor for d in listing.devices} == {"NVIDIA"}
    assert {d.kind for d in listing.devices} == {DeviceKind.GPU}
    assert listing.total == len(hardware.devices())


@pytest.mark.parametrize("filters", [{"kind": "gpus"}, {"vendor": "nvdia"}])
def test_an_unknown_filter_is_refused_with_suggestions(hardware: HardwareCatalog, filters: dict[str, str]) -> None:
    with pytest.raises(UnknownName) as caught:
        list_hardware(hardware, **filters)
    assert caught.value.suggestions


def test_the_json_document_is_plain_and_names_its_schema(hardware: HardwareCatalog) -> None:
    document = hardware_document(list_hardware(hardware).devices)
    assert next(iter(document)) == "schema"
    assert document["schema"] == "advisor.hardware/1"
    assert json.loads(json.dumps(document, allow_nan=False))["devices"]
    one = hardware_device_document(show_hardware(hardware, "RTX 4090"))
    assert one["schema"] == "advisor.hardware/1"
    assert one["memory_bytes"] == 24 * 1024**3
    assert one["sources"]["memory_bytes"]


def test_every_device_can_be_shown(hardware: HardwareCatalog) -> None:
    for device in hardware.devices():
        text = hardware_device_text(device)
        assert device.name in text
        assert "None" not in text


def test_the_table_keeps_to_the_width(hardware: HardwareCatalog) -> None:
    listing = list_hardware(hardware)
    text = hardware_text(listing.devices, listing.total, 80)
    assert all(len(line) <= 80 for line in text.splitlines()[:-2])
    assert hardware_text((), 3) == "no device matches"


def test_a_price_is_never_shown_without_date_and_source(hardware: HardwareCatalog) -> None:
    text = hardware_device_text(show_hardware(hardware, "RTX 4090"))
    assert "1,599 USD, launch, 2022" in text
    assert "unknown: add a quote" in hardware_device_text(show_hardware(hardware, "H100"))

"""Facts of a host that nest, laid flat as one row of a table: Ansible's (`setup`), Kubernetes' nodes.

Their values come from other machines: whatever is not of the kind expected is left out, never trusted.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from advisor.domain.units import MIB

_GPU_PRODUCT = "nvidia.com/gpu.product"


def _text(value: Any) -> str | None:
    """A text or a number as a cell; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value)[:1000]


def _cells(pairs: Mapping[str, Any]) -> dict[str, str]:
    return {heading: text for heading, value in pairs.items() if (text := _text(value)) is not None}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def ansible_facts(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The facts of one host's `setup` answer, with or without their prefix; empty where it is none."""
    facts = document.get("ansible_facts")
    found = facts if isinstance(facts, Mapping) else document
    plain = {str(key).removeprefix("ansible_"): value for key, value in found.items()}
    return plain if "processor" in plain or "memtotal_mb" in plain else {}


def machine_among(facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What `advisor probe --json` said on the host, where it runs as a local fact of Ansible's."""
    for value in _mapping(facts.get("local")).values():
        if isinstance(value, Mapping) and value.get("schema") == "advisor.machine/1":
            return value
    return None


def ansible_row(facts: Mapping[str, Any]) -> dict[str, str]:
    """One host. Ansible tells neither accelerators nor memory bandwidth."""
    cores, sockets = facts.get("processor_cores"), facts.get("processor_count")
    physical = cores * sockets if type(cores) is int and type(sockets) is int else cores
    clock = _mapping(facts.get("date_time"))
    virtual = facts.get("virtualization_role") == "guest" and facts.get("virtualization_type") not in ("wsl", "docker")
    row = {
        "hostname": facts.get("fqdn") or facts.get("hostname") or facts.get("nodename"),
        "cpu": _processor(facts.get("processor")),
        "cores": physical,
        "threads": facts.get("processor_vcpus"),
        "memory_mb": facts.get("memtotal_mb"),
        "model": facts.get("product_name"),
        "os": facts.get("system") or facts.get("os_family"),
        "form": "virtual" if virtual else facts.get("form_factor"),
        "date": clock.get("iso8601"),
        "free_storage_bytes": _free_bytes(facts.get("mounts")),
    }
    return _cells(row)


def _processor(value: Any) -> str | None:
    """The model's name among `["0", "GenuineIntel", "Intel(R) Xeon(R) ...", "1", ...]`: the longest text."""
    texts = [item for item in value if isinstance(item, str)] if isinstance(value, list) else [value]
    names = [text for text in texts if isinstance(text, str) and len(text) > 3]
    return max(names, key=len, default=None)


def _free_bytes(mounts: Any) -> int | None:
    """Free room of the largest file system: models go where there is most."""
    sizes = [m.get("size_available") for m in mounts if isinstance(m, Mapping)] if isinstance(mounts, list) else []
    return max((size for size in sizes if type(size) is int and size > 0), default=None)


def kubernetes_rows(document: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """One row for each node of `kubectl get nodes -o json`. Cards are known where NVIDIA's feature discovery labels."""
    items = document.get("items")
    for item in items if isinstance(items, list) else [document]:
        node = _mapping(item)
        if node.get("kind") == "Node":
            yield _node(node)


def _node(node: Mapping[str, Any]) -> dict[str, str]:
    metadata, status = _mapping(node.get("metadata")), _mapping(node.get("status"))
    labels, capacity = _mapping(metadata.get("labels")), _mapping(status.get("capacity"))
    product, memory = labels.get(_GPU_PRODUCT), labels.get("nvidia.com/gpu.memory")
    sliced = any(str(key).startswith("nvidia.com/mig-") for key in labels)
    row = {
        "hostname": metadata.get("name"),
        "threads": capacity.get("cpu"),
        "ram": _quantity(capacity.get("memory")),
        "free_storage": _quantity(capacity.get("ephemeral-storage")),
        "os": labels.get("kubernetes.io/os"),
        "gpu": None if sliced or not isinstance(product, str) else product.replace("-", " "),
        "gpu_count": labels.get("nvidia.com/gpu.count"),
        "vram": _mib(memory),
        "model": labels.get("node.kubernetes.io/instance-type"),
        "form": "server",
    }
    return _cells(row)


def _quantity(value: Any) -> str | None:
    """`1056509616Ki`, `900Gi` or bytes, with the unit that tables know."""
    match = re.fullmatch(r"([0-9]{1,20})([KMGT]i)?", _text(value) or "")
    return f"{match[1]} {match[2] or ''}B" if match else None


def _mib(value: Any) -> str | None:
    """Feature discovery counts in MiB."""
    text = _text(value)
    return f"{int(text) * MIB} B" if text is not None and text.isdigit() and len(text) < 12 else None

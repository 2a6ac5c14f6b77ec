"""A served choice as a file for the thing that will run it: systemd, compose, Ollama or Kubernetes.

Containers mount the models folder read-only under its own path, so that links into the store keep working. A published
port is bound to the loopback address of the host.
"""

import re
import shlex
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from advisor.engines.ollama_serve import modelfile
from advisor.engines.serve_plan import ServeCommand, ServePlan
from advisor.engines.serving import Image, serve_command
from advisor.errors import UsageError

MEMORY_MARGIN = 1.25
"""Of what was estimated: a container that meets its limit is killed, and pages of the mapped file count too."""
_OLLAMA_PORT = 11434


def shell_text(command: ServeCommand) -> str:
    """Lines for a shell, quoted; the Modelfile as a here-document."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in command.environment]
    if command.modelfile is not None:
        lines += ["cat > Modelfile <<'EOF'", command.modelfile.rstrip("\n"), "EOF"]
    lines += [shlex.join(step) for step in (*command.before, command.argv)]
    return "\n".join(lines) + "\n"


def systemd_text(plan: ServePlan, command: ServeCommand) -> str:
    """A user unit (systemd.service(5)); `%` and `$` mean something there and are doubled."""
    _needs_server(plan)
    words = " ".join(_unit_word(word) for word in ("/usr/bin/env", *command.argv))
    limit = f"MemoryMax={int(plan.memory_bytes * MEMORY_MARGIN)}\n" if plan.memory_bytes else ""
    return (
        f"[Unit]\nDescription={_unit_word(plan.model)} {plan.quant} on {command.program}\nAfter=network.target\n\n"
        f"[Service]\nExecStart={words}\nRestart=on-failure\n{limit}"
        "NoNewPrivileges=true\nPrivateTmp=true\nProtectSystem=strict\n\n"
        "[Install]\nWantedBy=default.target\n"
    )


def _unit_word(word: str) -> str:
    text = word.replace("%", "%%").replace("$", "$$")
    return f'"{text}"' if re.search(r"[\s\"';]", text) else text


def _needs_server(plan: ServePlan) -> None:
    if plan.engine == "ollama":
        raise UsageError(
            "Ollama installs its own service", hint="--format ollama prints the Modelfile; or --engine llama.cpp"
        )


def modelfile_text(plan: ServePlan) -> str:
    """The Modelfile of this choice, whatever engine was estimated."""
    return modelfile(plan)


def _inside(plan: ServePlan) -> ServePlan:
    """The plan as a container sees it: every interface of its own network, the same paths."""
    return replace(plan, host="0.0.0.0", port=plan.port)


def _container_argv(plan: ServePlan) -> list[str]:
    """Arguments after the image's own entry point."""
    argv = list(serve_command(_inside(plan)).argv)
    return argv[2:] if plan.engine == "vllm" else argv[1:]


def _mount(plan: ServePlan, models: str) -> str:
    """The folder a container must see."""
    path = plan.path or models
    return models if PurePath(path).is_relative_to(models) else str(PurePath(path).parent)


def _name(plan: ServePlan) -> str:
    """A DNS label (RFC 1123): at most 63 of a-z, 0-9 and dashes."""
    label = re.sub(r"[^a-z0-9]+", "-", f"{plan.model.rpartition('/')[2]}-{plan.quant}".lower())
    return label[:63].strip("-")


def compose_document(plan: ServePlan, image: Image, models: str) -> dict[str, Any]:
    """A compose file's content (compose-spec)."""
    _needs_server(plan)
    folder = _mount(plan, models)
    service: dict[str, Any] = {
        "image": image.name,
        "command": _container_argv(plan),
        "ports": [f"127.0.0.1:{plan.port}:{plan.port}"],
        "restart": "unless-stopped",
    }
    if plan.engine != "vllm":
        service["volumes"] = [f"{folder}:{folder}:ro"]
    if plan.memory_bytes and not image.gpu_resource:
        service["mem_limit"] = int(plan.memory_bytes * MEMORY_MARGIN)
    if image.gpu_resource == "nvidia.com/gpu":
        device = {"driver": "nvidia", "count": max(1, plan.devices), "capabilities": ["gpu"]}
        service["deploy"] = {"resources": {"reservations": {"devices": [device]}}}
    return {"services": {_name(plan): service}}


def kubernetes_documents(plan: ServePlan, image: Image, models: str) -> list[dict[str, Any]]:
    """A Deployment and a Service that only the cluster reaches."""
    _needs_server(plan)
    name, folder = _name(plan), _mount(plan, models)
    memory = int((plan.memory_bytes or 0) * MEMORY_MARGIN)
    limits: dict[str, Any] = {"memory": str(memory)} if memory else {}
    if image.gpu_resource:
        limits[image.gpu_resource] = max(1, plan.devices)
    container: dict[str, Any] = {
        "name": "engine",
        "image": image.name,
        "args": _container_argv(plan),
        "ports": [{"containerPort": plan.port}],
        "resources": {"limits": limits, "requests": dict(limits)},
        "readinessProbe": {"httpGet": {"path": "/health", "port": plan.port}, "periodSeconds": 5},
        "securityContext": {"allowPrivilegeEscalation": False},
    }
    spec: dict[str, Any] = {"containers": [container]}
    if plan.engine != "vllm":
        container["volumeMounts"] = [{"name": "models", "mountPath": folder, "readOnly": True}]
        spec["volumes"] = [{"name": "models", "hostPath": {"path": folder, "type": "Directory"}}]
    labels = {"app": name}
    deployment = {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": dict(labels)},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": dict(labels)},
            "template": {"metadata": {"labels": dict(labels)}, "spec": spec},
        },
    }  # fmt: skip
    service = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": dict(labels)},
        "spec": {"selector": dict(labels), "ports": [{"port": plan.port, "targetPort": plan.port}]},
    }  # fmt: skip
    return [deployment, service]


def yaml_text(*documents: dict[str, Any]) -> str:
    """YAML of one or more documents, keys in the order given."""
    import yaml

    return "---\n".join(yaml.safe_dump(d, sort_keys=False, width=110, allow_unicode=True) for d in documents)

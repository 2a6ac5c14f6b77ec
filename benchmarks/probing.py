"""What a probe costs: CPU and wall time on this machine, and with a fake NVIDIA driver where a compiler is here.

    python benchmarks/probing.py [--runs 9]

Prints medians of whole processes (`advisor probe --json`) and of the probe alone inside a warm process, without the
catalog. The fake driver shows what the child costs, not what a real driver takes. A shared machine is noisy.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FAKE = Path(__file__).resolve().parents[1] / "tests" / "probes" / "fakenvml"
FLAGS = ("-std=c11", "-O1", "-fvisibility=hidden", "-shared", "-fPIC", "-Wl,-soname,libnvidia-ml.so.1")


def process_times(command, environ, runs):
    """CPU and wall seconds of whole processes, children included."""
    found = []
    for _ in range(runs):
        start = time.perf_counter()
        child = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        _, _, usage = os.wait4(child.pid, 0)
        found.append((usage.ru_utime + usage.ru_stime, time.perf_counter() - start))
    return found


def probe_times(runs, ask=None):
    """The same of the probe alone; `ask` puts a question before each, as a machine with a driver does."""
    from advisor.probes.assemble import probe_machine

    probe_machine(None)
    found = []
    for _ in range(runs):
        cpu, start, children = time.process_time(), time.perf_counter(), os.times()
        probe_machine(None)
        if ask is not None:
            ask()
        after = os.times()
        spent = after.children_user + after.children_system - children.children_user - children.children_system
        found.append((time.process_time() - cpu + spent, time.perf_counter() - start))
    return found


def row(name, samples):
    for label, values in zip(("CPU", "wall"), zip(*samples, strict=True), strict=True):
        low, middle, high = min(values), statistics.median(values), max(values)
        print(f"{name:36s} {label:4s} min {low * 1e3:7.1f}  median {middle * 1e3:7.1f}  max {high * 1e3:7.1f} ms")


def with_fake_driver(folder, runs):
    from advisor.probes.nvidia_child import ask_nvml

    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        print("no C compiler: the fake driver is left out")
        return
    library = str(Path(folder) / "libnvidia-ml.so.1")
    subprocess.run([compiler, *FLAGS, "-o", library, str(FAKE / "fake_nvml.c")], check=True)
    os.environ["LD_LIBRARY_PATH"] = folder
    for scenario in ("rtx4090", "five_a4000"):
        os.environ["FAKE_NVML_SCENARIO"] = str(FAKE / "scenarios" / f"{scenario}.nvml")
        row(f"probe with fake driver, {scenario}", probe_times(runs, ask_nvml))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    command = [sys.executable, "-m", "advisor", "probe", "--json"]
    process_times(command, os.environ.copy(), 1)  # the catalog is compiled once
    row("advisor probe --json, this machine", process_times(command, os.environ.copy(), runs))
    row("probe alone, warm, this machine", probe_times(runs))
    with tempfile.TemporaryDirectory() as folder:
        with_fake_driver(folder, runs)


if __name__ == "__main__":
    main()

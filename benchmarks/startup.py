"""Start-up: CPU and wall time of whole processes, in pairs with another command.

    python benchmarks/startup.py [--runs 11] [--vs "llmfit recommend --json"]

Prints minimum, median and maximum of each command, and the ratio pair by pair. A shared machine is noisy: read medians.
"""

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "advisor --help": [sys.executable, "-m", "advisor", "--help"],
    "advisor recommend --json": [sys.executable, "-m", "advisor", "recommend", "--json"],
}


def measure(command):
    """CPU seconds (user and system, children included) and wall seconds of one run."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - start


def row(name, samples, unit="ms", scale=1000):
    low, middle, high = min(samples), statistics.median(samples), max(samples)
    print(f"{name:44s} min {low * scale:8.1f}  median {middle * scale:8.1f}  max {high * scale:8.1f} {unit}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--vs", help="another command, run in turn with `advisor recommend --json`")
    options = parser.parse_args()
    commands = dict(COMMANDS)
    if options.vs:
        commands[options.vs] = shlex.split(options.vs)
    samples = {name: [] for name in commands}
    for command in commands.values():
        measure(command)
    for _ in range(options.runs):
        for name, command in commands.items():
            samples[name].append(measure(command))
    for name, taken in samples.items():
        row(f"{name} (CPU)", [cpu for cpu, _ in taken])
        row(f"{name} (wall)", [wall for _, wall in taken])
    if options.vs:
        pairs = zip(samples["advisor recommend --json"], samples[options.vs], strict=True)
        row("wall ratio, advisor / other", [a[1] / b[1] for a, b in pairs], unit="", scale=1)


if __name__ == "__main__":
    main()

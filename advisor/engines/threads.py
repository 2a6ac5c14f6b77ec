"""How many threads an engine may use where the caller did not say."""

import os


def usable_cpus() -> int:
    """CPUs that this process may run on: affinity where the system has it, else all. At least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(len(os.sched_getaffinity(0)), 1)
    return max(os.cpu_count() or 1, 1)

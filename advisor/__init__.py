"""Which open model to run on this machine, for a stated task, within a stated latency."""

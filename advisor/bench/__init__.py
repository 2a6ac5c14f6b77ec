"""Runs an engine, turns its stream into statistics, stores results, calibrates."""

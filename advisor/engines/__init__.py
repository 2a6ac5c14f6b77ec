"""Inference engines: one adapter a runtime behind one Protocol."""

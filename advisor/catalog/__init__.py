"""Reads the catalog: strict YAML for people, compiled JSON at run time, overlays, validation."""

"""Joins the catalog's shapes and bytes, the machine, and what was learned on it into estimates."""

"""A result in, text out: tables, JSON, CSV, Markdown. Opens nothing."""

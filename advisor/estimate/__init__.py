"""Pure arithmetic: bytes, FLOPs and seconds of one choice."""

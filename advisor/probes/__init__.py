"""Reads this machine. One file a source; each fact says where it came from; assemble joins them."""

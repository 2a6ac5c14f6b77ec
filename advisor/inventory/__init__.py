"""Other machines: what inventories tell of them, one importer a source."""

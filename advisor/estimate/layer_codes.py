"""One letter for each kind of layer, so that a model's layers are one short string."""

LAYER_CODES = "".join(chr(code) for code in range(0x41, 0x180) if chr(code).isalpha())
"""Letters that stand for kinds of layers in compact forms, in order; more than any model has kinds."""

"""The Textual app, thin over verbs: it asks a `Session`, shows what comes back, and computes nothing of its own."""

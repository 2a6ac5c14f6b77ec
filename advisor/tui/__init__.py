"""The Textual app, thin over verbs."""

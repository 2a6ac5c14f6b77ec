"""The command line: main, output, diagnostics, then one thin file a command."""

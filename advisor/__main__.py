"""`advisor`, and `python -m advisor`."""


def main() -> int:
    """Run one command; the exit code of the contract. Whoever changes their mind while we load gets no traceback."""
    try:
        from advisor.cli.main import main as run
    except KeyboardInterrupt:
        return 130
    return run()


if __name__ == "__main__":
    raise SystemExit(main())

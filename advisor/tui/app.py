"""The app: opens on the recommendation screen."""


def run_app() -> None:
    """Open the app."""

"""What holds for one run: defaults, then the environment, then flags. Paths follow the platform."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

APP = "advisor"
"""Folder name under the platform's data, cache and config folders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Flags common to every command, and where the user's files live."""

    json: bool = False
    quiet: bool = False
    verbose: bool = False
    color: bool | None = None
    """None: decided by the terminal, NO_COLOR and FORCE_COLOR."""
    offline: bool = False
    debug: bool = False
    catalogs: tuple[Path, ...] = ()
    """Overlay files or folders, weakest first."""
    warn: Callable[[str], None] | None = None
    """Where a front end wants to hear of what is wrong and does not stop the work."""


def _folder(variable: str, kind: str) -> Path:
    stated = os.environ.get(variable)
    if stated:
        return Path(stated)
    import platformdirs

    return Path(getattr(platformdirs, f"user_{kind}_path")(APP, appauthor=False))


def data_folder() -> Path:
    """Models and results. `ADVISOR_DATA` overrides."""
    return _folder("ADVISOR_DATA", "data")


def cache_folder() -> Path:
    """What can be deleted at any time. `ADVISOR_CACHE` overrides."""
    return _folder("ADVISOR_CACHE", "cache")


def config_folder() -> Path:
    """The user's own catalog overlays. `ADVISOR_CONFIG` overrides."""
    return _folder("ADVISOR_CONFIG", "config")


def models_folder() -> Path:
    """Where downloads go. `ADVISOR_MODELS` overrides."""
    stated = os.environ.get("ADVISOR_MODELS")
    return Path(stated) if stated else data_folder() / "models"


def results_path() -> Path:
    """The SQLite file of bench results and calibrations."""
    return data_folder() / "results.db"

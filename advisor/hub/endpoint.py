"""Where the hub is and who asks: HF_ENDPOINT, HF_TOKEN or the stored token, HF_HUB_OFFLINE, HF_HOME.

Read at each use, so a test or a long-lived app sees a change. The only function of huggingface_hub that is used is
`get_token`, the same in versions 1 and 2.
"""

import os
from pathlib import Path
from urllib.parse import quote, urlsplit

from advisor.errors import NetworkError, UsageError
from advisor.hub.connection import check_scheme

PUBLIC_HUB = "https://huggingface.co"


def endpoint() -> str:
    """The hub's address without a trailing slash: HF_ENDPOINT or the public hub. Raises UsageError."""
    stated = os.environ.get("HF_ENDPOINT", "").strip().rstrip("/")
    if not stated:
        return PUBLIC_HUB
    try:
        parts = urlsplit(stated)
        check_scheme(parts, what="HF_ENDPOINT")
        _ = parts.port
    except (NetworkError, ValueError) as error:
        raise UsageError(f"HF_ENDPOINT cannot be used: {error}", hint="give it as https://HOST") from error
    return stated


def find_token() -> str | None:
    """HF_TOKEN, else the token that `hf auth login` stored, else None."""
    stated = os.environ.get("HF_TOKEN", "").strip()
    if stated:
        return stated
    if os.environ.get("HF_HUB_DISABLE_IMPLICIT_TOKEN", "").upper() in ("1", "ON", "YES", "TRUE"):
        return None
    from huggingface_hub import get_token

    try:
        return get_token()
    except OSError:  # its folder cannot be read: there is no token for us
        return None


def hub_is_offline() -> bool:
    """Whether HF_HUB_OFFLINE forbids the network, as it does for the hub's own tools."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def file_url(repo: str, revision: str, path: str) -> str:
    """The address that redirects to the bytes of one file at one commit."""
    return f"{endpoint()}/{repo}/resolve/{quote(revision, safe='')}/{quote(path)}"


def hub_cache_folder() -> Path:
    """Where huggingface_hub keeps its cache: HF_HUB_CACHE, HF_HOME/hub, or ~/.cache/huggingface/hub."""
    stated = os.environ.get("HF_HUB_CACHE")
    if stated:
        return Path(stated).expanduser()
    home = os.environ.get("HF_HOME")
    if home:
        return Path(home).expanduser() / "hub"
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "huggingface" / "hub"

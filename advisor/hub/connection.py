"""One TCP or TLS connection to a host, directly or through the proxy that the environment names.

Standard library only, so that nothing changes with the HTTP client that a version of huggingface_hub brings along.
"""

import base64
import http.client
import ssl
import urllib.request
from urllib.parse import SplitResult, unquote, urlsplit

from advisor.errors import NetworkError, UsageError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def is_loopback(host: str | None) -> bool:
    """Whether `host` names this machine itself."""
    return host is not None and (host in LOOPBACK or host.startswith("127."))


def check_scheme(parts: SplitResult, *, what: str) -> None:
    """https anywhere, http on this machine only. Raises NetworkError."""
    if parts.hostname is None or parts.scheme not in ("https", "http"):
        raise NetworkError(f"{what} is not an http address")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise NetworkError(f"{what} is plain http, which anyone on the way can alter", hint="use an https address")


def _proxy_for(parts: SplitResult) -> SplitResult | None:
    """HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY in either case, or what the system says."""
    host = parts.hostname or ""
    if urllib.request.proxy_bypass(f"{host}:{parts.port}" if parts.port else host):
        return None
    proxies = urllib.request.getproxies()
    stated = proxies.get(parts.scheme) or proxies.get("all")
    if not stated:
        return None
    proxy = urlsplit(stated if "//" in stated else "http://" + stated)
    if proxy.scheme != "http" or proxy.hostname is None:
        raise UsageError(
            f"the proxy for {parts.scheme} is of a kind that is not supported", hint="give it as http://HOST:PORT"
        )
    return proxy


def _proxy_headers(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def _tls_context() -> ssl.SSLContext:
    """The system's certificates (SSL_CERT_FILE and SSL_CERT_DIR work); certifi's where the system has none."""
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    if not paths.cafile and not paths.capath and not context.cert_store_stats()["x509_ca"]:
        try:
            import certifi  # type: ignore[import-not-found, unused-ignore]
        except ImportError:
            return context
        context.load_verify_locations(certifi.where())
    return context


def _tls_connection(host: str, port: int, timeout_s: float) -> http.client.HTTPSConnection:
    return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=_tls_context())


def open_connection(
    parts: SplitResult, *, connect_timeout_s: float
) -> tuple[http.client.HTTPConnection, str, dict[str, str]]:
    """A connection for one request to `parts`, the request target, and headers that the proxy needs.

    Nothing is sent yet. Raises UsageError for a proxy that cannot be used.
    """
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    proxy = _proxy_for(parts)
    if proxy is None:
        if parts.scheme == "https":
            return _tls_connection(host, port, connect_timeout_s), target, {}
        return http.client.HTTPConnection(host, port, timeout=connect_timeout_s), target, {}
    via, via_port = proxy.hostname or "", proxy.port or 8080
    if parts.scheme == "https":
        tunnel = _tls_connection(via, via_port, connect_timeout_s)
        tunnel.set_tunnel(host, port, headers=_proxy_headers(proxy))
        return tunnel, target, {}
    plain = http.client.HTTPConnection(via, via_port, timeout=connect_timeout_s)
    return plain, f"http://{parts.netloc.rpartition('@')[2]}{target}", _proxy_headers(proxy)

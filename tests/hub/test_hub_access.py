"""Who is asked, with which token, through which proxy."""

import socket
import threading
from dataclasses import replace

import pytest

from advisor.errors import NetworkError, UnknownName, UsageError
from advisor.hub.api import list_repo
from advisor.hub.download import download
from advisor.hub.endpoint import endpoint, find_token, hub_cache_folder
from advisor.hub.plan import Wanted, plan_download
from tests.hub.fakehub import Fault, read_request, respond_json

WANTED = Wanted(model="m", repo="org/model-GGUF")


def test_the_token_goes_to_the_hub_and_never_to_the_storage(hub, published, store, patience, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.required_token = "hf_secret"
    download(plan_download(WANTED, store, patience=patience), store, patience=patience)
    carried = {(request.where, request.headers.get("authorization")) for request in hub.log}
    assert carried == {("hub", "Bearer hf_secret"), ("storage", None)}


def test_a_gated_repository_says_how_to_get_in(hub, published, patience):
    hub.required_token, hub.gated = "hf_right", True
    with pytest.raises(NetworkError, match="gated") as caught:
        list_repo("org/model-GGUF", patience=patience)
    assert f"{hub.url}/org/model-GGUF" in caught.value.hint
    assert len(hub.log) == 1


def test_a_private_or_missing_repository_is_not_guessed_at(hub, published, patience):
    hub.required_token = "hf_right"
    with pytest.raises(UnknownName, match="may see"):
        list_repo("org/model-GGUF", patience=patience)


@pytest.mark.parametrize(
    "address", ["http://mirror.example", "ftp://mirror.example", "mirror", "http://[", "https://a:x"]
)
def test_an_endpoint_that_cannot_be_trusted_is_refused(address, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", address)
    with pytest.raises(UsageError, match="HF_ENDPOINT"):
        endpoint()


def test_the_public_hub_is_the_default(monkeypatch):
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    assert endpoint() == "https://huggingface.co"
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/hub/")
    assert endpoint() == "https://mirror.example/hub"


def test_a_stored_token_is_found(monkeypatch):
    import huggingface_hub

    monkeypatch.delenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", raising=False)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: "hf_stored")
    assert find_token() == "hf_stored"
    monkeypatch.setenv("HF_TOKEN", "hf_stated")
    assert find_token() == "hf_stated"


def test_the_hub_cache_follows_its_own_variables(monkeypatch, tmp_path):
    assert hub_cache_folder() == tmp_path / "hf" / "hub"
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    assert hub_cache_folder() == tmp_path / "elsewhere"


@pytest.fixture
def proxy():
    """A forward proxy that answers every request itself and remembers it."""
    import socketserver

    seen = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            request = read_request(self.request)
            seen.append(request)
            if request[0] == "CONNECT":
                self.request.sendall(b"HTTP/1.1 403 no tunnels\r\n\r\n")
            else:
                respond_json(self.request, {"sha": "a" * 40, "siblings": []})

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}", seen
        server.shutdown()


def test_a_proxy_is_used_and_no_proxy_respected(hub, published, patience, proxy, monkeypatch):
    address, seen = proxy
    monkeypatch.setenv("http_proxy", f"http://user:p%40ss@{address}")
    assert list_repo("org/model-GGUF", patience=patience).files == ()
    method, target, headers = seen[0]
    assert (method, target.startswith(hub.url)) == ("GET", True)
    assert headers["proxy-authorization"] == "Basic dXNlcjpwQHNz"
    assert hub.log == []
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert list_repo("org/model-GGUF", patience=patience).files
    assert len(seen) == 1


def test_https_goes_through_a_tunnel_without_showing_the_token(patience, proxy, monkeypatch):
    address, seen = proxy
    monkeypatch.setenv("https_proxy", address)
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with pytest.raises(NetworkError, match="without progress"):
        list_repo("org/model-GGUF", patience=patience)
    assert {(method, target) for method, target, _ in seen} == {("CONNECT", "hub.example:443")}
    assert not [headers for _, _, headers in seen if "authorization" in headers]


def test_a_socks_proxy_is_refused_in_words(hub, published, patience, monkeypatch):
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:9")
    with pytest.raises(UsageError, match="proxy"):
        list_repo("org/model-GGUF", patience=patience)


def test_a_hub_that_is_not_there_is_one_clear_error(patience, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(NetworkError, match="gave up after 6 attempts without progress"):
        list_repo("org/model-GGUF", patience=patience)


def test_headers_that_never_end_are_cut_off(hub, published, patience):
    hub.faults.api = [Fault("drip_headers", 1, arg=0.05)]
    hurried = replace(patience, answer_deadline_s=1.0)
    assert list_repo("org/model-GGUF", patience=hurried).files
    assert hub.faults.api[0].hits == 1


def test_a_listing_without_end_is_cut_off(hub, published, patience, monkeypatch):
    monkeypatch.setattr("advisor.hub.api.MAX_ANSWER_BYTES", 1000)
    hub.faults.api.append(Fault("raw", arg=b" " * 5000))
    with pytest.raises(NetworkError, match="larger than any listing"):
        list_repo("org/model-GGUF", patience=patience)


def _unresolved(monkeypatch, number):
    asked = []

    def no_answer(host, *args, **kwargs):
        asked.append(host)
        raise socket.gaierror(number, "not known")

    monkeypatch.setenv("HF_ENDPOINT", "https://hub.invalid")
    monkeypatch.setattr(socket, "getaddrinfo", no_answer)
    return asked


def test_a_host_that_nobody_knows_is_asked_for_once(patience, monkeypatch):
    asked = _unresolved(monkeypatch, socket.EAI_NONAME)
    with pytest.raises(NetworkError, match="cannot be found") as caught:
        list_repo("org/model-GGUF", patience=patience)
    assert asked == ["hub.invalid"]
    assert "check the connection" in caught.value.hint


def test_a_name_server_that_is_busy_is_asked_again(patience, monkeypatch):
    asked = _unresolved(monkeypatch, socket.EAI_AGAIN)
    with pytest.raises(NetworkError, match="gave up"):
        list_repo("org/model-GGUF", patience=patience)
    assert len(asked) == patience.idle_attempts


def test_a_download_that_runs_waits_for_the_name_to_come_back(hub, published, store, patience, monkeypatch):
    plan = plan_download(WANTED, store, patience=patience)
    known, left = socket.getaddrinfo, [2]

    def away(*args, **kwargs):
        left[0] -= 1
        if left[0] >= 0:
            raise socket.gaierror(socket.EAI_NONAME, "not known")
        return known(*args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", away)
    download(plan, store, patience=patience)
    assert left[0] < 0


def test_a_repository_that_is_not_there_is_asked_for_once(hub, published, patience):
    with pytest.raises(UnknownName, match="may see"):
        list_repo("org/missing", patience=patience)
    assert len(hub.log) == 1

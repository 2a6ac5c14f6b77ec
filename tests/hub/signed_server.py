"""An organisation's signed catalog on a loopback port: real keys, real TUF metadata, made afresh by `publish`.

What is served is a mapping from path to bytes, so a test can take it back, mix it or spoil it.
"""

import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Key, Metadata, MetaFile, Role, Root, Snapshot, TargetFile, Targets, Timestamp

ROLES = ("root", "timestamp", "snapshot", "targets")


def in_days(days):
    return (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0)


def keys():
    """Two keys for the root, of which both must sign, and one for each other role."""
    return {role: [CryptoSigner.generate_ed25519() for _ in range(2 if role == "root" else 1)] for role in ROLES}


class SignedServer:
    """Publishes versions of a catalog and serves the newest, or whatever `served` was changed to."""

    def __init__(self):
        self.keys = keys()
        self.served: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.versions = dict.fromkeys(ROLES, 0)
        self.publish_root()
        self.root = self.served["/metadata/1.root.json"]
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._http.daemon_threads = False  # closing waits for answers under way
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self._http.shutdown()
        self._http.server_close()

    def _handler(server):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.asked.append(self.path)
                body = server.served.get(self.path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_):
                pass

        return Handler

    def _sign(self, role, signed, *, by=None):
        metadata = Metadata(signed)
        for signer in by or self.keys[role]:
            metadata.sign(signer, append=True)
        return metadata.to_bytes()

    def publish_root(self, *, by=None, expires=365):
        """The next root, naming the keys of now; `by`: who signs it."""
        self.versions["root"] += 1
        public: dict[str, Key] = {s.public_key.keyid: s.public_key for role in ROLES for s in self.keys[role]}
        roles = {role: Role([s.public_key.keyid for s in self.keys[role]], len(self.keys[role])) for role in ROLES}
        root = Root(version=self.versions["root"], expires=in_days(expires), keys=public, roles=roles)
        self.served[f"/metadata/{root.version}.root.json"] = self._sign("root", root, by=by)

    def publish(self, files, *, expires=None):
        """A new version of everything. `expires`: days from now by role, where not 7."""
        days = {role: (expires or {}).get(role, 7) for role in ROLES}
        for role in ROLES[1:]:
            self.versions[role] += 1
        targets = Targets(version=self.versions["targets"], expires=in_days(days["targets"]))
        for path, data in files.items():
            targets.targets[path] = TargetFile.from_data(path, data)
            digest = targets.targets[path].hashes["sha256"]
            folder, _, name = path.rpartition("/")
            self.served["/".join(part for part in ("/targets", folder, f"{digest}.{name}") if part)] = data
        listing = self._put("targets", targets)
        snapshot = Snapshot(version=self.versions["snapshot"], expires=in_days(days["snapshot"]))
        snapshot.meta["targets.json"] = MetaFile.from_data(targets.version, listing, ["sha256"])
        stamp = Timestamp(version=self.versions["timestamp"], expires=in_days(days["timestamp"]))
        stamp.snapshot_meta = MetaFile.from_data(snapshot.version, self._put("snapshot", snapshot), ["sha256"])
        self.served["/metadata/timestamp.json"] = self._sign("timestamp", stamp)

    def _put(self, role, signed):
        data = self._sign(role, signed)
        self.served[f"/metadata/{signed.version}.{role}.json"] = data
        return data

"""One download in a process of its own, so that it can be killed, stopped or limited: prints one JSON line.

python -m tests.hub.one_download REPO MODELS_FOLDER [--file-size-limit BYTES] [--hold-lock]
"""

import json
import resource
import sys
import time
from pathlib import Path

from advisor.errors import AdvisorError
from advisor.hub.download import download
from advisor.hub.lock import hold
from advisor.hub.plan import Wanted, plan_download
from advisor.hub.progress import Silent
from advisor.hub.store import Store
from tests.hub.conftest import SHORT


class Told(Silent):
    """Collects notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


def main(repo: str, folder: str, *options: str) -> None:
    store, told = Store(Path(folder)), Told()
    if options[:1] == ("--file-size-limit",):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(options[1]), int(options[1])))
    try:
        plan = plan_download(Wanted(model=repo, repo=repo), store, patience=SHORT)
        if options[:1] == ("--hold-lock",):
            store.prepare()
            with hold(store.lock(plan.files[0].digest), patience=SHORT, progress=told):
                print("held", flush=True)
                time.sleep(60)
        result = download(plan, store, patience=SHORT, progress=told)
    except AdvisorError as error:
        print(json.dumps({"error": type(error).__name__, "message": error.message, "notes": told.notes}))
    else:
        fetched = sum(file.fetched_bytes for file in result.files)
        print(json.dumps({"path": str(result.path), "fetched_bytes": fetched, "notes": told.notes}))


if __name__ == "__main__":
    main(*sys.argv[1:])

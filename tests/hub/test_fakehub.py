"""The imitated hub speaks the real one's protocol: huggingface_hub's own client downloads from it."""

import json
import os
import subprocess
import sys

from tests.hub.fakehub import Content

CLIENT = """
import json, sys
from huggingface_hub import HfApi, hf_hub_download
repo, folder = sys.argv[1:]
api = HfApi()
info = api.model_info(repo, files_metadata=True)
tree = {e.path: e.size for e in api.list_repo_tree(repo, revision=info.sha)}
some = [p.lfs.sha256 for p in api.get_paths_info(repo, ["model.gguf"], revision=info.sha) if p.path == "model.gguf"]
paths = [hf_hub_download(repo, name, cache_dir=folder) for name in ("model.gguf", "config.json")]
sizes = {s.rfilename: (s.size, s.lfs.sha256 if s.lfs else None) for s in info.siblings}
print(json.dumps({"sha": info.sha, "sizes": sizes, "tree": tree, "some": some, "paths": paths}))
"""


def test_the_hubs_own_client_downloads_a_file_from_disk_and_one_from_memory(hub, tmp_path):
    on_disk = tmp_path / "source.gguf"
    on_disk.write_bytes(os.urandom(300_000))
    content = Content.from_path(on_disk)
    commit = hub.commit("org/m", {"model.gguf": content, "config.json": Content(b"{}", lfs=False)}, sha="c" * 40)
    environment = {**os.environ, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    done = subprocess.run([sys.executable, "-c", CLIENT, "org/m", str(tmp_path / "cache")], env=environment,
                          capture_output=True, text=True, timeout=120, check=True)  # fmt: skip
    told = json.loads(done.stdout)
    assert told["sha"] == commit == "c" * 40
    assert told["sizes"] == {"model.gguf": [300_000, content.sha256], "config.json": [2, None]}
    assert told["tree"] == {"model.gguf": 300_000, "config.json": 2}
    assert told["some"] == [content.sha256]
    assert [os.path.getsize(path) for path in told["paths"]] == [300_000, 2]

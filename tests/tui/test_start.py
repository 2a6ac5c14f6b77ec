"""Opening the app imports nothing that its first frame does not need."""

import subprocess
import sys

HEAVY = ("huggingface_hub", "pydantic", "yaml", "numpy", "pynvml", "xllamacpp", "httpx", "sqlite3")


def test_the_app_opens_without_heavy_imports():
    code = (
        "import sys; import advisor.tui.app, advisor.tui.live_session; "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

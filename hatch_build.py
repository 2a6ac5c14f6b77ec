"""Build hook: puts the catalog, compiled and as YAML, into the wheel."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):
    """Compiles `catalog/` with the package's own compiler."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the compiled catalog to a scratch folder and name it for inclusion."""
        if version == "editable":
            return
        root = Path(self.root)
        sys.path.insert(0, self.root)
        try:
            from advisor.catalog.compiled import compile_to_folder
        finally:
            sys.path.remove(self.root)
        compiled = Path(self.directory) / "compiled"
        compile_to_folder(root / "catalog", compiled)
        build_data["force_include"][str(root / "catalog")] = "advisor/catalog/data/source"
        build_data["force_include"][str(compiled)] = "advisor/catalog/data/compiled"

"""Which tables of published measurements there are: those of this folder's `published/`, and any that are named.

A table's columns: `source_id` (an entry of published/sources.yaml), `source_ref` (where in the source), `date`,
`hardware_name` and `model` (names the catalog knows), `hw_kind`, `n_gpus`, `memory_gb`, `mem_bandwidth_gb_s` (of this
very machine, where its memory is told), `threads` (of a processor; empty: as the engine chooses), `backend`,
`engine_version`, `flash_attn`, `quant`, `file_size_gib`, `n_prompt`, `n_gen`, `depth`, `batch`, `pp_tps`, `tg_tps`,
`peak_mem_gb`, `notes`. What is missing is not known.
"""

from argparse import ArgumentParser
from pathlib import Path

PUBLISHED = Path(__file__).parent / "published"

NEVER_FITTED = Path(__file__).parent / "never_fitted"
"""Tables that are judged and never learned from: they tell of another engine, or of machines set up by anybody.

`localscore.csv`: crowd-sourced rows of llamafile on accelerators, github.com/d893a/localscore-insights at ad460cd,
localscore_results.tsv, 2025-07-14. Medians over the machines with one accelerator; each rate is the mean over nine
requests, 1,837 tokens deep on average. Machines whose processor has AVX-512 BF16 (Zen 4 and 5, Sapphire Rapids) are
left out: there one and the same card wrote two to eight times more slowly, the smaller the model. So are models that
do not fit the accelerator.
"""


def people() -> dict[str, str]:
    """Sources that are further rows by the person of another (`same_as`): both are left out together."""
    import yaml

    entries = yaml.safe_load((PUBLISHED / "sources.yaml").read_text("utf-8"))
    return {source: entry["same_as"] for source, entry in entries.items() if "same_as" in entry}


def add_rows_option(parser: ArgumentParser) -> None:
    """The option that names further tables."""
    parser.add_argument(
        "--rows", type=Path, nargs="+", default=[], help="further tables of measurements, beside benchmarks/published"
    )


def tables(further: list[Path]) -> list[Path]:
    """All tables there are; ends the program where a named one is not there."""
    for path in further:
        if not path.is_file():
            raise SystemExit(f"no table at {path}: name one that is there, or leave --rows out")
    found = [*sorted(PUBLISHED.glob("*.csv")), *further]
    if not found:
        raise SystemExit("no table of measurements: name one with --rows")
    return found

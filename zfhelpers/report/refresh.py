"""Execute notebooks in place, the way the committed copies were made.

    python -m zfhelpers.report.refresh notebooks/04_what_features_see.ipynb

Every notebook is run from its first cell with the parameters it holds, and written back with outputs, numbered from 1, without
widget state (it breaks previews) and without anything that differs from run to run (times, versions, papermill's notes). One that
fails is left as it was.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

CELL_SECONDS = 300  # longer than any cell may take


def refresh(path: Path) -> None:
    """Execute one notebook and write it back.

    Raises:
        CellExecutionError: a cell failed; the file is unchanged.
    """
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    where = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, timeout=CELL_SECONDS, kernel_name="python3", resources=where)
    client.execute()
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
        cell.metadata = nbformat.from_dict({key: cell.metadata[key] for key in ("tags", "jupyter") if key in cell.metadata})
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
            for output in cell.outputs:
                output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)  # its model died with the kernel
                if "metadata" in output:
                    output.metadata = nbformat.from_dict({})
    nbformat.write(notebook, path)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m zfhelpers.report.refresh", description="Execute notebooks in place.")
    parser.add_argument("notebooks", type=Path, nargs="+")
    os.environ["ZF_PROGRESS"] = "0"
    failed = 0
    for path in parser.parse_args().notebooks:
        try:
            refresh(path)
            print(f"{path}: executed, {path.stat().st_size / 1e3:.0f} kB")
        except (CellExecutionError, OSError, nbformat.reader.NotJSONError) as error:
            failed += 1
            print(f"{path}: {error}", file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

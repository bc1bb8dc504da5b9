"""Every job ours and the peers', in alternation: `make bench`.

    python tests/benchmarks/run.py                         # all jobs, five repeats -> data/results/benchmarks.json
    python tests/benchmarks/run.py --only search moves --repeats 3

A job that ran replaces its rows in the file, with the machine that it ran on; the others stay.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
from datetime import date

import torch
from timing import machine, peak_memory_mb

from zfhelpers.files import project_dir, write_whole

JOBS = ("moves", "search", "training", "projections", "growth", "rehearsal", "occlusion")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=JOBS, default=JOBS)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None)
    parser.add_argument("--dry", action="store_true", help="write nothing")
    options = parser.parse_args()
    torch.set_num_threads(options.threads or os.cpu_count())
    file = project_dir() / "data" / "results" / "benchmarks.json"
    for name in options.only:
        card = {"command": f"make bench JOB={name}", "measured": date.today().isoformat(), "machine": machine()}
        print(card["command"], card["machine"], flush=True)
        module = importlib.import_module(name)
        if name == "growth":
            card["curves"] = module.jobs(torch.get_num_threads())
        elif name == "rehearsal":
            card |= module.jobs()
        else:
            card["rows"] = []
            for row in module.jobs(options.repeats):
                print(row, flush=True)
                card["rows"].append(row.as_dict())
            card["peak memory, MB"] = round(peak_memory_mb())
        if not options.dry:
            kept = json.loads(file.read_text()) if file.exists() else {}
            write_whole(file, (json.dumps(kept | {name: card}, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()

"""Settings are read as typed: the notebook gets what the shell gave, and what cannot be used is refused in one sentence."""

import os
import re
import shlex
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from papermill.translators import PythonTranslator
from snakemake.cli import parse_config

from zfhelpers.report import settings as asked
from zfhelpers.report.settings import (
    LONGEST,
    check_writable,
    matching,
    read_settings,
    report_folder,
    split_parameters,
    threads_each,
    world_folder,
)

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["--cores", "1", "--quiet", "all", "--nolock", "--scheduler", "greedy"]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)
ODD = st.text("#'\"{}[]$%:,~=!&*?|<>@`\\ \n\t-+.eE01yn/ü", min_size=1, max_size=30)
AWKWARD = [
    "photos #2",
    "O'Brien",
    '"q"',
    "{x}",
    "a b",
    "$HOME",
    "$$",
    "100%",
    ":",
    "a,b",
    "a\nb",
    "=x",
    "yes",
    "1e3",
    "1_0",
    "null",
    "~",
    "[x]",
    "-",
]


@pytest.fixture(autouse=True)
def project(monkeypatch):
    monkeypatch.chdir(ROOT)


@settings(max_examples=300, deadline=None)
@given(TEXT | ODD)
@example("folder:/a/photos #2")
@example("1e3")
@example("{a: b}")
def test_what_was_typed_after_config_is_what_is_read(value):
    words = ["--cores", "1", "--config", f"world={value}", "-n"]
    try:
        config = parse_config(words[3:4])  # as snakemake reads it, YAML
    except AssertionError:  # blanks or a comment alone, which snakemake refuses itself
        return
    assert read_settings(config, words, {}).world == value


@settings(max_examples=300, deadline=None)
@given(TEXT | ODD, st.lists(st.tuples(st.sampled_from("abc"), TEXT | ODD), max_size=3, unique_by=lambda pair: pair[0]))
def test_what_make_hands_over_is_what_is_read(world, parameters):
    line = " ".join(f"-p {name} {shlex.quote(value)}" for name, value in parameters)
    read = read_settings({}, [], {"ZF_WORLD": world, "ZF_PARAMS": line})
    assert (read.world, read.parameters) == (world, parameters)
    command = ["run", "x.ipynb", "reports", f"--world={world}"]
    words = shlex.split(shlex.join([*command, *(word for pair in parameters for word in ("-p", *pair))]))
    assert split_parameters(words) == (parameters, command)


@settings(max_examples=300, deadline=None)
@given(TEXT | ODD)
def test_papermill_writes_text_that_reads_as_it_was(value):
    assert eval(PythonTranslator.translate(value)) == value


WORLDS = st.text("ab-:/._ #{}'éÉ\n", max_size=12).map(lambda path: f"folder:/{path}")


@settings(max_examples=300, deadline=None)
@given(st.lists(WORLDS, min_size=2, max_size=8))
@example(["folder:/a/b", "folder:/a-b", "folder:/a:b"])
@example([f"folder:/{'a' * 300}b", f"folder:/{'a' * 300}c"])
def test_two_worlds_never_share_a_folder_and_its_name_is_plain(worlds):
    for one, other in combinations({str(Path(world.partition(":")[2])) for world in worlds}, 2):
        assert world_folder(f"folder:{one}") != world_folder(f"folder:{other}")
    for world in worlds:
        assert re.fullmatch(r"[A-Za-z0-9_.-]{1,120}", world_folder(world))


def test_another_network_has_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    named = [
        report_folder("toy", network) for network in ("torchvision:alexnet", "fig6-alexnet", "a b.py:f", "a-b.py:f", "a/b.py:f")
    ]
    assert named[0] == "toy--torchvision-alexnet"
    assert named[1].startswith("toy--fig6-alexnet--")  # "table3/zfnet-0" and "table3-zfnet/0" would be one without a hash
    assert len({*named, "toy"}) == 6
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]{1,240}", name) for name in named)
    assert report_folder("toy", "net.py:f") == report_folder("toy", str(tmp_path / "net.py:f"))
    (tmp_path / "a.ipynb").write_text("{}")
    asked = read_settings({}, [], {"ZF_NETWORK": "torchvision:alexnet", "ZF_NOTEBOOKS": "*.ipynb"})
    assert (asked.network, asked.reports) == ("torchvision:alexnet", "reports/toy--torchvision-alexnet")


def test_folders_of_worlds_without_odd_names_are_as_they_were():
    assert [world_folder(world) for world in ("toy", "imagenette", "folder:/data/photos_2")] == [
        "toy",
        "imagenette",
        "folder--data-photos_2",
    ]


@pytest.mark.parametrize(
    ("config", "environment", "sentence"),
    [
        ({"wrld": "toy"}, {}, "There is no setting 'wrld'; there are world, network, notebooks, reports, params."),
        ({"params": "-p seed O'Brien"}, {}, r"cannot be read \(no closing quotation\); parameters are '-p NAME VALUE'"),
        ({}, {"ZF_PARAMS": "seed 3"}, "'seed 3' cannot be read at 'seed'"),
        ({}, {"ZF_PARAMS": "-p seed"}, "'-p seed' cannot be read at '-p'"),
        ({}, {"ZF_PARAMS": "-p seed 1 -p seed 2"}, "'seed' is given more than once"),
        ({"world": ["x"]}, {}, "The setting world is text, not"),
        ({"notebooks": "nowhere/*.ipynb"}, {}, "nothing matches 'nowhere/"),
        ({"notebooks": f"{ROOT}/notebooks/00*.ipynb"}, {}, "Notebooks are named from this folder, as 'notebooks/00"),
        ({"reports": "to/{x}"}, {}, "cannot have '{' in its name"),
        ({}, {"ZF_WORLD": "folder:/\udcff"}, "bytes that are no UTF-8"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(config, environment, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_settings(config, [], environment)


def test_two_notebooks_of_one_name_are_not_one_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "01.ipynb").touch()
    with pytest.raises(ValueError, match=r"a/01.ipynb and b/01.ipynb have one name"):
        read_settings({"notebooks": "*/01.ipynb"}, [], {})


def test_a_notebook_with_braces_in_its_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "01 {x}.ipynb").touch()
    with pytest.raises(ValueError, match=r"'01 {x}' cannot have '{' in its name; rename it"):
        read_settings({"notebooks": "*.ipynb"}, [], {})


def test_a_name_with_brackets_means_that_file(tmp_path):
    for name in ("x[1].ipynb", "x1.ipynb"):
        (tmp_path / name).touch()
    assert matching(f"{tmp_path}/x[1].ipynb") == [tmp_path / "x[1].ipynb"]


def test_folders_that_cannot_be_written_are_named(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    check_writable(f"{tmp_path}/not/yet", str(tmp_path))
    with pytest.raises(ValueError, match=r"file/toy' cannot be a folder: '.*/file' is a file"):
        check_writable(f"{tmp_path}/file/toy")
    monkeypatch.setattr(os, "access", lambda place, mode: False)  # root may write everywhere
    with pytest.raises(ValueError, match=r"' cannot be written, and '.*/not/yet' goes there; run a copy that can"):
        check_writable(f"{tmp_path}/not/yet")


@pytest.mark.parametrize("said", ["abc", "0", "-1", "1.5", "²"])
def test_threads_that_are_no_number_are_refused(said):
    with pytest.raises(ValueError, match=r"OMP_NUM_THREADS is .*; it must be a whole number"):
        threads_each(1, {"OMP_NUM_THREADS": said})


def test_threads_are_those_of_openmp_or_a_share(monkeypatch):
    monkeypatch.setattr(asked, "cores", lambda: 8)
    assert [threads_each(at_once, {}) for at_once in (1, 2, 3, 8)] == [8, 4, 2, 1]
    assert [threads_each(1, {"OMP_NUM_THREADS": said}) for said in ("3", " 3 ", "3,2")] == [3, 3, 3]
    assert threads_each(10**6, {}) == 1
    with pytest.raises(ValueError, match="At least one notebook"):
        threads_each(0, {})


# ------------------------------------------------------------------------------------------------ the real make, the real shell


@pytest.fixture(scope="module")
def handed_over(tmp_path_factory):
    """What `make report` puts into the environment of its programs: one that prints it stands where Python is run."""
    program = tmp_path_factory.mktemp("program") / "print"
    program.write_text(
        f"#!{sys.executable}\nimport os\nprint(*(ascii(os.environ['ZF_' + name]) for name in ('WORLD', 'PARAMS')))"
    )
    program.chmod(0o700)

    def make(*words: str, **environment: str) -> str:
        clean = {key: text for key, text in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
        command = ["make", "--silent", "STAMP=", f"RUN={program}", "report", *words]
        done = subprocess.run(command, cwd=ROOT, env=clean | environment, capture_output=True, text=True)
        return done.stdout.partition("\n")[0] or done.stderr

    return make


@pytest.mark.parametrize("value", AWKWARD)
def test_make_hands_over_what_the_shell_gave(value, handed_over):
    assert handed_over(f"WORLD={value}", f"PARAMS=-p {value}") == f"{value!a} {f'-p {value}'!a}"
    assert handed_over(WORLD=value, PARAMS=f" {value} ") == f"{value!a} {f' {value} '!a}"


def test_the_longest_notebooks_are_there_and_snakemake_begins_with_them(tmp_path):
    there = [path.stem for path in (ROOT / "notebooks").glob("*.ipynb")]
    assert len(set(LONGEST)) == len(LONGEST) < len(there)
    assert set(LONGEST) <= set(there)
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "2", "--nolock", "--config", f"reports={tmp_path}"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout
    first = {step[1]: int(step[2]) for step in re.finditer(r"wildcards: name=(\w+)\n +priority: (\d+)", said)}
    assert sorted(first, key=first.get, reverse=True) == list(LONGEST)
    assert said.count("rule notebook:") == len(there)


@pytest.mark.parametrize(("words", "at_once"), [([], "7"), (["JOBS=3"], "3"), (["JOBS="], "7")])
def test_as_many_notebooks_run_as_the_machine_takes_unless_we_are_told(words, at_once, tmp_path):
    program = tmp_path / "python"
    program.write_text('#!/bin/sh\ncase "$*" in *report.machine) echo 7;; *--cores*) echo "$@";; esac')
    program.chmod(0o700)
    clean = {key: text for key, text in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "JOBS")}
    command = ["make", "--silent", "STAMP=", f"RUN={program}", "report", *words]
    said = subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True).stdout.split()
    assert said[said.index("--cores") + 1] == at_once


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--config", "wrld=toy"], "There is no setting 'wrld'"),
        (["--config", "params=-p seed O'Brien"], "no closing quotation"),
        (["no_such_target"], "no_such_target"),
        (["--config", "notebooks=00*.ipynb"], "nothing matches '00*.ipynb'"),
    ],
)
def test_no_run_ends_without_a_word(words, sentence, tmp_path):
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(ROOT / "Snakefile"),
        *FLAGS,
        "--directory",
        str(ROOT),
        *words,
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr

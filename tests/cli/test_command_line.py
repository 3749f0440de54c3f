"""The command line: what to do next, suggestions, `run`, completion, and tables that fit the terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
from terminal import in_terminal, left_standing

from videossl import __version__
from videossl.cli import completion, next_steps
from videossl.cli import run_command as run
from videossl.cli.common import study_of
from videossl.cli.parsing import COMMANDS, command_line
from videossl.cli.run import command_of, overlays_of
from videossl.common.errors import UserError
from videossl.study.study import Study, load_study


@cache
def loaded(files: tuple[str, ...], project: Path, folder: Path) -> Study:
    """A study; reading it takes a second, and many tests ask for the same one."""
    return load_study(list(files), project)


@pytest.fixture(autouse=True)
def here(repository, monkeypatch):
    monkeypatch.setattr(
        "videossl.cli.common.load_study", lambda files, project: loaded(tuple(map(str, files)), project, Path.cwd())
    )
    monkeypatch.chdir(repository)
    monkeypatch.delenv("SNAKEMAKE_PROFILE", raising=False)


def refused(capsys, *argv: str) -> str:
    with pytest.raises(SystemExit) as end:
        run(list(argv))
    assert end.value.code == 2
    return capsys.readouterr().err


def test_misspelt_words_have_suggestions(capsys):
    assert "unknown command 'plna'. Did you mean plan?" in refused(capsys, "plna")
    assert "unknown option '--formt'. Did you mean --format?" in refused(capsys, "status", "--formt", "json")
    assert "unknown option '--versoin'. Did you mean --version" in refused(capsys, "--versoin")
    assert "invalid choice: 'jso'" in refused(capsys, "plan", "--format", "jso")
    with pytest.raises(UserError, match="Did you mean table_subset_size"):
        run(["plan", "table_subset_sise"])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_fits_the_terminal_and_has_examples(capsys, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as end:
        run([command, "--help"])
    text = capsys.readouterr().out
    assert end.value.code == 0 and "\nexamples:\n  " in text
    examples = text.replace(" \\\n", " ").split("examples:\n")[1].splitlines()  # long commands go on in the next line
    assert all(line.strip().split()[0] in ("videossl", "eval") for line in examples[::2])
    assert all(line.startswith("      ") for line in examples[1::2])
    wide = [line for line in text.splitlines() if len(line) > 80]
    assert all(max(map(len, line.split())) > 60 for line in wide)  # but for a path that cannot be divided


def test_version_and_commands_need_no_library(repository):
    code = (
        "import sys; from videossl.cli import run_command\ntry: run_command([sys.argv[1]])\nexcept SystemExit: pass\n"
    )
    code += "print(sorted({'torch', 'pandas', 'pydantic', 'numpy'} & set(sys.modules)))"
    environment = os.environ | {"PYTHONPATH": str(repository / "src")}
    for option, expected in (("--version", f"videossl {__version__}"), ("--help", "Without a command")):
        done = subprocess.run([sys.executable, "-c", code, option], env=environment, text=True, capture_output=True)
        assert expected in done.stdout and done.stdout.splitlines()[-1] == "[]"


def command(*argv: str) -> list[str]:
    """The command of Snakemake for `videossl run ARGV...`."""
    arguments = command_line(["run", *argv])
    words, values = overlays_of(arguments)
    return command_of(study_of(arguments), arguments, [*words, *arguments.rest], values)


def test_run_takes_words_in_any_order():
    expected = ["snakemake", "table_study_knn", "figure_study_five_labels", "--dry-run", "--quiet", "host"]
    expected += ["--cores", "all"]
    expected += ["--configfile", "config/small.yaml"]
    for words in (
        "table_study_knn study_five_labels --config small -n",
        "--config small study_knn -n figure_study_five_labels",
        "-n --configfile config/small.yaml table_study_knn figure_study_five_labels",
    ):
        assert command(*words.split()) == expected, words


def test_run_passes_options_of_snakemake_on():
    found = command("report", "--until", "finetune", "-k", "table_subset_size", "--config", "a=1", "--cores", "3")
    assert found == [
        "snakemake",
        "report",
        "table_subset_size",
        "--cores",
        "3",
        "--until",
        "finetune",
        "-k",
        "--config",
        "a=1",
    ]
    assert command("--profile", "slurm", "--", "--until", "report")[-2:] == ["--until", "report"]
    assert "--cores" not in command("--profile", "slurm")  # the profile says how many jobs
    with pytest.raises(UserError, match="Did you mean figure_cka_tasks"):
        command("figure_cka_task", "-n")


def test_run_starts_snakemake(repository, monkeypatch, capsys):
    started = []
    monkeypatch.setattr("os.execv", lambda program, words: started.append(words))
    run(["run", "table_subset_size", "-n"])
    words = ["snakemake", "table_subset_size", "--dry-run", "--quiet", "host", "--cores", "all"]
    assert started.pop() == [sys.executable, "-m", *words]
    assert capsys.readouterr().err.strip() == f"$ {' '.join(words)}"
    run(["run", "table_subset_size", "--cores", "2"])  # many short jobs share an interpreter
    assert started.pop()[1:4] == ["workflow/warm/server.py", "--", sys.executable]


def test_completion_knows_commands_options_and_targets():
    assert completion.words_after([], "s") == ["status"]
    assert completion.words_after(["plan"], "table_subset") == ["table_subset_size", "table_subset_size_hmdb51"]
    assert completion.words_after(["plan"], "--gp") == ["--gpu-type", "--gpus"]
    assert "config/paper.yaml" in completion.words_after(["run", "--configfile"], "config/")
    assert completion.words_after(["doctor"], "table") == []


def test_bash_completes(repository, tmp_path):
    (tmp_path / "videossl").write_text(f'#!/bin/sh\nexec {sys.executable} -m videossl.cli "$@"\n')
    (tmp_path / "videossl").chmod(0o755)
    script = 'eval "$(videossl completion bash)"; COMP_WORDS=(videossl plan table_claim); COMP_CWORD=2; '
    script += '_videossl_completion videossl; echo "found ${COMPREPLY[@]}"'
    environment = os.environ | {"PYTHONPATH": str(repository / "src"), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=environment, text=True, capture_output=True, cwd=repository)
    assert done.stdout == "found table_claims\n", done.stderr


def said(workflow, monkeypatch, *configfile: str) -> tuple[str, list[str]]:
    monkeypatch.chdir(workflow.root)
    options = SimpleNamespace(configfile=list(configfile), profile=None, snakefile=None, directory=None)
    text, steps = next_steps.next_steps(options)
    return text, [command for command, _ in steps]


def test_what_to_do_next_follows_from_the_folder(workflow, monkeypatch):
    text, commands = said(workflow, monkeypatch)
    assert text.startswith("Nothing has run here yet") and commands[0] == "videossl doctor" and "make demo" in commands
    (workflow.root / "results/finetune").mkdir(parents=True)
    text, commands = said(workflow, monkeypatch)
    assert text.startswith("A run was begun in results; 0 of ") and commands[0] == "videossl run"
    text, commands = said(workflow, monkeypatch, "config/smoke.yaml")  # its results are elsewhere
    assert text.startswith("Nothing has run here yet") and "videossl doctor --configfile config/smoke.yaml" in commands
    assert any("--configfile config/config.yaml" in command for command in commands)
    study = study_of(SimpleNamespace(configfile=[], profile=None, snakefile=None, directory=None))
    failed = study.results / study.pretraining[0].path
    failed.mkdir(parents=True)
    (failed / "FAILED").write_text("the loss became nan")
    text, commands = said(workflow, monkeypatch)
    assert "cells failed" in text and commands[0] == "videossl status"


def test_without_a_workflow_it_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["--snakefile", str(tmp_path / "Snakefile")]) == 2
    found = capsys.readouterr()
    assert "There is no workflow here" in found.out and "--snakefile /path/to/Snakefile" in found.err


def test_tables_fit_the_terminal(repository):
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    environment |= {"PYTHONPATH": str(repository / "src"), "TERM": "xterm-256color", "COLUMNS": "80"}
    code, text = in_terminal(
        [sys.executable, "-m", "videossl.cli", "status", "--configfile", "config/paper.yaml"],
        folder=repository,
        environment=environment,
    )
    lines = left_standing(text)
    assert code == 0 and any("table_subset_size" in line for line in lines)
    table = [line for line in lines if line.startswith(("table", "figure", "pretrain", "stage"))]
    assert len(table) > 5 and max(map(len, lines)) <= 80

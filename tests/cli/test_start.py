"""What is looked at before Snakemake reads configuration files."""

from __future__ import annotations

import pytest

from videossl.common.errors import UserError
from videossl.monitor import start
from videossl.monitor.overlays import configfiles_of, read_overlay


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SNAKEMAKE_PROFILE", raising=False)
    (tmp_path / "good.yaml").write_text("compute: {workers: 1}\n")
    (tmp_path / "bad.yaml").write_text("compute:\n  workers: [1\nsubsets: 2\n")
    return tmp_path


def said(capsys, *argv: str) -> str:
    """The one message with which `check` ends."""
    with pytest.raises(SystemExit) as end:
        start.check(argv)
    assert end.value.code == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and message.startswith("error: ")
    return message


def test_a_command_line_without_mistakes_is_left_to_snakemake():
    start.check(["table_x", "-n", "--config", "a=1", "--configfile", "good.yaml", "--cores", "2"])
    start.check(["--configfiles", "good.yaml", "--", "table_x"])
    start.check(["--profile", "nowhere"])
    start.check([])


@pytest.mark.parametrize(
    "argv",
    [
        ("--configfile", "good.yaml", "bad.yaml", "-n"),
        ("-n", "--cores", "1", "--configfiles", "bad.yaml"),
        ("--configfile", "good.yaml", "--cores", "1", "--configfile", "bad.yaml"),
    ],
)
def test_malformed_yaml_is_told_with_file_and_line(capsys, argv):
    message = said(capsys, *argv)
    assert "bad.yaml is not valid YAML: line 3, column 8: expected ',' or ']'" in message
    assert "that begins in line 2" in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:\n\tb: 1\n", "line 2, column 1: found character '\\t' that cannot start any token"),
        ("a: 'b\n", "found unexpected end of stream while scanning a quoted scalar"),
        ("a: 1\n b: 2\n", "line 2, column 3: mapping values are not allowed here"),
        ("- a\n", "should hold a mapping"),
        ("", "and holds nothing"),
        ("a: 1\na: 2\n", "the key 'a' is given twice"),
    ],
)
def test_what_else_may_be_wrong_with_a_file(capsys, here, text, expected):
    (here / "odd.yaml").write_text(text)
    assert expected in (message := said(capsys, "--configfile", "odd.yaml"))
    assert "odd.yaml" in message


@pytest.mark.parametrize("target", ["table_subset_size", "all", "results/tables/subset_size.html", "good"])
def test_a_target_after_configfile_is_told_where_it_goes(capsys, here, target):
    message = said(capsys, "--cores", "1", "--configfile", "good.yaml", target)
    assert f"there is no file {target}" in message
    assert "name targets before it: `snakemake TARGET ... --configfile FILE`" in message
    path = here / "results/weights.pt"
    path.parent.mkdir()
    path.write_bytes(b"\x80\x02\xff")
    assert "name targets before it" in said(capsys, "--configfile", "good.yaml", "results/weights.pt")


def test_a_file_of_the_project_is_named_with_its_folder(capsys, repository):
    message = said(capsys, "--configfile", "config/smoke.yaml")
    assert f"The project has such a file: {repository}/config/smoke.yaml." in message


def test_the_files_of_a_profile_are_looked_at_unless_others_are_named(capsys, here, monkeypatch):
    (here / "mine").mkdir()
    (here / "mine/config.yaml").write_text("configfile: [good.yaml, bad.yaml]\n")
    assert "bad.yaml" in said(capsys, "--profile", "mine")
    assert "bad.yaml" in said(capsys, "--profile=mine/config.yaml")
    start.check(["--profile", "mine", "--configfile", "good.yaml"])
    monkeypatch.setenv("SNAKEMAKE_PROFILE", "mine")
    assert "bad.yaml" in said(capsys)


def test_one_configuration_file_of_a_profile_may_be_relative_to_it(here, repository, monkeypatch):
    (here / "mine").mkdir()
    (here / "mine/config.yaml").write_text("configfile: ../good.yaml\n")
    monkeypatch.chdir("/")
    (found,) = configfiles_of(here / "mine/config.yaml")
    read_overlay(found)
    (found,) = configfiles_of(repository / "slurm/config.yaml")
    read_overlay(found)
    with pytest.raises(UserError, match=r"there is no file good\.yaml\.$"):
        read_overlay("good.yaml")


def test_a_cache_that_cannot_be_written_is_told(capsys, monkeypatch):
    monkeypatch.setattr(start, "unwritable", lambda folder: "Read-only file system")
    message = said(capsys)
    assert "(Read-only file system). Set XDG_CACHE_HOME to a folder that can be written." in message

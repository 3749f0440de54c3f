"""YAML and JSON files: whatever a file holds, one message with the file and, where there is one, the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from videossl.common.errors import UserError
from videossl.monitor import start
from videossl.study.config import read_yaml
from videossl.study.config.reading import DEEPEST, MAX_BYTES

LAUGHS = b"a: &a [1,1,1,1,1,1,1,1,1,1]\n" + b"".join(
    b"%c: &%c [%s]\n" % (98 + level, 98 + level, b",".join([b"*%c" % (97 + level)] * 10)) for level in range(9)
)
REFUSED = {
    "latin-1": (b"a: 1\nb: caf\xe9\n", "line 2: byte 0xe9 is not UTF-8"),
    "UTF-16": ("a: 1\n".encode("utf-16"), "line 1: byte 0xff is not UTF-8"),
    "a zero byte": (b"a: 1\nb: x\0y\n", "line 2: the character '\\x00'"),
    "a control character": (b"a: 1\r\nb: \x07\n", "line 2: the character '\\x07'"),
    "a tab": (b"a:\n\tb: 1\n", "line 2, column 1"),
    "a list within itself": (b"x: 1\na: &a [*a]\n", "line 2, column 4: an alias inside the value that it stands for"),
    "a mapping within itself": (b"a: &a {b: {c: *a}}\n", "line 1, column 4: an alias inside"),
    "a merge with itself": (b"a: &a\n  <<: *a\n", "line 1, column 4: an alias inside"),
    "a billion laughs": (LAUGHS, "line 6, column 4: aliases stand for more than 1,000,000 values"),
    "an unknown alias": (b"a: *nope\n", "undefined alias 'nope'"),
    "5000 brackets": (b"a: " + b"[" * 5000 + b"]" * 5000, f"more than {DEEPEST} lists or mappings within one another"),
    "100000 open brackets": (b"a: " + b"[" * 100_000, "lists or mappings within one another"),
    "300 levels": (b"".join(b" " * level + b"a:\n" for level in range(300)), f"line {DEEPEST}, column"),
    "a list for a key": (b"a:\n  ? [1, 2]\n  : 3\n", "line 2, column 5: a key that is a list"),
    "a mapping for a key": (b"{a: 1}: 2\n", "line 1, column 1: a key that is a mapping"),
    "a template": (b"results_dir: {{results}}\n", "line 1, column 15: a key that is a mapping; .*Put quotes"),
    "a key twice": (b"a: 1\nb: 2\na: 3\n", "line 3, column 1: the key 'a' is given twice"),
    "a number of 5000 digits": (b"a: " + b"9" * 5000, "line 1, column 4: '9999"),
    "no day": (b"a: 1\nb: 2020-13-45\n", "line 2, column 4: '2020-13-45' looks like a number, a date"),
    "no number": (b"a: !!int x\n", "line 1, column 4: 'x' looks like"),
    "no timestamp": (b"a: !!timestamp x\n", "line 1, column 4: 'x' looks like"),
    "no truth": (b"a: !!bool x\n", "line 1, column 4: 'x' looks like"),
    "no character": (b'a: 1\nb: "\\Uffffffff"\n', "an escape that is no character"),
    "an object": (b"a: !!python/object/apply:os.system ['true']\n", "could not determine a constructor"),
    "two documents": (b"a: 1\n---\nb: 2\n", "line 2, column 1"),
    "a list": (b"- a\n", "should hold a mapping"),
    "nothing": (b"", "and holds nothing"),
    "too much": (b"#" * (MAX_BYTES + 1), "has more than 16 MiB"),
}
REFUSED_JSON = {
    "a comma too many": (b'{"a": 1,\n}', "line 2, column 1"),
    "a key twice": (b'{"a": {"b": 1, "b": 2}}', "the key 'b' is given twice"),
    "100000 brackets": (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too many lists or mappings"),
    "a number of 5000 digits": (b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON: Exceeds the limit"),
    "latin-1": (b'{"a":\n"\xe9"}', "line 2: byte 0xe9"),
}
CASES = [pytest.param("mine.yaml", *case, id=name) for name, case in REFUSED.items()]
CASES += [pytest.param("mine.json", *case, id=f"JSON: {name}") for name, case in REFUSED_JSON.items()]


@pytest.mark.parametrize(("name", "content", "told"), CASES)
def test_a_file_that_is_no_configuration_is_told_with_its_line(tmp_path, monkeypatch, capsys, name, content, told):
    """Both by itself and before Snakemake reads it."""
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(content)
    with pytest.raises(UserError, match=told.replace("[", r"\[").replace("'\\", r"'\\")) as caught:
        read_yaml(name)
    assert str(caught.value).startswith(name) and "\n" not in str(caught.value) and len(str(caught.value)) < 400
    with pytest.raises(SystemExit):
        start.check(["--configfile", name])
    message = capsys.readouterr().err
    assert message.startswith(f"error: {name}") and message.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "content", "value"),
    [
        ("mine.yaml", b"\xef\xbb\xbfa: 1\n", 1),
        ("mine.json", b'\xef\xbb\xbf{"a": 1}', 1),
        ("mine.json", b'{\n\t"a": 1\n}', 1),
        ("mine.yaml", b"b: &b {c: 1}\na: *b\n", {"c": 1}),
        ("mine.yaml", b"b: &b {c: 1}\na:\n  <<: *b\n  d: 2\n", {"c": 1, "d": 2}),
        ("mine.yaml", b"a: '" + b"x" * 2_000_000 + b"'\n", "x" * 2_000_000),
    ],
)
def test_what_is_unusual_and_plain_is_read(tmp_path, name, content, value):
    (tmp_path / name).write_bytes(content)
    assert read_yaml(tmp_path / name)["a"] == value

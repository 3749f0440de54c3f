"""docs/library.md does what it says: its blocks are run one after the other."""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tiny import Data

from videossl.cli import run_command as command

pytestmark = pytest.mark.usefixtures("own_signals")


def test_the_page_literally(results: Path, target: Data, repository: Path, tmp_path: Path, monkeypatch, capsys):
    import matplotlib

    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").symlink_to(results)
    for row in pd.read_parquet(target.manifest).query("status == 'ok'").itertuples():
        (tmp_path / "clips" / row.label_name).mkdir(parents=True, exist_ok=True)
        shutil.copy(target.root / "videos" / row.path, tmp_path / "clips" / row.label_name)
    text, names = (repository / "docs/library.md").read_text(), dict[str, Any]()
    blocks = re.findall(r"```(python|sh)\n(.*?)```", text, flags=re.DOTALL)
    assert [language for language, _ in blocks] == ["python"] * 5 + ["sh", "python"]
    for language, code in blocks:
        if language == "sh":
            program, *arguments = shlex.split(code)
            assert program == "videossl" and command(arguments) == 0
        else:
            exec(compile(code, "docs/library.md", "exec"), names)
    said = capsys.readouterr().out
    assert said.startswith("rotnet ") and re.search(r"\d+ % of \d+ videos", said)
    assert names["array"].shape == (len(names["names"]), names["network"].feature_dim)
    assert (tmp_path / "features.png").stat().st_size > 1000 and (tmp_path / "rotnet.md").is_file()
    assert names["again"].preprocessing.clips == 10


def test_the_notebook_is_that_page(repository: Path):
    module = runpy.run_path(str(repository / "docs/notebook.py"))
    page = (repository / "docs/library.md").read_text()
    assert (repository / "docs/library.ipynb").read_text() == module["written"](page), "run: python docs/notebook.py"
    cells = module["notebook"](page)["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert ["".join(cell["source"]).startswith("!videossl export") for cell in code].count(True) == 1
    assert len(code) == 7 and "".join(code[0]["source"]).startswith("import videossl")

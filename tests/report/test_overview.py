"""The picture of a study for its front page: drawn from finished figures' records, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from report_cells import GROUPS, PAPER_VALUES, cell
from tiny import make_data

from videossl.common.errors import UserError
from videossl.common.files import write_parquet
from videossl.report.figures.overview import CURVES, MAPS, VIDEOS, draw, main
from videossl.report.record import write_record
from videossl.report.request import Request


def write_records(root: Path, reduced: str) -> None:
    """Three figures: videos of two datasets, two tasks' accuracies (a milestone is pending), maps of one of them."""

    def made(name: str, entry: dict, cells: list[dict], manifests: list[dict]) -> None:
        given = {"entry": {"name": name, "title": name, **entry}, "cells": cells, "manifests": manifests}
        given |= {"paper_values": str(PAPER_VALUES), "reduced": reduced, "failures": {}}
        write_record(root / "figures" / f"{name}.record.json", Request("figure", given))

    data = {
        name: make_data(root / name, name, {"train": 2, part: 2})
        for name, part in (("k400", "val"), ("ucf101", "test"))
    }
    sets = [{"dataset": n, "noise": "", "severity": 0, "manifest": str(one.manifest)} for n, one in data.items()]
    made(VIDEOS, {"plot": "samples", "datasets": list(data)}, [], sets)

    cells = [cell(root, 12, task="scratch")]
    for task in ("rotnet", "rspnet"):
        cells += [cell(root, right, task=task, epochs=epochs) for epochs, right in ((50, 30), (100, None))]
    made(CURVES, {"plot": "lines", "x": "epochs", "series": "task", "paper_table": "training_time"}, cells, [])

    pairs = [
        cell(root, right, stage="cka", protocol="cka", against="itself", task=task)
        for task, right in (("rotnet", 60), ("rspnet", None))
    ]
    layers = {"row": [0, 0, 1, 1], "column": [0, 1, 0, 1], "cka": [1.0, 0.25, 0.25, 1.0]}
    names = {f"{side}_layer": [f"layer{i}" for i in layers[side]] for side in ("row", "column")}
    write_parquet(Path(pairs[0]["run_dir"]) / "cka.parquet", pa.table(layers | names))
    made(MAPS, {"plot": "cka", "panels": "task", "baseline": False, "groups": GROUPS}, pairs, [])


def test_it_shows_videos_curves_beside_the_papers_and_maps(tmp_path):
    write_records(tmp_path, "generated videos")
    figure = draw(tmp_path)
    assert figure.get_suptitle() == "Reduced scale: generated videos"
    titles = [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes]
    assert titles == ["", "", "", "", f"{CURVES}, here", "The paper", "RotNet", "RSPNet"]
    frames, (ours, theirs), (drawn, pending) = figure.axes[:4], figure.axes[4:6], figure.axes[6:]
    assert all(np.ptp(ax.images[0].get_array()) > 0 for ax in frames)
    assert [list(line.get_ydata()) for line, *_ in ours.containers] == [[25.0], [25.0]]  # 30 of 120
    assert [[round(y, 1) for y in line.get_ydata()] for line in theirs.lines] == [[35.4, 37.3], [75.0, 76.1]]
    assert np.asarray(drawn.images[0].get_array()).tolist() == [[1.0, 0.25], [0.25, 1.0]]
    assert not pending.images


def test_at_the_papers_scale_its_values_stand_in_the_same_panel(tmp_path):
    write_records(tmp_path, "")
    figure = draw(tmp_path)
    assert figure.get_suptitle() == ""
    assert len(figure.axes) == 4 + 1 + 2


def test_the_command_writes_the_same_bytes_again_and_names_what_is_missing(tmp_path):
    write_records(tmp_path, "generated videos")
    for name in ("a.png", "b.png"):
        main(["--results", str(tmp_path), "--output", str(tmp_path / name)])
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    (tmp_path / "figures" / f"{MAPS}.record.json").unlink()
    with pytest.raises(UserError, match=MAPS):
        main(["--results", str(tmp_path), "--output", str(tmp_path / "c.png")])

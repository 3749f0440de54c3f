"""docs/adding_a_dataset.md, taken literally: its files are written as they stand there, videos listed and stored."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from documentation import block, file_block, write_files
from workflow_copy import Workflow, copy_workflow

from videossl.common.errors import UserError
from videossl.data.synthetic import generate

PAGE = "adding_a_dataset"
READER = "src/videossl/data/readers/moments.py"
SMOKE = ("--configfile", "config/smoke.yaml", "mine.yaml")
SPLITS = {"train": "training", "val": "validation"}
MANIFEST = "results/moments/data/moments/manifest.parquet"
CLASSES, TRAIN, VAL = 3, 5, 2  # videos of each class


def write_dataset(folder: Path, videos: Path) -> None:
    """Lay out generated `videos` (split/class/file.mp4) as Moments in Time is: few with enough votes, one missing."""
    names = sorted(path.name for path in (videos / "train").iterdir())
    (folder / "moments_categories.txt").write_text("".join(f"{name},{number}\n" for number, name in enumerate(names)))
    for split, title in SPLITS.items():
        files = sorted(path.relative_to(videos / split) for path in (videos / split).rglob("*.mp4"))
        lines = [f"{path},{path.parent},{3 if number else 2},1\n" for number, path in enumerate(files)]
        (folder / f"{title}Set.csv").write_text("".join(lines))
        (videos / split).rename(folder / title)
    (folder / "validation" / files[-1]).unlink()


@pytest.fixture(scope="module")
def workflow(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A copy of the workflow with the reader of the documentation, its configuration, and a few videos for it."""
    copied = copy_workflow(repository, tmp_path_factory.mktemp("dataset") / "copy")
    write_files(repository, PAGE, copied.root, READER, "mine.yaml")
    root = copied.root / "data/moments"
    root.mkdir(parents=True)
    size = {"frames": (16, 20), "size": (32, 24), "fps": 12}
    videos = {"train": TRAIN, "val": VAL}
    generate("k400", root / "made", videos=videos, classes=CLASSES, seed=0, progress=False, **size)
    write_dataset(root, root / "made/videos")
    return copied


def test_the_plan_is_that_of_the_page(repository: Path, workflow: Workflow) -> None:
    commands = block(repository, PAGE, "bash")
    planned = re.search(r"snakemake -n (table_moments --configfile mine.yaml) +# the plan: (\d+) jobs", commands)
    jobs = workflow.plan(*planned[1].split())
    data = {"listing": 1, "store_shard": 4, "store_train_shard": 2, "manifest": 1, "subset": 1, "sample": 1}
    assert jobs == {**data, "pretrain": 2, "finetune": 5, "table": 1, "table_moments": 1}
    assert jobs.total() == int(planned[2])
    assert f"The {jobs.total()} jobs: 1 lists" in (repository / f"docs/{PAGE}.md").read_text()


@pytest.fixture(scope="module")
def stored(repository: Path, workflow: Workflow) -> Workflow:
    """The copy in which the videos are listed and stored."""
    target = re.search(r"snakemake (\S+manifest.parquet)", block(repository, PAGE, "bash"))[1]
    workflow.run(target, *SMOKE, "--cores", "1", "--quiet", "rules", warm=True)
    return workflow


def test_videos_are_listed_and_stored(stored: Workflow) -> None:
    manifest = pd.read_parquet(stored.root / MANIFEST).set_index("id")
    # Of each list the first video has too few votes, and the last validation video is not there.
    assert manifest["split"].value_counts().to_dict() == {"train": CLASSES * TRAIN - 1, "val": CLASSES * VAL - 1}
    assert manifest["status"].value_counts().to_dict() == {"ok": CLASSES * (TRAIN + VAL) - 3, "missing": 1}
    assert set(manifest["label"]) == set(range(CLASSES))
    for video, row in manifest.iterrows():
        assert row["path"] == f"{SPLITS[row['split']]}/{video}" and row["label_name"] == Path(video).parent.name
        assert (stored.root / "data/moments" / row["path"]).is_file() == (row["status"] == "ok")
    log = (stored.root / "results/moments/logs/data/moments/listing.log").read_text()
    assert re.search(rf"train +found +{CLASSES * TRAIN - 1}\n", log) and re.search(r"val .*\n +missing +1\b", log)


def test_listing_anew_is_planned_when_it_is_asked_for(repository: Path, stored: Workflow) -> None:
    """After a change of the reader."""
    command = block(repository, PAGE, "bash", 1).split()
    target = command[command.index("snakemake") + 1]
    path = stored.root / READER
    path.write_text(path.read_text().replace("int(agreed) >= votes", "int(agreed) >= votes - 1"))
    assert not stored.plan(MANIFEST, *SMOKE)
    assert "--force" in command and stored.plan(target, "--force", *SMOKE) == {"listing": 1}
    stored.run(target, "--force", *SMOKE, "--cores", "1", "--quiet", "rules")
    assert stored.plan(MANIFEST, *SMOKE) == {"store_shard": 4, "manifest": 1}


def test_the_schema_has_its_name(workflow: Workflow) -> None:
    subprocess.run(
        [sys.executable, "-m", "videossl.study.config.schema"], cwd=workflow.root, env=workflow.environment, check=True
    )
    for name in ("config/config.schema.json", "config/overlay.schema.json"):
        assert '"moments"' in (workflow.root / name).read_text()
    (workflow.root / "wrong.yaml").write_text("datasets: {moments: {options: {vote: 3}}}\n")
    done = workflow.run("-n", "table_moments", *SMOKE, "wrong.yaml", check=False)
    assert done.returncode and "unknown option 'vote'" in done.stdout and "Did you mean votes?" in done.stdout


@pytest.fixture(scope="module")
def read(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., pd.DataFrame]:
    """The reader's function."""
    path = tmp_path_factory.mktemp("reader") / "moments.py"
    path.write_text(file_block(repository, PAGE, READER))
    spec = importlib.util.spec_from_file_location("moments", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.read


GOOD = {
    "moments_categories.txt": "blocking,0\nyawning,1\n",
    "trainingSet.csv": "blocking/a.mp4,blocking,3,1\nyawning/b.mp4,yawning,2,0\n",
    "validationSet.csv": "blocking/c.mp4,blocking,3,0\n",
}


def test_its_option_leaves_videos_out(tmp_path: Path, read: Callable[..., pd.DataFrame]) -> None:
    for name, text in GOOD.items():
        (tmp_path / name).write_text(text)
    assert list(read(tmp_path, tmp_path)["id"]) == ["blocking/a.mp4", "yawning/b.mp4", "blocking/c.mp4"]
    assert list(read(tmp_path, tmp_path, votes=3)["id"]) == ["blocking/a.mp4", "blocking/c.mp4"]
    for wrong in (-1, True, "3"):
        with pytest.raises(UserError, match="option 'votes'"):
            read(tmp_path, tmp_path, votes=wrong)


@pytest.mark.parametrize(
    ("name", "text", "parts"),
    [
        ("trainingSet.csv", None, ["list file missing", "trainingSet.csv", "the archive of Moments in Time"]),
        ("validationSet.csv", "\n", ["validationSet.csv is empty"]),
        ("trainingSet.csv", "blocking/a.mp4,blocking,3,1\nblocking/d.mp4\n", ["trainingSet.csv, line 2", "votes for"]),
        ("trainingSet.csv", "blocking/a.mp4,blocking,many,1\n", ["trainingSet.csv, line 1", "votes for"]),
        ("trainingSet.csv", "bloking/a.mp4,bloking,3,1\n", ["'bloking'", "line 1", "Did you mean blocking"]),
        ("trainingSet.csv", "blocking/a.mp4,blocking,3,1\n" * 2, ["listed more than once", "blocking/a.mp4"]),
        ("trainingSet.csv", "blocking/c.mp4,blocking,3,1\n", ["in more than one split", "blocking/c.mp4 (train/val)"]),
        ("moments_categories.txt", "blocking,0\nyawning,2\n", ["moments_categories.txt", "without gap"]),
        ("moments_categories.txt", "blocking,0\nblocking,1\n", ["moments_categories.txt, line 2", "each class once"]),
        ("moments_categories.txt", "blocking\n", ["moments_categories.txt, line 1", "'class,number'"]),
    ],
)  # fmt: skip
def test_it_refuses_what_the_page_says(
    tmp_path: Path, read: Callable[..., pd.DataFrame], name: str, text: str | None, parts: list[str]
) -> None:
    for path, content in {**GOOD, name: text}.items():
        if content is not None:
            (tmp_path / path).write_text(content)
    with pytest.raises(UserError) as error:
        read(tmp_path, tmp_path)
    for part in parts:
        assert part in str(error.value)

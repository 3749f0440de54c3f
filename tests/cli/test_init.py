"""`videossl init`: folders of videos become lists and a configuration, and clips that cannot be used are named."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from workflow_copy import copy_workflow

from videossl.cli import run_command as command
from videossl.common.errors import UserError
from videossl.data.readers.listing import read_listing
from videossl.data.survey import alike, joined
from videossl.data.synthetic.write import damage, write_video
from videossl.study.config import load_config
from videossl.study.storage import storage_of
from videossl.study.study import load_study

REPOSITORY = Path(__file__).parents[2]

Write = Callable[..., None]


def scene(seed: int, moved: int = 0, frames: int = 10) -> np.ndarray:
    """Frames (T, 24, 32, 3) of a scene that the seed draws; `moved` shifts a small square in it."""
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    video = np.tile(coarse.repeat(4, 0).repeat(4, 1), (frames, 1, 1, 1))
    for place, frame in enumerate(video):
        frame[2:4, (moved + place) % 30 : (moved + place) % 30 + 2] = 255
    return video


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for videos; the working folder is another."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("COLUMNS", "1000")  # no message is broken into lines
    return tmp_path / "my clips"


def write(root: Path, *paths: str, seed: int | None = None) -> None:
    """Videos; each of its own scene, or all of that of `seed`."""
    for place, path in enumerate(paths):
        own = sum(map(ord, path)) * 31 + place if seed is None else seed
        write_video(root / path, scene(own, moved=place), fps=12)


def init(root: Path, *options: str) -> int:
    return command(["init", "--videos", str(root), *options])


def listed(part: str, name: str = "mine") -> dict[str, int]:
    """The videos of a list with their class numbers."""
    lines = Path(f"{name}_lists/{part}.txt").read_text().splitlines()
    return {line.rpartition(" ")[0]: int(line.rpartition(" ")[2]) for line in lines}


def test_odd_names_mixed_formats_nested_folders_and_what_is_left_out(clips: Path, capsys):
    """Class names with any characters; what cannot be used is named and counted, and the reader reads the lists."""
    odd = "{naïve} 'run' & #1: 50 %"
    write(clips, *(f"{odd}/a {number}.{suffix}" for number, suffix in enumerate(("mp4", "AVI", "mkv", "mov"))))
    write(clips, *(f"jump/{name}/x, y.mp4" for name in ("one", "two", "three")), "alone/only.mp4", "loose.mp4")
    write(clips, "jump/one/broken.mp4", "jump/two/ led.mp4", "jump/one/ends.mp4")
    damage(clips / "jump/one/broken.mp4", "truncated")
    (clips / "jump/text.mp4").write_text("not a video")
    (clips / "jump/notes.txt").write_text("not a video either")
    (clips / "empty").mkdir()
    (clips / " spaced").mkdir()
    write(clips, " spaced/x.mp4")

    assert init(clips, "--group-by", "none") == 0

    said = capsys.readouterr().out
    assert "left out, files whose suffix is not one of videos (1): jump/notes.txt" in said
    assert "left out, videos that lie in no class's folder (1): loose.mp4" in said
    assert "whose path begins or ends with a space, or has a line break (1):  spaced/x.mp4" in said
    assert "left out, classes with one usable video, which needs two (1): alone (alone/only.mp4)" in said
    assert "left out, videos that cannot be used (2): jump/one/broken.mp4 (" in said and "jump/text.mp4 (" in said
    assert "9 usable videos in 2 classes" in said and "frames a video: 10 to 10, median 10" in said
    assert "left_out.txt), mine.yaml" in said
    left = [line.split("\t") for line in Path("mine_lists/left_out.txt").read_text().splitlines()]
    assert len(left) == 6 and ["videos that lie in no class's folder", "loose.mp4"] in left
    assert {line[1] for line in left if line[0] == "videos that cannot be used" and line[2]} == {
        "jump/one/broken.mp4",
        "jump/text.mp4",
    }
    assert "# Left out: 6 files or classes; which, and why: mine_lists/left_out.txt" in Path("mine.yaml").read_text()
    configuration = yaml.safe_load(Path("mine.yaml").read_text())
    dataset = configuration["datasets"]["mine"]
    listing = read_listing(dataset["reader"], dataset["root"], dataset["annotations"])
    assert (listing["status"] == "found").all() and len(listing) == 9
    assert set(listing["label_name"]) == {odd, "jump"}
    both = listing.groupby("label_name")["split"].agg(set)
    assert all(sides == {"train", "test"} for sides in both)


def test_videos_of_one_scene_stay_together_and_are_told_where_they_do_not(clips: Path, capsys):
    for label in ("run", "jump"):
        for place in range(4):
            write(clips, *(f"{label}/{place}_{number}.mp4" for number in range(3)), seed=100 * place + len(label))
    assert init(clips) == 0
    assert "8 groups by similarity" in (said := capsys.readouterr().out) and "WARNING" not in said
    train, test = listed("train"), listed("test")
    scenes = [{f"{path.split('/')[0]}/{Path(path).stem[0]}" for path in side} for side in (train, test)]
    assert not scenes[0] & scenes[1] and len(train) + len(test) == 24 and len(test) == 6

    assert init(clips, "--group-by", "none", "--force") == 0
    said = capsys.readouterr().out
    assert "WARNING:" in said and "begin almost alike are divided" in said
    assert "--group-by similarity keeps them together" in said
    assert init(clips, "--group-pattern", r"(\d)_", "--force") == 0
    assert "4 groups by name" in (said := capsys.readouterr().out) and "WARNING" not in said
    numbers = [{Path(path).stem[0] for path in listed(part)} for part in ("train", "test")]
    assert not numbers[0] & numbers[1]  # also across classes


def test_near_duplicates_without_another_scene_are_divided_with_a_warning(clips: Path, capsys):
    write(clips, *(f"run/{number}.mp4" for number in range(4)), seed=1)
    write(clips, *(f"jump/{number}.mp4" for number in range(4)))
    assert init(clips) == 0
    said = capsys.readouterr().out
    assert "WARNING:" in said and "too few other videos" in said
    assert {1, 2} == set(listed("train").values()) == set(listed("test").values())


def test_scenes_that_span_classes_are_divided_where_a_class_has_nothing_else(clips: Path, capsys):
    for label in ("run", "jump"):
        write(clips, *(f"{label}/{number}.mp4" for number in range(2)), seed=1)
    assert init(clips) == 0
    assert "WARNING: 4 pair(s)" in capsys.readouterr().out
    assert sorted(listed("train").values()) == sorted(listed("test").values()) == [1, 2]


def test_folders_within_a_class_are_recordings(clips: Path, capsys):
    for label in ("run", "jump"):
        write(clips, *(f"{label}/{day}/{number}.mp4" for day in ("mon", "tue", "wed") for number in range(2)))
    Path("mine_lists").mkdir()
    Path("mine_lists/left_out.txt").write_text("of earlier videos")
    assert init(clips) == 0
    assert not Path("mine_lists/left_out.txt").exists() and "Left out" not in Path("mine.yaml").read_text()
    assert "3 groups by folder" in capsys.readouterr().out
    days = [{path.split("/")[1] for path in listed(part)} for part in ("train", "test")]
    assert not days[0] & days[1] and len(days[1]) == 1


def test_a_flat_folder_needs_a_pattern_for_classes(clips: Path, capsys):
    names = [f"{label}{number}_x.mp4" for label in ("run", "jump") for number in range(3)]
    write(clips, *names)
    with pytest.raises(UserError, match=r"no folders.*--class-pattern.*jump \(3\), run \(3\)"):
        init(clips)
    assert not Path("mine.yaml").exists() and not Path("mine_lists").exists()
    write(clips, "007.mp4")
    assert init(clips, "--class-pattern", "^([a-z]+)", "--name", "flat") == 0
    assert "captures nothing (1): 007.mp4" in capsys.readouterr().out
    assert Path("flat_lists/classInd.txt").read_text() == "1 jump\n2 run\n"
    assert {*listed("train", "flat"), *listed("test", "flat")} == set(names)


def test_mistakes_are_told_before_anything_is_written(clips: Path, capsys):
    with pytest.raises(UserError, match="does not exist"):
        init(clips)
    clips.mkdir()
    with pytest.raises(UserError, match="there is no video below"):
        init(clips)
    write(clips, "run/a.mp4", "run/b.mp4")
    with pytest.raises(UserError, match="has 1 class"):
        init(clips)
    write(clips, "jump/a.mp4", "jump/b.mp4")
    for options, message in [
        (["--group-pattern", "("], "not a regular expression"),
        (["--group-pattern", "x"], "one pair of parentheses"),
        (["--group-pattern", "(q)"], "captures nothing in 4 of 4 names"),
        (["--group-by", "name"], "needs --group-pattern"),
        (["--group-by", "none", "--group-pattern", "(a)"], "Leave one out"),
        (["--name", "My Clips"], "lower-case letters and digits"),
        (["--test", "1"], "above 0 and below 1"),
        (["--class-pattern", "(a)"], "no folder, and .* has none"),
        (["--group-pattern", "(.)"], "^$"),
    ]:
        if message == "^$":  # a on one side, b on the other
            assert init(clips, *options) == 0
            continue
        with pytest.raises(UserError, match=message):
            init(clips, *options)
        assert not Path("mine.yaml").exists() and not Path("mine_lists").exists()
    with pytest.raises(UserError, match="the results would lie among the videos"):
        init(Path("..").resolve())
    Path("mine.yaml").write_text("# edited by me\n")
    with pytest.raises(UserError, match=r"mine\.yaml exists already.*--force"):
        init(clips)
    assert Path("mine.yaml").read_text() == "# edited by me\n"
    assert init(clips, "--force") == 0
    assert "edited" not in Path("mine.yaml").read_text()


def test_likeness_is_that_of_pictures_not_of_black():
    draw = np.random.default_rng(0)
    picture, other = draw.integers(0, 255, (2, 16, 16, 3), dtype=np.uint8)
    noisy = (picture * 0.8 + draw.normal(0, 4, picture.shape)).clip(0, 255).astype(np.uint8)
    black = np.zeros_like(picture)
    assert alike([picture, other, noisy, black, black]) == [(0, 2)]
    assert joined(5, [(0, 2), (2, 4)]) == [0, 1, 0, 3, 0]
    assert alike([]) == []


def test_three_commands_from_videos_to_a_table(clips: Path, repository: Path, tmp_path: Path, capsys):
    """Literally what is printed, on generated videos; at the test suite's scale."""
    workflow = copy_workflow(repository, tmp_path / "copy")
    for label in ("run", "jump"):
        write(clips, *(f"{label}/{number}.mp4" for number in range(8)))
    done = workflow.command("videossl.cli", "init", "--videos", str(clips))
    assert done.returncode == 0, done.stdout
    run, show = [line.strip() for line in done.stdout.split("Next:\n")[1].splitlines()]
    program, *arguments = run.split()
    assert program == "snakemake" and arguments[-2:] == ["--configfile", "mine.yaml"]
    tiny = (
        "experiments: {mine: {grid: &g {epochs: 50}}, mine_gain: {grid: *g}}\n"
        "epochs: {50: 1, 100: 2, 150: 3, 200: 4}\nfinetune: {epochs: 1, min_steps: 0}\n"
    )
    (workflow.root / "tiny.yaml").write_text(tiny)
    arguments[-1:] = ["config/smoke.yaml", "mine.yaml", "tiny.yaml"]
    workflow.run(*arguments, "--quiet", "rules", warm=True)
    table, gain = (path.read_text() for path in sorted(workflow.root.glob(show.removeprefix("cat "))))
    assert "My videos (mine)" in table and "RotNet" in table and "no pretraining" in table
    assert "Gain in top-1 accuracy" in gain and "RSPNet" in gain and "pending" not in table + gain


@pytest.mark.shared
def test_real_clips(clips: Path, shared_dir: Path, capsys):
    """Tennis strokes: of 53 clips each, a few of three strokes, linked."""
    root = shared_dir / "data/real_sets/tennis7"
    if not root.is_dir():
        pytest.skip("needs the set tennis7 in ../shared/data/real_sets")
    chosen = [path for stroke in ("serve", "smash", "backhand") for path in sorted((root / stroke).glob("*.mp4"))[:6]]
    for path in chosen:
        (clips / path.parent.name).mkdir(parents=True, exist_ok=True)
        (clips / path.parent.name / path.name).symlink_to(path)
    assert init(clips) == 0
    assert "18 usable videos in 3 classes: backhand, serve, smash" in capsys.readouterr().out
    train, test = listed("train"), listed("test")
    assert {*train, *test} == {f"{path.parent.name}/{path.name}" for path in chosen}
    assert set(train.values()) == set(test.values()) == {1, 2, 3} and len(test) in range(3, 9)


def settings(name: str = "mine") -> dict:
    """The written overlay, after it was read on top of the default configuration."""
    load_config([REPOSITORY / "config/config.yaml", f"{name}.yaml"])
    return yaml.safe_load(Path(f"{name}.yaml").read_text())


def test_clips_are_shorter_where_the_videos_are(clips: Path):
    """RSPNet's usual clips need 15 frames: with them, its pretraining failed after everything else was done."""
    write(clips, *(f"{label}/{number}.mp4" for label in ("run", "jump") for number in range(6)))
    assert init(clips) == 0
    found = settings()
    assert found["finetune"]["stride"] == 1
    assert found["recipe_overrides"]["rspnet"]["clip"]["frames"] * 2 - 1 <= 10
    for label in ("run", "jump"):
        for number in range(6):
            write_video(clips / label / f"{number}.mp4", scene(number * 31 + len(label), frames=20), fps=12)
    assert init(clips, "--force") == 0
    found = settings()
    assert "recipe_overrides" not in found and "stride" not in found["finetune"]
    for label in ("run", "jump"):
        for number in range(6):
            write_video(clips / label / f"{number}.mp4", scene(number * 31 + len(label), frames=2), fps=12)
    assert init(clips, "--force") == 0
    assert settings()["experiments"]["mine"]["grid"]["task"] == ["rotnet"]
    assert "rspnet, which shows clips at two speeds, is left out" in Path("mine.yaml").read_text()


def test_numbers_of_videos_are_written_for_estimates(clips: Path, monkeypatch: pytest.MonkeyPatch):
    """Without them 25,000 videos were assumed: hours were estimated for minutes."""
    write(clips, *(f"{label}/{number}.mp4" for label in ("run", "jump") for number in range(10)))
    assert init(clips) == 0
    dataset = settings()["datasets"]["mine"]
    assert dataset["videos"] == {"train": len(listed("train")), "test": len(listed("test"))} == {"train": 14, "test": 6}
    assert dataset["frames"] == 10
    overlay = str(Path("mine.yaml").resolve())
    monkeypatch.chdir(REPOSITORY)
    stored = storage_of(load_study(["config/config.yaml", overlay]), "mine")
    assert (stored.listed, stored.samples) == (20, 1) and not stored.assumed


def test_lines_to_choose_from_are_valid(clips: Path):
    """Each commented line of the overlay, instead of one with the same key, is read."""
    write(clips, *(f"{label}/{number}.mp4" for label in ("run", "jump") for number in range(6)))
    assert init(clips) == 0
    text = Path("mine.yaml").read_text()
    lines = [line[2:] for line in text.splitlines() if re.match(r"# [a-z0-9_]+: ", line)]
    assert {line.partition(":")[0] for line in lines} == {"seeds", "store", "finetune", "recipe_overrides", "backbones"}
    for line in lines:
        Path("line.yaml").write_text(line + "\n")
        load_config([REPOSITORY / "config/config.yaml", "mine.yaml", "line.yaml"])


def test_how_much_so_few_test_videos_tell(clips: Path, capsys):
    write(clips, *(f"{label}/{number}.mp4" for label in ("run", "jump") for number in range(10)))
    assert init(clips) == 0
    assert "6 test videos: 50 % correct would have the 95 % interval 19 to 81 %" in capsys.readouterr().out


def test_groups_that_the_user_names_are_not_given_up_for_likeness(clips: Path, capsys):
    """The remedy for clips that begin alike must not divide the persons."""
    for label in ("run", "jump"):
        write(clips, *(f"{label}/{person}_{number}.mp4" for person in "abcd" for number in range(2)), seed=len(label))
    assert init(clips, "--group-pattern", "^(.)_") == 0
    said = capsys.readouterr().out
    assert "WARNING" in said and "similarity" not in said and "the pattern captures must be the same for both" in said


def test_lists_that_come_with_the_videos_are_pointed_at(clips: Path, capsys):
    write(clips, *(f"{label}/{number}.mp4" for label in ("run", "jump") for number in range(3)))
    (clips / "splits").mkdir()
    for name in ("classInd.txt", "train.txt"):
        (clips / "splits" / name).write_text("")
    assert init(clips) == 0
    assert "lists of its own" not in capsys.readouterr().out
    (clips / "splits/test.txt").write_text("")
    assert init(clips, "--force") == 0
    said = capsys.readouterr().out
    assert f"splits has lists of its own: for their split, set `annotations: {clips / 'splits'}` in mine.yaml" in said

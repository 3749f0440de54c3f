"""Finetuning with teachers, and the comparison of layers, as jobs."""

import pandas as pd
import pytest
import torch
from tiny import CPU, GRID, changed, finetune_arguments, make_study, spec_of, table

from videossl.common.errors import UserError
from videossl.common.results import read_metrics
from videossl.evaluation.distillation_loss import distillation_loss
from videossl.evaluation.finetune import distillation_step, finetune, load_teachers
from videossl.evaluation.model import build_classifier, load_classifier
from videossl.evaluation.similarity import similarity
from videossl.training.checkpoint import load_torch
from videossl.training.inputs import Inputs

pytestmark = pytest.mark.usefixtures("own_signals")
DISTILL = GRID | {"protocol": "distill", "task": "rspnet", "teachers": [{"task": "rotnet"}, {"backbone": "shufflenet"}]}
CKA = GRID | {"protocol": "cka", "task": "rspnet"}
DEVICE = torch.device("cpu")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    entries = {"kd": table(DISTILL), "cka": table([CKA, CKA | {"against": {"epochs": 50}}])}
    return make_study(tmp_path_factory.mktemp("study"), entries)


@pytest.fixture(scope="module")
def teachers(study, target, tmp_path_factory):
    """Two finetuned networks of different architecture."""
    folders = []
    for number, backbone in enumerate(("r2plus1d", "shufflenet")):
        folder = tmp_path_factory.mktemp(f"teacher{number}")
        network = {"name": backbone, "options": {"width": 0.05}}
        spec, identity = finetune_arguments(study, seed=number, backbone=network)
        finetune(spec, identity, manifest=target.manifest, weights=None, folder=folder, compute=CPU)
        folders.append(folder / "weights.pt")
    return folders


def test_teachers_see_the_students_crops_and_learn_nothing(study, teachers):
    spec = spec_of(study, study.cells_of["kd"][0])
    loaded = load_teachers(teachers, spec, 3, DEVICE)
    before = [{key: value.clone() for key, value in teacher.state_dict().items()} for teacher in loaded]
    student = build_classifier(spec, 3, None).train()
    seen = []
    for model in [student, *loaded]:
        model.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    batch = Inputs(
        clips=torch.randn(4, 1, 3, 4, 16, 16),
        labels=torch.tensor([0, 1, 2, 0]),
        choices=torch.zeros(4, dtype=torch.long),
        videos=torch.arange(4),
    )
    loss, parts = distillation_step(loaded, spec.distillation)(student, batch, torch.Generator())
    loss.backward()
    assert len(seen) == 3 and all(clips is seen[0] for clips in seen)
    with torch.no_grad():
        taught = torch.stack([teacher(seen[0]) for teacher in loaded])
    assert not any(teacher.training for teacher in loaded)
    assert all(p.grad is None for teacher in loaded for p in teacher.parameters())
    for teacher, state in zip(loaded, before, strict=True):
        assert all(torch.equal(value, state[key]) for key, value in teacher.state_dict().items())
    assert loss.item() == pytest.approx(float(parts["cross_entropy"] + parts["divergence"]))
    zero, _ = distillation_loss(
        taught[0], taught[:1], torch.zeros(4, dtype=torch.long), temperature=4.0, weighting="sum", max_weight=0.6
    )
    assert zero.item() == pytest.approx(
        torch.nn.functional.cross_entropy(taught[0], torch.zeros(4, dtype=torch.long)).item(), rel=1e-5
    )


def test_a_student_is_trained_tested_and_resumable(study, target, teachers, tmp_path):
    cell = study.cells_of["kd"][0]
    spec = spec_of(study, cell)
    arguments = {"manifest": target.manifest, "weights": None, "compute": CPU}
    finetune(spec, cell.identity, folder=tmp_path / "kd", teachers=teachers, **arguments)
    alone, identity = finetune_arguments(study)
    finetune(alone, identity, folder=tmp_path / "alone", **arguments)
    metrics = read_metrics(tmp_path / "kd/metrics.parquet")
    assert set(metrics["teachers"]) == {"rotnet+shufflenet"} and set(metrics["stage"]) == {"distill"}
    taught, untaught = (load_torch(tmp_path / name / "weights.pt")["model"] for name in ("kd", "alone"))
    assert any(not torch.equal(taught[key], untaught[key]) for key in taught)
    history = (tmp_path / "kd/train.jsonl").read_text()
    assert '"divergence"' in history and '"cross_entropy"' in history


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stride": 4}, "has stride 2, the student 4"),
        ({"clip": {"frames": 8, "size": 16}}, "has clip"),
    ],
)
def test_teachers_of_other_clips_are_refused(study, teachers, change, message):
    spec = changed(spec_of(study, study.cells_of["kd"][0]), **change)
    with pytest.raises(UserError, match=message):
        load_teachers(teachers, spec, 3, DEVICE)


def test_teachers_of_other_classes_are_refused(study, teachers):
    with pytest.raises(UserError, match="has classes 3, the student 5"):
        load_teachers(teachers, spec_of(study, study.cells_of["kd"][0]), 5, DEVICE)


@pytest.mark.parametrize("pair", [False, True], ids=["itself", "another"])
def test_layers_are_compared(study, target, teachers, tmp_path, pair):
    cell = study.cells_of["cka"][0]
    spec = changed(spec_of(study, cell), videos=10, batch_size=5)
    similarity(
        spec,
        cell.identity,
        manifest=target.manifest,
        weights=teachers[0],
        other=teachers[1] if pair else None,
        folder=tmp_path,
        compute=CPU,
    )
    frame = pd.read_parquet(tmp_path / "cka.parquet")
    first, _ = load_classifier(teachers[0])
    layers = list(dict.fromkeys(frame["row_layer"]))
    assert set(layers) <= {name for name, _ in first.named_modules()}
    assert layers[0] == "backbone.conv1.0.spatial" and layers[-1] == "fc"
    metrics = read_metrics(tmp_path / "metrics.parquet")
    assert metrics["metric"].tolist() == ["mean_cka"] and metrics["n"].tolist() == [10]
    assert metrics["value"].item() == pytest.approx(frame["cka"].mean())
    if pair:
        assert frame["column_layer"].nunique() != len(layers)
    else:
        diagonal = frame[frame["row"] == frame["column"]]["cka"].dropna()
        assert len(diagonal) and diagonal.to_numpy() == pytest.approx(1)

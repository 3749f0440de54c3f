import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils._python_dispatch import TorchDispatchMode

from videossl.backbones import registry as backbones
from videossl.common.errors import UserError
from videossl.pretext import registry as tasks
from videossl.pretext.parts.momentum import MomentumEncoder
from videossl.pretext.parts.queue import Queue
from videossl.training.synchronise import SharedDropout


def linear(value: float) -> nn.Linear:
    layer = nn.Linear(2, 1)
    nn.init.constant_(layer.weight, value)
    nn.init.constant_(layer.bias, value)
    return layer


def test_parameters_follow_by_the_momentum():
    """0 -> 0.9 * 0 + 0.1 * 1 = 0.1 -> 0.9 * 0.1 + 0.1 * 1 = 0.19."""
    query = linear(0.0)
    key = MomentumEncoder(query, momentum=0.9)
    for p in query.parameters():
        nn.init.ones_(p)
    key.update(query)
    torch.testing.assert_close(key.encoder.weight, torch.full((1, 2), 0.1))
    key.update(query)
    torch.testing.assert_close(key.encoder.weight, torch.full((1, 2), 0.19))
    torch.testing.assert_close(key.encoder.bias, torch.full((1,), 0.19))


def test_it_is_a_copy_without_gradient():
    query = linear(1.0)
    key = MomentumEncoder(query, momentum=0.999)
    assert key.encoder.weight.data_ptr() != query.weight.data_ptr()
    assert not any(p.requires_grad for p in key.parameters())
    assert all(p.requires_grad for p in query.parameters())
    assert not key(torch.ones(1, 2, requires_grad=True)).requires_grad


class Casts(TorchDispatchMode):
    """Within, `count` becomes the number of tensors that are cast to bfloat16."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.overloadpacket is torch.ops.aten._to_copy:
            self.count += (kwargs or {}).get("dtype") is torch.bfloat16
        if function.overloadpacket is torch.ops.aten._foreach_copy_:
            self.count += len(args[0])
        return function(*args, **(kwargs or {}))


def test_weights_are_cast_once_however_often_they_are_used():
    query = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
    key, inputs = MomentumEncoder(query, momentum=0.5).train(), torch.randn(5, 3)

    def output() -> tuple[torch.Tensor, int]:
        with torch.autocast("cpu", torch.bfloat16), Casts() as casts:
            return key(inputs), casts.count

    def expected() -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return key.encoder(inputs)

    casts = []
    for change in (
        lambda: None,
        lambda: None,
        lambda: key.update(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))),
        lambda: key.load_state_dict({name: 2 * value for name, value in key.state_dict().items()}),
        lambda: None,
    ):
        change()
        found, count = output()
        casts.append(count)
        assert torch.equal(found, expected()) and found.dtype == torch.bfloat16
    activations = casts[1]
    assert [count - activations for count in casts] == [4, 0, 4, 4, 0]  # two layers with weights and biases
    assert key(inputs).dtype == torch.float32
    assert set(key.state_dict()) == {f"encoder.{name}" for name in query.state_dict()}


def test_a_compiled_encoder_is_compiled_once():
    """The cast weights change, and stay the same tensors."""
    compiled = []

    def compiler(graph, inputs):
        compiled.append(graph)
        return graph

    query = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    key = MomentumEncoder(query, momentum=0.5)
    key.encoder.forward = torch.compile(key.encoder.forward, backend=compiler)
    outputs = []
    for _ in range(3):
        with torch.autocast("cpu", torch.bfloat16):
            outputs.append(key(torch.ones(2, 3)))
        key.update(nn.Sequential(nn.Linear(3, 4), nn.ReLU()))
    torch.compiler.reset()
    assert len(compiled) == 1 and not torch.equal(outputs[0], outputs[2])


def test_running_statistics_are_its_own():
    query = nn.Sequential(nn.BatchNorm1d(2))
    key = MomentumEncoder(query, momentum=0.0).train()
    query.train()
    query(torch.full((4, 2), 10.0))
    key(torch.full((4, 2), -10.0))
    key.update(query)
    assert (query[0].running_mean > 0).all()
    assert (key.encoder[0].running_mean < 0).all()


@pytest.mark.parametrize("backbone", backbones.names())
@pytest.mark.parametrize("task", ["rspnet", "tdl"])
def test_a_clip_has_one_key(task, backbone):
    """In training mode, twice: nothing but batch normalisation is in training mode. Its running statistics move, its
    output depends on the batch alone."""
    torch.manual_seed(0)
    network = backbones.build(backbone, width=0.05)
    model = tasks.build(task, network, {"queue_size": 4, "dim": 8}, frames=8).train()
    clips = torch.randn(3, 3, 8, 32, 32)
    first, second = model.key_encoder(clips), model.key_encoder(clips)
    torch.testing.assert_close(F.cosine_similarity(first, second, dim=-1), torch.ones(first.shape[:-1]))
    training = {type(module) for module in model.key_encoder.encoder.modules() if module.training}
    assert all(issubclass(kind, _BatchNorm) for kind in training)
    assert bool(training) == any(isinstance(module, _BatchNorm) for module in network.modules())
    assert all(module.training for module in network.modules())  # queries keep their dropout
    model.eval()
    assert not any(module.training for module in model.modules())


def test_dropped_branches_stay_off_after_any_change_of_mode():
    """As the training loop does: build, evaluate, train; and with layers replaced for several processes."""
    key = MomentumEncoder(nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(4)).train(), momentum=0.9)
    rows = torch.randn(8, 4)
    for _ in range(2):
        assert torch.equal(key(rows), key(rows)) and key.encoder[1].training
        key.eval()
        assert not key.encoder[1].training
        key.train()
    key.encoder[0] = SharedDropout(key.encoder[0], by_row=False, among=(0, 2))
    assert torch.equal(key.train()(rows), key(rows))


def test_another_architecture_is_refused():
    with pytest.raises(ValueError):
        MomentumEncoder(linear(0.0), 0.9).update(nn.Sequential(linear(0.0), nn.Linear(1, 1)))


def numbered(first: int, count: int) -> torch.Tensor:
    """Keys (count, 2) that carry their number."""
    return torch.arange(first, first + count, dtype=torch.float32)[:, None].expand(count, 2)


def test_the_queue_starts_with_random_unit_vectors():
    queue = Queue(16, 50)
    torch.testing.assert_close(queue.keys.norm(dim=0), torch.ones(50))
    assert queue.keys.std() > 0.1


def test_the_oldest_keys_go_first_and_a_batch_wraps_around():
    """Size 5, batches of 3: places 0 1 2, then 3 4 0, then 1 2 3."""
    queue = Queue(2, 5)
    queue.enqueue(numbered(1, 3))
    queue.enqueue(numbered(4, 3))
    assert queue.keys[0].tolist() == [6, 2, 3, 4, 5]
    queue.enqueue(numbered(7, 3))
    assert queue.keys[0].tolist() == [6, 7, 8, 9, 5]
    assert queue.position == 4


def test_of_a_batch_above_the_size_the_last_keys_stay():
    queue = Queue(2, 3)
    queue.enqueue(numbered(1, 7))
    assert sorted(queue.keys[0].tolist()) == [5, 6, 7]


def test_negatives_keep_their_values_for_the_backward_pass():
    queue = Queue(2, 3)
    query = torch.ones(1, 2, requires_grad=True)
    negatives = queue.negatives()
    then = negatives.clone()
    scores = (query @ negatives).sum()
    queue.enqueue(numbered(1, 3))
    scores.backward()
    torch.testing.assert_close(query.grad, then.sum(dim=1)[None])


def test_the_state_restores_keys_and_position():
    queue = Queue(2, 5)
    queue.enqueue(numbered(1, 3))
    restored = Queue(2, 5)
    restored.load_state_dict(queue.state_dict())
    for one in (queue, restored):
        one.enqueue(numbered(4, 4))
    assert torch.equal(queue.keys, restored.keys) and queue.position == restored.position == 2


def test_an_empty_queue_is_refused():
    with pytest.raises(UserError, match="at least 1 key"):
        Queue(2, 0)

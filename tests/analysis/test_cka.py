"""CKA against direct calculations, its invariances, and the traps of layer names."""

import numpy as np
import pytest
import torch
from torch import nn

from videossl.analysis.cka import CKA, GramRecorder, compare, gram, hsic
from videossl.common.errors import UserError


def hsic_by_sums(x: np.ndarray, y: np.ndarray) -> float:
    """The unbiased estimator as Song et al. 2012 define it, a mean over tuples of different samples:
    E[k_ij l_ij] + E[k_ij l_qr] - 2 E[k_ij l_iq]."""
    from itertools import permutations

    k, el, n = x @ x.T, y @ y.T, len(x)
    pairs = np.mean([k[i, j] * el[i, j] for i, j in permutations(range(n), 2)])
    quadruples = np.mean([k[i, j] * el[q, r] for i, j, q, r in permutations(range(n), 4)])
    triples = np.mean([k[i, j] * el[i, q] for i, j, q in permutations(range(n), 3)])
    return pairs + quadruples - 2 * triples


def features(n: int, p: int, seed: int) -> torch.Tensor:
    return torch.randn(n, p, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def cka_of(x: torch.Tensor, y: torch.Tensor) -> float:
    cka = CKA()
    cka.add(gram(x)[None], gram(y)[None])
    return cka.matrix().item()


def test_hsic_is_the_mean_over_tuples_of_samples():
    x, y = features(7, 3, 0), features(7, 5, 1) + 2.0
    value = hsic(gram(x)[None], gram(y)[None]).item()
    assert value == pytest.approx(hsic_by_sums(x.numpy(), y.numpy()), rel=1e-10)


def test_samples_that_hardly_differ_keep_their_digits():
    """A large common part, which the estimate does not depend on."""
    x, y = features(8, 4, 0), features(8, 4, 1)
    y[:, 0] += x[:, 0]
    assert cka_of(1e-4 * x + 1e3, y) == pytest.approx(cka_of(x, y), rel=1e-6)


def test_batches_are_averaged_before_the_ratio():
    x, y = features(16, 4, 0), features(16, 6, 1) + features(16, 1, 2)
    y[:, :4] += x
    cka = CKA()
    for part in (slice(0, 8), slice(8, 16)):
        cka.add(gram(x[part])[None], gram(y[part])[None])

    def mean(a, b):
        return np.mean([hsic_by_sums(a[part].numpy(), b[part].numpy()) for part in (slice(0, 8), slice(8, 16))])

    assert cka.matrix().item() == pytest.approx(mean(x, y) / np.sqrt(mean(x, x) * mean(y, y)), rel=1e-9)


def test_a_rotation_and_a_scaling_change_nothing():
    x, y = features(12, 6, 0), features(12, 5, 1)
    y[:, 0] += x[:, 0]
    rotation = torch.linalg.qr(features(6, 6, 2)).Q
    assert cka_of(x, x @ rotation * 3.7) == pytest.approx(1, abs=1e-12)
    assert cka_of(x @ rotation * 0.2, y * 11) == pytest.approx(cka_of(x, y), abs=1e-12)


class Net(nn.Module):
    """Modules defined in another order than they fire, one that never does, and an in-place ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.ModuleList([nn.Linear(6, 6)])
        self.last = nn.Linear(4, 3)
        self.first = nn.Linear(6, 4)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.last(self.relu(self.first(x)))


def test_layers_are_named_in_the_order_they_fire_and_keep_their_own_values():
    net, x = Net(), torch.randn(5, 6)
    with GramRecorder(net) as recorder, torch.no_grad():
        net(x)
        grams = recorder.take(5)
    assert recorder.names == ["first", "relu", "last"]
    torch.testing.assert_close(grams[0], gram(net.first(x).detach()))  # before the ReLU overwrote it
    torch.testing.assert_close(grams[1], gram(net.first(x).detach().relu()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_recording_changes_no_activation(dtype):
    """What the network computes while it is recorded is what it computes without."""
    torch.manual_seed(0)
    net, x = Net().to(dtype).eval(), 3 + torch.randn(5, 6, dtype=dtype)
    before = x.clone()
    with torch.no_grad():
        alone = net(x)
        with GramRecorder(net):
            recorded = net(x)
    assert torch.equal(recorded, alone) and torch.equal(x, before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_gram_matrix_leaves_its_activation_as_it_is(dtype):
    activation = 3 + torch.randn(6, 5, 2, dtype=dtype)
    before = activation.clone()
    gram(activation)
    assert torch.equal(activation, before)


def test_single_and_double_precision_agree():
    torch.manual_seed(0)
    net, x = Net().eval(), 3 + torch.randn(24, 6)
    single = compare(net, net, x.split(8))[0]
    double = compare(net.double(), net, x.double().split(8))[0]
    np.testing.assert_allclose(single, double, atol=1e-4)


def test_a_network_with_itself_has_ones_on_the_diagonal_and_is_symmetric():
    torch.manual_seed(0)
    net = Net().eval()
    matrix, rows, columns, used = compare(net, net, torch.randn(48, 6).split(16))
    assert rows == columns == ["first", "relu", "last"] and used == 48
    np.testing.assert_allclose(np.diag(matrix), 1, atol=1e-12)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)


def test_two_networks_against_the_features_directly():
    torch.manual_seed(0)
    first, second, x = Net().eval(), nn.Sequential(nn.Linear(6, 9), nn.Tanh()).eval(), torch.randn(20, 6)
    matrix, _, columns, _ = compare(first, second, [x])
    assert matrix.shape == (3, 2) and columns == ["0", "1"]
    with torch.no_grad():
        assert matrix[2, 1] == pytest.approx(cka_of(first(x).double(), second(x).double()), abs=1e-6)


def test_a_smaller_last_batch_is_left_out():
    net = Net().eval()
    x = torch.randn(11, 6)
    whole, *_, used = compare(net, net, x.split(8))
    np.testing.assert_allclose(whole, compare(net, net, [x[:8]])[0])
    assert used == 8


def test_a_constant_layer_is_not_a_number():
    class Constant(nn.Module):
        def forward(self, x):
            return torch.zeros(len(x), 2)

    net = nn.Sequential(Constant()).eval()
    assert np.isnan(compare(net, net, [torch.randn(6, 3)])[0]).all()


def test_memory_does_not_grow_with_the_activations():
    """What is kept of a layer is n x n, whatever its size."""
    for width in (8, 4096):
        net = nn.Sequential(nn.Linear(2, width)).eval()
        with GramRecorder(net) as recorder, torch.no_grad():
            net(torch.randn(6, 2))
            assert recorder.take(6).shape == (1, 6, 6)


def test_wrong_input_is_explained():
    net = nn.Sequential(nn.Linear(3, 2)).eval()
    with pytest.raises(UserError, match="at least 4 samples, not 3"):
        compare(net, net, [torch.randn(3, 3)])
    with pytest.raises(UserError, match="no samples"):
        compare(net, net, [])


def test_several_outputs_and_outputs_without_a_row_a_sample():
    class Windows(nn.Module):
        """Two windows a sample, seen as a batch of their own, and a tuple of outputs."""

        def __init__(self):
            super().__init__()
            self.inside = nn.Linear(3, 3)

        def forward(self, x):
            return self.inside(x.flatten(0, 1)).unflatten(0, (len(x), 2)), None

    net = nn.Sequential(Windows()).eval()
    matrix, names, *_ = compare(net, net, [torch.randn(6, 2, 3)])
    assert names == ["0"] and matrix.item() == pytest.approx(1)

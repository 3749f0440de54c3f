"""What the paper reads from its maps of CKA, by two measures of a map (:mod:`videossl.analysis.blocks`).

A network has more block structure than another if the mean CKA of its layers far from the diagonal is higher and it
falls into fewer blocks of similar layers; a "grid" is the opposite. The paper shows its maps as pictures.
"""

from __future__ import annotations

from videossl.analysis.blocks import BAND, THRESHOLD
from videossl.claims.ask import BLOCKS, OFF_DIAGONAL, Ask, cells
from videossl.claims.claim import Measured, claim
from videossl.claims.finding import Finding, below, conjunction, every, exceeds
from videossl.claims.quantity import Quantity, absolute
from videossl.study.titles import name_of

_PICTURES = "the paper shows its CKA maps as pictures, without numbers"
_FAR = f"layers with more than {100 * BAND:g} % of the network between them"
_MEASURE = (
    f"More block structure: a higher mean CKA off the diagonal ({_FAR}), and fewer blocks (runs of neighbouring layers,"
    f" merged by average linkage while the mean CKA between two runs is at least {THRESHOLD:g})."
)
ALIKE = 0.1
"""Maps are "similar" if their mean CKA off the diagonal differs by less than this."""


def _maps(*metrics: str, **axes: object) -> list[Ask]:
    return list(cells("", protocol="cka", metric=list(metrics or (OFF_DIAGONAL, BLOCKS)), **axes))


def _more_blocks(
    m: Measured, first: dict[str, object], second: dict[str, object], names: tuple[str, str]
) -> list[Finding]:
    """Whether the first map has more block structure than the second, by both measures; both by their axes."""
    far = m(metric=OFF_DIAGONAL, **first) - m(metric=OFF_DIAGONAL, **second)
    fewer = m(metric=BLOCKS, **second) - m(metric=BLOCKS, **first)
    return [
        exceeds(f"the mean CKA off the diagonal of {names[0]} minus that of {names[1]}", far),
        exceeds(f"the number of blocks of {names[1]} minus that of {names[0]}", fewer),
    ]


def _off_diagonal(m: Measured, **axes: object) -> Quantity:
    return m(metric=OFF_DIAGONAL, **axes)


@claim(
    "4.2",
    "CKA maps reveal a transition from staggered grid-like structures to multi-block patterns as complexity increases"
    " (ShuffleNet with PRP).",
    _maps(task="prp", backbone="shufflenet", complexity=["C1", "C3"]),
    measure=_MEASURE,
    unprinted=_PICTURES,
)
def blocks_form_in_a_small_network_with_complexity(m: Measured) -> Finding:
    names = ("the C3 network", "the C1 network")
    return every(_more_blocks(m, {"complexity": "C3"}, {"complexity": "C1"}, names))


@claim(
    "4.2, D.3",
    "R21D produces more structured feature representations (staggering grids), while ShuffleNet results in dark block"
    " patterns.",
    _maps(task="prp", backbone=["shufflenet", "r2plus1d"], complexity=["C2", "C3"]),
    measure=f"PRP at C2 and C3. {_MEASURE}",
    unprinted=_PICTURES,
)
def a_small_network_has_more_blocks(m: Measured) -> Finding:
    small, large = name_of("shufflenet"), name_of("r2plus1d")
    return every(
        finding
        for level in ("C2", "C3")
        for finding in _more_blocks(
            m,
            {"backbone": "shufflenet", "complexity": level},
            {"backbone": "r2plus1d", "complexity": level},
            (f"{small} at {level}", f"{large} at {level}"),
        )
    )


@claim(
    "D.4",
    "R21D pretrained on K400 shows a semi-block structure for VCOP, and a more prominent grid-based structure on CVRL"
    " and RSPNet.",
    _maps(task=["vcop", "cvrl", "rspnet"]),
    measure=_MEASURE,
    unprinted=_PICTURES,
)
def vcop_has_more_blocks_than_contrastive_tasks(m: Measured) -> Finding:
    return every(
        finding
        for task in ("cvrl", "rspnet")
        for finding in _more_blocks(m, {"task": "vcop"}, {"task": task}, (name_of("vcop"), name_of(task)))
    )


@claim(
    "D.2",
    "Block structures emerge for R21D trained with RSPNet on the 10k subset and become prominent by 200 epochs; the"
    " saturation point is reached around 100 epochs.",
    _maps(subset="10k", epochs=[50, 100, 200]),
    measure=f"Saturation: the mean CKA off the diagonal grows less after 100 epochs than before. {_MEASURE}",
    unprinted=_PICTURES,
)
def blocks_grow_until_100_epochs(m: Measured) -> Finding:
    early = _off_diagonal(m, epochs=100) - _off_diagonal(m, epochs=50)
    late = _off_diagonal(m, epochs=200) - _off_diagonal(m, epochs=100)
    what = "the growth of the mean CKA off the diagonal from 50 to 100 epochs minus that from 100 to 200 epochs"
    names = ("the network at 200 epochs", "the network at 50 epochs")
    return conjunction(
        {
            "blocks": every(_more_blocks(m, {"epochs": 200}, {"epochs": 50}, names)),
            "saturation": exceeds(what, early - late),
        }
    )


@claim(
    "D.2",
    "We see similar pattern even after increasing the dataset size.",
    _maps(OFF_DIAGONAL, subset=["10k", "30k", "50k", "100k"]),
    measure=f"The mean CKA off the diagonal ({_FAR}) differs by less than {ALIKE:g} from that of the 10k subset.",
    unprinted=_PICTURES,
)
def maps_are_alike_at_all_subset_sizes(m: Measured) -> Finding:
    return every(
        below(
            f"the distance of the mean CKA off the diagonal at {subset} from that at 10k videos",
            absolute(_off_diagonal(m, subset=subset) - _off_diagonal(m, subset="10k")),
            ALIKE,
        )
        for subset in ("30k", "50k", "100k")
    )

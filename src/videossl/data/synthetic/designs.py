"""The appearance of each generated dataset: classes, palette, surroundings and camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from videossl.common.errors import UserError, unknown_name
from videossl.data.synthetic.motion import DIVES, GESTURES, Camera, Drive
from videossl.data.synthetic.scene import Backdrop
from videossl.data.synthetic.shapes import SHAPES, TEXTURES

Range = tuple[float, float]


@dataclass(frozen=True)
class Design:
    """One generated stand-in.

    `kind`: "appearance" (the class is a shape with a texture) or "temporal" (the class is a motion); `splits`: those of
    the official lists; `radius`: range of the object's radius in frame heights.
    """

    name: str
    kind: str
    splits: tuple[str, str]
    radius: Range
    saturation: Range  # of the object's colours
    contrast: Range  # between its two colours, in value
    backdrop: Backdrop
    camera: Camera
    offset: int = 0  # where the enumeration of shapes and textures starts
    approach: float = 0.0  # an arrow of time: by this fraction the object grows from the first frame to the last
    places: int = 36  # that its videos share, as in real sets many videos show the same kind of surroundings
    scene: float = 0.0  # default of the configuration's `scene`: how often a video's place is one of its class's own

    def max_classes(self) -> int:
        if self.kind == "appearance":
            return len(SHAPES) * len(TEXTURES)
        return len(self.motions())

    def motions(self) -> dict[str, Drive]:
        """The classes of a temporal set, in order; empty for an appearance set."""
        return {"ssv2": GESTURES, "diving48": DIVES}.get(self.name, {})


OWN_PLACES = 3  # of a class
# In the appearance sources fewer: telling their videos apart by surroundings alone must not be enough, or contrastive
# tasks take no look at the object.
FEW_PLACES = 12

_OUTDOORS = Backdrop(
    upper_hue=(0.5, 0.68), lower_hue=(0.08, 0.4), saturation=(0.15, 0.6), value=(0.6, 0.95),
    horizon=(0.5, 0.75), hills=0.12, upper="plain", lower="rough", clutter=3,
)  # fmt: skip

DESIGNS: dict[str, Design] = {
    design.name: design
    for design in (
        Design(
            "k400", "appearance", ("train", "val"), places=FEW_PLACES, scene=0.5, approach=0.5,
            radius=(0.27, 0.4), saturation=(0.3, 0.95), contrast=(0.45, 0.65),
            backdrop=_OUTDOORS, camera=Camera(pan=0.1, shake=0.012, zoom=0.15),
        ),
        Design(
            "k700", "appearance", ("train", "val"), places=FEW_PLACES, scene=0.5, approach=0.5,
            radius=(0.26, 0.4), saturation=(0.2, 0.95), contrast=(0.4, 0.65),
            camera=Camera(pan=0.14, shake=0.015, zoom=0.2), offset=5,
            backdrop=Backdrop(
                upper_hue=(0.0, 1.0), lower_hue=(0.0, 1.0), saturation=(0.1, 0.6), value=(0.4, 0.95),
                horizon=(0.5, 0.8), hills=0.08, upper="panels", lower="rough", clutter=4,
            ),
        ),
        Design(
            "ucf101", "appearance", ("train", "test"), scene=0.5, radius=(0.27, 0.38), saturation=(0.4, 0.95),
            contrast=(0.45, 0.65), camera=Camera(pan=0.05, shake=0.006, zoom=0.05), offset=1,
            backdrop=Backdrop(
                upper_hue=(0.2, 0.45), lower_hue=(0.05, 0.13), saturation=(0.15, 0.5), value=(0.5, 0.9),
                horizon=(0.55, 0.7), hills=0.02, upper="panels", lower="boards", clutter=2,
            ),
        ),
        Design(
            "hmdb51", "appearance", ("train", "test"), scene=0.5, radius=(0.25, 0.38), saturation=(0.15, 0.6),
            contrast=(0.4, 0.6), camera=Camera(pan=0.12, shake=0.015, zoom=0.2), offset=3,
            backdrop=Backdrop(
                upper_hue=(0.0, 1.0), lower_hue=(0.0, 0.15), saturation=(0.02, 0.2), value=(0.35, 0.75),
                horizon=(0.6, 0.8), hills=0.0, upper="panels", lower="boards", clutter=2,
            ),
        ),
        Design(
            "ssv2", "temporal", ("train", "val"), approach=0.2, radius=(0.22, 0.36), saturation=(0.6, 1.0),
            contrast=(0.4, 0.6), camera=Camera(pan=0.02, shake=0.01, zoom=0.05),
            backdrop=Backdrop(
                upper_hue=(0.05, 0.15), lower_hue=(0.02, 0.12), saturation=(0.05, 0.35), value=(0.55, 0.9),
                horizon=(0.25, 0.45), hills=0.0, upper="plain", lower="boards", clutter=3,
            ),
        ),
        Design(
            "diving48", "temporal", ("train", "test"), radius=(0.22, 0.36), saturation=(0.6, 1.0),
            contrast=(0.4, 0.6), camera=Camera(pan=0.06, shake=0.004, zoom=0.06),
            backdrop=Backdrop(
                upper_hue=(0.5, 0.6), lower_hue=(0.48, 0.58), saturation=(0.25, 0.6), value=(0.65, 0.95),
                horizon=(0.6, 0.8), hills=0.0, upper="tiles", lower="waves", clutter=2,
            ),
        ),
    )
}  # fmt: skip


def design_of(dataset: str) -> Design:
    """The design of a generated dataset. Raises UserError for an unknown name."""
    if dataset not in DESIGNS:
        raise unknown_name("generated dataset", dataset, DESIGNS)
    return DESIGNS[dataset]


def place_of(label: int, places: int, scene: float, rng: np.random.Generator) -> int:
    """The place of a video of class `label`, below `places`: with probability `scene` one of the class's own."""
    own, any_place = label * OWN_PLACES + int(rng.integers(OWN_PLACES)), int(rng.integers(places))
    return (own if rng.uniform() < scene else any_place) % places


def appearance_class(design: Design, label: int) -> tuple[str, str]:
    """(shape, texture) of a class. The first n * n classes are the grid of n shapes and n textures.

    Even a few classes therefore share shapes and textures, and neither alone reveals the class. Textures run out first;
    the remaining shapes then come with every texture. `offset` rotates both lists, so that a target's classes are
    partly other combinations than a source's.
    """
    cells = [(s, t) for s in range(len(SHAPES)) for t in range(len(TEXTURES))]
    cells.sort(key=lambda cell: (max(cell), cell))
    shape, texture = cells[label]
    return SHAPES[(shape + design.offset) % len(SHAPES)], TEXTURES[(texture + design.offset) % len(TEXTURES)]


def class_names(design: Design, classes: int) -> list[str]:
    """Readable names of the first `classes` classes, spelt like those of the real dataset.

    ssv2: templates with [something]; diving48: the four words of the vocabulary joined by spaces. Raises UserError for
    fewer than 2 or more than the dataset has.
    """
    if not 2 <= classes <= design.max_classes():
        raise UserError(
            f"generated dataset '{design.name}': classes = {classes} is out of range;"
            f" valid: 2 to {design.max_classes()}."
        )
    if design.kind == "temporal":
        return list(design.motions())[:classes]
    pairs = [appearance_class(design, label) for label in range(classes)]
    if design.name == "ucf101":
        return [f"{texture.title()}{shape.title()}" for shape, texture in pairs]
    return [("_" if design.name == "hmdb51" else " ").join((texture, shape)) for shape, texture in pairs]

"""From the image planes of a series to phases: stacks of slices, each the place of one volume.

Geometry alone says which images belong together: planes are sorted by position along their normal, and several images
at one position are phases. What a header says about time only orders the images within a position, because
those attributes are absent, constant, wrong or jittering in real dynamic series.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.uid import UID

from dicom_io.errors import GeometryInvalid, NotReadable
from dicom_io.images.headers import Instance, shown, text
from dicom_io.images.phase_order import MOST_KINDS, phase_order
from dicom_io.images.planes import MR_IMAGES, Orientation, Plane, planes_of
from dicom_io.images.stack import positions_of, stacks_of
from models.number_words import counted


@dataclass(frozen=True, eq=False)
class Phase:
    """One image at each position, sorted along the normal: the slices of one volume.

    Attributes
    ----------
    planes : in slice order
    affine : (slice, row, column, 1) → patient LPS mm
    """

    planes: tuple[Plane, ...]
    affine: NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of (slices, rows, columns)."""
        return (len(self.planes), *self.planes[0].shape)

    @property
    def slice_distance_mm(self) -> float:
        """Distance from one slice to the next."""
        return float(np.linalg.norm(self.affine[:3, 0]))

    @property
    def instances(self) -> tuple[Instance, ...]:
        """The objects behind the slices, each once, in slice order."""
        return tuple({plane.instance.sop_instance_uid: plane.instance for plane in self.planes}.values())


@dataclass(frozen=True, eq=False)
class Series:
    """All instances of one series, and what they are as images.

    Attributes
    ----------
    instances : sorted by SOP Instance UID
    phases : volumes the series holds, in the order of time; empty when `problem` says why there is none
    ordered_by : the attribute that put the phases in order, empty for a single phase
    contradicted_by : attributes that would order them differently
    problem : why the series is not a stack of slices, a complete sentence, or empty
    part : for images of one kind among several in one DICOM series (Dixon, echoes): what sets them apart; else empty
    kind : their echo time and image type, by keyword; empty when there is no part
    others : instances of the DICOM series in its other parts
    stacks : how many stacks of slices the DICOM series holds; this is one of them
    stopped : images of a last phase that was stopped before its end; no part of `phases`
    """

    instances: tuple[Instance, ...]
    phases: tuple[Phase, ...]
    ordered_by: str
    contradicted_by: tuple[str, ...]
    problem: str
    part: str = ""
    kind: Mapping[str, str] = field(default_factory=dict)
    others: tuple[Instance, ...] = ()
    stacks: int = 1
    stopped: tuple[Plane, ...] = ()

    @property
    def header(self) -> pydicom.Dataset:
        """Header of the first instance."""
        return self.instances[0].header

    @property
    def uid(self) -> str:
        """Series Instance UID; the parts of one DICOM series share it."""
        return self.instances[0].series_instance_uid

    @property
    def key(self) -> str:
        """Key that distinguishes this series, or part of one, from all others of the study."""
        return f"{self.uid} {self.part}".rstrip()

    @property
    def is_mr(self) -> bool:
        """Returns whether every instance is an MR image."""
        return all(instance.sop_class_uid in MR_IMAGES for instance in self.instances)

    @cached_property
    def number(self) -> str:
        """Series Number."""
        return shown(self.header, "SeriesNumber")

    @cached_property
    def description(self) -> str:
        """Series Description, with the part in brackets where there is one."""
        description = shown(self.header, "SeriesDescription")
        return f"{description} [{self.part}]" if self.part else description

    @property
    def name(self) -> str:
        """Name of the series in a sentence: number and description."""
        return f'{self.number or "?"} "{self.description}"'


def series_of(instances: Iterable[Instance]) -> tuple[Series, ...]:
    """The series among `instances`, sorted by number and UID; a series whose geometry is wrong carries the sentence.

    A DICOM series becomes several `Series` where it mixes several kinds of image (water and fat, several echoes), each
    a whole stack at the same places; where it holds several stacks (a slab for each breast, two orientations); and
    where it holds other objects besides its images (a screenshot).
    """
    groups: dict[str, list[Instance]] = defaultdict(list)
    for instance in instances:
        groups[instance.series_instance_uid].append(instance)
    series = [part for group in groups.values() for part in _parts(tuple(group))]
    return tuple(sorted(series, key=lambda one: (not one.number, one.number.zfill(12), one.key)))


def _parts(instances: tuple[Instance, ...]) -> list[Series]:
    images = tuple(instance for instance in instances if instance.sop_class_uid in MR_IMAGES)
    rest = tuple(instance for instance in instances if instance.sop_class_uid not in MR_IMAGES)
    if not rest:
        return _of_images(images)
    problem = f"It holds no MR images, but {classes_of(rest)}."
    if not images:
        return [Series(rest, (), "", (), problem)]
    other = Series(rest, (), "", (), problem, part="no MR images", others=images)
    return [*(dataclasses.replace(part, others=(*part.others, *rest)) for part in _of_images(images)), other]


def classes_of(instances: Iterable[Instance]) -> str:
    """SOP classes by name, with their number: "1 × Secondary Capture Image Storage"."""
    counts = Counter(UID(instance.sop_class_uid).name for instance in instances)
    return ", ".join(f"{count} × {name}" for name, count in counts.most_common())


def _of_images(instances: tuple[Instance, ...]) -> list[Series]:
    """The parts of a series of MR images: its stacks where they are clearly apart, and the kinds of image of each."""
    planes: list[Plane] = []
    problems: list[str] = []
    for instance in instances:
        try:
            planes += planes_of(instance)
        except (GeometryInvalid, NotReadable) as error:
            problems.append(str(error))
    if problems:
        count = f"{len(problems)} of {counted(len(instances), 'object')} of the series cannot be placed. "
        return [Series(instances, (), "", (), f"{count}{problems[0]}")]
    whole = _by_kind(instances, planes)
    if not any(part.problem for part in whole):
        return whole
    stacks = stacks_of(planes, none_missing=len(instances) == 1 or _is_numbered_through(instances))
    found = [_by_kind(_owners(stack), stack) for stack in stacks]
    if len(stacks) < 2 or any(part.problem for parts in found for part in parts):
        return whole
    return [
        dataclasses.replace(
            part,
            part=f"stack {number} of {len(stacks)}, {_extent(part)}" + (f", {part.part}" if part.part else ""),
            others=tuple(one for one in instances if one not in part.instances),
            stacks=len(stacks),
        )
        for number, parts in enumerate(found, start=1)
        for part in parts
    ]


def _extent(series: Series) -> str:
    """Number and orientation of the slices of a stack, and where they begin and end along their normal."""
    planes = series.phases[0].planes
    low, high = (float(np.dot(plane.position_mm, planes[0].orientation.normal)) for plane in (planes[0], planes[-1]))
    return f"{len(planes)} {planes[0].orientation.name} slices from {low:.0f} to {high:.0f} mm"


def _by_kind(instances: tuple[Instance, ...], planes: Sequence[Plane]) -> list[Series]:
    """The kinds of image among planes as series of their own where they are clearly apart, else one series."""
    kinds: dict[tuple[str, str], list[Plane]] = defaultdict(list)
    for plane in planes:
        kinds[plane.kind].append(plane)
    whole = _series(instances, planes)
    if not 1 < len(kinds) <= MOST_KINDS or (whole.phases and len(whole.phases) == 1):
        return [whole]
    parts = [_series(_owners(own), own) for _, own in sorted(kinds.items())]
    if any(part.problem for part in parts) or len({_stack_of(part) for part in parts}) > 1:
        return [whole]
    return [
        dataclasses.replace(
            part,
            part=_apart(kind, list(kinds)),
            kind={"EchoTime": kind[0], "ImageType": kind[1]},
            others=tuple(one for one in instances if one not in part.instances),
        )
        for kind, part in zip(sorted(kinds), parts, strict=True)
    ]


def _owners(planes: Sequence[Plane]) -> tuple[Instance, ...]:
    return tuple({plane.instance.sop_instance_uid: plane.instance for plane in planes}.values())


def _stack_of(series: Series) -> tuple[int, tuple[float, ...]]:
    """Number of phases and affine of a stack, for comparison."""
    phase = series.phases[0]
    return len(series.phases), tuple(np.round(phase.affine[:3], 2).ravel())


def _apart(kind: tuple[str, str], kinds: Sequence[tuple[str, str]]) -> str:
    """Attributes in which one kind of image differs from the others, in words."""
    words = kind[1].split("\\")
    common = set.intersection(*(set(image_type.split("\\")) for _, image_type in kinds))
    own = "\\".join(word for word in words if word not in common)
    echo = f"TE {kind[0] or '?'} ms" if len({echo for echo, _ in kinds}) > 1 else ""
    return ", ".join(one for one in (own, echo) if one) or "other"


def _series(instances: tuple[Instance, ...], planes: Sequence[Plane]) -> Series:
    try:
        positions, stopped = positions_of(planes)
        order, ordered_by, contradicted_by = phase_order(positions)
        phases = tuple(_phase([at[rank] for at in order]) for rank in range(len(order[0])))
    except GeometryInvalid as error:
        return Series(instances, (), "", (), str(error))
    return Series(instances, phases, ordered_by, contradicted_by, "", stopped=stopped)


def _phase(planes: Sequence[Plane]) -> Phase:
    """The planes, sorted along the normal, with the affine of their stack."""
    first, last = planes[0], planes[-1]
    orientation: Orientation = first.orientation
    extent = (np.array(last.position_mm) - np.array(first.position_mm)) @ orientation.normal
    affine = np.eye(4)
    affine[:3, 0] = orientation.normal * extent / (len(planes) - 1)
    affine[:3, 1] = orientation.along_column * first.spacing_mm[0]
    affine[:3, 2] = orientation.along_row * first.spacing_mm[1]
    affine[:3, 3] = first.position_mm
    return Phase(planes=tuple(planes), affine=affine)


def numbering_doubt(instances: Iterable[Instance]) -> str:
    """Doubt about the Instance Numbers of a series, as the end of a sentence about them.

    A slice missing at the edge of a stack leaves no gap in the geometry; the numbers are the only trace of it. Empty
    when they run from 1 on without a hole, or each is there as often as the others (phases may be numbered alike), or
    no image has one (then they say nothing).
    """
    values = [shown(instance.header, "InstanceNumber") for instance in instances]
    found = Counter(int(value) for value in values if re.fullmatch(r"-?[0-9]{1,10}", value))
    if not any(values):
        return ""
    if unreadable := len(values) - found.total():
        return f"are absent or no numbers in {unreadable} of {counted(len(values), 'image')}"
    if len(found) == 1 < len(values):
        return ""
    often = Counter(found.values()).most_common(1)[0][0]
    if odd := sorted(number for number, count in found.items() if count != often):
        listed = ", ".join(str(number) for number in odd[:5]) + (", …" if len(odd) > 5 else "")
        return f"occur {often} time{'' if often == 1 else 's'} each, but not {listed}"
    first, last = min(1, *found), max(found)
    if often == 1 and (missing := last - first + 1 - len(found)):
        return f"run from {first} to {last} with {missing} missing"
    return ""


def _is_numbered_through(instances: Sequence[Instance]) -> bool:
    """Returns whether the Instance Numbers run from first to last, each once: then no image is missing between them."""
    values = [text(instance.header, "InstanceNumber") for instance in instances]
    numbers = {int(value) for value in values if value.isdigit()}
    return len(numbers) == len(values) and max(numbers) - min(numbers) + 1 == len(values)


def attributes_counted(series: Series) -> Mapping[str, str]:
    """The attributes of `rules.COUNTED` for one series; empty texts where it is not a stack."""
    if not series.phases:
        return {"Phases": "", "Slices": ""}
    return {"Phases": str(len(series.phases)), "Slices": str(len(series.phases[0].planes))}

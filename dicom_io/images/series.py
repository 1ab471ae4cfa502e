"""From the image planes of a series to phases: stacks of slices, each the place of one volume.

Geometry alone says which images belong together: planes are sorted by position along their normal, and several images
at one position are phases. What a header says about time only orders the images within a position, because
those attributes are absent, constant, wrong or jittering in real dynamic series.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pydicom
from numpy.typing import NDArray

from dicom_io.errors import GeometryInvalid, NotReadable
from dicom_io.images.headers import Instance, shown, text
from dicom_io.images.planes import MR_IMAGES, TIME_ORDER, Orientation, Plane, planes_of, same_orientation

# Planes closer than this along the normal are at one position (positions are written with rounded digits).
SAME_POSITION_MM = 0.05
# Largest deviation of a slice distance from the others: relative, plus the rounding of the written positions.
SPACING_RELATIVE, SPACING_MM = 0.02, 0.12
# More kinds of image in one series than this are not kinds but an attribute that differs from image to image.
MOST_KINDS = 8
# Largest sideways drift of the slices over the whole stack, in pixels; more would be sheared.
DRIFT_PIXELS = 0.25


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
    """

    instances: tuple[Instance, ...]
    phases: tuple[Phase, ...]
    ordered_by: str
    contradicted_by: tuple[str, ...]
    problem: str
    part: str = ""
    kind: Mapping[str, str] = field(default_factory=dict)
    others: tuple[Instance, ...] = ()

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

    A series that mixes several kinds of image (water and fat, several echoes), each a whole stack at the same places,
    becomes one `Series` for each kind.
    """
    groups: dict[str, list[Instance]] = defaultdict(list)
    for instance in instances:
        groups[instance.series_instance_uid].append(instance)
    series = [part for group in groups.values() for part in _parts(tuple(group))]
    return tuple(sorted(series, key=lambda one: (not one.number, one.number.zfill(12), one.key)))


def _parts(instances: tuple[Instance, ...]) -> list[Series]:
    """The kinds of image in a DICOM series as series of their own where they are clearly apart, else one series."""
    if not all(instance.sop_class_uid in MR_IMAGES for instance in instances):
        return [Series(instances, (), "", (), "The series does not hold MR images only.")]
    try:
        planes = [plane for instance in instances for plane in planes_of(instance)]
    except (GeometryInvalid, NotReadable) as error:
        return [Series(instances, (), "", (), str(error))]
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
        positions = _positions(planes)
        order, ordered_by, contradicted_by = phase_order(positions)
        phases = tuple(_phase([at[rank] for at in order]) for rank in range(len(order[0])))
    except GeometryInvalid as error:
        return Series(instances, (), "", (), str(error))
    return Series(instances, phases, ordered_by, contradicted_by, "")


def _positions(planes: Sequence[Plane]) -> list[list[Plane]]:
    """The planes at each position, positions in order along the normal; all positions have the same number of planes.

    Raises
    ------
    GeometryInvalid
        Mixed matrix, spacing or orientation; different numbers of images at the positions; gaps; drift.
    """
    if not planes:
        raise GeometryInvalid("The series holds no image plane; two or more were expected.")
    _uniform(planes)
    normal = planes[0].orientation.normal
    centre = np.array([plane.position_mm for plane in planes])
    distance = centre @ normal
    groups: list[list[int]] = []
    for index in np.argsort(distance, kind="stable"):
        if groups and distance[index] - distance[groups[-1][0]] < SAME_POSITION_MM:
            groups[-1].append(int(index))
        else:
            groups.append([int(index)])
    _equal_counts([len(group) for group in groups], [float(distance[group[0]]) for group in groups])
    firsts = np.array([centre[group[0]] for group in groups])
    _evenly_spaced(firsts @ normal)
    _straight(centre, normal, pixel_mm=min(planes[0].spacing_mm))
    return [[planes[index] for index in group] for group in groups]


def _uniform(planes: Sequence[Plane]) -> None:
    shapes = Counter(plane.shape for plane in planes)
    if len(shapes) > 1:
        found = ", ".join(f"{count} of {rows} × {columns}" for (rows, columns), count in shapes.most_common(4))
        raise GeometryInvalid(f"The series mixes images of different matrix ({found}); one matrix was expected.")
    spacings = Counter((round(plane.spacing_mm[0], 4), round(plane.spacing_mm[1], 4)) for plane in planes)
    if len(spacings) > 1:
        found = ", ".join(f"{count} of {rows:g} × {columns:g} mm" for (rows, columns), count in spacings.most_common(4))
        raise GeometryInvalid(f"The series mixes images of different pixel spacing ({found}); one was expected.")
    if not same_orientation(planes[0].orientation, [plane.orientation for plane in planes]):
        names = Counter(plane.orientation.name for plane in planes)
        found = ", ".join(f"{count} {name}" for name, count in names.most_common(4))
        raise GeometryInvalid(
            f"The series mixes images of different orientation ({found}, largest angle to the first "
            f"{_largest_angle(planes):.1f} degrees); one orientation was expected."
        )
    references = {plane.instance.frame_of_reference_uid for plane in planes}
    if len(references) > 1:
        raise GeometryInvalid(f"The series has {len(references)} different Frame of Reference UIDs; one was expected.")


def _largest_angle(planes: Sequence[Plane]) -> float:
    first = planes[0].orientation
    cosines = [
        min(first.along_row @ plane.orientation.along_row, first.along_column @ plane.orientation.along_column)
        for plane in planes
    ]
    return float(np.degrees(np.arccos(np.clip(min(cosines), -1, 1))))


def _equal_counts(counts: Sequence[int], distances_mm: Sequence[float]) -> None:
    if len(set(counts)) == 1:
        if len(counts) < 2:
            raise GeometryInvalid(
                f"The series has images at one position only ({counts[0]}); two or more were expected."
            )
        return
    usual, usual_positions = Counter(counts).most_common(1)[0]
    odd = [(distance, count) for distance, count in zip(distances_mm, counts, strict=True) if count != usual]
    where = ", ".join(f"{count} at {distance:.1f} mm" for distance, count in odd[:5])
    raise GeometryInvalid(
        f"{usual_positions} positions have {usual} image{'s' if usual > 1 else ''} each, but {len(odd)} "
        f"{'has' if len(odd) == 1 else 'have'} another number ({where}{', …' if len(odd) > 5 else ''}, along the "
        "normal); the same number at every position was expected. An image is missing or was sent twice."
    )


def _evenly_spaced(distances_mm: NDArray[np.float64]) -> None:
    steps = np.diff(distances_mm)
    usual = float(np.median(steps))
    wrong = np.flatnonzero(np.abs(steps - usual) > SPACING_RELATIVE * usual + SPACING_MM)
    if wrong.size == 0:
        return
    where = ", ".join(
        f"{steps[index]:.2f} mm between {distances_mm[index]:.1f} and {distances_mm[index + 1]:.1f} mm"
        for index in wrong[:3]
    )
    found = f"The slices are {usual:.2f} mm apart, but {where}{', …' if wrong.size > 3 else ''} (along the normal)"
    if steps[wrong].min() > 1.5 * usual:
        missing = int(np.round(steps[wrong] / usual - 1).sum())
        seems = "1 slice seems" if missing == 1 else f"{missing} slices seem"
        raise GeometryInvalid(f"{found}; {seems} to be missing. Send the series again.")
    raise GeometryInvalid(f"{found}; equal distances were expected.")


def _straight(centre: NDArray[np.float64], normal: NDArray[np.float64], *, pixel_mm: float) -> None:
    sideways = centre - np.outer(centre @ normal, normal)
    drift = float(np.linalg.norm(sideways - sideways[0], axis=1).max())
    if drift > DRIFT_PIXELS * pixel_mm:
        raise GeometryInvalid(
            f"The slices drift sideways by {drift:.2f} mm over the stack ({drift / pixel_mm:.1f} pixels, at most "
            f"{DRIFT_PIXELS} was expected): the stack is sheared or mixes acquisitions."
        )


def phase_order(positions: Sequence[Sequence[Plane]]) -> tuple[list[list[Plane]], str, tuple[str, ...]]:
    """The planes at each position in the order of time, what ordered them, and what contradicts that order.

    An attribute can order the phases when every plane has it and no two planes at one position share a value. Of those
    that can, the order most of them agree on is taken; between equals, the first of `TIME_ORDER`.

    Raises
    ------
    GeometryInvalid
        When no attribute can order them, or the images at one position differ in echo time or image type in a way
        that is the same at every position: then they are not phases.
    """
    count = len(positions[0])
    if count == 1:
        return [list(at) for at in positions], "", ()
    orders: dict[str, NDArray[np.intp]] = {}
    for name in TIME_ORDER:
        if all(name in plane.times for at in positions for plane in at):
            values = np.array([[plane.times[name] for plane in at] for at in positions])
            if all(len(set(row)) == count for row in values.tolist()):
                orders[name] = np.argsort(values, axis=1)
    if not orders:
        raise GeometryInvalid(
            f"There are {count} images at each position, and no attribute tells which was first (looked at "
            f"{', '.join(TIME_ORDER)}); send the phases as separate series."
        )
    votes = {name: sum(np.array_equal(order, other) for other in orders.values()) for name, order in orders.items()}
    best = max(orders, key=lambda name: votes[name])
    ordered = [[at[index] for index in row] for at, row in zip(positions, orders[best], strict=True)]
    _really_phases(ordered)
    contradicted = tuple(name for name, order in orders.items() if not np.array_equal(order, orders[best]))
    return ordered, best, contradicted


def _really_phases(positions: Sequence[Sequence[Plane]]) -> None:
    kinds = {plane.kind for at in positions for plane in at}
    if len(kinds) <= MOST_KINDS and all(len({plane.kind for plane in at}) > 1 for at in positions):
        found = "; ".join(f"echo time {echo or '?'} ms, image type {kind}" for echo, kind in sorted(kinds))
        raise GeometryInvalid(
            f"The {len(positions[0])} images at each position are different kinds of image, not phases ({found}); "
            "send them as separate series."
        )


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


def missing_instance_numbers(instances: Iterable[Instance]) -> tuple[int, int, int] | None:
    """(first, last, missing) of the Instance Numbers of a series that do not run from first to last without a hole.

    A slice missing at the edge of a stack leaves no gap in the geometry; the numbers are the only trace of it.
    None when they are complete from 1 on, or absent, or not unique (then they say nothing).
    """
    found = []
    for instance in instances:
        value = text(instance.header, "InstanceNumber")
        if not value.lstrip("-").isdigit():
            return None
        found.append(int(value))
    first, last = min(1, *found), max(found)
    if len(set(found)) != len(found) or last - first + 1 == len(found):
        return None
    return first, last, last - first + 1 - len(found)


def attributes_counted(series: Series) -> Mapping[str, str]:
    """The attributes of `rules.COUNTED` for one series; empty texts where it is not a stack."""
    if not series.phases:
        return {"Phases": "", "Slices": ""}
    return {"Phases": str(len(series.phases)), "Slices": str(len(series.phases[0].planes))}

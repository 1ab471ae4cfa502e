"""From regions and images to their part of the report: sizes, selected features, the slice that is shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.features.table import Feature, FeatureTable, feature_name
from models.preprocessing.prepare import PreparedSequence
from models.volume import Region, Sequence, Volume
from reports.content import (
    KeyImage,
    Measurement,
    RegionSection,
)
from reports.languages.languages import ENGLISH
from reports.languages.words import Sentences, Words

SELECTED_FEATURES = {
    Region.INTRATUMORAL: (
        "original_shape_Maximum3DDiameter",
        "original_shape_MajorAxisLength",
        "original_shape_MinorAxisLength",
        "original_shape_SurfaceVolumeRatio",
        "original_shape_Sphericity",
        "original_firstorder_Mean",
        "original_firstorder_90Percentile",
        "original_firstorder_Entropy",
        "original_glcm_Contrast",
        "original_glcm_JointEntropy",
        "original_glszm_ZoneEntropy",
    ),
    Region.PERITUMORAL: (
        "original_firstorder_Mean",
        "original_firstorder_90Percentile",
        "original_firstorder_Entropy",
        "original_glcm_Contrast",
        "original_glcm_JointEntropy",
        "original_glszm_ZoneEntropy",
    ),
}

# A second direction is named at an edge when it turns by more than 15° towards it (sin 15°).
_OBLIQUE = 0.2588


def feature_row(feature: Feature, say: Sentences = ENGLISH.say, *, short: bool = False) -> Measurement:
    return Measurement(
        key=feature.name,
        label=say.sentence_case(say.short_feature_label(feature.name)) if short else say.feature_label(feature.name),
        value=feature.value,
        unit=feature.unit,
        shown=say.number(feature.value, feature.unit),
        ibsi=feature.ibsi,
    )


def region_section(
    sequence: Sequence,
    region: Region,
    prepared: PreparedSequence,
    features: FeatureTable,
    words: Words = ENGLISH,
) -> RegionSection:
    """Volume and selected features of one region on one sequence."""
    prefix = feature_name(sequence, region, "")
    volume_mm3 = prepared.rois[region].volume_mm3
    wanted = (feature_name(sequence, region, name) for name in SELECTED_FEATURES[region])
    return RegionSection(
        sequence=sequence,
        region=region,
        title=words.say.region_title(sequence, region),
        volume=Measurement(
            key="volume",
            label=words.labels.volume,
            value=volume_mm3,
            unit="mm3",
            shown=words.say.volume(volume_mm3),
        ),
        features=tuple(feature_row(f, words.say, short=True) for f in features.features if f.name.startswith(prefix)),
        leading=tuple(name for name in wanted if name in features),
    )


def edge_letters(direction: NDArray[np.float64]) -> tuple[str, str, str, str]:
    """Patient directions at the (left, right, top, bottom) edge of a slice.

    Parameters
    ----------
    direction : (3, 3), unit vectors of the (slice, row, column) axes as columns, patient LPS; the row index grows
        downwards in the picture, the column index to the right

    Notes
    -----
    The letters of DICOM's Patient Orientation (C.7.6.1.1.1): A, P, R, L, H, F. An edge of an oblique slice gets more
    than one, the strongest first, for every axis it is turned towards by more than 15°.
    """
    down, right = direction[:, 1], direction[:, 2]
    return _letters(-right), _letters(right), _letters(-down), _letters(down)


def _letters(vector: NDArray[np.float64]) -> str:
    named = [("L", "R"), ("P", "A"), ("H", "F")]
    order = sorted(range(3), key=lambda axis: -abs(float(vector[axis])))
    return "".join(
        named[axis][0 if vector[axis] > 0 else 1]
        for place, axis in enumerate(order)
        if place == 0 or abs(vector[axis]) > _OBLIQUE
    )


@dataclass(frozen=True, eq=False)
class Picture:
    """Image, tumour and shell on one grid; without a shell where none was made."""

    volume: Volume
    tumour: NDArray[np.bool_]
    shell: NDArray[np.bool_] | None = None

    @classmethod
    def of(cls, prepared: PreparedSequence) -> Picture:
        shell = prepared.rois.get(Region.PERITUMORAL)
        return cls(prepared.volume, prepared.rois[Region.INTRATUMORAL].mask, None if shell is None else shell.mask)


def key_image(sequence: Sequence, picture: Picture, words: Words = ENGLISH) -> KeyImage:
    """The slice with the largest area of tumour, with the outlines of the regions."""
    tumour, shell = picture.tumour, picture.shell
    areas = np.count_nonzero(tumour, axis=(1, 2))
    index = int(np.argmax(areas))
    _, row_mm, column_mm = picture.volume.spacing_mm
    return KeyImage(
        sequence=sequence,
        pixels=picture.volume.voxels[index],
        tumour=tumour[index],
        shell=np.zeros_like(tumour[index]) if shell is None else shell[index],
        pixel_spacing_mm=(row_mm, column_mm),
        slice_index=index,
        edges=edge_letters(picture.volume.direction),
        caption=words.say.key_image_caption(
            sequence,
            slice_index=index,
            slices=picture.volume.shape[0],
            area_mm2=float(areas[index]) * row_mm * column_mm,
        ),
    )

"""Codes of features: `wavelet-LLH_glcm_Contrast` → IBSI code ACUI, filter 25BO, sub-band LLH, and back.

A feature has the code of its definition, which is the same on every image. What the image was filtered with stands
beside it as modifiers (TID 1419), so that a few codes name thousands of features: a hash of each full name, as earlier
versions wrote it, can be read by nobody but who knows all names. Sequence and region are those of the group.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pydicom.sr.coding import Code

from dicom_io.codes import PRIVATE_SCHEME, fitting, private
from models.features.names import DIAGNOSTICS, GREY_LEVEL, SHAPE, SUB_BANDS, log_image_name
from reports.content import Measurement

FILTER: Final = private("FILTER", "Image filter")
SUB_BAND: Final = private("SUBBAND", "Sub-band of the wavelet transform")
LEVEL: Final = private("LEVEL", "Level of the wavelet transform")
SIGMA: Final = private("SIGMA", "Width of the Laplacian-of-Gaussian filter")
# IBSI 2 (Whybra et al., Radiology 2024;310:e231319).
WAVELET: Final = Code("25BO", "IBSI", "Separable wavelet filter")
LAPLACIAN_OF_GAUSSIAN: Final = Code("L6PA", "IBSI", "Laplacian-of-Gaussian filter")

_PASS = {"L": "low", "H": "high"}
SUB_BAND_CODES: Final[Mapping[str, Code]] = MappingProxyType(
    {
        band: private(band, f"{', '.join(_PASS[letter] for letter in band).capitalize()} pass along x, y, z")
        for band in (*SUB_BANDS, "LLL")
    }
)

# PyRadiomics' family and name → private code, of features that IBSI does not define.
WITHOUT_IBSI: Final[Mapping[str, str]] = MappingProxyType(
    {
        "shape_LeastAxisLength": "AXIS_LEAST",
        "shape_MajorAxisLength": "AXIS_MAJOR",
        "shape_MinorAxisLength": "AXIS_MINOR",
        "shape_Maximum2DDiameterColumn": "DIAMETER_COLUMN",
        "shape_Maximum2DDiameterRow": "DIAMETER_ROW",
        "shape_Maximum2DDiameterSlice": "DIAMETER_SLICE",
        "firstorder_Kurtosis": "KURTOSIS",
        "firstorder_TotalEnergy": "TOTAL_ENERGY",
        "glcm_MCC": "GLCM_MCC",
        "diagnostics_Image-original_Spacing": "IMG_VOXEL_VOLUME",
        "diagnostics_Image-original_Size": "IMG_VOXELS",
        "diagnostics_Image-original_Mean": "IMG_MEAN",
        "diagnostics_Image-original_Minimum": "IMG_MINIMUM",
        "diagnostics_Image-original_Maximum": "IMG_MAXIMUM",
        "diagnostics_Mask-original_Spacing": "MASK_VOXEL_VOL",
        "diagnostics_Mask-original_Size": "MASK_GRID_VOXELS",
        "diagnostics_Mask-original_BoundingBox": "MASK_BOX_VOXELS",
        "diagnostics_Mask-original_VoxelNum": "MASK_VOXELS",
        "diagnostics_Mask-original_VolumeNum": "MASK_PARTS",
        "diagnostics_Mask-original_CenterOfMassIndex": "MASK_CENTRE_VOX",
        "diagnostics_Mask-original_CenterOfMass": "MASK_CENTRE_MM",
    }
)

_WAVELET = re.compile(r"wavelet(\d*)-([LH]{3})")
_LOG = re.compile(r"log-sigma-(\d+)-(\d+)-mm-3D")


@dataclass(frozen=True)
class Parameter:
    """A number that a measurement depends on: the width of a filter, the horizon of a probability."""

    name: Code
    value: float
    unit: str  # UCUM


@dataclass(frozen=True)
class FeatureCode:
    """A feature in codes.

    Attributes
    ----------
    code : of the definition
    modifiers : (name, value) of what the image was filtered with; empty for the original image
    parameters : numbers of that filter
    """

    code: Code
    modifiers: tuple[tuple[Code, Code], ...] = ()
    parameters: tuple[Parameter, ...] = ()


def _definitions() -> Mapping[str, tuple[str, str]]:
    """Family and name of every definition → (code value, scheme)."""
    ibsi = {f"shape_{name}": code for name, (_, code) in SHAPE.items()}
    ibsi |= {f"{family}_{name}": code for family, rows in GREY_LEVEL.items() for name, code in rows.items()}
    ibsi |= dict.fromkeys(DIAGNOSTICS)
    return {
        name: (WITHOUT_IBSI[name], PRIVATE_SCHEME) if code is None else (code, "IBSI") for name, code in ibsi.items()
    }


DEFINITIONS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(_definitions())
_BY_CODE: Final = {code: name for name, code in DEFINITIONS.items()}


def feature_code(feature: Measurement) -> FeatureCode:
    """Code and modifiers of a feature by its full name.

    The meaning of the code is the reader's label, filter included, so that two features with the same code never read
    alike; where it is longer than a Code Meaning, the PyRadiomics name without sequence and region.

    Raises
    ------
    ValueError
        When the name is none of the feature vector's.
    """
    name = feature.key.split("_", 2)[-1]
    image, _, definition = ("original", "", name) if name in DIAGNOSTICS else name.partition("_")
    filtered = _filter_of(image)
    if definition not in DEFINITIONS or filtered is None:
        raise ValueError(f"'{feature.key}' has no code: it is no name of the feature vector.")
    value, scheme = DEFINITIONS[definition]
    modifiers, parameters = filtered
    return FeatureCode(Code(value, scheme, fitting(feature.label, name)), modifiers, parameters)


def _filter_of(image: str) -> tuple[tuple[tuple[Code, Code], ...], tuple[Parameter, ...]] | None:
    """Modifiers and parameters of an image by its name; None for an unknown one."""
    if image == "original":
        return (), ()
    if match := _WAVELET.fullmatch(image):
        level = (Parameter(LEVEL, float(match[1]), "1"),) if match[1] else ()
        return ((FILTER, WAVELET), (SUB_BAND, SUB_BAND_CODES[match[2]])), level
    if match := _LOG.fullmatch(image):
        return ((FILTER, LAPLACIAN_OF_GAUSSIAN),), (Parameter(SIGMA, float(f"{match[1]}.{match[2]}"), "mm"),)
    return None


def feature_name(code: tuple[str, str], modifiers: Mapping[str, str], parameters: Mapping[str, float]) -> str | None:
    """PyRadiomics' name, `wavelet-LLH_glcm_Contrast`, of codes that `feature_code` gave; None for any other.

    Parameters
    ----------
    code : (value, scheme)
    modifiers : code value of each modifier's name → code value
    parameters : code value of each parameter's name → number
    """
    definition = _BY_CODE.get(code)
    if definition is None or definition in DIAGNOSTICS:
        return definition
    applied = modifiers.get(FILTER.value)
    if applied is None:
        return f"original_{definition}"
    if applied == WAVELET.value and modifiers.get(SUB_BAND.value) in SUB_BAND_CODES:
        level = f"{parameters[LEVEL.value]:.0f}" if LEVEL.value in parameters else ""
        return f"wavelet{level}-{modifiers[SUB_BAND.value]}_{definition}"
    if applied == LAPLACIAN_OF_GAUSSIAN.value and SIGMA.value in parameters:
        return f"{log_image_name(parameters[SIGMA.value])}_{definition}"
    return None


def private_feature_codes() -> tuple[Code, ...]:
    """Private codes of features and of the filters before them."""
    return (
        *(private(value, fitting(name, value)) for name, value in WITHOUT_IBSI.items()),
        FILTER,
        SUB_BAND,
        LEVEL,
        SIGMA,
        *SUB_BAND_CODES.values(),
    )

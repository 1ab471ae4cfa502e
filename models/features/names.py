"""The order of the feature vector: names, units (UCUM) and IBSI codes.

863 names per sequence and region with the default settings (12 diagnostics, 107 original, 8 × 93 wavelet), 3,452 for
both sequences and both regions. Every engine yields these names and no others.

IBSI codes are those of the Image Biomarker Standardisation Initiative's reference manual (Zwanenburg et al., Radiology
2020;295:328-338; arXiv:1612.07003). Only features of the original image have one: IBSI 1 defines them on unfiltered
images. The table PyRadiomics publishes for its DICOM export confuses several (Idm, Idmn and Idn; the low and high
grey-level zone emphases carry distance-zone codes; Autocorrelation, Imc1 and Imc2 have none), so it is not used.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from models.features.settings import FeatureSettings
from models.features.table import feature_name
from models.volume import Region, Sequence


@dataclass(frozen=True)
class FeatureDefinition:
    """Definition of a feature, apart from its value.

    Attributes
    ----------
    name : PyRadiomics' name without sequence and region, e.g. `wavelet-LLH_glcm_Contrast`
    unit : UCUM code, "1" where there is none (grey values of a normalised image have none)
    ibsi : IBSI code, None where IBSI defines no equal feature
    """

    name: str
    unit: str
    ibsi: str | None


# Diagnostics as one number each, of the image before normalisation (`families.diagnostics`): name → unit.
DIAGNOSTICS: dict[str, str] = {
    "diagnostics_Image-original_Spacing": "mm3",
    "diagnostics_Image-original_Size": "1",
    "diagnostics_Image-original_Mean": "1",
    "diagnostics_Image-original_Minimum": "1",
    "diagnostics_Image-original_Maximum": "1",
    "diagnostics_Mask-original_Spacing": "mm3",
    "diagnostics_Mask-original_Size": "1",
    "diagnostics_Mask-original_BoundingBox": "1",
    "diagnostics_Mask-original_VoxelNum": "1",
    "diagnostics_Mask-original_VolumeNum": "1",
    "diagnostics_Mask-original_CenterOfMassIndex": "1",
    "diagnostics_Mask-original_CenterOfMass": "mm",
}

# Those that change with what surrounds the patient (padding, a crop, a label): no input of a model.
OF_THE_SURROUNDINGS = frozenset(
    {
        "diagnostics_Image-original_Size",
        "diagnostics_Image-original_Mean",
        "diagnostics_Image-original_Minimum",
        "diagnostics_Image-original_Maximum",
        "diagnostics_Mask-original_Size",
        "diagnostics_Mask-original_CenterOfMassIndex",
        "diagnostics_Mask-original_CenterOfMass",
    }
)

# Name → (unit, IBSI code). IBSI has a single largest diameter; PyRadiomics' three in-plane ones have no code. Nor have
# the axis lengths: IBSI divides the covariance by N - 1, PyRadiomics by N.
SHAPE: dict[str, tuple[str, str | None]] = {
    "Elongation": ("1", "Q3CK"),
    "Flatness": ("1", "N17B"),
    "LeastAxisLength": ("mm", None),
    "MajorAxisLength": ("mm", None),
    "Maximum2DDiameterColumn": ("mm", None),
    "Maximum2DDiameterRow": ("mm", None),
    "Maximum2DDiameterSlice": ("mm", None),
    "Maximum3DDiameter": ("mm", "L0JK"),
    "MeshVolume": ("mm3", "RNU0"),
    "MinorAxisLength": ("mm", None),
    "Sphericity": ("1", "QCFX"),
    "SurfaceArea": ("mm2", "C0JK"),
    "SurfaceVolumeRatio": ("/mm", "2PR5"),
    "VoxelVolume": ("mm3", "YEKZ"),
}

# Family → name → IBSI code, for the families that depend on grey values.
# None: PyRadiomics' Kurtosis is not the excess kurtosis of IBSI; TotalEnergy and MCC are not in IBSI 1.
GREY_LEVEL: dict[str, dict[str, str | None]] = {
    "firstorder": {
        "10Percentile": "QG58",
        "90Percentile": "8DWT",
        "Energy": "N8CA",
        "Entropy": "TLU2",
        "InterquartileRange": "SALO",
        "Kurtosis": None,
        "Maximum": "84IY",
        "Mean": "Q4LE",
        "MeanAbsoluteDeviation": "4FUA",
        "Median": "Y12H",
        "Minimum": "1GSF",
        "Range": "2OJQ",
        "RobustMeanAbsoluteDeviation": "1128",
        "RootMeanSquared": "5ZWQ",
        "Skewness": "KE2A",
        "TotalEnergy": None,
        "Uniformity": "BJ5W",
        "Variance": "ECT3",
    },
    "glcm": {
        "Autocorrelation": "QWB0",
        "ClusterProminence": "AE86",
        "ClusterShade": "7NFM",
        "ClusterTendency": "DG8W",
        "Contrast": "ACUI",
        "Correlation": "NI2N",
        "DifferenceAverage": "TF7R",
        "DifferenceEntropy": "NTRS",
        "DifferenceVariance": "D3YU",
        "Id": "IB1Z",
        "Idm": "WF0Z",
        "Idmn": "1QCO",
        "Idn": "NDRX",
        "Imc1": "R8DG",
        "Imc2": "JN9H",
        "InverseVariance": "E8JP",
        "JointAverage": "60VM",
        "JointEnergy": "8ZQL",
        "JointEntropy": "TU9B",
        "MCC": None,
        "MaximumProbability": "GYBY",
        "SumAverage": "ZGXS",
        "SumEntropy": "P6QZ",
        "SumSquares": "UR99",
    },
    "glrlm": {
        "GrayLevelNonUniformity": "R5YN",
        "GrayLevelNonUniformityNormalized": "OVBL",
        "GrayLevelVariance": "8CE5",
        "HighGrayLevelRunEmphasis": "G3QZ",
        "LongRunEmphasis": "W4KF",
        "LongRunHighGrayLevelEmphasis": "3KUM",
        "LongRunLowGrayLevelEmphasis": "IVPO",
        "LowGrayLevelRunEmphasis": "V3SW",
        "RunEntropy": "HJ9O",
        "RunLengthNonUniformity": "W92Y",
        "RunLengthNonUniformityNormalized": "IC23",
        "RunPercentage": "9ZK5",
        "RunVariance": "SXLW",
        "ShortRunEmphasis": "22OV",
        "ShortRunHighGrayLevelEmphasis": "GD3A",
        "ShortRunLowGrayLevelEmphasis": "HTZT",
    },
    "glszm": {
        "GrayLevelNonUniformity": "JNSA",
        "GrayLevelNonUniformityNormalized": "Y1RO",
        "GrayLevelVariance": "BYLV",
        "HighGrayLevelZoneEmphasis": "5GN9",
        "LargeAreaEmphasis": "48P8",
        "LargeAreaHighGrayLevelEmphasis": "J17V",
        "LargeAreaLowGrayLevelEmphasis": "YH51",
        "LowGrayLevelZoneEmphasis": "XMSY",
        "SizeZoneNonUniformity": "4JP3",
        "SizeZoneNonUniformityNormalized": "VB3A",
        "SmallAreaEmphasis": "5QRC",
        "SmallAreaHighGrayLevelEmphasis": "HW1V",
        "SmallAreaLowGrayLevelEmphasis": "5RAI",
        "ZoneEntropy": "GU8N",
        "ZonePercentage": "P30P",
        "ZoneVariance": "3NSA",
    },
    "gldm": {
        "DependenceEntropy": "FCBV",
        "DependenceNonUniformity": "Z87G",
        "DependenceNonUniformityNormalized": "OKJI",
        "DependenceVariance": "DNX2",
        "GrayLevelNonUniformity": "FP8K",
        "GrayLevelVariance": "1PFV",
        "HighGrayLevelEmphasis": "OAE7",
        "LargeDependenceEmphasis": "IMOQ",
        "LargeDependenceHighGrayLevelEmphasis": "9QMG",
        "LargeDependenceLowGrayLevelEmphasis": "NBZI",
        "LowGrayLevelEmphasis": "TL9H",
        "SmallDependenceEmphasis": "SODN",
        "SmallDependenceHighGrayLevelEmphasis": "JA6D",
        "SmallDependenceLowGrayLevelEmphasis": "EQ3F",
    },
    "ngtdm": {
        "Busyness": "NQ30",
        "Coarseness": "QCDE",
        "Complexity": "HDEZ",
        "Contrast": "65HE",
        "Strength": "1X9X",
    },
}

# PyRadiomics' order of the sub-bands of one level (L low-pass, H high-pass along x, y, z). The approximation, LLL, is
# kept for the last level only.
SUB_BANDS: tuple[str, ...] = ("LLH", "LHL", "LHH", "HLL", "HLH", "HHL", "HHH")


def log_image_name(sigma_mm: float) -> str:
    """PyRadiomics' name of a Laplacian-of-Gaussian image: 2.0 → `log-sigma-2-0-mm-3D`."""
    return f"log-sigma-{str(float(sigma_mm)).replace('.', '-')}-mm-3D"


def filtered_images(settings: FeatureSettings) -> tuple[str, ...]:
    """Names of the filtered images in order: LoG by width as given, then wavelet sub-bands by level, LLL last."""
    names = [log_image_name(sigma) for sigma in settings.log_sigma_mm]
    if settings.wavelet is not None:
        prefixes = ["wavelet" if level == 1 else f"wavelet{level}" for level in range(1, settings.wavelet_levels + 1)]
        names += [f"{prefix}-{band}" for prefix in prefixes for band in SUB_BANDS]
        names.append(f"{prefixes[-1]}-LLL")
    return tuple(names)


def _grey_level_definitions(image: str) -> Iterable[FeatureDefinition]:
    for family, features in GREY_LEVEL.items():
        for name, ibsi in features.items():
            unit = "mm3" if name == "TotalEnergy" else "1"
            yield FeatureDefinition(f"{image}_{family}_{name}", unit, ibsi if image == "original" else None)


@lru_cache(maxsize=16)
def feature_definitions(settings: FeatureSettings) -> tuple[FeatureDefinition, ...]:
    """The features of one sequence and region in the order of the vector: 863 with the default settings.

    Diagnostics (when `settings.diagnostics`), then the original image (shape, first order, GLCM, GLRLM, GLSZM, GLDM,
    NGTDM; alphabetical inside a family), then the filtered images.
    """
    definitions = [FeatureDefinition(name, unit, None) for name, unit in DIAGNOSTICS.items() if settings.diagnostics]
    definitions += [FeatureDefinition(f"original_shape_{name}", *what) for name, what in SHAPE.items()]
    for image in ("original", *filtered_images(settings)):
        definitions += _grey_level_definitions(image)
    return tuple(definitions)


def feature_names(settings: FeatureSettings) -> tuple[str, ...]:
    """PyRadiomics' names of one sequence and region, in the order of the vector."""
    return tuple(definition.name for definition in feature_definitions(settings))


def features_of(
    sequences: Iterable[Sequence], regions: Iterable[Region], *, settings: FeatureSettings | None = None
) -> tuple[str, ...]:
    """Full names (`t1c_intratumoral_…`) of these sequences and regions, in the order of the vector.

    The vector runs over sequences (T1+C, T2W), inside them over regions (intratumoral, peritumoral), inside them over
    `feature_names`; the order in which `sequences` and `regions` are given does not matter.
    """
    wanted_sequences, wanted_regions = set(sequences), set(regions)
    names = feature_names(settings if settings is not None else FeatureSettings())
    return tuple(
        feature_name(sequence, region, name)
        for sequence in Sequence
        if sequence in wanted_sequences
        for region in Region
        if region in wanted_regions
        for name in names
    )


def vector_names(settings: FeatureSettings | None = None) -> tuple[str, ...]:
    """Full names of the whole vector: 3,452 with the default settings."""
    return features_of(Sequence, Region, settings=settings)


def inputs_among(names: Iterable[str]) -> tuple[str, ...]:
    """Those of the full names that a model may have as inputs: all but `OF_THE_SURROUNDINGS`, in the same order."""
    return tuple(name for name in names if name.split("_", 2)[-1] not in OF_THE_SURROUNDINGS)

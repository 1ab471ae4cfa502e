"""Feature names in words: `t1c_intratumoral_wavelet-LLH_glcm_Contrast` → "T1+C, tumour, wavelet LLH, GLCM contrast".

Names are PyRadiomics' own behind `<sequence>_<region>_`. A name this module does not know is shown as it is written:
a reader can look it up, which a guess would prevent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from models.volume import Region, Sequence

REGION_WORDS = {Region.INTRATUMORAL: "tumour", Region.PERITUMORAL: "peritumoral shell"}

FAMILY_WORDS = {
    "firstorder": "intensity",
    "glcm": "GLCM",
    "glrlm": "GLRLM",
    "glszm": "GLSZM",
    "gldm": "GLDM",
    "ngtdm": "NGTDM",
}

_FEATURE_WORDS = {
    "shape": {
        "Elongation": "elongation",
        "Flatness": "flatness",
        "LeastAxisLength": "least axis length",
        "MajorAxisLength": "major axis length",
        "MinorAxisLength": "minor axis length",
        "Maximum2DDiameterColumn": "largest diameter in the row–slice plane",
        "Maximum2DDiameterRow": "largest diameter in the column–slice plane",
        "Maximum2DDiameterSlice": "largest diameter within a slice",
        "Maximum3DDiameter": "largest 3D diameter",
        "MeshVolume": "mesh volume",
        "SurfaceArea": "surface area",
        "SurfaceVolumeRatio": "surface to volume ratio",
        "VoxelVolume": "volume by voxel count",
    },
    "firstorder": {
        "10Percentile": "10th percentile",
        "90Percentile": "90th percentile",
        "RobustMeanAbsoluteDeviation": "robust mean absolute deviation",
        "RootMeanSquared": "root mean square",
    },
    "glcm": {
        "ClusterProminence": "cluster prominence",
        "Id": "inverse difference",
        "Idm": "inverse difference moment",
        "Idmn": "normalised inverse difference moment",
        "Idn": "normalised inverse difference",
        "Imc1": "informational measure of correlation 1",
        "Imc2": "informational measure of correlation 2",
        "MCC": "maximal correlation coefficient",
    },
}

# First word of the image type and the words after it: "wavelet-LLH", "log-sigma-3-0-mm-3D", "original".
_LOG = re.compile(r"log-sigma-(\d+)-(\d+)-mm-3D")
_DIAGNOSTIC = re.compile(r"(Image|Mask)-(?:original_)?(\w+)")
_DIAGNOSTIC_WORDS = {
    "Spacing": "volume of one voxel",
    "Size": "number of voxels of its grid",
    "Mean": "mean",
    "Minimum": "minimum",
    "Maximum": "maximum",
    "BoundingBox": "voxels in the bounding box",
    "VoxelNum": "number of voxels in the region",
    "VolumeNum": "number of separate parts",
    "CenterOfMassIndex": "distance of the centre of mass from the image centre, in voxels",
    "CenterOfMass": "distance of the centre of mass from the image centre",
}


class FeatureClass(StrEnum):
    """Kinds of feature, coarse enough for a reader; the groups of the contribution chart."""

    SHAPE = "size and shape"
    INTENSITY = "intensity"  # first-order statistics, original and filtered
    TEXTURE = "texture"  # the five matrices, original and filtered
    IMAGE = "image properties"  # diagnostics of image and mask


@dataclass(frozen=True)
class FeatureParts:
    """A full feature name taken apart.

    Attributes
    ----------
    sequence, region : the two prefixes
    image : "original", "wavelet-LLH", "log-sigma-3-0-mm-3D" or "diagnostics"
    family : "shape", "firstorder", "glcm", …; for diagnostics "Image" or "Mask"
    feature : PyRadiomics' name of the feature
    """

    sequence: Sequence
    region: Region
    image: str
    family: str
    feature: str

    @property
    def feature_class(self) -> FeatureClass:
        """The coarse class of the feature."""
        if self.image == "diagnostics":
            return FeatureClass.IMAGE
        return {"shape": FeatureClass.SHAPE, "firstorder": FeatureClass.INTENSITY}.get(
            self.family, FeatureClass.TEXTURE
        )


def take_apart(name: str) -> FeatureParts | None:
    """The parts of a full feature name, None when it does not follow our naming."""
    words = name.split("_", 2)
    if len(words) != 3 or words[0] not in set(Sequence) or words[1] not in set(Region):
        return None
    sequence, region, rest = Sequence(words[0]), Region(words[1]), words[2]
    if rest.startswith("diagnostics_"):
        diagnostic = _DIAGNOSTIC.fullmatch(rest.removeprefix("diagnostics_"))
        if diagnostic is None:
            return None
        return FeatureParts(sequence, region, "diagnostics", diagnostic.group(1), diagnostic.group(2))
    parts = rest.split("_")
    if len(parts) != 3:
        return None
    return FeatureParts(sequence, region, parts[0], parts[1], parts[2])


def _spaced(camel: str) -> str:
    """Camel case in words: "GrayLevelNonUniformity" → "grey level non-uniformity"; acronyms stay as they are."""
    words = re.findall(r"[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+|\d+|[A-Z]", camel.replace("Gray", "Grey"))
    spaced = " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words)
    spaced = spaced.replace("non uniformity", "non-uniformity")
    return f"normalised {spaced.removesuffix(' normalized')}" if spaced.endswith(" normalized") else spaced


def image_words(image: str) -> str:
    log = _LOG.fullmatch(image)
    if log is not None:
        return f"LoG {log.group(1)}.{log.group(2)} mm"
    return image.replace("-", " ")


def short_feature_label(name: str) -> str:
    """The label without sequence and region: "wavelet LLH, GLCM contrast"."""
    parts = take_apart(name)
    if parts is None:
        return name
    if parts.image == "diagnostics":
        return f"{parts.family.lower()}: {_DIAGNOSTIC_WORDS.get(parts.feature, _spaced(parts.feature))}"
    what = _FEATURE_WORDS.get(parts.family, {}).get(parts.feature, _spaced(parts.feature))
    family = FAMILY_WORDS.get(parts.family)
    what = f"{family} {what}" if family else what
    if parts.image == "original":
        return what
    return f"{image_words(parts.image)}, {what}"


def feature_label(name: str) -> str:
    """The full label: "T1+C, tumour, wavelet LLH, GLCM contrast"; an unknown form of name comes back unchanged."""
    parts = take_apart(name)
    if parts is None:
        return name
    return f"{parts.sequence.label}, {REGION_WORDS[parts.region]}, {short_feature_label(name)}"


def group_label(sequence: Sequence, region: Region, feature_class: FeatureClass) -> str:
    """One bar of the contribution chart: "T1+C, tumour, texture"."""
    return f"{sequence.label}, {REGION_WORDS[region]}, {feature_class}"

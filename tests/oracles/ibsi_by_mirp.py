"""Writes `ibsi_configurations_mirp.csv`: MIRP's values of the synthetic phantom by configurations A to E of IBSI 1.

    python -m tests.oracles.ibsi_by_mirp write-phantom FOLDER     in this environment
    python tests/oracles/ibsi_by_mirp.py FOLDER TABLE             in one with MIRP 2.7.0 (`pip install mirp==2.7.0`)

MIRP (Zwanenburg et al., J Open Source Softw 2024;9:6413) is by authors of the IBSI. It is no dependency of the tests.
The table has IBSI's tags, and a column for each configuration and aggregation.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

SLICES = ("2d_average", "2d_slice_merge", "2.5d_direction_merge", "2.5d_volume_merge")
VOLUMES = ("3d_average", "3d_volume_merge")
# MIRP's name of an aggregation → ours, and the ends of MIRP's columns: co-occurrence and run lengths, others.
AGGREGATIONS = {
    "2d_average": ("2d_average", "2d_avg", "2d"),
    "2d_slice_merge": ("2d_merged", "2d_s_mrg", "2d"),
    "2.5d_direction_merge": ("2.5d_average", "2.5d_d_mrg", "2.5d"),
    "2.5d_volume_merge": ("2.5d_merged", "2.5d_v_mrg", "2.5d"),
    "3d_average": ("3d_average", "3d_avg", "3d"),
    "3d_volume_merge": ("3d_merged", "3d_v_mrg", "3d"),
}
_WIDTH = {"base_discretisation_method": "fixed_bin_size", "base_discretisation_bin_width": 25.0}
_COUNT = {"base_discretisation_method": "fixed_bin_number", "base_discretisation_n_bins": 32}
_LINEAR = {"spline_order": 1, "roi_spline_order": 1}
_CUBIC = {"spline_order": 3, "roi_spline_order": 1}
_OF_A, _OF_C = [-500.0, 400.0], [-1000.0, 400.0]
CONFIGURATIONS: dict[str, dict[str, object]] = {
    "A": {"by_slice": True, "resegmentation_intensity_range": _OF_A, **_WIDTH},
    "B": {"by_slice": True, "new_spacing": [2.0, 2.0], **_LINEAR, "resegmentation_intensity_range": _OF_A, **_COUNT},
    "C": {"by_slice": False, "new_spacing": 2.0, **_LINEAR, "resegmentation_intensity_range": _OF_C, **_WIDTH},
    "D": {"by_slice": False, "new_spacing": 2.0, **_LINEAR, "resegmentation_sigma": 3.0, **_COUNT},
    "E": {
        "by_slice": False,
        "new_spacing": 2.0,
        **_CUBIC,
        "resegmentation_intensity_range": _OF_C,
        "resegmentation_sigma": 3.0,
        **_COUNT,
    },
}
_DISTANCES = {"cm": "_d1", "ngl": "_d1_a0.0"}


def write_phantom(folder: Path) -> None:
    """Writes image and mask as NIfTI."""
    import numpy as np
    import SimpleITK as sitk

    from models.images import to_sitk
    from tests.oracles.ct_like_phantom import ct_like_phantom

    volume, roi = ct_like_phantom()
    sitk.WriteImage(to_sitk(volume.voxels, volume), str(folder / "image.nii.gz"))
    sitk.WriteImage(to_sitk(roi.mask.astype(np.uint8), roi), str(folder / "mask.nii.gz"))


def values_of(folder: Path, name: str) -> dict[str, float]:
    """MIRP's columns of one configuration."""
    from mirp import extract_features  # type: ignore[import-not-found]

    settings = CONFIGURATIONS[name]
    wanted = SLICES if settings["by_slice"] else VOLUMES
    others = sorted({AGGREGATIONS[one][2] for one in wanted})
    (table,) = extract_features(
        image=str(folder / "image.nii.gz"),
        mask=str(folder / "mask.nii.gz"),
        image_modality="ct",
        anti_aliasing=False,
        no_approximation=True,
        base_feature_families="all",
        glcm_distance=[1.0],
        ngldm_distance=[1.0],
        ngldm_difference_level=[0.0],
        glcm_spatial_method=list(wanted),
        glrlm_spatial_method=list(wanted),
        glszm_spatial_method=others,
        gldzm_spatial_method=others,
        ngtdm_spatial_method=others,
        ngldm_spatial_method=others,
        **settings,
    )
    return {column: float(table[column].iloc[0]) for column in table.columns if table[column].dtype.kind in "fi"}


def value_of(columns: dict[str, float], tag: str, aggregation: str) -> float:
    """The value of an IBSI tag without its aggregation."""
    family = tag.split("_")[0]
    if family in ("morph", "stat"):
        return columns[tag]
    _, by_direction, other = AGGREGATIONS[aggregation]
    end = "" if family == "ih" else f"{_DISTANCES.get(family, '')}_{by_direction if family in ('cm', 'rlm') else other}"
    (found,) = [column for column in columns if column.startswith((f"{tag}{end}_fbs", f"{tag}{end}_fbn"))]
    return columns[found]


def main() -> None:
    """Writes the phantom, or the table."""
    if sys.argv[1] == "write-phantom":
        write_phantom(Path(sys.argv[2]))
        return
    folder, table = Path(sys.argv[1]), Path(sys.argv[2])
    with table.open(encoding="utf-8", newline="") as file:
        tags = [row["tag"] for row in csv.DictReader(file)]
    cells: dict[str, list[str]] = {"tag": tags}
    for name, settings in CONFIGURATIONS.items():
        columns = values_of(folder, name)
        for aggregation in SLICES if settings["by_slice"] else VOLUMES:
            cells[f"{name} {AGGREGATIONS[aggregation][0]}"] = [
                f"{value_of(columns, tag, aggregation):.9g}" for tag in tags
            ]
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([list(cells), *zip(*cells.values(), strict=True)])


if __name__ == "__main__":
    main()

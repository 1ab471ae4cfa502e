"""Made `models/simulation/feature_shape.csv`: features of many lesions, so that simulated vectors look like real ones.

    python -m tests.oracles.measure_feature_shape SHARED_DATA OUT.csv --real 263 --synthetic 54 --large 3

About ten minutes on one core. Real images: lesions of random form and texture, placed at random in seven public MR
images. Synthetic studies: tumour as segmented. Both go through the whole preparation (measured part, N4, body, shell)
and our engine, which equals PyRadiomics.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter, label

from dicom_io.reading.read import read_study
from dicom_io.rules import NO_ASSIGNMENT, SelectionRules
from dicom_io.synthetic import study_writer
from models.errors import StudyRejected
from models.features.extract import FeatureEngine, extract_features, open_engine
from models.features.names import feature_names
from models.features.settings import FeatureSettings
from models.images import read_image
from models.preprocessing.prepare import Prepared, open_bias_correction, prepare
from models.simulation.feature_shape import shape_of, write_shape
from models.volume import Region, Roi, Sequence, Volume

SETTINGS = FeatureSettings()
BIAS = open_bias_correction("own", device="cpu")


def real_images(data: Path) -> list[Volume]:
    """Three phases of a breast DCE-MRI, T1 and T2 of a thigh, two test images of PyRadiomics."""
    positions: dict[tuple[float, ...], list[pydicom.Dataset]] = defaultdict(list)
    for file in sorted((data / "breast_dce_ucsf_br_06" / "dce").glob("*.dcm")):
        dataset = pydicom.dcmread(file)
        positions[tuple(float(v) for v in dataset.ImagePositionPatient)].append(dataset)
    for stack in positions.values():
        stack.sort(key=lambda dataset: int(dataset.InstanceNumber))
    images = [stacked([stack[phase] for stack in positions.values()]) for phase in range(3)]
    for series in ("t1", "t2"):
        files = sorted((data / "sts_001" / series).glob("*.dcm"))
        images += [stacked([pydicom.dcmread(file) for file in files])]
    images += [read_image(data / "pyradiomics" / f"{name}_image.nrrd") for name in ("breast1", "brain1")]
    return images


def stacked(slices: list[pydicom.Dataset]) -> Volume:
    """One volume, spacing right, orientation as it comes: features do not depend on it."""
    first = slices[0]
    axes = np.array(first.ImageOrientationPatient, dtype=float).reshape(2, 3)
    normal = np.cross(axes[0], axes[1])
    slices = sorted(slices, key=lambda dataset: float(normal @ np.array(dataset.ImagePositionPatient, dtype=float)))
    start, end = (np.array(slices[i].ImagePositionPatient, dtype=float) for i in (0, -1))
    affine = np.eye(4)
    rows_mm, columns_mm = (float(v) for v in first.PixelSpacing)
    affine[:3, 0] = (end - start) / (len(slices) - 1)
    affine[:3, 1], affine[:3, 2], affine[:3, 3] = axes[1] * rows_mm, axes[0] * columns_mm, start
    return Volume(affine, np.stack([dataset.pixel_array for dataset in slices]).astype(np.float32))


def largest_part(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest connected part."""
    parts, count = label(mask)
    if count < 2:
        return mask
    return np.asarray(parts == np.bincount(parts.ravel())[1:].argmax() + 1)


def with_lesion(image: Volume, rng: np.random.Generator) -> Prepared | None:
    """A lesion (8 to 60 mm, lobed) drawn into the image, with its shell; None where it came out too small."""
    voxels, spacing = image.voxels, np.array(image.spacing_mm)
    smooth = gaussian_filter(voxels, 2 / spacing)
    body = largest_part(smooth > 0.35 * np.percentile(smooth, 90))
    deep = distance_transform_edt(body, sampling=spacing)
    diameter = float(np.clip(np.exp(rng.normal(np.log(22), 0.45)), 8, 60))
    places = np.argwhere(deep > min(diameter * 0.45, deep.max() * 0.9))
    centre = places[rng.integers(len(places))]
    radii = diameter / 2 * np.exp(rng.normal(0, 0.2, 3))
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    grid = np.stack(np.meshgrid(*[np.arange(size) for size in voxels.shape], indexing="ij"), axis=-1)
    radius = np.sqrt(((((grid - centre) * spacing) @ turn / radii) ** 2).sum(axis=-1))
    lobes = gaussian_filter(rng.normal(size=voxels.shape), diameter / 8 / spacing)
    mask = (radius + rng.uniform(0.05, 0.35) * lobes / lobes.std() < 1) & body
    if not mask.any() or np.count_nonzero(mask := largest_part(mask)) < 60:
        return None
    texture = gaussian_filter(rng.normal(size=voxels.shape), rng.uniform(0.8, 3) / spacing)
    contrast = voxels[mask].std()
    enhanced = rng.uniform(0.2, 1.5) * contrast + rng.uniform(0.2, 1.0) * contrast * texture / texture.std()
    drawn = Volume(image.affine, voxels + gaussian_filter(mask.astype(np.float32), 0.7 / spacing) * enhanced)
    try:
        # Which sequence it is called does not matter: the shape is measured over both.
        return prepare({Sequence.T1C: drawn}, {Sequence.T1C: Roi(image.affine, mask, "tumour")}, bias=BIAS, shell_mm=10)
    except StudyRejected:
        return None


def prepared_cases(
    data: Path, *, real: int, synthetic_small: int, synthetic_large: int, seed: int
) -> Iterator[Prepared]:
    """Lesions in real images, then the tumours of synthetic studies on small and on realistic grids."""
    rng = np.random.default_rng(seed)
    images = real_images(data)
    found = 0
    while found < real:
        case = with_lesion(images[found % len(images)], rng)
        if case is not None:
            found += 1
            yield case
    for number in range(synthetic_small + synthetic_large):
        grids = (
            (study_writer.SMALL_T1C, study_writer.SMALL_T2W)
            if number < synthetic_small
            else (study_writer.REALISTIC_T1C, study_writer.REALISTIC_T2W)
        )
        with tempfile.TemporaryDirectory() as folder:
            study_writer.make_study(
                Path(folder),
                seed=1000 + number,
                tumour_radius_mm=float(rng.uniform(6, 24)),
                noise=float(np.exp(rng.uniform(np.log(0.008), np.log(0.05)))),
                t1c=grids[0],
                t2w=grids[1],
            )
            files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
            study = read_study(files, rules=SelectionRules(), assignment=NO_ASSIGNMENT)
        yield prepare(study.volumes, study.tumours, bias=BIAS, shell_mm=10.0)


def rows_of(case: Prepared, engine: FeatureEngine) -> Iterator[dict[str, float]]:
    """One row for each sequence: region and feature → value."""
    table = extract_features(case, engine=engine, settings=SETTINGS)
    for sequence in case.sequences:
        prefix = f"{sequence}_"
        yield {f.name.removeprefix(prefix): f.value for f in table.features if f.name.startswith(prefix)}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--real", type=int, default=263)
    parser.add_argument("--synthetic", type=int, default=54)
    parser.add_argument("--large", type=int, default=3)
    parser.add_argument("--seed", type=int, default=20240101)
    options = parser.parse_args()
    engine = open_engine("own", device="cpu")
    cases = prepared_cases(
        options.data,
        real=options.real,
        synthetic_small=options.synthetic,
        synthetic_large=options.large,
        seed=options.seed,
    )
    rows = []
    for number, case in enumerate(cases, start=1):
        rows += rows_of(case, engine)
        print(f"{number} of {options.real + options.synthetic + options.large}", flush=True)
    names = [f"{region}_{name}" for region in Region for name in feature_names(SETTINGS)]
    origin = (
        f"Features of {options.real} lesions of random form (8 to 60 mm) and texture, placed at random in seven",
        "public MR images: breast DCE-MRI (UCSF-BR-06, three phases; TCIA Breast-MRI-NACT-Pilot, CC BY 3.0), T1 and T2",
        "of a thigh (STS_001; TCIA Soft-tissue-Sarcoma, CC BY 3.0), the PyRadiomics test images breast1 and brain1",
        f"(BSD-3-Clause); and of the tumours of {len(rows) - options.real} sequences of the synthetic studies of",
        "dicom_io/synthetic (radius 6 to 24 mm, noise .008 to .05). Measured part, N4, normalised over the body x 100,",
        "bin width 25, original and coif1 wavelet; peritumoral: within 10 mm, inside the body.",
        "Columns: region and feature; quantiles .005 .05 .25 .5 .75 .95 .995; loadings on 24 principal components of",
        "normal scores.",
    )
    write_shape(options.out, shape_of({name: np.array([row[name] for row in rows]) for name in names}), origin=origin)


if __name__ == "__main__":
    main()

"""The body mask: which voxels are patient and not air. N4 fits its field there, the grey levels are normalised over it,
and the peritumoral shell ends at it.

Breast protocols suppress fat, so much of the body lies only a little above the noise while lesions and skin are many
times brighter. One Otsu threshold then parts bright from dark tissue. What works on T1, T2 and fat-suppressed images
alike: average blocks of about 2 mm (air becomes narrow), take logarithms, look for three classes unless two explain
the image, and keep what lies above the lowest threshold. Closing, opening, holes and components are then a matter of
the blocks.

The darkest blocks are columns beyond the reach of the coil: they are raised to the 5 % quantile, since Otsu would take
them for the air and all the rest for the body. An image without air (a crop) has a lowest class, too; it is tissue
where it varies less from pixel to pixel than noise does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from models.errors import StudyRejected
from models.number_words import counted
from models.preprocessing import pixel_kernels
from models.preprocessing.sampling import SAMPLE

BLOCK_MM = 2.0
# Blocks of fewer voxels (coarse images) are averaged with their neighbours in the plane: noise has a long dark tail.
FEWEST_VOXELS = 4
BINS = 128
# Measured separability: 0.83 in T1, 0.64 to 0.69 in fat-suppressed images, above 0.9 where tissue is bright throughout.
TWO_CLASSES = 0.85
# A component smaller than this share of the largest is not body (it is ghosting or noise); breasts and legs are.
SMALLEST_COMPONENT = 0.1
DARKEST_PERCENT = 5.0
# Deviation over mean in tiles of 5 × 5 pixels of the air: Rayleigh noise has 0.52, interpolated air 0.20 to 0.65,
# tissue taken for air 0.03 to 0.29. Where the median is below, there is no air.
TILE, LEAST_VARIATION = 5, 0.15
_BALL = ndimage.generate_binary_structure(3, 1)


def find_body(
    voxels: NDArray[np.float32],
    usable: NDArray[np.bool_],
    *,
    spacing_mm: tuple[float, float, float],
    low: float,
    high: float,
) -> NDArray[np.bool_]:
    """Bool (slices, rows, columns): True in the body, holes within a slice filled. Accurate to about 2 mm.

    Parameters
    ----------
    voxels : float32 (slices, rows, columns)
    usable : False where nothing was measured: not body, and without influence on it
    low, high : values are cut here; `low` is the level of the darkest air

    Raises
    ------
    StudyRejected
        When no body is found.
    """
    slices, rows, columns = (
        max(1, min(size, round(BLOCK_MM / step))) for size, step in zip(voxels.shape, spacing_mm, strict=True)
    )
    sides = slices, rows, columns
    shape = tuple(-(-size // side) for size, side in zip(voxels.shape, sides, strict=True))
    blocks, counts = pixel_kernels.block_means(voxels, usable, sides, (0, 0, 0), shape, low, high)
    measured = counts > 0
    if slices * rows * columns < FEWEST_VOXELS:
        blocks = _smooth(blocks, measured)
    found = blocks[measured] - low
    some = found[:: max(1, found.size // SAMPLE)]
    ceiling = float(np.percentile(some, 99)) or float(found.max())
    if ceiling <= 0:
        return usable.copy()  # one value throughout: nothing tells air from body
    # The offset keeps zero-filled air finite, at a distance that does not depend on the scale of the image.
    logs = np.log(np.minimum(found, ceiling) + 0.01 * ceiling)
    np.maximum(logs, np.percentile(logs[:: max(1, found.size // SAMPLE)], DARKEST_PERCENT), out=logs)
    if np.ptp(logs) < 1e-6:
        return usable.copy()
    body = np.zeros(shape, dtype=np.bool_)
    body[measured] = logs > tissue_threshold(logs)
    air = usable & ~pixel_kernels.spread(body, sides, voxels.shape)
    variation = pixel_kernels.local_variation(voxels, air, TILE, low)
    if variation.size and np.median(variation) < LEAST_VARIATION:
        return usable.copy()
    body = _regular(body)
    if not body.any():
        raise StudyRejected(
            f"No body was found in the image (values from {low:g} to {high:g}, {counted(voxels.size, 'voxel')}); an "
            "image of tissue in air was expected. Check the series."
        )
    return np.asarray(pixel_kernels.spread(body, sides, voxels.shape))


def _smooth(blocks: NDArray[np.float64], measured: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Means over 3 × 3 blocks in the plane, of those with a measurement; 0 where a block has none."""
    weight = ndimage.uniform_filter(measured.astype(np.float64), (1, 3, 3), mode="constant")
    total = ndimage.uniform_filter(np.where(measured, blocks, 0.0), (1, 3, 3), mode="constant")
    return np.divide(total, weight, out=np.zeros(blocks.shape), where=measured)


def _regular(body: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Closed, opened, without small components and holes."""
    body = ~pixel_kernels.grown(~pixel_kernels.grown(body, False), False)
    body = pixel_kernels.grown(~pixel_kernels.grown(~body, False), False)
    return _without_holes(_large_components(body))


def tissue_threshold(values: NDArray[np.floating]) -> float:
    """Upper end of air: Otsu's threshold where two classes explain the values, else the lower of the two for three.

    Two classes explain them when their separability (between-class over total variance) reaches `TWO_CLASSES`; a third
    would then split the noise of the air. Otsu, IEEE Trans. Syst. Man Cybern. 1979;9:62-66, sections II and IV.
    """
    counts, edges = np.histogram(values, BINS)
    centres = (edges[1:] + edges[:-1]) / 2
    centres = centres - np.average(centres, weights=counts)  # sums of squares below are then variances
    weight = np.concatenate([[0.0], np.cumsum(counts)])
    moment = np.concatenate([[0.0], np.cumsum(counts * centres)])

    def between(first: NDArray[np.intp], end: NDArray[np.intp]) -> NDArray[np.float64]:
        mass = weight[end] - weight[first]
        return np.where(mass > 0, (moment[end] - moment[first]) ** 2 / np.maximum(mass, 1), 0.0)

    start, last = np.zeros(1, dtype=np.intp), np.full(1, BINS, dtype=np.intp)
    one = np.arange(1, BINS)
    two_classes = between(start, one) + between(one, last)
    if two_classes.max() >= TWO_CLASSES * float(np.sum(counts * centres**2)):
        return float(edges[one[np.argmax(two_classes)]])
    low, high = (index + 1 for index in np.triu_indices(BINS - 1, k=1))
    three_classes = between(start, low) + between(low, high) + between(high, last)
    return float(edges[low[np.argmax(three_classes)]])


def _large_components(body: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, count = ndimage.label(body, _BALL)
    if count <= 1:
        return body
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= SMALLEST_COMPONENT * sizes.max())[labels])


def _without_holes(body: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill the air that does not reach the edge of its slice (bone, lungs)."""
    return np.asarray(~pixel_kernels.outside(body, False))

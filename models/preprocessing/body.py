"""The body mask: which voxels are patient and not air. N4 fits its field there, and the peritumoral shell ends at it.

Breast protocols suppress fat, so much of the body lies only a little above the noise while lesions and skin are many
times brighter. One Otsu threshold then parts bright from dark tissue. What works on T1, T2 and fat-suppressed images
alike: average blocks of about 2 mm (air becomes narrow), take logarithms, look for three classes unless two explain
the image, and keep what lies above the lowest threshold. Closing, opening, holes and components are then a matter of
the blocks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from models.errors import StudyRejected
from models.volume import Volume

BLOCK_MM = 2.0
BINS = 128
# Measured separability: 0.83 in T1, 0.64 to 0.69 in fat-suppressed images, above 0.9 where tissue is bright throughout.
TWO_CLASSES = 0.85
# A component smaller than this share of the largest is not body (it is ghosting or noise); breasts and legs are.
SMALLEST_COMPONENT = 0.1
_BALL = ndimage.generate_binary_structure(3, 1)
_IN_PLANE = np.zeros((3, 3, 3), dtype=bool)
_IN_PLANE[1] = ndimage.generate_binary_structure(2, 1)


def body_mask(volume: Volume) -> NDArray[np.bool_]:
    """Bool (slices, rows, columns): True in the body, holes within a slice filled. Accurate to about 2 mm.

    An image without air (a crop) gives a mask of nearly everything, which is right.

    Raises
    ------
    StudyRejected
        When the image is constant, or no body is found in it.
    """
    lowest, highest = float(volume.voxels.min()), float(volume.voxels.max())
    if lowest == highest:
        raise StudyRejected(
            f"All {volume.voxels.size} voxels of the image have the value {lowest:g}; an image with contrast was "
            "expected. Check the series."
        )
    sides = [
        max(1, min(size, round(BLOCK_MM / step))) for size, step in zip(volume.shape, volume.spacing_mm, strict=True)
    ]
    blocks = _block_means(volume.voxels, sides)
    blocks = blocks - min(float(blocks.min()), 0.0)
    ceiling = float(np.percentile(blocks, 99)) or float(blocks.max()) or 1.0
    # The offset keeps zero-filled air finite, at a distance that does not depend on the scale of the image.
    logs = np.log(np.minimum(blocks, ceiling) + 0.01 * ceiling)
    body = logs > tissue_threshold(logs)
    body = ndimage.binary_erosion(ndimage.binary_dilation(body, _BALL), _BALL, border_value=1)
    body = ndimage.binary_dilation(ndimage.binary_erosion(body, _BALL, border_value=1), _BALL)
    body = _without_holes(_large_components(body))
    if not body.any():
        raise StudyRejected(
            f"No body was found in the image (values from {lowest:g} to {highest:g}, {volume.voxels.size} voxels); "
            "an image of tissue in air was expected. Check the series."
        )
    for axis, (side, size) in enumerate(zip(sides, volume.shape, strict=True)):
        body = body.take(np.minimum(np.arange(size) // side, body.shape[axis] - 1), axis=axis)
    return body


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


def _block_means(voxels: NDArray[np.float32], sides: list[int]) -> NDArray[np.float32]:
    """Means of blocks of `sides` voxels; what does not fill a block at the end is left out."""
    means = voxels
    for axis, side in enumerate(sides):
        if side > 1:
            before, size, after = means.shape[:axis], means.shape[axis], means.shape[axis + 1 :]
            count = size // side
            whole = means[(slice(None),) * axis + (slice(count * side),)]
            means = whole.reshape(*before, count, side, *after).mean(axis=axis + 1)
    return means


def _large_components(body: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, count = ndimage.label(body, _BALL)
    if count <= 1:
        return body
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= SMALLEST_COMPONENT * sizes.max())[labels])


def _without_holes(body: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill the air that does not reach the edge of its slice (bone, lungs)."""
    labels, count = ndimage.label(~body, _IN_PLANE)
    outside = np.zeros(count + 1, dtype=bool)
    for edge in (labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]):
        outside[np.unique(edge)] = True
    outside[0] = False
    return np.asarray(~outside[labels])

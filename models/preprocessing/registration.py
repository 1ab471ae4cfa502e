"""Rigid registration of two images of one patient: from the patient coordinates of one to those of the other.

For sequences whose Frames of Reference differ, so that their coordinates cannot be compared. Mutual information
(Mattes) knows nothing of contrast, so T1 and T2 weighting fit. One thread and fixed samples: the same images give the
same numbers. Motion within a breast is not rigid and is not corrected.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from models.errors import StudyRejected
from models.images import to_sitk
from models.volume import Volume

# Both images are brought to about this voxel size: a position good to a fraction of it is what a mask of 1 mm needs.
WORKING_MM = 2.0
SHRINK, SMOOTHING_MM = (4, 2, 1), (4.0, 2.0, 0.0)
BINS = 50
SHARE_OF_VOXELS = 0.2
ITERATIONS = 200


@dataclass(frozen=True, eq=False)
class RigidRegistration:
    """Rigid transform from one image to another.

    Attributes
    ----------
    matrix : float64 (4, 4), patient LPS mm of the fixed image → patient LPS mm of the moving image
    mutual_information : Mattes' estimate in nats, 0 or more, higher is better; 0 means nothing in common
    mutual_information_before : the same with the coordinates taken as they are written
    translation_mm : how far the centre of the fixed image moves
    rotation_degrees : angle of the rotation about its axis
    """

    matrix: NDArray[np.float64]
    mutual_information: float
    mutual_information_before: float
    translation_mm: float
    rotation_degrees: float


def register(fixed: Volume, moving: Volume) -> RigidRegistration:
    """Find the rigid motion that takes `fixed` to `moving`, starting from the coordinates as they are written.

    Raises
    ------
    StudyRejected
        When the images do not overlap, or no motion can be fitted.

    References
    ----------
    Mattes D et al., PET-CT image registration in the chest using free-form deformations. IEEE TMI 2003;22:120-128.
    """
    one, other = _working(fixed), _working(moving)
    transform = sitk.Euler3DTransform()
    transform.SetCenter([float(value) for value in _centre(fixed)])
    method = _method()
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=1.0,
        minStep=1e-3,
        numberOfIterations=ITERATIONS,
        relaxationFactor=0.6,
        gradientMagnitudeTolerance=1e-6,
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(list(SHRINK))
    method.SetSmoothingSigmasPerLevel(list(SMOOTHING_MM))
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetInitialTransform(transform, inPlace=True)
    try:
        before = -_evaluated(one, other, sitk.Euler3DTransform())
        method.Execute(one, other)
        after = -_evaluated(one, other, transform)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise StudyRejected(
            f"The images could not be registered rigidly ({reason}); images of one patient that overlap were expected. "
            "Send images that share a Frame of Reference, or leave one of them out."
        ) from error
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(transform.GetMatrix()).reshape(3, 3)
    matrix[:3, 3] = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    centre = _centre(fixed)
    moved = matrix[:3, :3] @ centre + matrix[:3, 3]
    cosine = (np.trace(matrix[:3, :3]) - 1) / 2
    return RigidRegistration(
        matrix=matrix,
        mutual_information=after,
        mutual_information_before=before,
        translation_mm=float(np.linalg.norm(moved - centre)),
        rotation_degrees=float(np.degrees(np.arccos(np.clip(cosine, -1, 1)))),
    )


def _method() -> sitk.ImageRegistrationMethod:
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfWorkUnits(1)  # sums in one order; SetNumberOfThreads alone leaves the order open
    method.SetMetricAsMattesMutualInformation(numberOfHistogramBins=BINS)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(SHARE_OF_VOXELS, seed=1)
    method.SetInterpolator(sitk.sitkLinear)
    return method


def _evaluated(one: sitk.Image, other: sitk.Image, transform: sitk.Transform) -> float:
    method = _method()
    method.SetMetricSamplingStrategy(method.NONE)
    method.SetInitialTransform(transform)
    return float(method.MetricEvaluate(one, other))


def _working(volume: Volume) -> sitk.Image:
    """The image with its intensities cut at the 99.5th percentile, averaged to about the working voxel size."""
    factors = np.maximum(1, np.round(WORKING_MM / np.array(volume.spacing_mm))).astype(int)
    volume = volume.in_single_precision()
    top = float(np.percentile(volume.voxels, 99.5))
    image = to_sitk(np.minimum(volume.voxels, np.float32(top)), volume)
    return sitk.BinShrink(image, [int(factor) for factor in factors[::-1]])


def _centre(volume: Volume) -> NDArray[np.float64]:
    middle = (np.array(volume.shape) - 1) / 2
    return np.asarray(volume.affine[:3, :3] @ middle + volume.affine[:3, 3])

"""Features of contours equal those of a whole extraction. Oracle: our engine on the same masks, all features."""

from __future__ import annotations

import numpy as np
import pytest

from models.features.contour_features import ContourFeatures
from models.features.extract import extract_features
from models.features.own import OwnEngine
from models.features.settings import Aggregation, FeatureSettings
from models.inference.package import shipped_packages
from models.inference.runtime import Provider, load_model
from models.preprocessing.other_readers import OtherReaders, other_readers
from models.preprocessing.prepare import Measured, Prepared, PreparedSequence
from models.preprocessing.regions import peritumoral_shell
from models.volume import Region, Roi, Sequence
from tests.models.made_contours import SHELL_MM, ball, prepared_study

SETTINGS = FeatureSettings()
MASK = ball((20, 30, 30), spacing=(1.0, 1.0, 1.0), radius_mm=6.0)


def of_contour(prepared: Prepared, mask: np.ndarray) -> Prepared:
    """The same study with the contour for its tumour."""
    sequences = {}
    for sequence, one in prepared.sequences.items():
        tumour = Roi(one.volume.affine, mask, "contour")
        shell = peritumoral_shell(tumour, body=one.body, shell_mm=SHELL_MM)
        rois = {Region.INTRATUMORAL: tumour, Region.PERITUMORAL: shell.roi}
        sequences[sequence] = PreparedSequence(one.volume, rois, one.body, Measured(one.volume, rois, one.body))
    return Prepared(sequences, ())


def test_they_equal_those_of_a_whole_extraction() -> None:
    prepared = prepared_study(MASK)
    readers = other_readers(prepared, count=2)
    table = extract_features(
        of_contour(prepared, readers.masks[1][Sequence.T1C]), engine=OwnEngine(), settings=SETTINGS
    )
    every = ContourFeatures(prepared, settings=SETTINGS, shell_mm=SHELL_MM, readers=readers)
    found = every.vectors(table.names)
    np.testing.assert_allclose(found[1], table.vector(table.names), rtol=1e-9, atol=1e-12)
    # A few alone are the same numbers: what is left out changes nothing.
    few = table.names[20::211]
    np.testing.assert_array_equal(every.vectors(few), found[:, 20::211])


def test_what_is_known_already_is_the_same_as_asked_alone() -> None:
    """Two models after each other, the first five contours and then the rest: numbers do not depend on the order."""
    prepared = prepared_study(MASK, t2w=True)
    readers = other_readers(prepared, count=4)
    regions = [f"{sequence}_{region}" for sequence in Sequence for region in Region]
    one = [
        f"{where}_{name}"
        for where in regions
        for name in ("original_glcm_Contrast", "wavelet-LLH_gldm_SmallDependenceEmphasis")
    ]
    other = [
        f"{where}_{name}"
        for where in regions
        for name in ("original_glcm_MCC", "original_ngtdm_Busyness", "original_glcm_Contrast")
    ]

    def fresh() -> ContourFeatures:
        return ContourFeatures(prepared, settings=SETTINGS, shell_mm=SHELL_MM, readers=readers)

    shared = fresh()
    for names in (one, other):
        found = np.concatenate([shared.vectors(names, slice(0, 2)), shared.vectors(names, slice(2, None))])
        assert np.isfinite(found).all()
        np.testing.assert_array_equal(found, fresh().vectors(names))


def test_a_contour_at_the_edge_of_the_image_has_the_features_of_a_whole_extraction() -> None:
    """The box that contours share ends where the image does; 2.00000007 mm is a spacing that rounding has changed."""
    spacing = (2.00000007, 0.8, 0.8)
    mask = np.roll(ball((14, 40, 40), spacing=spacing, radius_mm=7.0), (3, -10, 0), axis=(0, 1, 2))
    prepared = prepared_study(mask, spacing=spacing)
    readers = OtherReaders(1.0, 0.8, ({Sequence.T1C: mask}, {Sequence.T1C: np.roll(mask, 1, axis=2)}))
    table = extract_features(
        of_contour(prepared, readers.masks[1][Sequence.T1C]), engine=OwnEngine(), settings=SETTINGS
    )
    names = table.names[30::61]
    found = ContourFeatures(prepared, settings=SETTINGS, shell_mm=SHELL_MM, readers=readers).vectors(names)
    np.testing.assert_allclose(found[1], table.vector(names), rtol=1e-9, atol=1e-12)


def test_a_contour_without_voxels_has_no_features() -> None:
    prepared = prepared_study(MASK)
    masks = ({Sequence.T1C: MASK}, {Sequence.T1C: np.zeros_like(MASK)})
    found = ContourFeatures(
        prepared, settings=SETTINGS, shell_mm=SHELL_MM, readers=OtherReaders(1.0, 0.8, masks)
    ).vectors(["t1c_intratumoral_original_glcm_Contrast", "t1c_peritumoral_original_shape_MeshVolume"])
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()


@pytest.mark.slow
def test_twenty_contours_tell_the_spread_of_sixty() -> None:
    """The standard deviation from 20 normal numbers is right to ±16 % (1 s.d.); ±40 % is 2.5 of these."""
    prepared = prepared_study(MASK)
    model = load_model(shipped_packages()[2], provider=Provider.CPU)
    names = model.package.inputs
    rows = np.repeat(model.package.reference[0].values[np.newaxis], 60, axis=0)
    used = np.flatnonzero((model.explain(rows[:1]).attributions != 0).any(axis=0))
    readers = other_readers(prepared, count=60)
    rows[:, used] = ContourFeatures(prepared, settings=SETTINGS, shell_mm=SHELL_MM, readers=readers).vectors(
        [names[place] for place in used]
    )
    scores = model.score(rows)
    assert np.std(scores[:20], ddof=1) == pytest.approx(np.std(scores, ddof=1), rel=0.4)


def test_settings_that_change_grid_region_and_neighbours_hold_for_contours_too() -> None:
    prepared = prepared_study(MASK)
    readers = other_readers(prepared, count=1)
    wanted = FeatureSettings(
        wavelet=None, resample_mm=(1.5, 1.5, 1.5), resegment_sigma=3.0, aggregation=Aggregation.MERGED_2D
    )
    table = extract_features(of_contour(prepared, readers.masks[0][Sequence.T1C]), engine=OwnEngine(), settings=wanted)
    found = ContourFeatures(prepared, settings=wanted, shell_mm=SHELL_MM, readers=readers).vectors(table.names)
    np.testing.assert_allclose(found[0], table.vector(table.names), rtol=1e-9, atol=1e-12)

"""Invariant: the same real patient gives the same answer, through DICOM, however the images are stored or surrounded.

Some changes of each study run always, all of them with `-m slow`; `python -m tests.metamorphic.table` measures them for
the table of `docs/inputs.md`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import StudyRejected
from models.features.extract import open_engine
from models.inference.package import shipped_packages
from models.inference.runtime import LoadedModel, load_models
from models.preprocessing.prepare import open_bias_correction
from tests.metamorphic.changes import CHANGES, TOUCHES_BODY, Change
from tests.metamorphic.study import Images, Scored, changed, scored, with_tumours
from tests.metamorphic.table import STUDIES
from tests.metamorphic.through_dicom import NOT_THROUGH_DICOM, PLAIN, WAYS, Way, through_dicom

ALWAYS = {
    "breast": ("padded × 1.5 with −1000", "all of it", "as Enhanced MR, slices in reverse"),
    "thigh": ("padded × 1.1 with 0",),
}
CASES = [
    pytest.param(study, one, id=f"{study}: {one.words}", marks=() if one.words in some else pytest.mark.slow)
    for study, some in ALWAYS.items()
    for one in (*CHANGES, *WAYS)
    if one.words not in NOT_THROUGH_DICOM
    # Its values need more than 12 bits.
    if not (isinstance(one, Way) and one.bits == 12 and study == "thigh")
]
# The header's decimal numbers have 16 characters: the same place, written from another corner, differs in the last.
ROUNDING = 1e-9


@pytest.fixture(scope="module")
def models() -> dict[str, LoadedModel]:
    return {model.package.identity.name: model for model in load_models(shipped_packages(), provider="cpu")}


def scores_of(images: Images, models: dict[str, LoadedModel]) -> Scored:
    engine, bias = open_engine("own", device="cpu"), open_bias_correction("own", device="cpu")
    return scored(images, models=models, engine=engine, bias=bias)


@pytest.fixture(scope="module")
def unchanged(
    shared_data: Path, models: dict[str, LoadedModel], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Images, Scored]]:
    """Images as they came, and their scores after they were written and read."""
    found = {}
    for name in ALWAYS:
        study = STUDIES[name](shared_data)
        images = with_tumours(study.volumes, study.tumours)
        again = through_dicom(images, tmp_path_factory.mktemp(name), PLAIN)
        found[name] = images, scores_of(again, models)
    return found


@pytest.mark.parametrize(("study", "change"), CASES)
def test_through_dicom_the_score_stays_within_the_promised_tolerance(
    study: str,
    change: Change | Way,
    unchanged: dict[str, tuple[Images, Scored]],
    models: dict[str, LoadedModel],
    tmp_path: Path,
) -> None:
    images, before = unchanged[study]
    if isinstance(change, Way):
        after = scores_of(through_dicom(images, tmp_path, change), models)
    else:
        after = scores_of(through_dicom(changed(images, change), tmp_path), models)
        new = after.codes - before.codes
        if change.codes:
            assert new & set(change.codes)
        if change.tolerance == TOUCHES_BODY:
            assert after.codes & {"fill-along-body", "body-at-fill", "body-cut-by-image"}
    for name, score in before.scores.items():
        if change.tolerance is not None:
            # A label on the body covers a part of it, which is a warning.
            promised = TOUCHES_BODY if "label-on-body" in after.codes else change.tolerance
            assert abs(after.scores[name] - score) <= max(promised, ROUNDING)


def test_two_series_with_half_of_the_slices_each_are_not_joined(shared_data: Path, tmp_path: Path) -> None:
    study = STUDIES["breast"](shared_data)
    images = with_tumours(study.volumes, study.tumours)
    with pytest.raises(StudyRejected, match=r"2 series could be T1\+C"):
        through_dicom(images, tmp_path, Way("split over two series", split=True))

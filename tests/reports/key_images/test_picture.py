"""Key images as pictures: true to scale, words beside the anatomy only, no patient. Kind: invariants."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from models.validity import State
from models.volume import Sequence
from reports import validity_words
from reports.content import KeyImage, Report
from reports.key_images.picture import SIDE, KeyPicture, Shown, key_pictures
from reports.language import Language
from reports.languages.languages import WORDS
from reports.subtraction import subtraction_of
from tests.reports import examples

SHELL = (86, 180, 233)
TUMOUR = (255, 176, 0)
AMBER = (255, 196, 64)


def anatomy(picture: KeyPicture) -> NDArray[np.uint8]:
    """The square between the strips."""
    return picture.pixels[36 : 36 + SIDE]


def coloured(pixels: NDArray[np.uint8], color: tuple[int, int, int]) -> NDArray[np.bool_]:
    return np.asarray((np.abs(pixels.astype(int) - color) <= 12).all(axis=2))


def extent(picture: KeyPicture, axis: int) -> tuple[float, float]:
    """Middle of the first and of the last orange line across an axis, in pixels from the edge of the anatomy."""
    pixels = anatomy(picture).astype(int)
    orange = ((pixels[..., 0] - pixels[..., 2]) > 60).sum(axis=1 - axis)
    used = np.flatnonzero(orange > orange.max() / 3)
    half = SIDE // 2 if len(used) == 0 else (used[0] + used[-1]) / 2
    first, last = used[used < half], used[used > half]
    return float(first.mean() + 0.5), float(last.mean() + 0.5)


def block(spacing: tuple[float, float]) -> KeyImage:
    """A bright rectangle of 20 mm (rows) × 30 mm (columns), drawn as the tumour, on pixels that are not square."""
    row_mm, column_mm = spacing
    rows, columns = round(120 / row_mm), round(100 / column_mm)
    tumour = np.zeros((rows, columns), dtype=bool)
    tumour[round(40 / row_mm) : round(60 / row_mm), round(50 / column_mm) : round(80 / column_mm)] = True
    return KeyImage(
        sequence=Sequence.T1C,
        pixels=np.where(tumour, 100, np.linspace(0, 1, columns)).astype(np.float32),
        tumour=tumour,
        shell=np.zeros_like(tumour),
        pixel_spacing_mm=spacing,
        slice_index=0,
        edges=("R", "L", "A", "P"),
        caption="T1+C",
    )


def pictures_of(*images: KeyImage, report: Report | None = None) -> dict[Shown, KeyPicture]:
    report = replace(report or examples.report(), key_images=images, subtraction=None)
    return {picture.shown: picture for picture in key_pictures(report)}


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (2.0, 0.5), (0.4, 2.0)])
@pytest.mark.parametrize("shown", [Shown.WHOLE, Shown.ENLARGED])
def test_a_ruler_measures_right_in_both_directions(spacing: tuple[float, float], shown: Shown) -> None:
    picture = pictures_of(block(spacing))[shown]
    for axis, expected_mm in ((0, 20.0), (1, 30.0)):
        first, last = extent(picture, axis)
        assert (last - first) * picture.pixel_mm == pytest.approx(expected_mm, abs=0.7 * picture.pixel_mm)


def test_the_outline_lies_where_the_bright_rectangle_ends() -> None:
    picture = pictures_of(block((2.0, 0.5)))[Shown.WHOLE]
    # 120 mm of rows fill the side; 100 mm of columns are centred in it.
    assert extent(picture, 0) == pytest.approx((40 / 120 * SIDE, 60 / 120 * SIDE), abs=0.5)
    assert extent(picture, 1) == pytest.approx(((10 + 50) / 120 * SIDE, (10 + 80) / 120 * SIDE), abs=0.5)


def test_pictures_of_a_report_have_one_size_and_an_order() -> None:
    pictures = key_pictures(examples.report())
    assert [(one.sequence, one.shown) for one in pictures] == [
        (Sequence.T1C, Shown.WHOLE),
        (Sequence.T1C, Shown.ENLARGED),
        (Sequence.T2W, Shown.WHOLE),
        (Sequence.T2W, Shown.ENLARGED),
    ]
    assert len({one.pixels.shape for one in pictures}) == 1
    assert {one.pixels.dtype for one in pictures} == {np.dtype(np.uint8)}
    assert [(one.shown, one.pixel_mm) for one in key_pictures(examples.report())] == [
        (one.shown, one.pixel_mm) for one in pictures
    ]


def test_the_same_report_gives_the_same_pixels() -> None:
    first, second = key_pictures(examples.t1c_only()), key_pictures(examples.t1c_only())
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)


def test_no_patient_is_in_the_pixels() -> None:
    report = examples.t1c_only()
    nobody = replace(
        report.subject, patient_name="X", patient_id="Y", accession_number="Z", institution="", study_description=""
    )
    for one, other in zip(key_pictures(report), key_pictures(replace(report, subject=nobody)), strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize("state", State)
def test_the_state_stands_beside_the_anatomy_and_never_on_it(state: State) -> None:
    report = examples.t1c_only()
    answered = replace(report, state=state)
    pictures = key_pictures(answered)
    label, _ = validity_words.banner(state, ())
    assert bool(label) == (state is not State.VALID)
    for one, other in zip(pictures, key_pictures(replace(report, state=State.VALID)), strict=True):
        np.testing.assert_array_equal(anatomy(one), anatomy(other))
        assert coloured(one.pixels[:36], AMBER).any() == (state is not State.VALID)


@pytest.mark.parametrize("state", [State.CONDITIONAL, State.OUTSIDE, State.NOT_COMPUTABLE])
def test_the_main_reason_stands_below_the_picture(state: State) -> None:
    report = examples.in_state(state)
    label, sentence = validity_words.banner(report.state, [one.validity for one in report.models])
    assert label
    assert sentence.startswith(next(one.validity.main.sentence for one in report.models if one.validity.main))
    for picture in key_pictures(report):
        assert coloured(picture.pixels[36 + SIDE :], AMBER).any()


def test_a_sentence_without_end_is_cut() -> None:
    report = examples.in_state(State.OUTSIDE)
    assert all(section.validity.main is not None for section in report.models)
    long = examples.long_texts()
    assert all(picture.pixels.shape[0] < 2 * SIDE for picture in key_pictures(long))


def test_the_subtraction_has_the_frame_of_the_enlarged_part_and_no_outline() -> None:
    part = examples.prepared((Sequence.T1C,)).sequences[Sequence.T1C]
    report = examples.t1c_only()
    tumour = next(iter(part.rois.values())).mask
    made = subtraction_of(part.volume, replace(part.volume, voxels=part.volume.voxels * 0), tumour)
    assert made is not None
    pictures = {one.shown: one for one in key_pictures(replace(report, subtraction=made))}
    picture = pictures[Shown.SUBTRACTION]
    assert picture.slices == (0, part.volume.shape[0] - 1)
    assert not coloured(anatomy(picture), TUMOUR).any()
    assert coloured(anatomy(picture), (255, 255, 255)).any()
    assert picture.pixel_mm == pictures[Shown.WHOLE].pixel_mm


def test_the_shell_is_dashed_and_the_tumour_is_not() -> None:
    picture = key_pictures(examples.t1c_only())[1]
    drawn = coloured(anatomy(picture), SHELL).sum(), coloured(anatomy(picture), TUMOUR).sum()
    assert min(drawn) > 100


@pytest.mark.parametrize("direction", [(("AR", "PL", "HR", "FL"))])
def test_long_letters_stay_apart(direction: tuple[str, str, str, str]) -> None:
    image = replace(block((1.0, 1.0)), edges=direction)
    picture = pictures_of(image)[Shown.WHOLE]
    assert picture.edges == direction
    # Left of the middle third of the lowest band is the scale bar, in the middle the letters.
    white = coloured(anatomy(picture)[-34:], (255, 255, 255)).any(axis=0)
    starts = np.flatnonzero(np.diff(np.concatenate([[0], white.astype(int)])) == 1)
    assert max(np.diff(starts)) > 40


@pytest.mark.parametrize("language", Language)
def test_words_are_in_the_language_of_the_report(language: Language) -> None:
    report = examples.in_state(State.CONDITIONAL, language=language)
    words = WORDS[language]
    label, sentence = words.say.banner(report.state, [one.validity for one in report.models])
    assert label
    assert sentence
    captions = [picture.caption for picture in key_pictures(report)]
    assert captions[0] == f"{report.key_images[0].caption} ({words.labels.whole_slice})"
    other = examples.in_state(State.CONDITIONAL)
    for one, english in zip(key_pictures(report), key_pictures(other), strict=True):
        np.testing.assert_array_equal(anatomy(one), anatomy(english))

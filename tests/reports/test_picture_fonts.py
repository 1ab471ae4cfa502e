"""Fonts of the pictures: a file of the site is looked in before those of the system. Kind: mechanics.

The font has one letter that no other has: the A of DejaVu Sans, at a code point for private use.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from numpy.typing import NDArray

from reports.fonts import REPLACEMENT, dejavu_file
from reports.key_images.picture import key_pictures
from reports.notice.content import Notice, NoticeReason
from reports.notice.picture import notice_picture
from reports.raster_text import font_files, text_width
from tests.reports import examples

LETTER = "\ue000"


@pytest.fixture(scope="module")
def own_font(tmp_path_factory: pytest.TempPathFactory) -> str:
    font = TTFont(dejavu_file("DejaVuSans.ttf"))
    for table in font["cmap"].tables:
        table.cmap = {ord(LETTER): "A"} if table.isUnicode() else {}
    path: Path = tmp_path_factory.mktemp("font") / "own.ttf"
    font.save(path)
    return str(path)


def width(text: str) -> float:
    return text_width(text, size=20, bold=False)


def test_a_file_of_the_site_is_looked_in_and_only_within_its_context(own_font: str) -> None:
    assert width(LETTER) == width(REPLACEMENT) != width("A")
    with font_files((own_font,)):
        assert width(LETTER) == width("A")
    assert width(LETTER) == width(REPLACEMENT)
    with font_files(("/no/such/font.ttf",)):
        assert width(LETTER) == width(REPLACEMENT)


def picture(found: str, *fonts: str) -> NDArray[np.uint8]:
    notice = Notice(NoticeReason.GEOMETRY, found, "3 objects: 3 MR", examples.CREATED, fonts=fonts)
    return notice_picture(notice, software="RDeepNet 0.1.0")


def test_a_notice_takes_the_font(own_font: str) -> None:
    assert np.array_equal(picture(f"{LETTER}.", own_font), picture("A."))
    assert np.array_equal(picture(f"{LETTER}."), picture(f"{REPLACEMENT}."))
    assert np.array_equal(picture("Found.", own_font), picture("Found."))


def test_key_images_take_the_font(own_font: str) -> None:
    def drawn(letter: str, *fonts: str) -> NDArray[np.uint8]:
        report = examples.report()
        images = [replace(image, caption=f"{letter} {image.caption}") for image in report.key_images]
        return key_pictures(replace(report, key_images=tuple(images)), fonts=fonts)[0].pixels

    assert np.array_equal(drawn(LETTER), drawn(REPLACEMENT))
    assert not np.array_equal(drawn(LETTER, own_font), drawn(REPLACEMENT))
    assert np.array_equal(drawn("", own_font), drawn(""))

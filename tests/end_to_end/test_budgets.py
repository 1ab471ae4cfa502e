"""Hostile studies in `run`: whatever one asks for, it is refused within 1 GB of memory and 10 seconds of computing.

Each study is run in a process of its own, forked after everything was loaded; what an empty study costs there is taken
away (models are opened before a study is read). Kind: mechanics, with measured limits.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from tests.dicom_io.made_series import affine_of, ball, voxels_of, write_rtstruct, write_seg, write_series

MOST_MIB = 1024
MOST_CPU_S = 10.0
SHAPE = (4, 48, 64)


def small_study(folder: Path) -> tuple[list[Path], Path]:
    """Images and a segmentation that are read without complaint."""
    series = write_series(folder, [voxels_of(SHAPE)], affine=affine_of(), description="T1 POST", number=4)
    write_seg(folder / "seg.dcm", ball(SHAPE, centre=(1.5, 20, 30), radius=(1.2, 6, 7)), affine=affine_of())
    assert series
    return sorted(path for path in folder.glob("*.dcm") if path.name != "seg.dcm"), folder / "seg.dcm"


def _compressed(path: Path, syntax: UID) -> tuple[Dataset, bytearray]:
    dataset = pydicom.dcmread(path)
    dataset.compress(syntax, generate_instance_uid=False)
    return dataset, bytearray(get_frame(dataset.PixelData, 0, number_of_frames=1))


def jpeg_2000_of_60000(images: list[Path], seg: Path) -> None:
    """Codestreams that claim 60,000 × 60,000 pixels under a usual header."""
    for path in images:
        dataset, frame = _compressed(path, JPEG2000Lossless)
        begins = frame.index(b"\xff\x4f\xff\x51")
        for at in (8, 12, 24, 28):  # size of the image and of its tiles
            frame[begins + at : begins + at + 4] = (60_000).to_bytes(4, "big")
        dataset.PixelData = encapsulate([bytes(frame)])
        dataset.save_as(path)


def jpeg_ls_of_60000(images: list[Path], seg: Path) -> None:
    """The same in JPEG-LS, and the header agrees."""
    for path in images:
        dataset, frame = _compressed(path, JPEGLSLossless)
        place = frame.index(b"\xff\xf7") + 5
        frame[place : place + 4] = (60_000).to_bytes(2, "big") * 2
        dataset.PixelData = encapsulate([bytes(frame)])
        dataset.Rows = dataset.Columns = 60_000
        dataset.save_as(path)


def rle_of_4096(images: list[Path], seg: Path) -> None:
    """Four slices of 4096 × 4096: 67 million voxels, within the limit, from 4 MB; the segmentation is of others."""
    rows = 4096
    segment = b"\x81\x00" * (rows * rows // 128)
    header = np.array([2, 64, 64 + len(segment)] + [0] * 13, dtype="<u4").tobytes()
    for path in images:
        dataset, _ = _compressed(path, RLELossless)
        dataset.Rows = dataset.Columns = rows
        dataset.PixelData = encapsulate([header + segment * 2])
        dataset.save_as(path)


def _deflated(path: Path, more: bytes, times: int) -> None:
    """A data set with bytes appended many times, deflated."""
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(path)
    content = path.read_bytes()
    begins = 144 + int.from_bytes(content[140:144], "little")
    plain = zlib.decompress(content[begins:], -zlib.MAX_WBITS)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    with path.open("wb") as file:
        file.write(content[:begins] + packer.compress(plain))
        for _ in range(times):
            file.write(packer.compress(more))
        file.write(packer.flush())


def deflate_bomb(images: list[Path], seg: Path) -> None:
    """An image that inflates to 1.5 GB, in 1.5 MB."""
    _deflated(images[0], bytes(1024**2), 1536)


def deflated_within_the_limit(images: list[Path], seg: Path) -> None:
    """A segmentation that inflates to just below the limit."""
    _deflated(seg, bytes(1024**2), 250)


def _with_items(path: Path, tag: bytes, items: bytes) -> None:
    """A sequence of undefined length in place of the pixels."""
    dataset = pydicom.dcmread(path)
    del dataset.PixelData
    if "PerFrameFunctionalGroupsSequence" in dataset:
        del dataset.PerFrameFunctionalGroupsSequence
    dataset.save_as(path)
    with path.open("ab") as file:
        file.write(tag + b"SQ\0\0\xff\xff\xff\xff" + items + b"\xfe\xff\xdd\xe0\0\0\0\0")


def segmentation_of_a_million_frames(images: list[Path], seg: Path) -> None:
    """A million groups of attributes of its frames."""
    _with_items(seg, b"\x00\x52\x30\x92", b"\xfe\xff\x00\xe0\0\0\0\0" * 1_000_000)


def segmentation_that_claims_a_million_frames(images: list[Path], seg: Path) -> None:
    """A header of a million frames with four groups."""
    dataset = pydicom.dcmread(seg)
    dataset.NumberOfFrames = 1_000_000
    dataset.save_as(seg)


def segmentation_far_finer_than_its_images(images: list[Path], seg: Path) -> None:
    """Frames of 4,096 × 4,096 pixels on images of 48 × 64."""
    dataset = pydicom.dcmread(seg)
    frames = dataset.NumberOfFrames
    dataset.Rows = dataset.Columns = 4096
    dataset.PixelData = bytes(4096 * 4096 // 8 * frames)
    dataset.save_as(seg)


def a_million_private_items(images: list[Path], seg: Path) -> None:
    """A private sequence of empty items in an image."""
    _with_items(images[0], b"\x01\x60\x01\x10", b"\xfe\xff\x00\xe0\0\0\0\0" * 1_000_000)


def deep(images: list[Path], seg: Path) -> None:
    """Half a million sequences within each other."""
    inner = b"\x40\x00\x30\xa7SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    _with_items(seg, b"\x40\x00\x30\xa7", b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + inner * 500_000)


def contour_of_a_hundred_million_points(images: list[Path], seg: Path) -> None:
    """A structure set that claims 10⁸ points, and has 20 million in a deflated file."""
    _structure_set(seg, contours=1)
    dataset = pydicom.dcmread(seg)
    contour = dataset.ROIContourSequence[0].ContourSequence[0]
    contour.NumberOfContourPoints = 100_000_000
    contour.add_new("ContourData", "UN", b"0\\" * 60_000_000 + b"0 ")
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(seg)


def thousands_of_contours_on_a_slice(images: list[Path], seg: Path) -> None:
    """Contours that all lie around each other, within every limit of counts."""
    _structure_set(seg, contours=4000)


def contours_of_a_million_points(images: list[Path], seg: Path) -> None:
    """Two contours of a slice with as many corners as the limit of all points allows, uncompressed."""
    _structure_set(seg, contours=2)
    dataset = pydicom.dcmread(seg)
    angles = np.linspace(0, 2 * np.pi, 1_400_000)
    for number, contour in enumerate(dataset.ROIContourSequence[0].ContourSequence):
        rows = zip(-17 + number + 3 * np.cos(angles), -27 + 3 * np.sin(angles), strict=True)
        contour.NumberOfContourPoints = len(angles)
        contour.add_new("ContourData", "UN", "\\".join(f"{x:.4f}\\{y:.4f}\\8" for x, y in rows).encode())
    dataset.save_as(seg)


def _structure_set(seg: Path, *, contours: int) -> None:
    seg.unlink()
    corners = np.array([[-17, -27, 8], [-14, -27, 8], [-15, -24, 8]], dtype=float)
    planes = [corners * [1 + number * 1e-5, 1, 1] for number in range(contours)]
    write_rtstruct(seg, planes)


def numbers_by_the_million(images: list[Path], seg: Path) -> None:
    """A position of 40 million numbers, which the library would make objects of."""
    dataset = pydicom.dcmread(images[0])
    dataset.add_new("ImagePositionPatient", "UN", b"1\\" * 40_000_000 + b"1 ")
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    pydicom.dcmwrite(images[0], dataset, implicit_vr=True, little_endian=True)


def sparse(images: list[Path], seg: Path) -> None:
    """An element of 3 GB before the pixels, which takes no space on the disk."""
    dataset = pydicom.dcmread(images[0])
    del dataset.PixelData
    dataset.save_as(images[0])
    with images[0].open("ab") as file:
        file.write(b"\x01\x60\x01\x10OB\0\0" + (3 * 1024**3).to_bytes(4, "little"))
        file.truncate(file.tell() + 3 * 1024**3)


HOSTILE: tuple[Callable[[list[Path], Path], None], ...] = (
    jpeg_2000_of_60000,
    jpeg_ls_of_60000,
    rle_of_4096,
    deflate_bomb,
    deflated_within_the_limit,
    segmentation_of_a_million_frames,
    segmentation_that_claims_a_million_frames,
    segmentation_far_finer_than_its_images,
    a_million_private_items,
    deep,
    contour_of_a_hundred_million_points,
    thousands_of_contours_on_a_slice,
    contours_of_a_million_points,
    numbers_by_the_million,
    sparse,
)


def cost_of(folder: Path) -> dict[str, Any]:
    """Outcome, memory (MiB) and computing (s) of `run` on a folder, in a forked process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        sys.settrace(None)  # the measuring of coverage counts every line, which is not the product's computing
        try:
            found = _run(folder)
        except BaseException as error:
            found = {"outcome": repr(error), "sentence": "", "mib": 0, "cpu_s": 0}
        os.write(writing, json.dumps(found).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        content = answer.read()
    os.waitpid(child, 0)
    assert content, "the process ended before it answered"
    return dict(json.loads(content))


def _run(folder: Path) -> dict[str, Any]:
    from appliance.offline import runs
    from appliance.settings import Settings
    from dicom_io.rules import NO_ASSIGNMENT

    settings = Settings()
    before = _rss_mib("VmRSS")
    plan = runs.plan_run(folder, folder.parent / f"{folder.name}.out", settings=settings, assignment=NO_ASSIGNMENT)
    (outcome,) = runs.run(plan, settings=settings, jobs=1)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "outcome": outcome.outcome,
        "sentence": outcome.sentence,
        "mib": _rss_mib("VmHWM") - before,
        "cpu_s": used.ru_utime + used.ru_stime,
    }


def _rss_mib(name: str) -> float:
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name)]
    return int(line.split()[1]) / 1024


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Cost of a study without a segmentation until it is refused, everything loaded."""
    from appliance.settings import Settings
    from appliance.workbench import open_workbench

    open_workbench(Settings())  # loaded here, so that no process below has to
    folder = tmp_path_factory.mktemp("usual")
    _, seg = small_study(folder)
    seg.unlink()
    cost = cost_of(folder)
    assert cost["outcome"] == "refused", cost
    return cost


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the side that makes them writes invalid values on purpose
@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.__name__)
def test_a_hostile_study_is_refused_within_the_budget(
    tmp_path: Path, usual: dict[str, Any], hostile: Callable[[list[Path], Path], None]
) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    hostile(*small_study(folder))
    cost = cost_of(folder)
    print(hostile.__name__, {**cost, "mib": cost["mib"] - usual["mib"], "cpu_s": cost["cpu_s"] - usual["cpu_s"]})
    assert cost["outcome"] == "refused", cost
    assert cost["sentence"].count(" expected") >= 1
    assert cost["mib"] - usual["mib"] < MOST_MIB
    assert cost["cpu_s"] - usual["cpu_s"] < MOST_CPU_S

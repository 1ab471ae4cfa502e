"""Objects of a few bytes that claim gigabytes, in studies that are otherwise read without complaint."""

from __future__ import annotations

import re
import struct
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from pydicom import dcmread
from pydicom.encaps import encapsulate, get_frame
from pydicom.filereader import read_file_meta_info
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, JPEG2000Lossless
from pynetdicom import AE, build_context

from tests.dicom_io.network.test_receive import raw_store
from tests.dicom_io.reading.test_fuzz_reading import whole_study
from tests.end_to_end.small_study import uid
from tests.faults.home import AE_TITLE, SENDER, Home, Stuck, wait_for
from tests.faults.results import Tally
from tests.faults.watch import Watch

GROUP = "Bombs"
GROWN_MB = 600.0  # what inflating up to the limit of 400 MB takes, and the libraries that read
DEPTH = 20_000
_NAME = re.compile(r"[0-9a-f]{32}\S*\.dcm")  # of a file in the inbox


def _dataset_begins(content: bytes) -> int:
    return 144 + int.from_bytes(content[140:144], "little")


def _deflated(path: Path) -> None:
    """3 MB that inflate to 3 GB."""
    dataset = dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(path)
    content = path.read_bytes()
    begins = _dataset_begins(content)
    plain = zlib.decompress(content[begins:], -zlib.MAX_WBITS)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    pieces = [packer.compress(plain), *(packer.compress(bytes(16 * 1024**2)) for _ in range(192)), packer.flush()]
    path.write_bytes(content[:begins] + b"".join(pieces))


def _codestream(path: Path) -> None:
    """A JPEG 2000 codestream that claims 60,000 × 60,000 pixels."""
    dataset = dcmread(path)
    rows, columns = dataset.Rows, dataset.Columns
    dataset.Rows = dataset.Columns = 64  # the images of the study are too small for an encoder
    dataset.PixelData = bytes(2 * 64 * 64)
    dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
    dataset.Rows, dataset.Columns = rows, columns
    frame = bytearray(get_frame(dataset.PixelData, 0, number_of_frames=1))
    begins = frame.index(b"\xff\x4f\xff\x51")
    frame[begins + 8 : begins + 16] = (60_000).to_bytes(4, "big") * 2
    dataset.PixelData = encapsulate([bytes(frame)])
    dataset.save_as(path)


def _header(path: Path) -> None:
    """A header that claims 60,000 × 60,000 pixels."""
    dataset = dcmread(path)
    dataset.Rows = dataset.Columns = 60_000
    dataset.save_as(path)


def _nested(path: Path) -> None:
    """Sequences in sequences, 20,000 deep."""
    begin = struct.pack("<HH2sHI", 0x0040, 0x0275, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    end = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    content = path.read_bytes()
    pixels = content.index(struct.pack("<HH", 0x7FE0, 0x0010))
    path.write_bytes(content[:pixels] + DEPTH * begin + DEPTH * end + content[pixels:])


BOMBS: dict[str, Callable[[Path], None]] = {
    "3 MB that inflate to 3 GB": _deflated,
    "a codestream that claims 60,000 × 60,000 pixels": _codestream,
    "a header that claims 60,000 × 60,000 pixels": _header,
    f"sequences nested {DEPTH:,} deep": _nested,
}


def _push(home: Home, files: list[Path]) -> dict[int, int]:
    """Send files byte for byte; returns how often each status came."""
    statuses: dict[int, int] = {}
    for path in files:
        meta = read_file_meta_info(path)
        association = AE(SENDER).associate(
            "127.0.0.1",
            home.port,
            contexts=[build_context(meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID)],
            ae_title=AE_TITLE,
        )
        content = path.read_bytes()
        encoded = content[_dataset_begins(content) :]
        status = raw_store(association, meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID, encoded)
        association.release()
        statuses[status] = statuses.get(status, 0) + 1
    return statuses


def explode(folder: Path, name: str, *, trials: int) -> Tally:
    """Sends a study with a bomb, and one without; the first is refused with a sentence, the second delivered."""
    tally = Tally(GROUP, name)
    home = Home(folder)
    (home.control / "read").touch()
    home.start()
    sentences: set[str] = set()

    def send(study_uid: str, *, with_bomb: bool) -> dict[int, int]:
        with tempfile.TemporaryDirectory() as made:
            whole_study(Path(made), enhanced=False, contours=False, mixed=False)
            files = sorted(Path(made).glob("*.dcm"))
            for path in files:
                dataset = dcmread(path)
                dataset.StudyInstanceUID = UID(study_uid)
                dataset.save_as(path)
            if with_bomb:
                BOMBS[name](next(path for path in files if dcmread(path).SeriesDescription == "T1 DYN"))
            return _push(home, files)

    try:
        send(uid(name, "warm"), with_bomb=False)
        wait_for(lambda: home.is_settled(uid(name, "warm")), what="a study without a bomb is not at its end")
        if home.stated(uid(name, "warm")).state != "delivered":
            raise AssertionError(f"a study without a bomb is {home.stated(uid(name, 'warm'))}")
        with Watch(home) as watch:
            for number in range(trials):
                tally.trials += 1
                bomb, next_one = (uid(name, number, time.monotonic(), with_bomb) for with_bomb in (True, False))
                statuses = send(bomb, with_bomb=True)
                sent_s = time.monotonic()  # a bomb takes long to make
                try:
                    wait_for(lambda bomb=bomb: home.is_settled(bomb), what=f"the study is not at its end ({statuses})")
                    stated = home.stated(bomb)
                    tally.recover_s.append(round(time.monotonic() - sent_s, 2))
                    refusals = sorted(f"0x{status:04X}" for status in statuses if status)
                    if stated.state != "refused" and not refusals:
                        tally.problems.append(f"the study is {stated.state}: {stated.sentence}")
                    sentences.add(" and ".join(refusals) or _NAME.sub("….dcm", stated.sentence))
                    send(next_one, with_bomb=False)
                    wait_for(lambda uid=next_one: home.is_settled(uid), what="the next study is not at its end")
                    if home.stated(next_one).state != "delivered":
                        tally.problems.append(f"the next study is {home.stated(next_one).state}")
                except Stuck as stuck:
                    tally.stuck += 1
                    tally.problems.append(str(stuck))
        if home.deaths:
            tally.problems.append(f"the service ended with status {home.deaths[-1].status}")
        tally.measured = " / ".join(sorted(sentences))
        watch.say(tally, most_mb=GROWN_MB)
    finally:
        home.stop()
    return tally

"""Images per second received: `python -m tests.benchmarks.receive_rate [ROUNDS [IMAGES]]`, writes RECEIVING.md.

Images of 0.5 MB from one and four senders (storescu, one association each) over the loopback. Our receiver with its
inbox, with two syncs and with one, DCMTK's storescp and Orthanc (both without a sync before Success), each a process of
its own, in alternate rounds: on a machine that others use, too, only figures of the same round can be compared.
TCP_NODELAY=1 for DCMTK and Orthanc: without it they stall 40 ms an image and flatter whoever is measured beside them.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dicom_io.network.tls import TlsFiles
from tests.dicom_io.network.made_certificates import make_authority
from tests.end_to_end.running import AE_TITLE, Orthanc, free_port, is_listening, wait_for
from tests.end_to_end.small_study import image

PAGE = Path(__file__).with_name("RECEIVING.md")
ROWS = 512  # 512 × 512 × 2 bytes = 0.5 MB
ORTHANC, STORESCP, ONE_SYNC = "Orthanc", "storescp", "ours, one sync"
ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}


@dataclass(frozen=True)
class Load:
    """Way in which images are sent."""

    senders: int
    pdu: int
    tls: bool = False

    def __str__(self) -> str:
        return f"{self.senders} sender{'s' * (self.senders > 1)}, {self.pdu // 1024} KB{', TLS' * self.tls}"


@dataclass(frozen=True)
class Figures:
    """Of one run: images per second, and CPU time of the receiver."""

    rate: float
    cpu_ms: float


Start = Callable[[Path, Load, TlsFiles], "Iterator[tuple[int, int]]"]
LOADS = [Load(senders, pdu) for pdu in (16384, 131072) for senders in (1, 4)]
LOADS += [Load(senders, 131072, tls=True) for senders in (1, 4)]


def ours(sync: str) -> Start:
    """Our receiver and inbox."""

    def start(folder: Path, load: Load, files: TlsFiles) -> Iterator[tuple[int, int]]:
        tls = [files.certificate, files.key, files.authorities] if load.tls else []
        command = [sys.executable, "-m", "tests.benchmarks.receiver", str(folder), sync, *map(str, tls)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                yield int(process.stdout.readline()), process.pid
            finally:
                process.kill()

    return start


def dcmtk(folder: Path, load: Load, files: TlsFiles) -> Iterator[tuple[int, int]]:
    folder.mkdir()
    port = free_port()
    tls = ["--enable-tls", files.key, files.certificate, "--add-cert-file", files.authorities] if load.tls else []
    command = ["storescp", "--output-directory", folder, "--fork", "--max-pdu", load.pdu, *tls, port]
    with subprocess.Popen([*map(str, command)], env=ENVIRONMENT, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: is_listening(port), what="storescp to listen")
            yield port, process.pid
        finally:
            process.kill()


def orthanc(folder: Path, load: Load, files: TlsFiles) -> Iterator[tuple[int, int]]:
    more: dict[str, object] = {"MaximumPduLength": load.pdu}
    if load.tls:
        more |= {
            "DicomTlsEnabled": True,
            "DicomTlsCertificate": str(files.certificate),
            "DicomTlsPrivateKey": str(files.key),
            "DicomTlsTrustedCertificates": str(files.authorities),
        }
    server = Orthanc(folder, service_port=free_port(), more=more)
    try:
        yield server.port, server.pid
    finally:
        server.stop()


RECEIVERS: dict[str, Start] = {
    "ours, two syncs": ours("file-and-folder"),
    ONE_SYNC: ours("file"),
    ORTHANC: orthanc,
    STORESCP: dcmtk,
}


def cpu_s(pid: int) -> float:
    """CPU time of a process, and of its children, those that have ended among them."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()  # from the state on: proc(5), field 3
        except OSError:  # it has ended
            continue
        if path.parent.name == str(pid):
            ticks += sum(map(int, fields[11:15]))
        elif fields[1] == str(pid):
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def run(start: Start, folder: Path, load: Load, images: Sequence[Path], files: TlsFiles) -> Figures:
    """One run of a receiver that is started for it."""
    with contextmanager(start)(folder, load, files) as (port, pid):
        os.sync()  # what others have not written yet
        tls = ["--enable-tls", files.key, files.certificate, "--add-cert-file", files.authorities] if load.tls else []
        command = ["storescu", "--required", "--max-send-pdu", load.pdu, "--call", AE_TITLE, *tls, "127.0.0.1", port]
        before_s, begun = cpu_s(pid), time.perf_counter()
        senders = [
            subprocess.Popen(
                [*map(str, [*command, *images[first :: load.senders]])], env=ENVIRONMENT, stderr=subprocess.DEVNULL
            )
            for first in range(load.senders)
        ]
        statuses = [sender.wait() for sender in senders]
        wall_s = time.perf_counter() - begun
        used_s = cpu_s(pid) - before_s
    assert not any(statuses), f"{load}: a sender failed"
    shutil.rmtree(folder)
    return Figures(len(images) / wall_s, 1000 * used_s / len(images))


def table(results: dict[tuple[Load, str], list[Figures]], rounds: int) -> str:
    """Medians of the rounds, and those of the comparisons within them."""
    lines = [f"| images/s (CPU-ms an image) | {' | '.join(RECEIVERS)} |", f"|---|{'---|' * len(RECEIVERS)}"]
    for load in LOADS:
        cells = []
        for name in RECEIVERS:
            each = results[load, name]
            rate = statistics.median(one.rate for one in each)
            cells.append(f"{rate:.0f} ({statistics.median(one.cpu_ms for one in each):.2f})")
        lines.append(f"| {load} | {' | '.join(cells)} |")
    lines += [
        "",
        "| within each round, median (lowest to highest) | rate ÷ Orthanc | CPU-ms − storescp |",
        "|---|---|---|",
    ]
    for load in LOADS:
        for name in list(RECEIVERS)[:2]:
            pairs = range(rounds)
            ratios = [results[load, name][at].rate / results[load, ORTHANC][at].rate for at in pairs]
            more = [results[load, name][at].cpu_ms - results[load, STORESCP][at].cpu_ms for at in pairs]
            lines.append(
                f"| {load}: {name} | {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) "
                f"| {statistics.median(more):+.2f} ({min(more):+.2f} to {max(more):+.2f}) |"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 400
    loads_before = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = make_authority(folder).issue("machine", use_rsa=True)
        images = [folder / f"{number:04d}.dcm" for number in range(count)]
        for number, path in enumerate(images):
            image("rate", number, rows=ROWS).save_as(path, enforce_file_format=True)
        results: dict[tuple[Load, str], list[Figures]] = {}
        for number in range(rounds):
            for load in LOADS:
                loads_before.append(os.getloadavg()[0])
                for receiver, start in RECEIVERS.items():
                    figures = run(start, folder / "received", load, images, files)
                    results.setdefault((load, receiver), []).append(figures)
                    print(f"{number + 1}: {load}: {receiver}: {figures.rate:.0f} ({figures.cpu_ms:.2f})", flush=True)
    text = PAGE.read_text(encoding="utf-8").partition("<!-- measured -->")[0] if PAGE.exists() else ""
    busy = f"{count} images a run, {rounds} rounds, load average {min(loads_before):.1f} to {max(loads_before):.1f}."
    PAGE.write_text(f"{text}<!-- measured -->\n\n{busy}\n\n{table(results, rounds)}", encoding="utf-8")


if __name__ == "__main__":
    main()

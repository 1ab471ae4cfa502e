"""Memory and CPU time of DICOMweb, 1,440 images: `python -m tests.benchmarks.bench_dicomweb` writes DICOMWEB.md.

Out and back against Debian's Orthanc with its DICOMweb plugin; in, by Orthanc's own sender and by ours, into `rdeepnet
web`. Memory is the peak of the resident set of a process, libraries and all.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
import urllib3

from tests.appliance.web.site import populate
from tests.end_to_end.running import Orthanc, free_port, is_listening, wait_for
from tests.end_to_end.small_study import image, uid
from tests.end_to_end.test_wado import dicomweb_plugin

TARGET = Path(__file__).with_name("DICOMWEB.md")
IMAGES, ROWS = 1440, 256
TOKEN = "fedcba9876543210" * 4
BAR_MB = 100  # of every row; pydicom alone takes 72
MOST_ADDED_MB = 20  # by a transfer

# With nothing loaded that the step does not need.
CHILD = """
import sys, time
from pathlib import Path
what, url, place = sys.argv[1:]
from dicom_io.network.dicomweb.web_peer import WebPeer
if "store" in what:
    from dicom_io.network.dicomweb.store import store
else:
    from dicom_io.network.dicomweb.retrieve import fetch_study
if what == "store":
    files = sorted(Path(place).iterdir())
    results = store(files, WebPeer(url, 120.0, token_file=Path(place).with_name("token")))
    assert {sent.delivery.value for sent in results} == {"stored"}
elif what == "fetch":
    assert len(fetch_study(WebPeer(url, 120.0), place.split("@")[0], Path(place.split("@")[1])).files) == 1440
peak = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(peak) * 1024 / 1e6, time.process_time())
"""


def write_images(folder: Path) -> list[Path]:
    """The files of one study."""
    folder.mkdir()
    files = []
    for number in range(IMAGES):
        files.append(folder / f"{number:04d}.dcm")
        image("bench", number, rows=ROWS).save_as(files[-1], enforce_file_format=True)
    return files


def row(what: str, *arguments: str) -> tuple[str, float, float, float]:
    """(what, peak in MB, CPU seconds, seconds) of this module run as a process of its own."""
    command = [sys.executable, "-c", CHILD, *arguments]
    begun = time.monotonic()
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds = time.monotonic() - begun
    peak, cpu = (float(text) for text in result.stdout.split())
    return what, peak, cpu, seconds


def usage(pid: int) -> tuple[float, float]:
    """Peak of the resident set in MB and CPU seconds of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    peak = int(next(line.split()[1] for line in status if line.startswith("VmHWM"))) * 1024 / 1e6
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return peak, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def web(folder: Path, port: int) -> Iterator[int]:
    """`rdeepnet web` with its door open; gives its process id."""
    (folder / "state").mkdir(parents=True, mode=0o700)
    populate(folder / "state")
    for name, content in (("senders", f"router {TOKEN}\n"), ("rdeepnet.toml", settings(port))):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(content, encoding="ascii")
    process = subprocess.Popen(
        [sys.executable, "-m", "appliance.cli", "web", "--config", str(folder / "rdeepnet.toml")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: process.poll() is None and is_listening(port), what="the web process")
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def shown(port: int) -> str:
    """The front page, the list of studies and the figures, as somebody looks at them."""
    pages = (f"http://127.0.0.1:{port}{page}" for page in ("/", "/studies", "/metrics"))
    return "".join(urllib3.request("GET", page).data.decode() for page in pages)


def settings(port: int) -> str:
    """Settings of a web process."""
    return (
        f'[service]\nstate_dir = "state"\n[web]\nenabled = true\nport = {port}\nstow_token_file = "senders"\n'
        '[[senders]]\nae_title = "X"\n[[destinations]]\nname = "x"\nae_title = "X"\nhost = "127.0.0.1"\n'
    )


def measured(folder: Path) -> list[tuple[str, float, float, float]]:
    """The rows of the table."""
    port = free_port()
    server = {"Url": f"http://127.0.0.1:{port}/dicom-web/", "HttpHeaders": {"Authorization": f"Bearer {TOKEN}"}}
    orthanc = Orthanc(folder / "orthanc", plugins=[dicomweb_plugin()], more={"DicomWeb": {"Servers": {"us": server}}})
    (folder / "token").touch(mode=0o600)
    (folder / "token").write_text(TOKEN, encoding="ascii")
    try:
        write_images(folder / "images")
        rows = [row("libraries of STOW-RS out alone", "no store", orthanc.web_url, "")]
        rows.append(row("STOW-RS out, to Orthanc, one request", "store", orthanc.web_url, str(folder / "images")))
        rows.append(row("libraries of WADO-RS alone", "no fetch", orthanc.web_url, ""))
        rows.append(
            row("WADO-RS from Orthanc into files", "fetch", orthanc.web_url, f"{uid('bench')}@{folder / 'fetched'}")
        )
        with web(folder / "web", port) as pid:
            wait_for(lambda: "rdeepnet_destination_up" in shown(port), what="a look at the destinations")
            before = usage(pid)
            rows.append(("`rdeepnet web` before, its pages shown", *before, 0.0))
            begun = time.monotonic()
            row("", "store", f"http://127.0.0.1:{port}/dicom-web", str(folder / "images"))
            peak, cpu = usage(pid)
            rows.append(("STOW-RS in, from our sender", peak, cpu - before[1], time.monotonic() - begun))
            begun = time.monotonic()
            study = str(orthanc.get("studies")[0])
            orthanc.post("dicom-web/servers/us/stow", json.dumps({"Resources": [study], "Synchronous": True}).encode())
            peak, after = usage(pid)
            rows.append(("STOW-RS in, from Orthanc", peak, after - cpu, time.monotonic() - begun))
        count = len(list((folder / "web" / "state" / "stow").glob("*/*.instance")))
        assert count == 2 * IMAGES, count
        return rows
    finally:
        orthanc.stop()


def main() -> None:
    """Measures and writes the table."""
    with tempfile.TemporaryDirectory(prefix="rdeepnet-dicomweb-") as folder:
        rows = measured(Path(folder))
        size = sum(file.stat().st_size for file in (Path(folder) / "images").iterdir()) / 1e6
    lines = [f"| {what} | {peak:.0f} | {cpu:.1f} | {seconds:.1f} |" for what, peak, cpu, seconds in rows]
    load = os.getloadavg()[0]
    TARGET.write_text(
        f"# DICOMweb\n\nMade by `python -m tests.benchmarks.bench_dicomweb`. {IMAGES:,} images, {size:.0f} MB, one "
        "request each way; Debian's Orthanc on the\nloopback. Peak of the resident set of our process, its libraries "
        f"with it, and its CPU seconds. Bar: {BAR_MB} MB, and\n{MOST_ADDED_MB} MB more than before the "
        f"transfer, for every row. Python {platform.python_version()}, pydicom {pydicom.__version__}, urllib3 "
        f"{urllib3.__version__}, 2 shared cores ({platform.machine()}),\nload {load:.1f}.\n\n"
        "| what | peak MB | CPU s | s |\n| --- | --- | --- | --- |\n" + "\n".join(lines) + "\n",
        encoding="utf-8",
    )
    peaks = [peak for _, peak, _, _ in rows]
    assert max(peaks) < BAR_MB, rows
    for before, *transfers in (peaks[:2], peaks[2:4], peaks[4:]):
        assert max(transfers) < before + MOST_ADDED_MB, rows


if __name__ == "__main__":
    main()

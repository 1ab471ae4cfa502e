"""Images kept and fetched a second in each home: a folder, PostgreSQL, PostgreSQL with S3. Writes HOMES.md.

    python -m tests.benchmarks.bench_homes

Each home keeps and fetches the same images of 0.5 MB; one thread, then four at once, as four associations do. The homes
take turns in each round, since other programs use the machine. The PostgreSQL server syncs every commit. The object
store is the tests' simulator: it keeps objects in memory, so its figures are those of our side and of HTTP, and nothing
of a real store.
"""

from __future__ import annotations

import math
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from appliance.settings import ServiceSettings, Settings, Sync
from appliance.shared_settings import SharedSettings
from appliance.state.homes import ReceivingHome, open_receiving_home
from tests.end_to_end.postgres import running_postgres
from tests.end_to_end.running import free_port, is_listening, wait_for

OUT = Path(__file__).with_name("HOMES.md")
SIZE, IMAGES, ROUNDS, THREADS = 500_000, 60, 3, (1, 4)
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Figures:
    """Rates of one home with some threads, and CPU time of this process for an image, in every round."""

    kept: list[float] = field(default_factory=list)  # images/s
    fetched: list[float] = field(default_factory=list)
    keep_ms: list[float] = field(default_factory=list)
    fetch_ms: list[float] = field(default_factory=list)


def measure(home: ReceivingHome, study: str, threads: int, figures: Figures) -> None:
    """One round: a study of new images is kept, then fetched by one reader, as a worker does, and read."""
    images = [os.urandom(64) + bytes(SIZE - 64) for _ in range(IMAGES)]

    def keep(number: int) -> None:
        home.inbox.keep(study, instance_uid=f"{study}.{number}", meta=b"m" * 400, dataset=images[number])

    before_s, cpu_s = time.monotonic(), _cpu_s()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(keep, range(IMAGES)))
    figures.kept.append(IMAGES / (time.monotonic() - before_s))
    figures.keep_ms.append((_cpu_s() - cpu_s) / IMAGES * 1000)
    before_s, cpu_s = time.monotonic(), _cpu_s()
    with home.inbox.fetched(study, home.inbox.content(study).instances) as files:
        assert sum(len(file.read_bytes()) for file in files) == IMAGES * (SIZE + 400)
    figures.fetched.append(IMAGES / (time.monotonic() - before_s))
    figures.fetch_ms.append((_cpu_s() - cpu_s) / IMAGES * 1000)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@contextmanager
def homes(folder: Path) -> Iterator[dict[str, ReceivingHome]]:
    """Every home by its name, open."""
    with ExitStack() as stack:
        server = stack.enter_context(running_postgres(durable=True))
        port = free_port()
        simulator = subprocess.Popen([sys.executable, "-m", "tests.s3_simulator", str(port), "images"], cwd=ROOT)
        stack.callback(simulator.wait)
        stack.callback(simulator.terminate)
        wait_for(lambda: is_listening(port), what="the simulator of S3")
        for name in ("bytea", "s3"):
            server.execute(f"CREATE DATABASE {name}")
        key_file = folder / "key"
        key_file.write_text("id\nsecret\n")
        objects = SharedSettings(
            database_url=server.url("s3"),
            objects_url="s3://images/bench",
            objects_endpoint=f"http://127.0.0.1:{port}",
            objects_key_file=key_file,
        )
        opened = {}
        for name, sync, shared in (
            ("folder, two syncs", Sync.FILE_AND_FOLDER, SharedSettings()),
            ("folder, one sync", Sync.FILE, SharedSettings()),
            ("PostgreSQL", Sync.FILE_AND_FOLDER, SharedSettings(database_url=server.url("bytea"))),
            ("PostgreSQL with S3 (simulator)", Sync.FILE_AND_FOLDER, objects),
        ):
            settings = Settings(service=ServiceSettings(state_dir=folder / name, sync=sync), shared=shared)
            opened[name] = open_receiving_home(settings, last_pulse_s=math.inf, receiver="bench", lease_s=60.0)
            stack.callback(opened[name].close)
        yield opened


def main() -> None:
    """Measures, and writes HOMES.md."""
    folder = Path(tempfile.mkdtemp(prefix="rdeepnet-homes-", dir=os.environ.get("RDEEPNET_BENCH_DIR")))
    figures: dict[tuple[str, int], Figures] = {}
    loads = []
    try:
        with homes(folder) as opened:
            for number in range(ROUNDS):
                for threads in THREADS:
                    for name, home in opened.items():
                        loads.append(os.getloadavg()[0])
                        measure(
                            home, f"1.2.{number}.{threads}", threads, figures.setdefault((name, threads), Figures())
                        )
                        print(number, name, threads, flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    rows = [
        f"| {name} | {threads} | {_range(one.kept)} | {statistics.median(one.keep_ms):.1f} | {_range(one.fetched)} | "
        f"{statistics.median(one.fetch_ms):.1f} |"
        for (name, threads), one in sorted(
            figures.items(), key=lambda item: (item[0][1], list(opened).index(item[0][0]))
        )
    ]
    text = OUT.read_text(encoding="utf-8").split("<!-- measured -->")[0] if OUT.exists() else ""
    table = "\n".join(rows)
    OUT.write_text(
        f"{text}<!-- measured -->\n\n{IMAGES} images of {SIZE / 1e6:g} MB a round, {ROUNDS} rounds, load average "
        f"{min(loads):.1f} to {max(loads):.1f}. Median (range).\n\n"
        "| home | threads that keep | kept/s | CPU-ms each | fetched/s, one reader | CPU-ms each |\n"
        "|---|---|---|---|---|---|\n"
        f"{table}\n",
        encoding="utf-8",
    )


def _range(values: list[float]) -> str:
    return f"{statistics.median(values):.0f} ({min(values):.0f}–{max(values):.0f})"


if __name__ == "__main__":
    main()

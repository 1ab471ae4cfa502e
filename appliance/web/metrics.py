"""`/metrics`: figures for Prometheus, in its text format 0.0.4.

The records are the source: several processes count there, and a scrape compares them with the last one. Counters grow
from what is recorded when this process starts; retention, which deletes records, takes nothing from them. Labels are
states, stages and names in the settings: never a UID, a title of a stranger or anything of a patient.

Written by hand: the format is a dozen lines, and prometheus-client would keep counters of its own beside the records.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from appliance.service.hosts import is_gone
from appliance.service.roles import ServiceRole
from appliance.settings import Settings
from appliance.state.database import DatabaseUnavailable
from appliance.state.homes import open_home
from appliance.state.host_records import HostRecords
from appliance.state.monitoring import moves_after, refusals_after
from appliance.state.outbox import Outbox, Results
from appliance.state.record_rows import DeliveryRecord, DeliveryState, utc_now
from appliance.state.states import State
from appliance.state.takeover_records import TakeoverRecords
from appliance.state.worker_records import WorkerRecords
from appliance.web.overview import Overview, overview
from appliance.web.surroundings import Surroundings
from models.errors import SetupError
from models.version import software_version
from reports.notice.content import NoticeReason

EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
OUTCOMES = {
    DeliveryState.DONE: "delivered",
    DeliveryState.WAITING: "waiting",
    DeliveryState.REFUSED: "refused",
}

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Family:
    """One metric with its samples: suffix of the name, labels, value."""

    name: str
    kind: str
    help: str
    samples: tuple[tuple[str, Labels, float], ...]

    def lines(self) -> Iterator[str]:
        """Lines of the exposition."""
        yield f"# HELP {self.name} {_escaped(self.help)}"
        yield f"# TYPE {self.name} {self.kind}"
        for suffix, labels, value in self.samples:
            listed = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
            braced = f"{{{listed}}}" if listed else ""
            yield f"{self.name}{suffix}{braced} {_number(value)}"


@dataclass
class _Histogram:
    """Durations of one stage."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """One duration."""
        self.buckets[bisect_left(BUCKETS_S, seconds)] += 1
        self.seconds += seconds

    def samples(self, labels: Labels) -> Iterator[tuple[str, Labels, float]]:
        """Samples of the histogram; buckets are cumulative."""
        count = 0
        for limit, bucket in zip((*map(_number, BUCKETS_S), "+Inf"), self.buckets, strict=True):
            count += bucket
            yield "_bucket", {**labels, "le": limit}, count
        yield "_sum", labels, self.seconds
        yield "_count", labels, count


class Metrics:
    """Figures of one service."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._destinations = {destination.name: destination for destination in settings.destinations}
        self._last_row = 0
        self._moves: Counter[State] = Counter()
        self._last_refusal = 0
        self._refusals: Counter[str] = Counter({reason.value: 0 for reason in NoticeReason})
        self._attempts: dict[tuple[str, str], int] = {}
        self._deliveries = Counter({(name, outcome): 0 for name in self._destinations for outcome in OUTCOMES.values()})
        self._timed: set[str] = set()
        self._stages: dict[str, _Histogram] = {}
        self._on_disk: Mapping[str, int] = {}
        self._received = 0
        self._worker_ends = self._put_back = self._takeovers = 0
        self._hosts: Counter[str] = Counter()

    def text(self, around: Surroundings | None) -> str:
        """The exposition.

        Raises
        ------
        SetupError
            When no service has ever worked on the state folder, or the records cannot be read now.
        """
        view = overview(self._settings)
        with self._lock:
            families = [*self._of_records(view, self._count()), *_of_surroundings(around)]
        return "".join(f"{line}\n" for family in families for line in family.lines())

    def _count(self) -> Counter[str]:
        """Brings the counters up to date; returns the objects that each destination does not have yet."""
        try:
            home = open_home(self._settings, read_only=True)
            try:
                records = home.records
                moves, self._last_row = moves_after(records, self._last_row)
                refusals, self._last_refusal = refusals_after(records, self._last_refusal)
                deliveries = records.deliveries()
                self._worker_ends, self._put_back = WorkerRecords(records).counts()
                self._takeovers = TakeoverRecords(records).count()
                hosts = HostRecords(records).hosts()
                jobs = [record.job_id for record in records.studies() if record.job_id]
                timed = home.outbox.results(job for job in jobs if job not in self._timed)
                received = home.inbox.counts()
                waiting = self._outbox_objects(deliveries, home.outbox)
            finally:
                home.close()
        except DatabaseUnavailable as error:
            raise SetupError(f"The records cannot be read. {error}") from error
        self._hosts = Counter({f"{role}": 0 for role in ServiceRole} if hosts else {})
        self._hosts.update(host.role for host in hosts if not is_gone(host))
        self._moves.update(moves)
        self._refusals.update({code if code in self._refusals else "other": n for code, n in refusals.items()})
        self._count_deliveries(deliveries)
        self._count_stages(timed)
        self._count_received(received)
        return waiting

    def _count_deliveries(self, deliveries: Iterable[DeliveryRecord]) -> None:
        """Attempts since the last scrape: the last ended as is recorded, those before it left the results waiting."""
        attempts = {}
        for one in deliveries:
            key = (one.job_id, one.destination)
            attempts[key] = one.attempts
            new = one.attempts - self._attempts.get(key, 0)
            if new > 0 and one.destination in self._destinations:
                self._deliveries[one.destination, OUTCOMES[one.state]] += 1
                self._deliveries[one.destination, OUTCOMES[DeliveryState.WAITING]] += new - 1
        self._attempts = attempts

    def _count_stages(self, results: Mapping[str, Results]) -> None:
        self._timed.update(results)
        for one in results.values():
            for stage in one.stages():
                self._stages.setdefault(stage.stage, _Histogram()).add(stage.seconds)

    def _count_received(self, counts: Mapping[str, int]) -> None:
        self._received += sum(max(0, count - self._on_disk.get(study, 0)) for study, count in counts.items())
        self._on_disk = counts

    def _of_records(self, view: Overview, waiting: Counter[str]) -> Iterator[Family]:
        yield _gauge("studies", "Studies by state.", [({"state": s}, n) for s, n in view.counts.items()])
        yield _gauge(
            "attention_studies", "Refused and failed studies that nobody dropped.", [({}, len(view.attention))]
        )
        waiting_s = 0.0 if view.waiting_since is None else (utc_now() - view.waiting_since).total_seconds()
        yield _gauge("oldest_waiting_seconds", "Age of the oldest unfinished study; 0 without one.", [({}, waiting_s)])
        review_s = (utc_now() - view.drafts[0].since).total_seconds() if view.drafts else 0.0
        yield _gauge(
            "oldest_review_seconds", "Age of the oldest draft that waits for a person; 0 without one.", [({}, review_s)]
        )
        yield _counter(
            "refused_total",
            "Studies that were refused, by reason.",
            [({"code": c}, n) for c, n in self._refusals.items()],
        )
        for state in (State.FAILED, State.DELIVERED):
            yield _counter(f"{state}_total", f"Studies that became {state}.", [({}, self._moves[state])])
        yield Family(
            "rdeepnet_stage_seconds",
            "histogram",
            "Duration of the stages of a computation.",
            tuple(sample for name, stage in sorted(self._stages.items()) for sample in stage.samples({"stage": name})),
        )
        yield _counter(
            "deliveries_total",
            "Attempts to deliver the results of a study.",
            [({"destination": name, "outcome": outcome}, n) for (name, outcome), n in self._deliveries.items()],
        )
        yield _gauge(
            "outbox_objects",
            "Objects that a destination does not have yet.",
            [({"destination": name}, count) for name, count in waiting.items()],
        )
        words = "Objects received, by C-STORE and by STOW-RS."  # the inbox does not know by which
        yield _counter("received_instances_total", words, [({"door": "dicom"}, self._received)])
        yield _counter("worker_ends_total", "Ends of the worker that nobody asked for.", [({}, self._worker_ends)])
        yield _counter(
            "jobs_put_back_total",
            "Jobs that nobody executed and that were queued again.",
            [({}, self._put_back)],
        )
        yield _counter("takeovers_total", "Jobs taken over from a worker that was gone.", [({}, self._takeovers)])
        if self._hosts:
            samples: list[tuple[Labels, float]] = [
                ({"role": role}, float(number)) for role, number in sorted(self._hosts.items())
            ]
            yield _gauge("hosts", "Processes that share the home and are there, by role.", samples)
        yield _gauge("build_info", "Version of the software.", [({"version": software_version()}, 1)])

    def _outbox_objects(self, deliveries: Iterable[DeliveryRecord], outbox: Outbox) -> Counter[str]:
        jobs = {one.job_id for one in deliveries if one.state is DeliveryState.WAITING}
        objects = {job: results.objects() for job, results in outbox.results(jobs).items()}
        waiting = Counter(dict.fromkeys(self._destinations, 0))
        for one in deliveries:
            if one.state is DeliveryState.WAITING and one.destination in self._destinations:
                destination = self._destinations[one.destination]
                waiting[one.destination] += len(destination.chosen(objects.get(one.job_id, ())))
        return waiting


def _of_surroundings(around: Surroundings | None) -> Iterator[Family]:
    if around is None:
        return
    yield _gauge("service_up", "1 when the service receives and works.", [({}, not around.service)])
    yield _gauge("worker_up", "0 when received studies are not computed.", [({}, not around.worker)])
    yield _gauge(
        "destination_up",
        "1 when a destination answers (C-ECHO, DICOMweb or FHIR), or its folder can be written.",
        [({"destination": name}, fact.is_well) for name, fact in around.destinations.items()],
    )
    yield _gauge("disk_free_bytes", "Free space for the state folder.", [({}, round(around.free_gb * 1e9))])
    if around.certificate_ends is not None:
        left_s = (around.certificate_ends - utc_now()).total_seconds()
        yield _gauge("certificate_expiry_seconds", "Time until our certificate expires.", [({}, left_s)])


def _gauge(name: str, words: str, samples: Sequence[tuple[Labels, float]]) -> Family:
    return Family(f"rdeepnet_{name}", "gauge", words, tuple(("", labels, value) for labels, value in samples))


def _counter(name: str, words: str, samples: list[tuple[Labels, float]]) -> Family:
    return Family(f"rdeepnet_{name}", "counter", words, tuple(("", labels, value) for labels, value in samples))


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    """Shortest text that reads back as the same number."""
    number = float(value)
    return str(int(number)) if number.is_integer() else repr(number)

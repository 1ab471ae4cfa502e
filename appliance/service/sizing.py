"""Receivers and workers for a number of studies a day, and the limit that comes first.

Every figure is a product of the load and of a measured cost (`Costs`, from tests/benchmarks/HOSTS.md); the formula of
each is in its line, so that a site can put its own numbers in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from models.errors import SetupError

_FULL = 0.7  # of a worker's or receiver's time: above it, what waits grows without bound at every peak
_HOUR_S, _DAY_S = 3600.0, 86400.0


@dataclass(frozen=True)
class Load:
    """Studies of a site.

    Attributes
    ----------
    studies : a day
    instances, instance_mb : of a study, and of an instance (10⁶ bytes)
    seconds : of one worker for one study
    busy_hours : of a day, in which its studies come
    peak : studies of the busiest hour over those of a mean busy hour
    received_days, results_days : how long images and results are kept
    results_mb : of a study
    """

    studies: float
    instances: int = 300
    instance_mb: float = 0.5
    seconds: float = 30.0
    busy_hours: float = 10.0
    peak: float = 2.0
    received_days: float = 14.0
    results_days: float = 90.0
    results_mb: float = 3.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (math.isfinite(value) and value > 0):
                raise SetupError(f"{name} is {value:g}; expected a number above 0.")
        if self.busy_hours > 24 or self.peak < 1:
            raise SetupError(
                f"busy_hours is {self.busy_hours:g} and peak {self.peak:g}; expected at most 24 hours, and a busiest "
                "hour that has at least the studies of a mean one."
            )

    @property
    def peak_per_s(self) -> float:
        """Studies a second in the busiest hour."""
        return self.studies * self.peak / (self.busy_hours * _HOUR_S)


@dataclass(frozen=True)
class Costs:
    """Measured costs (tests/benchmarks/HOSTS.md) and what one ordinary server gives.

    Attributes
    ----------
    received_per_s : instances that one receiver stores in the database, a second
    job_s : of the queue for one study, beside its computation
    receiver_sessions, worker_sessions : connections to the database
    receiver_polls, worker_polls : transactions a second of a process that has nothing to do
    study_commits, instance_commits : transactions
    commitment_stay_s : of an association for requests for storage commitment, which waits so long for reports that come
        on another one
    commitment_request_s : of one request on it: ours and the archive's answer
    commitment_most, commitment_asking_s : requests on an association, and the time after which no further one is made
    log_ratio : write-ahead log over bytes received
    server_sessions, server_commits, server_mb : of a PostgreSQL server on one machine with an NVMe disk: connections,
        synced transactions a second, megabytes of write-ahead log a second
    database_gb : above which images are better in S3
    """

    received_per_s: float = 120.0
    job_s: float = 1.0
    receiver_sessions: int = 3
    worker_sessions: int = 12
    receiver_polls: float = 5.0
    worker_polls: float = 7.5
    study_commits: float = 40.0
    instance_commits: float = 1.1
    commitment_stay_s: float = 2.3
    commitment_request_s: float = 0.1
    commitment_most: int = 64
    commitment_asking_s: float = 3.0
    log_ratio: float = 1.07
    server_sessions: int = 500
    server_commits: float = 5000.0
    server_mb: float = 200.0
    database_gb: float = 100.0

    @property
    def commitment_requests(self) -> int:
        """Requests for storage commitment on one association."""
        return max(1, min(self.commitment_most, round(self.commitment_asking_s / self.commitment_request_s)))

    @property
    def commitments_per_s(self) -> float:
        """Requests for storage commitment a second that one receiver makes to one destination."""
        requests = self.commitment_requests
        return requests / (self.commitment_stay_s + requests * self.commitment_request_s)


@dataclass(frozen=True)
class Resource:
    """One resource of the installation: what is needed of it, and what there is."""

    name: str
    needed: float
    there: float
    unit: str
    formula: str
    remedy: str

    @property
    def share(self) -> float:
        """Of what there is; above 1 it breaks."""
        return self.needed / self.there


@dataclass(frozen=True)
class Sizing:
    """Receivers and workers, and the resources of the database, the fullest first."""

    receivers: int
    workers: int
    resources: tuple[Resource, ...]

    @property
    def first(self) -> Resource:
        """The limit that comes first."""
        return self.resources[0]


def sizing(load: Load, costs: Costs | None = None, *, workers: int = 0, is_in_s3: bool = False) -> Sizing:
    """Receivers and workers for a load, and what they ask of one PostgreSQL.

    Parameters
    ----------
    workers : how many there are; 0: as many as the busiest hour needs
    is_in_s3 : images are in S3, and the database has their rows only
    """
    costs = costs or Costs()
    peak = load.peak_per_s
    workers = workers or max(1, math.ceil(peak * (load.seconds + costs.job_s) / _FULL))
    instances = peak * load.instances
    receivers = max(2, math.ceil(instances / (_FULL * costs.received_per_s)))
    polls = receivers * costs.receiver_polls + workers * costs.worker_polls
    work = instances * costs.instance_commits + peak * costs.study_commits
    resources = [
        Resource(
            "sessions",
            receivers * costs.receiver_sessions + workers * costs.worker_sessions,
            costs.server_sessions,
            "connections",
            f"{receivers} x {costs.receiver_sessions} + {workers} x {costs.worker_sessions}",
            "raise max_connections, or a database for each group of hosts (no pooler: the locks are of a session)",
        ),
        Resource(
            "synced transactions",
            work,
            costs.server_commits,
            "a second",
            f"{short(instances)} instances/s x {costs.instance_commits:g} + {short(peak)} studies/s x "
            f"{costs.study_commits:g}",
            "a faster disk for the write-ahead log, or a database for each group of hosts",
        ),
        Resource(
            "storage commitment",
            load.studies / _DAY_S,
            receivers * costs.commitments_per_s,
            "requests a second",
            f"{load.studies:,g} studies / 86,400 s; {receivers} receivers make {costs.commitment_requests} requests on "
            f"an association of {costs.commitment_stay_s:g} s + {costs.commitment_requests} x "
            f"{costs.commitment_request_s:g} s",
            "another receiver, or storage_commitment = false of the destination",
        ),
        Resource(
            "polling",
            polls,
            4 * costs.server_commits,  # they only read: no sync
            "transactions a second",
            f"{receivers} x {costs.receiver_polls:g} + {workers} x {costs.worker_polls:g}",
            "raise jobs.poll_s",
        ),
    ]
    if not is_in_s3:
        resources += _images(load, costs, instances)
    return Sizing(receivers, workers, tuple(sorted(resources, key=lambda each: -each.share)))


def _images(load: Load, costs: Costs, instances: float) -> list[Resource]:
    """Resources that images in the database take; `instances` a second in the busiest hour."""
    images_gb = load.studies * load.instances * load.instance_mb * load.received_days / 1000
    return [
        Resource(
            "images through the log",
            instances * load.instance_mb * costs.log_ratio,
            costs.server_mb,
            "MB a second",
            f"{short(instances)} instances/s x {load.instance_mb:g} MB x {costs.log_ratio:g}",
            "objects_url in [shared]: images in S3",
        ),
        Resource(
            "images kept",
            images_gb,
            costs.database_gb,
            "GB",
            f"{load.studies:g} studies x {load.instances} x {load.instance_mb:g} MB x {load.received_days:g} days",
            "objects_url in [shared]: images in S3, or fewer received_days",
        ),
    ]


def most_studies(load: Load, costs: Costs | None = None, *, is_in_s3: bool = False) -> float:
    """Studies a day at which the first resource is just full, by bisection; `load.studies` is not used."""
    low, high = 0.0, 8.0  # decades
    for _ in range(60):
        middle = (low + high) / 2
        full = sizing(replace(load, studies=10**middle), costs, is_in_s3=is_in_s3).first.share
        low, high = (middle, high) if full <= 1 else (low, middle)
    return 10**low


def short(value: float) -> str:
    """A number with three significant digits, never with an exponent."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{round(value, digits) if digits else round(value, 2 - math.floor(math.log10(abs(value)))):,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

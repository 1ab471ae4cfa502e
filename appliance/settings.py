"""The one configuration file: TOML, read once, unknown keys refused, every mistake reported together.

Values are handed down as arguments; nothing below reads the file or the environment. Each default has its reason
beside it; `rdeepnet.example.toml` shows all of them, `OPERATING.md` explains them, and a test holds the three together.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

from appliance.peer_settings import (
    AeTitle,
    ArchiveSettings,
    Destination,
    Port,
    PriorSettings,
    Seconds,
    Sender,
    TlsSettings,
)
from appliance.shared_settings import SharedSettings
from dicom_io.answer_roles import Role
from dicom_io.audit.syslog import TLS_PORT, Transport
from dicom_io.images.limits import Limits
from dicom_io.rules import SelectionRules
from models.errors import SetupError
from models.features.settings import FeatureSettings
from models.intended_use import IntendedUse
from models.plausibility import PlausibilityLimits
from models.preprocessing.cavities import Cavities
from models.typed_tables import Between, OneOf, check, read_fields, read_whole
from reports.language import Language
from reports.paper import Paper

Device = Annotated[str, OneOf(("auto", "cpu", "cuda"))]

T = TypeVar("T")

EXAMPLE = Path(__file__).with_name("rdeepnet.example.toml")


class LogFormat(StrEnum):
    """Format of log lines."""

    KEY_VALUE = "keyvalue"  # for a reader and for the journal
    JSON = "json"  # one object a line, for a log collector


class LogLevel(StrEnum):
    """Lowest level of the lines that are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"


class Sync(StrEnum):
    """Syncs to disk before an instance is acknowledged."""

    FILE_AND_FOLDER = "file-and-folder"  # two, on every file system
    FILE = "file"  # one, on ext4, xfs and btrfs; elsewhere two


@dataclass(frozen=True)
class ServiceSettings:
    """The receiver: who we are, where we listen, where the state is kept."""

    ae_title: AeTitle = "RDEEPNET"
    host: str = "0.0.0.0"  # noqa: S104  a PACS reaches us over the network; callers are refused unless listed
    port: Port = 11112  # registered for DICOM, needs no privilege (104 does)
    state_dir: Path = Path("/var/lib/rdeepnet")  # where the Filesystem Hierarchy Standard puts variable state
    accept_unknown_senders: bool = False  # nothing trusts the network
    max_associations: Annotated[int, Between(1, 1000)] = 25  # a PACS opens 4 to 10 at a time; pynetdicom's 10 is few
    max_associations_per_address: Annotated[int, Between(1, 1000)] = 16  # two thirds: one peer never takes all
    max_connections: Annotated[int, Between(1, 10_000)] = 100  # with those that have not asked for an association yet
    association_request_s: Seconds = 10.0  # a peer sends its request at once; over a slow line it takes a second
    idle_association_s: Seconds = 60.0  # a peer that fell silent gives its place back
    max_object_mib: Annotated[int, Between(1, 100_000)] = 2048  # 5 phases of 200 slices of 512 x 512 take 500
    sync: Sync = Sync.FILE_AND_FOLDER  # what one sync promises was not tried with a power cut
    plain: bool = False  # our port is not secured although [tls] is set

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class StudySettings:
    """Limits after which a study counts as complete; DICOM has no signal for it."""

    idle_s: Seconds = 60.0  # pauses between the associations of one study are seconds; a minute is safe
    force_after_s: Seconds = 3600.0  # a study that never falls silent is taken as it is

    def __post_init__(self) -> None:
        check(self)
        if self.force_after_s < self.idle_s:
            raise SetupError(
                f"force_after_s is {self.force_after_s:g} and idle_s {self.idle_s:g}; expected more than idle_s"
            )


@dataclass(frozen=True)
class PreprocessingSettings:
    """Bias correction and the peritumoral shell."""

    n4: Annotated[str, OneOf(("own", "simpleitk", "none"))] = (
        "own"  # "own"; "simpleitk", the reference it is held to, 50 times slower; "none"
    )
    device: Device = "auto"  # "auto" (CUDA where there is a device), "cpu" or "cuda"; used by the own implementation
    shell_mm: Annotated[float, Between(0.5, 100)] = 10.0  # the width in the paper
    cavities: Cavities = Cavities.EXCLUDE  # voxels the tumour encloses: "exclude", neither tumour nor shell; "fill"

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class EngineSettings:
    """Feature extraction: which engine, where, and what determines the values."""

    engine: Annotated[str, OneOf(("own", "pyradiomics"))] = (
        "own"  # "own", or "pyradiomics", the reference (an optional extra, and slow)
    )
    device: Device = "auto"  # "auto" (CUDA where there is a device), "cpu" or "cuda"
    settings: FeatureSettings = field(default_factory=FeatureSettings)

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class ModelSettings:
    """Model packages to run, in the order of the report."""

    packages: tuple[Path, ...] = ()  # empty: the demonstration packages that ship
    trusted_keys: tuple[Path, ...] = ()  # of who may sign them; empty: the demonstration packages are not signed
    provider: Annotated[str, OneOf(("cpu", "cuda", "cuda-or-cpu"))] = (
        "cpu"  # ONNX Runtime's execution provider: "cpu", "cuda" or "cuda-or-cpu"
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class ReportSettings:
    """Optional objects beside key SR, segmentations and PDF."""

    features_sr: bool = False  # the SR with all features is close to a megabyte, and viewers choke on it
    paper: Paper = Paper.A4  # the text is as wide on both
    language: Language = Language.ENGLISH  # of SR and PDF: en, de or zh; commands and their errors stay English
    font: Path | None = None  # TrueType file with Chinese characters; none: those the system keeps at the usual places
    key_images: bool = False  # pictures of 2 MB each, twice the rest of an answer; destinations ask for them by name
    fhir: bool = False  # an answer as a FHIR R4 bundle beside it; destinations ask for it by fhir_url or fhir_folder
    withheld: bool = False  # a score that was withheld is read as a score; for research offline alone

    @property
    def fonts(self) -> tuple[str, ...]:
        """Font files to look in before those of the system."""
        return () if self.font is None else (str(self.font),)


@dataclass(frozen=True)
class JobSettings:
    """The durable queue."""

    executor: str = ""  # stable name of this worker; empty: one that is made once and kept in state_dir
    poll_s: Annotated[float, Between(0.05, 60)] = 0.5  # half a second is nothing beside minutes of computation
    max_attempts: Annotated[int, Between(1, 20)] = 3  # a study that kills its worker three times is failed
    hung_after_s: Seconds = 3600.0  # far beyond the slowest study on a CPU: then the worker is ended and started again

    def __post_init__(self) -> None:
        check(self)

    @classmethod
    def from_table(cls, table: Mapping[str, Any], *, where: str, mistakes: list[str]) -> JobSettings | None:
        """From a file; one of a version in which the queue alone was on PostgreSQL is told where that stands now."""
        if "database_url" in table:
            mistakes.append(
                f"{where}.database_url is no longer known: the queue is not kept apart from the studies. Delete it to "
                "keep everything in state_dir; or write it as database_url in [shared], where the database then has "
                "records and images too. Studies of this state_dir do not move there: let the earlier version finish "
                "them first (rdeepnet status)"
            )
        return read_fields(cls, table, where=where, mistakes=mistakes, also=("database_url",))


@dataclass(frozen=True)
class WorkerSettings:
    """The process that computes."""

    # Five times the largest study measured (1.5 GB); a bomb meets it long before the memory of a machine ends.
    memory_gib: Annotated[float, Between(0, 4096)] = 8.0  # 0: no limit

    def __post_init__(self) -> None:
        check(self)
        if 0 < self.memory_gib < 1:
            raise SetupError(
                f"memory_gib is {self.memory_gib:g}; expected 0 for no limit, or at least 1: the libraries and models "
                "take a third of it"
            )


@dataclass(frozen=True)
class DeliverySettings:
    """Sending results; nothing is ever given up, only the pause between attempts grows."""

    retry_min_s: Seconds = 10.0  # a PACS that restarts is back within a minute
    retry_max_s: Seconds = 600.0  # after a night's outage results arrive within ten minutes
    timeout_s: Seconds = 60.0  # per network operation; some archives commit to tape before they answer
    commitment_report_s: Seconds = 3600.0  # archives report in seconds, or after their next run to final storage

    def __post_init__(self) -> None:
        check(self)
        if self.retry_max_s < self.retry_min_s:
            raise SetupError(
                f"retry_max_s is {self.retry_max_s:g} and retry_min_s {self.retry_min_s:g}; "
                "expected the maximum to be the larger"
            )


@dataclass(frozen=True)
class RetentionSettings:
    """Nothing is deleted before it is this old; then it is deleted automatically."""

    received_days: Annotated[float, Between(0.01, 3650)] = 14.0  # longer than anybody sends a study again by mistake
    results_days: Annotated[float, Between(0.01, 3650)] = 90.0  # results are small, and in the PACS as well

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class LogSettings:
    """Log lines on standard error."""

    format: LogFormat = LogFormat.KEY_VALUE
    level: LogLevel = LogLevel.INFO


@dataclass(frozen=True)
class StatusSettings:
    """Study names in `rdeepnet status` and on the page."""

    accession_number: bool = False  # it leads to the patient in the hospital's systems: a site decides
    patient: bool = False  # Patient ID and Study Date, for the same reason; on the command line only
    short_ids: bool = False  # the end of each Study Instance UID, as long as it is unique

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class AlertSettings:
    """Messages about problems, sent by `rdeepnet web`; without patient data."""

    webhook_url: str = field(default="", repr=False)  # empty: none; it may hold a key of the receiver's
    webhook_key_file: Path | None = None  # the receiver sees by it who speaks; none: not signed
    smtp_host: str = ""  # empty: no mail
    smtp_port: Port = 587  # submission, with STARTTLS
    smtp_starttls: bool = True  # a password is never sent in the open
    smtp_user: str = ""  # empty: the server asks nobody
    smtp_password_file: Path | None = None
    mail_from: str = ""
    mail_to: tuple[str, ...] = ()
    after_s: Seconds = 300.0  # a PACS that restarts is back by then
    remind_s: Seconds = 86400.0  # once a day is not overlooked and not a nuisance
    waiting_s: Seconds = 4 * 3600.0  # a study is answered in minutes; half a day without one is noticed
    review_days: Annotated[float, Between(0.01, 365)] = 3.0  # strokes of a Friday are reviewed by Monday

    def __post_init__(self) -> None:
        check(self)
        if self.webhook_url and not self.webhook_url.startswith(("https://", "http://")):
            raise SetupError("webhook_url is no address; expected https://… or http://…")
        if self.smtp_host and not (self.mail_from and self.mail_to):
            raise SetupError("smtp_host is set; expected mail_from and mail_to as well")
        if self.smtp_user and (self.smtp_password_file is None or not self.smtp_starttls):
            raise SetupError("smtp_user is set; expected smtp_password_file as well, and smtp_starttls = true")


@dataclass(frozen=True)
class AuditSettings:
    """The audit trail: DICOM audit messages (PS3.15 A.5) for the site's repository."""

    file: Path | None = None  # none: no file; a line for each message
    syslog_host: str = ""  # empty: no syslog server
    syslog_port: Port = TLS_PORT
    syslog_transport: Transport = Transport.TLS  # messages name studies and operators: not in the open
    site: str = ""  # name of the site in every message; a repository of one site needs none
    patient_id: bool = False  # no patient data leaves the logs of the product unless a site asks for it

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class WebSettings:
    """The page for operators, a process of its own: `rdeepnet web`."""

    enabled: bool = False  # a port more is a door more: a site asks for it
    host: str = "127.0.0.1"  # an SSH tunnel or a proxy of the site reaches it; nothing else does
    port: Port = 11180
    names: tuple[str, ...] = ()  # host names it is called by; a call by any other is refused (DNS rebinding)
    token_file: Path | None = None  # lines "NAME TOKEN" (0600); none: the page only shows
    session_s: Seconds = 8 * 3600.0  # a shift
    stow_token_file: Path | None = None  # of who may send by STOW-RS, as token_file; none: nobody may
    plain: bool = False  # without HTTPS although others can reach it: a proxy of the site secures it

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class Settings:
    """Everything a site decides."""

    service: ServiceSettings = field(default_factory=ServiceSettings)
    shared: SharedSettings = field(default_factory=SharedSettings)
    senders: tuple[Sender, ...] = ()
    destinations: tuple[Destination, ...] = ()
    study: StudySettings = field(default_factory=StudySettings)
    archive: ArchiveSettings = field(default_factory=ArchiveSettings)
    priors: PriorSettings = field(default_factory=PriorSettings)
    tls: TlsSettings = field(default_factory=TlsSettings)
    reading: SelectionRules = field(default_factory=SelectionRules)
    limits: Limits = field(default_factory=Limits)
    preprocessing: PreprocessingSettings = field(default_factory=PreprocessingSettings)
    plausibility: PlausibilityLimits = field(default_factory=PlausibilityLimits)
    intended_use: IntendedUse = field(default_factory=IntendedUse)
    features: EngineSettings = field(default_factory=EngineSettings)
    models: ModelSettings = field(default_factory=ModelSettings)
    report: ReportSettings = field(default_factory=ReportSettings)
    jobs: JobSettings = field(default_factory=JobSettings)
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    delivery: DeliverySettings = field(default_factory=DeliverySettings)
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    logs: LogSettings = field(default_factory=LogSettings)
    status: StatusSettings = field(default_factory=StatusSettings)
    alerts: AlertSettings = field(default_factory=AlertSettings)
    audit: AuditSettings = field(default_factory=AuditSettings)
    web: WebSettings = field(default_factory=WebSettings)

    @property
    def makes_fhir(self) -> bool:
        """Returns whether FHIR bundles are made: because the report has them, or a destination wants them."""
        return self.report.fhir or any(one.is_fhir for one in self.destinations)

    @property
    def makes_key_images(self) -> bool:
        """Returns whether key images are made: because the report has them, or a destination wants them."""
        return self.report.key_images or any(Role.KEY_IMAGES in one.send for one in self.destinations)

    def __post_init__(self) -> None:
        names = [destination.name for destination in self.destinations]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SetupError(f"destinations: the name {', '.join(twice)} is duplicated; each destination needs its own")
        if self.priors.archive:
            self._check_archived_priors()
        if self.audit.syslog_host and self.audit.syslog_transport is Transport.TLS and self.tls.certificate is None:
            raise SetupError(
                'audit: syslog_transport is "tls", and [tls] is not set; expected the files of [tls], or "tcp" or '
                '"udp" where the network is protected'
            )

    def _check_archived_priors(self) -> None:
        """Checks that the archive can be asked for earlier studies, in the way that they are to come."""
        way = self.priors.retrieve
        if way == "dicomweb":
            if not self.archive.dicomweb_url:
                raise SetupError(
                    'priors.retrieve is "dicomweb" and archive.dicomweb_url is empty; expected the root of the '
                    "archive's DICOMweb"
                )
            return
        if not self.archive.host:
            raise SetupError("priors.archive is true and archive.host is empty; expected the address of the archive")
        if way != "move":
            return
        known = {sender.ae_title for sender in self.senders}
        if self.archive.ae_title not in known and not self.service.accept_unknown_senders:
            raise SetupError(
                f'priors.retrieve is "move" and the archive {self.archive.ae_title} is not among the senders, so our '
                'port would refuse what it sends; expected it in [[senders]], or "get" or "dicomweb"'
            )
        if self.shared.is_used:
            raise SetupError(
                'priors.retrieve is "move" and several hosts share a database: the archive would send to another host '
                'than the one that computes; expected "get" or "dicomweb"'
            )


def load_settings(path: Path) -> Settings:
    """Read the configuration file; relative paths in it are relative to its folder.

    Raises
    ------
    SetupError
        When the file cannot be read, or with every mistake in it, one per line.
    """
    try:
        text = path.read_bytes().decode("utf-8")
        table = tomllib.loads(text)
    except OSError as error:
        raise SetupError(
            f"The configuration file {path} cannot be read ({error.strerror}); name an existing file, "
            f"or start from {EXAMPLE}."
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SetupError(f"The configuration file {path} is not TOML in UTF-8: {error}.") from error
    settings = read_whole(Settings, table, what=f"The configuration file {path}", text=text)
    return _resolved(settings, folder=path.resolve().parent)


def _resolved(value: T, *, folder: Path) -> T:
    """The same value; relative paths in it, however deep, are taken from the folder of the file."""
    result: Any = value
    if isinstance(value, Path):
        result = folder / value
    elif isinstance(value, tuple):
        result = tuple(_resolved(item, folder=folder) for item in value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        held = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        resolved = {name: _resolved(item, folder=folder) for name, item in held.items()}
        changed = {name: item for name, item in resolved.items() if item != held[name]}
        result = dataclasses.replace(value, **changed) if changed else value
    return cast("T", result)

"""Settings of the peers: who sends, who gets the results, the archive, earlier studies in it, and certificates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar
from urllib.parse import urlsplit

from dicom_io.answer_roles import DRAFTS, RESULTS, UNASKED, Role
from dicom_io.network.dicomweb.address import url_mistake
from models.errors import SetupError
from models.typed_tables import Between, Matches, OneOf, check, read_fields
from reports.language import Language
from reports.notice.content import USUAL, NoticeReason

# PS3.5 §6.2, value representation AE: 1 to 16 characters of the default repertoire, no backslash, no control
# characters; leading and trailing spaces are not significant, so they are not accepted here.
_AE_TITLE = r"(?=[!-~])[ -\[\]-~]{0,15}[!-\[\]-~]"
_AE_WORDS = "an AE title: 1 to 16 characters, no backslash, no space at the ends"
AeTitle = Annotated[str, Matches(_AE_TITLE, _AE_WORDS)]
AeTitleOrNone = Annotated[str, Matches(f"|{_AE_TITLE}", _AE_WORDS)]
Port = Annotated[int, Between(1, 65535)]
Name = Annotated[str, Matches(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "a name of letters, digits, '.', '_' and '-'")]
Seconds = Annotated[float, Between(0.05, 7 * 86400)]


@dataclass(frozen=True)
class Sender:
    """A peer that may send to us."""

    ae_title: AeTitle
    addresses: tuple[str, ...] = ()  # addresses or networks ("10.1.0.0/16"); empty: the AE title is enough

    def __post_init__(self) -> None:
        check(self)
        for address in self.addresses:
            try:
                ip_network(address)
            except ValueError as error:
                raise SetupError(
                    f"addresses of {self.ae_title}: {address!r}; expected an IP address or a network "
                    f"such as 10.1.0.0/16 without host bits ({error})"
                ) from error


class Worded(Protocol):
    """An object of an answer, as far as it decides who gets it."""

    @property
    def role(self) -> Role: ...
    @property
    def language(self) -> Language | None: ...
    @property
    def is_default(self) -> bool: ...


W = TypeVar("W", bound=Worded)

_C_STORE = {"ae_title": f"a text that is {_AE_WORDS}", "host": "a text"}  # what C-STORE needs of a destination


@dataclass(frozen=True)
class Destination:
    """A peer that gets the results."""

    name: Name
    ae_title: AeTitleOrNone = ""  # empty: it has a stow_url
    host: str = ""
    port: Port = 104  # the port of a PACS, unless it says otherwise
    stow_url: str = ""  # empty: it gets the results by C-STORE, which every PACS has
    stow_token_file: Path | None = None  # none: the server asks for no token
    stow_authorities: Path | None = None  # none: those the system trusts
    fhir_url: str = ""  # empty: it takes DICOM objects; else bundles go to this base of a FHIR R4 server
    fhir_folder: Path | None = None  # bundles go into this folder, for a site's interface engine
    fhir_token_file: Path | None = None  # none: the server asks for no token
    fhir_authorities: Path | None = None  # none: those the system trusts
    send: tuple[Role, ...] = UNASKED  # everything that was made; key images where they are named
    notices: tuple[NoticeReason, ...] = USUAL  # not of what may still arrive, or may be another examination
    drafts: tuple[Role, ...] = ()  # strokes are refused, not drafted: a site asks for drafts, and says who reviews them
    reject_replaced: bool = False  # an archive that does not know IHE IOCM would show one more object
    storage_commitment: bool = True  # IHE AI Results requires it; a peer that does not offer it is asked once per study
    plain: bool = False  # it is called without TLS although [tls] is set
    language: Language | None = None  # of the reports it gets; none: that of [report]

    def __post_init__(self) -> None:
        check(self)
        if self.is_fhir:
            self._check_fhir()
            return
        if self.fhir_token_file is not None or self.fhir_authorities is not None or Role.FHIR in self.send:
            raise SetupError(f"{self.name} lacks fhir_url or fhir_folder; expected one of them, for FHIR")
        self._check_transport()
        if others := [role for role in self.send if role not in RESULTS]:
            raise SetupError(
                f"send of {self.name} lists {', '.join(others)}; expected results ({', '.join(RESULTS)}): "
                "reject_replaced decides on rejection notes, notices on notices"
            )
        if others := [role for role in self.drafts if role not in DRAFTS]:
            raise SetupError(f"drafts of {self.name} lists {', '.join(others)}; expected {', '.join(DRAFTS)}")
        if self.drafts and Role.DRAFT_SEG not in self.drafts:
            raise SetupError(
                f"drafts of {self.name} lists {', '.join(self.drafts)} without {Role.DRAFT_SEG}, the draft itself; "
                "expected it among them"
            )

    @classmethod
    def from_table(cls, table: Mapping[str, Any], *, where: str, mistakes: list[str]) -> Destination | None:
        """From a file; what the one or the other way to a destination needs is missing like any other key."""
        other_ways = table.keys() & {"stow_url", "fhir_url", "fhir_folder"}
        lacking = [] if other_ways else [name for name in _C_STORE if name not in table]
        mistakes += [
            f"{where}.{name} is missing; expected {_C_STORE[name]}, for C-STORE; or stow_url, for DICOMweb; or "
            "fhir_url or fhir_folder, for FHIR"
            for name in lacking
        ]
        complete = {**dict.fromkeys(lacking, "PACS"), **table}  # so that its other mistakes are found
        read = read_fields(cls, complete, where=where, mistakes=mistakes)
        return None if lacking else read

    def _check_fhir(self) -> None:
        """Checks a destination that takes FHIR bundles: it takes nothing else, in one way."""
        ways = ("ae_title", "host", "stow_url", "fhir_url", "fhir_folder")
        given = [name for name in ways if getattr(self, name)]
        if len(given) > 1:
            raise SetupError(f"{self.name} has {' and '.join(given)}; expected fhir_url or fhir_folder alone")
        if self.send != (Role.FHIR,):
            raise SetupError(
                f'send of {self.name} lists {", ".join(self.send)}; expected ["fhir"]: DICOM objects go to a '
                "destination of their own"
            )
        if not self.fhir_url:
            return
        if mistake := url_mistake(self.fhir_url):
            raise SetupError(f"fhir_url of {self.name} {mistake}")
        if not self.fhir_url.startswith("https:") and not self.plain:
            raise SetupError(
                f"fhir_url of {self.name} is not secured; expected https://…, or plain = true where the network is "
                "protected"
            )

    @property
    def is_fhir(self) -> bool:
        """Returns whether it takes FHIR bundles, and no DICOM objects."""
        return bool(self.fhir_url) or self.fhir_folder is not None

    @property
    def told(self) -> tuple[NoticeReason, ...]:
        """Reasons of the notices it gets; FHIR has none."""
        return () if self.is_fhir else self.notices

    def _check_transport(self) -> None:
        given = [name for name in _C_STORE if getattr(self, name)]
        files = self.stow_token_file is not None or self.stow_authorities is not None
        if not self.stow_url:
            if len(given) < len(_C_STORE):
                raise SetupError(f"{self.name} lacks ae_title or host; expected both, for C-STORE, or stow_url")
            if files:
                raise SetupError(f"{self.name} has files for stow_url, and no stow_url; expected both, or neither")
            return
        if given:
            raise SetupError(
                f"{self.name} has stow_url, and {' and '.join(given)} as well; expected one way: leave them out for "
                "DICOMweb, or stow_url for C-STORE"
            )
        if mistake := url_mistake(self.stow_url):
            raise SetupError(f"stow_url of {self.name} {mistake}")
        if not self.stow_url.startswith("https:") and not self.plain:
            raise SetupError(
                f"stow_url of {self.name} is not secured; expected https://…, or plain = true where the network is "
                "protected"
            )

    @property
    def title(self) -> str:
        """AE title; that of a server of DICOMweb, which has none, is its name here."""
        return self.ae_title or self.name

    @property
    def address(self) -> str:
        """Host that is called."""
        return self.host or urlsplit(self.stow_url or self.fhir_url).hostname or ""

    @property
    def commits(self) -> bool:
        """Returns whether it is asked for storage commitment, which DICOMweb and FHIR do not have."""
        return self.storage_commitment and not self.stow_url and not self.is_fhir

    def wants(self, role: Role) -> bool:
        """Returns whether objects of a role are sent there; which notices are is decided when they are made."""
        if self.is_fhir:
            return role is Role.FHIR
        if role in DRAFTS:
            return role in self.drafts
        if role is Role.ACCEPTED_SEG:
            return bool(self.drafts)
        if role is Role.REJECTION_NOTE:
            return self.reject_replaced
        return role in self.send or role is Role.NOTICE

    def chosen(self, objects: Iterable[W]) -> tuple[W, ...]:
        """Returns what it gets of the objects of a job, in their order: by role, and by the language of their words.

        What was made in the language of the site alone (a notice, results that are older than the setting) goes to
        every destination: in another language rather than not at all.
        """
        wanted = [one for one in objects if self.wants(one.role)]
        if self.language is None:
            return tuple(one for one in wanted if one.is_default)
        own = {one.role for one in wanted if one.language in (None, self.language)}
        return tuple(
            one for one in wanted if one.language in (None, self.language) or (one.is_default and one.role not in own)
        )


@dataclass(frozen=True)
class ArchiveSettings:
    """The archive: it is asked by C-FIND how many images each series has, and studies are fetched from it."""

    host: str = ""  # empty: no archive is asked, and a slice missing at an edge shows in the Instance Numbers at most
    ae_title: AeTitle = "PACS"
    port: Port = 104
    timeout_s: Seconds = 30.0  # an answer is a few hundred bytes; a study is not held up longer
    retrieve_timeout_s: Seconds = 300.0  # some archives say nothing before a study has come from their slow storage
    plain: bool = False  # it is called without TLS although [tls] is set
    dicomweb_url: str = ""  # root of its DICOMweb; empty: `rdeepnet fetch --out` uses C-GET, which every PACS can have
    dicomweb_token_file: Path | None = None  # none: the server asks for no token
    dicomweb_authorities: Path | None = None  # none: those the system trusts

    def __post_init__(self) -> None:
        check(self)
        if not self.dicomweb_url:
            if self.dicomweb_token_file is not None or self.dicomweb_authorities is not None:
                raise SetupError("archive has files for dicomweb_url, and no dicomweb_url; expected both, or neither")
            return
        if mistake := url_mistake(self.dicomweb_url):
            raise SetupError(f"archive.dicomweb_url {mistake}")
        if not self.dicomweb_url.startswith("https:") and not self.plain:
            raise SetupError(
                "archive.dicomweb_url is not secured; expected https://…, or plain = true where the network is "
                "protected"
            )


@dataclass(frozen=True)
class PriorSettings:
    """Earlier studies of the same patient, which an answer is compared with."""

    compare: bool = False  # one page more, of numbers that a reader must be ready for: a site asks for it
    archive: bool = False  # also look for them at the archive, and compute them: minutes for each study
    # "move" to our port; "get" or "dicomweb" where the archive cannot call us
    retrieve: Annotated[str, OneOf(("move", "get", "dicomweb"))] = "move"
    most: Annotated[int, Between(1, 10)] = 1  # fetched for one study, the last first; each is computed
    voxel_fraction: Annotated[float, Between(0.0, 1.0)] = 0.2  # texture of voxels a fifth larger is another texture
    field_strength_t: Annotated[float, Between(0.0, 10.0)] = 0.1  # 1.5 and 1.494 are one; 1.5 and 3 are not

    def __post_init__(self) -> None:
        check(self)
        if self.archive and not self.compare:
            raise SetupError("archive is true and compare is false; expected both, or neither")


@dataclass(frozen=True)
class TlsSettings:
    """Certificates in PEM; where they are set, every connection is secured unless its peer is `plain`."""

    certificate: Path | None = None  # none: no connection is secured
    key: Path | None = None
    authorities: Path | None = None  # without them anybody could be the PACS
    peers_need_certificates: bool = True  # BCP 195 leaves it open; a PACS is a machine, and can have one
    check_names: bool = True  # otherwise every machine of the same authority could be the PACS

    def __post_init__(self) -> None:
        named = {name: getattr(self, name) for name in ("certificate", "key", "authorities")}
        missing = [name for name, path in named.items() if path is None]
        if 0 < len(missing) < len(named):
            raise SetupError(f"{' and '.join(missing)} not set; certificate, key and authorities belong together")

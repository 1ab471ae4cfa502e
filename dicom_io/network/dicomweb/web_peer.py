"""A DICOMweb server that we call: address, token, TLS; nothing of it comes from the environment.

urllib3 and not requests: requests takes proxies, .netrc and certificates from environment variables, which beat what
the settings say. Redirects are not followed, since they could lead images and the token anywhere.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError, SSLError

from dicom_io.errors import BodyNotReadable, PeerRefused, PeerRejected, PeerUnavailable
from dicom_io.network.dicomweb.address import url_mistake
from dicom_io.network.tls import LOWEST, SUITES
from models.errors import SetupError

MOST_ANSWER_BYTES = 32 * 1024**2  # of JSON; the answer for 1,440 instances takes one
_MOST_TOKEN_BYTES = 16 * 1024
_CHUNK = 256 * 1024

Answer = urllib3.BaseHTTPResponse


@dataclass(frozen=True)
class WebPeer:
    """Address of a DICOMweb server and the terms of calls to it.

    Attributes
    ----------
    url : of its root, to which "/studies" is added; http:// or https://, without user or password
    timeout_s : longest wait for a connection, and for each piece of an answer
    token_file : bearer token, read again for each call, since tokens are renewed; None sends none
    authorities : certificates (PEM) of those who issue the server's; None for those the system trusts
    certificate, key : ours, for a server that asks for one
    noun : what it is, in sentences
    """

    url: str
    timeout_s: float
    token_file: Path | None = None
    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    noun: str = "DICOMweb server"

    def __post_init__(self) -> None:
        if mistake := url_mistake(self.url):
            raise SetupError(f"The address of the {self.noun} {mistake}.")

    def __str__(self) -> str:
        return f"the {self.noun} at {self.url.rstrip('/')}"

    @contextmanager
    def called(
        self,
        method: str,
        path: str,
        *,
        accept: str,
        headers: Mapping[str, str] | None = None,
        body: Iterable[bytes] | None = None,
    ) -> Iterator[Answer]:
        """One call, with its answer while the block runs; whatever the status is, it is the caller's to judge.

        Parameters
        ----------
        path : below the root, with its query
        body : pieces; its length is in `headers`

        Raises
        ------
        PeerUnavailable
            When no answer came, or it broke off; our files not being readable is one cause. One that the block raises
            gets the time of the answer's Retry-After.
        """
        try:
            sent = {"Accept": accept, "Accept-Encoding": "identity", **(headers or {}), **self._authorization()}
            pool = urllib3.PoolManager(num_pools=1, maxsize=1, ssl_context=self._context())
        except SetupError as error:
            raise PeerUnavailable(f"{self} cannot be called: {error}") from error
        try:
            with pool:
                answer = pool.request(
                    method,
                    self.url.rstrip("/") + path,
                    headers=sent,
                    body=body,
                    preload_content=False,
                    redirect=False,
                    retries=False,
                    timeout=urllib3.Timeout(connect=self.timeout_s, read=self.timeout_s),
                )
                try:
                    yield answer
                except PeerUnavailable as error:
                    error.after_s = retry_after_s(answer.headers.get("Retry-After", ""))
                    raise
                finally:
                    answer.close()
        except SSLError as error:
            raise PeerUnavailable(
                f"{self} cannot be called: TLS was not agreed ({_reason(error)}). Expected a certificate that names "
                "this host, by an issuer that the settings (or, without them, this system) trust."
            ) from error
        except HTTPError as error:
            raise PeerUnavailable(
                f"{self} cannot be reached, or broke off ({_reason(error)}); check its address and that it is running."
            ) from error

    def _authorization(self) -> Mapping[str, str]:
        """The header with the token; raises `SetupError` when the file cannot be used."""
        if self.token_file is None:
            return {}
        expected = "expected a file with the bearer token alone, that this user may read"
        try:
            with self.token_file.open("rb") as stream:
                token = stream.read(_MOST_TOKEN_BYTES).strip().decode("ascii")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not ASCII"
            raise SetupError(f"The token file {self.token_file} cannot be read ({why}); {expected}.") from error
        if not token or not token.isprintable() or " " in token:
            raise SetupError(f"The token file {self.token_file} does not hold one token; {expected}.")
        return {"Authorization": f"Bearer {token}"}

    def _context(self) -> ssl.SSLContext | None:
        """TLS as BCP 195 requires it; raises `SetupError` when a file cannot be used."""
        if urlsplit(self.url).scheme != "https":
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies the server and its name
        context.minimum_version = LOWEST
        context.set_ciphers(":".join(SUITES))
        try:
            if self.authorities is not None:
                context.load_verify_locations(cafile=str(self.authorities))
            else:  # without the environment variables that `load_default_certs` reads
                system = ssl.get_default_verify_paths()
                for place in (system.openssl_cafile, system.openssl_capath):
                    if Path(place).is_file():
                        context.load_verify_locations(cafile=place)
                    elif Path(place).is_dir():
                        context.load_verify_locations(capath=place)
            if self.certificate is not None and self.key is not None:
                context.load_cert_chain(self.certificate, self.key, password="")  # never asks for one
        except OSError as error:  # ssl.SSLError is one
            raise SetupError(
                f"a certificate cannot be used ({error.strerror or type(error).__name__}); expected readable files in "
                "PEM."
            ) from error
        return context


def content(answer: Answer, *, at_most: int = MOST_ANSWER_BYTES) -> bytes:
    """Body of an answer that is small.

    Raises
    ------
    BodyNotReadable
        When it is longer.
    """
    held = bytearray()
    for piece in answer.stream(_CHUNK, decode_content=False):
        held += piece
        if len(held) > at_most:
            raise BodyNotReadable(f"The answer takes more than {at_most // 1024**2} MiB; expected less.")
    return bytes(held)


def judge_status(answer: Answer, peer: WebPeer, *, what: str) -> None:
    """Raises an error for a status that is not success; see `raise_for`."""
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        raise_for(answer.status, peer, what=what)


def raise_for(status: int, peer: WebPeer, *, what: str) -> None:
    """Raises the error of an HTTP status.

    Parameters
    ----------
    what : what was asked for, such as "STOW-RS"

    Raises
    ------
    PeerUnavailable
        For what may pass: 408, 425, 429 and 5xx, but not 501 and 505.
    PeerRejected
        For what an operator changes, there or here: 401, 403, 404, 407 and redirections.
    PeerRefused
        For everything else.
    """
    said = f"{peer} answered {what} with {in_words(status)}"
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED):
        has_token = "renew the token in its file" if peer.token_file else "name a file with a bearer token"
        raise PeerRejected(f"{said}; expected to be let in: {has_token}, or allow it there.")
    if status == HTTPStatus.NOT_FOUND:
        raise PeerRejected(f"{said}; expected DICOMweb at this address: correct it, or enable it there.")
    if 300 <= status < 400:
        raise PeerRejected(f"{said}, to another address; this is not followed: name that address in the settings.")
    if status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS):
        raise PeerUnavailable(f"{said}; it will be repeated.")
    if status >= 500 and status not in (HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.HTTP_VERSION_NOT_SUPPORTED):
        raise PeerUnavailable(f"{said}; see its log for the reason.")
    raise PeerRefused(f"{said}; see its log for the reason.")


def retry_after_s(value: str) -> float:
    """Time that a Retry-After asks for, in seconds or until a date (RFC 9110 §10.2.3); 0 where it states none."""
    value = value.strip()
    if value.isascii() and value.isdecimal() and len(value) < 10:
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    if until.tzinfo is None:
        return 0.0
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def in_words(status: int) -> str:
    """ "404 Not Found"."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _reason(error: BaseException) -> str:
    """Short reason of an error of the library, whose own texts repeat address and objects."""
    cause: BaseException = error
    while (inner := cause.__cause__ or cause.__context__ or getattr(cause, "reason", None)) is not None:
        if not isinstance(inner, BaseException) or inner is cause:
            break
        cause = inner
    if isinstance(cause, ssl.SSLCertVerificationError):
        return cause.verify_message
    return str(getattr(cause, "strerror", "") or type(cause).__name__)

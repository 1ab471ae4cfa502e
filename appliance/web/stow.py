"""STOW-RS (PS3.18 §10.5): images by HTTP, for who has a token; off where the settings name no tokens for it.

    POST /dicom-web/studies          of any study
    POST /dicom-web/studies/UID      of that study

A request is read as it arrives and goes to the spool part by part; the answer comes after everything it calls stored
is synced to disk. The service takes it from there (`appliance/service/web_door.py`); where hosts share a home, the
answer comes when it has (`handover`).
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from appliance.files import lock_folder, make_private_folder, sync_folder
from appliance.logs import describe
from appliance.service.audit import told_at_once
from appliance.service.roles import ServiceRole
from appliance.service.web_door import ENDED, STOW
from appliance.settings import Settings
from appliance.state.worker_notes import supervision_in
from appliance.web.handover import Handed, Handover
from appliance.web.session import TokenFile
from dicom_io.errors import BodyNotReadable
from dicom_io.network.acceptance import Status
from dicom_io.network.dicomweb.multipart import DICOM, boundary_of, parameter_of
from dicom_io.network.dicomweb.receive import StoreRequest
from dicom_io.network.dicomweb.store_response import JSON, Instance, StoreResponse
from dicom_io.network.instance_header import is_uid
from models.errors import SetupError
from models.files import PART

LOG = logging.getLogger("rdeepnet.web")

AT_ONCE = 8  # requests; a router sends a study in one, or in a few at a time
_RETRY_AFTER_S = "30"
_CHUNK = 256 * 1024  # of the body, handed to a thread at a time
_BUSY = {"Retry-After": _RETRY_AFTER_S}


class StowDoor:
    """The door; it keeps what it takes below the state folder.

    Raises
    ------
    SetupError
        When the tokens cannot be read, another process has the door, or nobody would take what comes by it.
    """

    def __init__(self, settings: Settings, token_file: Path) -> None:
        self._settings = settings
        self._tokens = TokenFile(token_file, setting="web.stow_token_file")
        self._folder = settings.service.state_dir / STOW
        if not settings.service.state_dir.is_dir():
            raise SetupError(f"{settings.service.state_dir} does not exist; expected the state folder of a service.")
        self._handover = Handover(settings.service.state_dir) if settings.shared.is_used else None
        if self._handover is not None and supervision_in(settings.service.state_dir).role == ServiceRole.WORKER:
            raise SetupError(f"web.stow_token_file is set. {self._handover.obstacle()}")
        make_private_folder(self._folder)
        self._lock = lock_folder(self._folder)
        self._open = 0
        for request in self._folder.iterdir():  # of an earlier process, which answered nothing for what is not whole
            if request.is_dir():
                for part in request.glob(f"*{PART}"):
                    part.unlink()
                (request / ENDED).touch()

    def routes(self) -> list[Route]:
        """Addresses."""
        return [
            Route("/dicom-web/studies", self.store, methods=["POST"]),
            Route("/dicom-web/studies/{uid}", self.store, methods=["POST"]),
        ]

    def close(self) -> None:
        """Gives the door back."""
        os.close(self._lock)

    async def store(self, request: Request) -> Response:
        """One request."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        sender = await run_in_threadpool(self._tokens.owner, token) if scheme.lower() == "bearer" else ""
        address = request.client.host if request.client is not None else ""
        if not sender:
            await run_in_threadpool(self._tell_refused, address)
            challenge = {"WWW-Authenticate": 'Bearer realm="STOW-RS"'}
            return _said(HTTPStatus.UNAUTHORIZED, "A bearer token of this door is expected.", challenge)
        study_uid = str(request.path_params.get("uid", ""))
        if study_uid and not is_uid(study_uid):
            return _said(HTTPStatus.NOT_FOUND, "This is no Study Instance UID; digits and dots, at most 64, expected.")
        content_type = request.headers.get("content-type", "")
        try:
            boundary = boundary_of(content_type)
            if parameter_of(content_type, "type").lower() not in ("", DICOM):
                raise BodyNotReadable(f'The parts are not "{DICOM}".')
        except BodyNotReadable as error:
            sentence = f'{error} This door takes multipart/related; type="{DICOM}".'
            return _said(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, sentence)
        if self._open >= AT_ONCE:
            return _said(HTTPStatus.SERVICE_UNAVAILABLE, f"{AT_ONCE} requests are open; repeat later.", _BUSY)
        if self._handover is not None and (obstacle := await run_in_threadpool(self._handover.obstacle)):
            LOG.error("STOW-RS cannot be served: %s", obstacle, extra={"peer": sender, "address": address})
            return _said(HTTPStatus.SERVICE_UNAVAILABLE, f"{obstacle} Repeat later.", _BUSY)
        self._open += 1
        try:
            return await self._taken(request, study_uid, boundary, sender=sender, address=address)
        finally:
            self._open -= 1

    async def _taken(self, request: Request, study_uid: str, boundary: bytes, *, sender: str, address: str) -> Response:
        try:
            folder = await run_in_threadpool(self._new_folder)
        except OSError as error:
            LOG.error("STOW-RS cannot be served", extra={"error": describe(error)})
            return _said(HTTPStatus.SERVICE_UNAVAILABLE, "Nothing can be stored now; repeat later.", _BUSY)
        arriving = StoreRequest(
            folder,
            boundary=boundary,
            study_uid=study_uid,
            most_object_bytes=self._settings.service.max_object_mib * 1024**2,
            sender=sender,
            address=address,
        )
        why = ""
        try:
            async for chunk in _chunks(request, idle_s=self._settings.service.idle_association_s):
                await run_in_threadpool(arriving.feed, chunk)
            arriving.close()
        except BodyNotReadable as error:
            why = str(error)
        except TimeoutError:
            why = f"Nothing came for {self._settings.service.idle_association_s:g} s."
        except ClientDisconnect:
            why = "The sender broke off."
        finally:
            is_safe = await asyncio.shield(run_in_threadpool(_ended, arriving, folder))
        response, handed = arriving.response if is_safe else None, Handed()
        if response is not None and self._handover is not None and not await request.is_disconnected():
            handed = await self._handover.handed(folder, arriving.stored)
            response = _without(response, arriving.stored, handed)
        if handed.waiting:
            LOG.error("what came by STOW-RS waits for the receiver", extra={"instances": len(handed.waiting)})
        is_late = bool(handed.waiting)
        return self._answer(response, why, is_late=is_late, sender=sender, address=address)

    def _tell_refused(self, address: str) -> None:
        why = "STOW-RS without a token that is known"
        LOG.warning("request refused: %s", why, extra={"address": address})
        told_at_once(self._settings, lambda audit: audit.refused("", address, why))

    def _new_folder(self) -> Path:
        folder = self._folder / f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        make_private_folder(folder)
        return folder

    def _answer(
        self, response: StoreResponse | None, why: str, *, is_late: bool, sender: str, address: str
    ) -> Response:
        """The answer, and a line in the log; `is_late`: the receiver has not taken all of it."""
        if response is None:
            LOG.error("STOW-RS: the disk failed", extra={"peer": sender, "address": address})
            return _said(HTTPStatus.SERVICE_UNAVAILABLE, "What came could not be made safe; repeat later.", _BUSY)
        stored, reasons = len(response.referenced), [one.reason for one in response.failed] + list(response.others)
        LOG.log(
            logging.WARNING if why or reasons else logging.INFO,
            "STOW-RS: %d instances stored, %d not%s",
            stored,
            len(reasons),
            f": {why}" if why else "",
            extra={"peer": sender, "address": address},
        )
        headers = {}
        if why or not (stored or reasons):
            status = HTTPStatus.BAD_REQUEST
        elif is_late:
            status, headers = HTTPStatus.SERVICE_UNAVAILABLE, _BUSY
        elif not reasons:
            status = HTTPStatus.OK
        elif stored:
            status = HTTPStatus.ACCEPTED
        elif set(reasons) <= {int(Status.OUT_OF_RESOURCES), int(Status.PROCESSING_FAILURE)}:
            status, headers = HTTPStatus.SERVICE_UNAVAILABLE, _BUSY  # it may pass
        else:
            status = HTTPStatus.CONFLICT
        return Response(response.as_json(), status, media_type=JSON, headers=headers)


def _without(response: StoreResponse, stored: Mapping[str, Instance], handed: Handed) -> StoreResponse:
    """The answer where some of what is safe here is not in the home."""
    reasons = dict.fromkeys(handed.waiting, Status.OUT_OF_RESOURCES)
    reasons |= dict.fromkeys(handed.put_aside, Status.PROCESSING_FAILURE)
    return StoreResponse(
        referenced=tuple(one for name, one in stored.items() if name not in reasons),
        failed=(
            *response.failed,
            *(replace(one, reason=int(reasons[name])) for name, one in stored.items() if name in reasons),
        ),
        others=response.others,
    )


def _ended(arriving: StoreRequest, folder: Path) -> bool:
    """Ends a request on disk; returns whether what came of it is safe."""
    arriving.drop()
    try:
        sync_folder(folder)
        (folder / ENDED).touch()
    except OSError as error:
        LOG.error("a request of STOW-RS could not be ended", extra={"error": describe(error)})
        return False
    return True


async def _chunks(request: Request, *, idle_s: float) -> AsyncIterator[bytes]:
    """The body in larger pieces than it comes in; raises TimeoutError when nothing comes for a time."""
    stream = request.stream()
    held = bytearray()
    while True:
        try:
            async with asyncio.timeout(idle_s):
                held += await anext(stream)
        except StopAsyncIteration:
            break
        except (ClientDisconnect, TimeoutError):
            yield bytes(held)
            raise
        if len(held) >= _CHUNK:
            yield bytes(held)
            held.clear()
    yield bytes(held)


def _said(status: HTTPStatus, sentence: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(f"{sentence}\n", status, headers=headers)

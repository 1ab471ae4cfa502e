"""The receiver's side of STOW-RS: what the web process has made safe is taken in like what comes by C-STORE.

    stow/<request>/000001.instance   safe, and answered as stored
                   ended             the request has ended
    stow-unread/                     what could not be read again, since the disk damaged it

The web process is another one, often in a container of its own, and knows neither records nor inbox. It may work while
the service does not: what it has answered as stored is taken when the service is there again. Where hosts share a
home, it answers when what came has been taken (`appliance/web/handover.py`): a file that is gone is in the home, or in
`stow-unread`. A folder is to a study what an association is: while it is open, more of the study may come.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from appliance.files import make_private_folder
from appliance.logs import describe
from appliance.state.database import DatabaseUnavailable
from dicom_io.errors import CannotKeepNow, NotReadable
from dicom_io.network.acceptance import Accepted, judge
from dicom_io.network.command_set import file_beginning
from dicom_io.network.dicomweb.spool import SUFFIX, read_spooled
from dicom_io.network.received import Received

LOG = logging.getLogger("rdeepnet.service")

STOW, ENDED = "stow", "ended"  # names in the state folder, and in the folder of a request
UNREAD = "stow-unread"  # in the state folder: what was safe once and cannot be read again, for a person
_ROUND_S = 1.0  # then the main loop goes on, and the rest is for its next round
_ABANDONED_S = 3600.0  # of a request that nobody ended: the web process was killed, and was not started again


def name_aside(request: Path, name: str) -> str:
    """Name in `stow-unread` of a file of a request."""
    return f"{request.name}-{name}"


class WebDoor:
    """Takes what the web process has made safe; for the main loop alone.

    Parameters
    ----------
    state_dir : of the service
    store : called for each instance; raises OSError or CannotKeepNow when it cannot be kept now
    opened, closed : called with the number of a request when it is first seen, and when it has ended and all of it was
        taken; the numbers are negative, those of associations are not
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        store: Callable[[Received], None],
        opened: Callable[[int], None],
        closed: Callable[[int], None],
    ) -> None:
        self._folder, self._unread = state_dir / STOW, state_dir / UNREAD
        self._store = store
        self._opened, self._closed = opened, closed
        self._numbers: dict[str, int] = {}
        self._last = 0
        self._said = ""

    def round(self) -> None:
        """Takes what there is, in the order in which it came, for at most a second."""
        if not self._folder.is_dir():
            return
        end_s = time.monotonic() + _ROUND_S
        try:
            for request in sorted(path for path in self._folder.iterdir() if path.is_dir()):
                if not self._taken(request, end_s=end_s):
                    return
            self._said = ""
        except (CannotKeepNow, DatabaseUnavailable, OSError) as error:
            if self._said != (said := describe(error)):
                LOG.error("what came by STOW-RS cannot be kept now; it waits", extra={"error": said})
                self._said = said

    def _taken(self, request: Path, *, end_s: float) -> bool:
        """Takes the instances of one request; returns whether there was time for all."""
        number = self._numbers.get(request.name)
        if number is None:
            self._last -= 1
            number = self._numbers[request.name] = self._last
            self._opened(number)
        has_ended = (request / ENDED).exists() or time.time() - request.stat().st_mtime > _ABANDONED_S
        for file in sorted(request.glob(f"*{SUFFIX}")):
            if time.monotonic() > end_s:
                return False
            try:
                self._take(file, number)
            except NotReadable as error:
                self._put_aside(file, error)
            else:
                file.unlink()
        if has_ended:  # nothing can have come since it was looked at
            shutil.rmtree(request)
            del self._numbers[request.name]
            self._closed(number)
        return True

    def _put_aside(self, file: Path, error: NotReadable) -> None:
        """Keeps what was answered as stored; the sender has no reason to send it again."""
        make_private_folder(self._unread)
        kept = file.rename(self._unread / name_aside(file.parent, file.name))
        LOG.error(
            "an instance that came by STOW-RS can no longer be read and is kept aside: look at the disk, and have "
            "its study sent again",
            extra={"file": str(kept), "error": describe(error)},
        )

    def _take(self, file: Path, number: int) -> None:
        with read_spooled(file) as (spooled, dataset):
            accepted = judge(
                dataset,
                transfer_syntax_uid=spooled.transfer_syntax_uid,
                sop_class_uid=spooled.sop_class_uid,
                sop_instance_uid=spooled.sop_instance_uid,
                context_class_uid=spooled.sop_class_uid,
            )
            if not isinstance(accepted, Accepted):
                raise NotReadable("A file of the spool is no longer what was accepted.")
            title = spooled.sender[:16]
            self._store(
                Received(
                    association=number,
                    calling_title=title,
                    address=spooled.address,
                    sop_class_uid=spooled.sop_class_uid,
                    sop_instance_uid=accepted.header.sop_instance_uid,
                    study_instance_uid=accepted.header.study_instance_uid,
                    series_instance_uid=accepted.header.series_instance_uid,
                    transfer_syntax_uid=spooled.transfer_syntax_uid,
                    is_ours=accepted.header.is_ours,
                    needed=accepted.needed,
                    meta=file_beginning(
                        sop_class_uid=spooled.sop_class_uid,
                        sop_instance_uid=spooled.sop_instance_uid,
                        transfer_syntax_uid=spooled.transfer_syntax_uid,
                        sender=title,
                    ),
                    dataset=dataset,
                )
            )

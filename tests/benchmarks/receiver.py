"""Our receiver and inbox, without the rest of the service: `python -m tests.benchmarks.receiver FOLDER SYNC [TLS…]`.

TLS: the files of certificate, key and authorities. Prints its port, and runs until it is killed.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from appliance.settings import Sync
from appliance.state.inbox_folder import FolderInbox
from dicom_io.network.receive import Receiver
from dicom_io.network.received import Received
from dicom_io.network.tls import ListenerTls, TlsFiles
from tests.end_to_end.running import AE_TITLE


def main() -> None:
    folder, sync, *files = sys.argv[1:]
    inbox = FolderInbox(Path(folder), syncs_folder=Sync(sync) is Sync.FILE_AND_FOLDER)

    def store(received: Received) -> None:
        inbox.keep(
            received.study_instance_uid,
            instance_uid=received.sop_instance_uid,
            meta=received.meta,
            dataset=received.dataset,
        )

    receiver = Receiver(
        ae_title=AE_TITLE,
        callers=None,
        store=store,
        opened=lambda number: None,
        closed=lambda number: None,
        refused=lambda title, address, why: None,
        tls=ListenerTls(TlsFiles(*map(Path, files))) if files else None,
    )
    print(receiver.start(host="127.0.0.1", port=0), flush=True)
    signal.pause()


if __name__ == "__main__":
    main()

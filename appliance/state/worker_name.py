"""The name of this worker. In a state folder it is given once and kept with the records, so that it survives a new
container, host name or host; in a home that several hosts share it is the host's and its GPU's.

The queue finds the unfinished jobs of a worker by its name. Deriving it from the host's name was rejected: a recreated
container gets another one, and its jobs would wait indefinitely for a worker that no longer exists.
"""

from __future__ import annotations

import os
import re
import secrets
import socket

import sqlalchemy as sa

from appliance.settings import Settings
from appliance.state.records import Records
from appliance.state.tables import WORKER


def worker_name(records: Records) -> str:
    """The name kept in these records; made at the first call, from the host's name and random digits."""
    with records.transaction() as connection:
        row = connection.execute(sa.select(WORKER.c.name)).first()
        if row is not None:
            return str(row.name)
        name = f"{socket.gethostname()}-{secrets.token_hex(4)}"
        connection.execute(sa.insert(WORKER), {"name": name})
        return name


def host_and_gpu() -> str:
    """The name of the worker of this host's first visible GPU, where several hosts share a home: "host-0".

    There a name need not survive its host: who finds its lock free takes its jobs over.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    gpu = "0" if visible is None else visible.split(",")[0].strip() or "cpu"
    return f"{socket.gethostname()}-{re.sub(r'[^A-Za-z0-9]+', '-', gpu)}"


def receiver_name(settings: Settings) -> str:
    """The name of a receiver among those that share a home: its host's and its port, "host:11112"."""
    return f"{socket.gethostname()}:{settings.service.port}"

"""Arrival of studies that the worker asked for as priors: they go into their folder, past the inbox."""

from __future__ import annotations

import logging
from collections.abc import Callable

from appliance.settings import Settings
from appliance.state.prior_folders import FIRST_MESSAGE_ID, PriorFolders
from dicom_io.network.instance_header import is_uid
from dicom_io.network.received import Received

LOG = logging.getLogger("rdeepnet.service")

Store = Callable[[Received], None]


def apart(store: Store, settings: Settings) -> Store:
    """The store of the receiver, without the objects of priors; where none are asked for by C-MOVE, the same."""
    if not (settings.priors.archive and settings.priors.retrieve == "move"):
        return store
    folders = PriorFolders(settings.service.state_dir)

    def stored(received: Received) -> None:
        is_prior = received.move_originator == settings.service.ae_title
        if not (is_prior and received.move_message_id >= FIRST_MESSAGE_ID):
            store(received)
            return
        uids = (received.study_instance_uid, received.sop_instance_uid)
        if not all(is_uid(uid) for uid in uids) or not folders.keep(
            received.move_message_id,
            study_uid=received.study_instance_uid,
            instance_uid=received.sop_instance_uid,
            is_needed=received.needed,
            parts=(received.meta, received.dataset),
        ):
            LOG.info("an object of an earlier study came that nobody waits for; it is not kept")

    return stored

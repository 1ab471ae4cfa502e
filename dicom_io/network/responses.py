"""A response belongs to the call that waits for it, and not to the thread that serves the peer's requests.

pynetdicom 3.0 has both take from one queue of messages: `send_c_store` asks the association's reactor to pause, but the
reactor may already be past the place where it pauses, and then takes the response and drops it. The call waits out its
time, and the association is aborted with the objects behind it unsent (6 of 150 associations on a busy machine).

Once a call got no response, the association is over, and the library notices that only when its reactor runs next: the
calls behind it would each wait out their time on a connection that is gone.
"""

from __future__ import annotations

from typing import Any

from pynetdicom.association import Association
from pynetdicom.dimse_primitives import N_EVENT_REPORT


def leave_responses_to_calls(association: Association) -> None:
    """From now on the reactor of an association takes requests only, and no call waits for a connection that is gone.

    A report of storage commitment that comes on the same association is a request, and is served as before; one that
    comes while a call waits is served by the call, since the peer may answer the call only after it.

    Parameters
    ----------
    association : of ours, before anything has arrived on it
    """
    messages = association.dimse.msg_queue
    get_message = association.dimse.get_msg
    is_over = False

    def requests_only(block: bool = False) -> tuple[Any, Any]:
        nonlocal is_over
        if block:  # a call, for its response
            if is_over:
                return None, None
            context_id, response = get_message(block=True)
            while isinstance(response, N_EVENT_REPORT) and response.MessageIDBeingRespondedTo is None:
                association._serve_request(response, context_id or 0)
                context_id, response = get_message(block=True)
            is_over = response is None
            return context_id, response
        with messages.mutex:
            _, message = messages.queue[0] if messages.queue else (None, None)
            if message is None or message.MessageIDBeingRespondedTo is not None:
                return None, None
            return messages.queue.popleft()

    association.dimse.get_msg = requests_only  # type: ignore[method-assign]

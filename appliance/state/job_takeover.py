"""Takes over the jobs of workers that are gone, where several hosts share a queue: within two seconds of their locks.

A worker holds the lock of its name (`postgres.SessionLock`) for as long as its session lives. Who finds jobs begun
under a name whose lock is free, and gets the lock, knows that nobody executes them and nobody can begin to meanwhile.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from appliance.logs import describe
from appliance.state.job_queue import JobQueue
from appliance.state.postgres import LockProbe

LOG = logging.getLogger("rdeepnet.jobs")

LOOK_EVERY_S = 2.0  # a worker whose lock is cut notices within one
_OLDER_EVERY = 5  # looks: jobs of an older version wait for the last worker of that version, not for a second

# Names that are locked in the database, besides that of each worker: its steps are shared by workers of one version.
EXECUTOR_LOCK, STEPS_LOCK = "executor {}", "steps {}"


class JobTakeover:
    """Looks after the jobs of all workers of a queue, in a thread of its own.

    Parameters
    ----------
    queue : opened
    interrupted : called, behind the lock, with jobs whose worker is gone, and its name; returns those that are to be
        begun again
    """

    def __init__(
        self, database_url: str, queue: JobQueue, *, interrupted: Callable[[Sequence[str], str], Sequence[str]]
    ) -> None:
        self._probe = LockProbe(database_url)
        self._queue = queue
        self._interrupted = interrupted
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="takeover", daemon=True)

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Returns whether it still looks."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Stops looking."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._probe.close()

    def _watch(self) -> None:
        looks, said = 0, ""
        while not self._stopping.wait(LOOK_EVERY_S):
            try:
                self.look()
                if looks % _OLDER_EVERY == 0:
                    self.renew_older()
                looks, said = looks + 1, ""
            except Exception as error:  # a database that is away, a full disk: the next look tries again
                text = describe(error)
                if text != said:
                    LOG.error("jobs of other workers cannot be looked after", extra={"error": text})
                said = text

    def look(self) -> tuple[str, ...]:
        """Queues again what was begun by workers that are gone; returns those jobs.

        Raises
        ------
        ServerUnavailable, QueueUnavailable
            When the server does not answer now.
        """
        taken: list[str] = []
        for executor in self._queue.begun():
            with self._probe.free(EXECUTOR_LOCK.format(executor)) as is_gone:
                if is_gone:
                    taken += self._take(executor)
        return tuple(taken)

    def _take(self, executor: str) -> tuple[str, ...]:
        jobs = self._queue.begun(executor=executor).get(executor, ())  # again, now that nobody can change it
        again = tuple(self._interrupted(jobs, executor)) if jobs else ()
        self._queue.put_back(again)
        for job_id in again:
            LOG.warning("a job whose worker is gone is queued again", extra={"job": job_id, "worker": executor})
        return again

    def renew_older(self) -> tuple[str, ...]:
        """Moves jobs of an older version of the steps to ours, once no worker of that version is left."""
        renewed: list[str] = []
        for version, jobs in self._queue.of_older_versions().items():
            with self._probe.free(STEPS_LOCK.format(version)) as is_gone:
                for job_id in jobs if is_gone else ():
                    self._queue.renew(job_id)
                    renewed.append(job_id)
                    LOG.info("job taken over from an older version of the pipeline", extra={"job": job_id})
        return tuple(renewed)

"""`--queue`: studies of a cohort that the workers of a shared home compute, for the commands that have it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.commands.options import say, stderr

if TYPE_CHECKING:
    from appliance.settings import Settings
    from appliance.state.cohort_tasks import TaskAnswer


def answered_by_workers(
    questions: Sequence[tuple[str, tuple[Path, ...]]], settings: Settings, *, at_once: int
) -> Generator[tuple[int, TaskAnswer], None, None]:
    """The number of each question and its answer, as they come; what is waited for is said on standard error.

    Parameters
    ----------
    questions : each as JSON, with its files
    at_once : questions whose files are in the home at a time

    Raises
    ------
    SetupError
        When there is no shared home, or it cannot be used.
    """
    from appliance.service import cohort

    if not questions:
        return
    console = stderr()
    with cohort.opened(settings) as (queue, tasks, hosts):
        asked = [cohort.Question(text, files) for text, files in questions]
        answers = cohort.hand_over(
            asked,
            queue=queue,
            tasks=tasks,
            at_once=at_once,
            said=lambda sentence: say(console, sentence),
            hosts=hosts,
        )
        with closing(answers):
            yield from answers

"""Problems that an operator should be told of, from what the page knows; in words without patient data or UIDs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from appliance.settings import Settings
from appliance.state.states import State
from appliance.web.overview import Overview
from appliance.web.surroundings import Surroundings
from models.number_words import age_in_words, agreeing, counted

DISK_LOW_GB = 20.0  # as `rdeepnet doctor`


def problems(view: Overview, around: Surroundings, settings: Settings) -> Mapping[str, str]:
    """Code → sentence of everything that is wrong at this moment."""
    return dict((*_of_studies(view, settings), *_of_surroundings(around, view.at)))


def _of_studies(view: Overview, settings: Settings) -> Iterator[tuple[str, str]]:
    for state in (State.REFUSED, State.FAILED):
        count = sum(row.state is state for row in view.attention)
        if count:
            studies = "1 study is" if count == 1 else f"{count} studies are"
            yield state.value, f"{studies} {state}; retry or drop them, the page says why."
    if view.waiting_since is not None:
        age = view.at - view.waiting_since
        if age.total_seconds() > settings.alerts.waiting_s:
            yield "waiting", f"A study has been unfinished for {age_in_words(age)}; the page says in which state."
    limit = timedelta(days=settings.alerts.review_days)
    late = [row for row in view.drafts if view.at - row.since > limit]
    if late:
        drafts = f"{counted(len(late), 'draft')} {agreeing(len(late), 'has', 'have')} waited for a person"
        oldest = age_in_words(view.at - late[0].since)
        yield "review", f"{drafts}, the oldest for {oldest}; review, accept or drop them, the page lists them."
    for row in view.destinations:
        if row.refused:
            yield (
                f"refused-by:{row.name}",
                f"Destination {row.name} refuses the results of {counted(row.refused, 'study', 'studies')}.",
            )


def _of_surroundings(around: Surroundings, now: datetime) -> Iterator[tuple[str, str]]:
    if around.service:
        yield "service", f"The service does not work: {' '.join(around.service)}"
    if around.worker:
        yield "worker", f"Studies are received and not computed: {' '.join(around.worker)}"
    for name, echo in around.destinations.items():
        if not echo.is_well:
            yield f"destination:{name}", f"Destination {name} does not answer: {echo.sentence}"
    if around.free_gb < DISK_LOW_GB:
        yield "disk", f"{around.free_gb:.1f} GB are free for the state folder; expected {DISK_LOW_GB:g} GB: make space."
    if not around.certificate.is_well:
        yield "certificate", f"TLS: {around.certificate.sentence}: renew it."

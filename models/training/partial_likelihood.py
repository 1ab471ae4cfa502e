"""Cox's partial likelihood for gradient descent, with Breslow's and Efron's treatment of tied event times.

Everything stays in log-space: risk sets by logcumsumexp, Efron's correction by log1p. The textbook form with
exp(log-risk - max) underflows to log(0) as soon as the log-risks of an unregularised network spread over more than 88
(single precision) or 708 (double).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from models.errors import CohortRejected


class Ties(StrEnum):
    """Treatment of events at the same time."""

    BRESLOW = "breslow"  # every death sees the whole risk set; overstates the risk set when many are tied
    EFRON = "efron"  # the k-th of d tied deaths sees the risk set less k/d of the tied deaths


@dataclass(frozen=True, eq=False)
class RiskSets:
    """Patients at risk at each event: computed once for a set of patients, used in every step of the training.

    Attributes
    ----------
    order : int64 (n,), patients by decreasing time
    last : int64 (groups,), place in `order` of the last patient of each distinct time; all up to there are at risk
    events : int64 (d,), places in `order` of the patients with an event
    group : int64 (d,), to which distinct time each event belongs
    deaths : float64 (groups,), number of events at each distinct time
    share : float64 (d,), k/d with k counting from 0 inside each group of tied events
    """

    order: Tensor
    last: Tensor
    events: Tensor
    group: Tensor
    deaths: Tensor
    share: Tensor

    def to(self, device: str) -> RiskSets:
        """The same on another device."""
        moved = (getattr(self, field.name).to(device) for field in fields(self))
        return RiskSets(*moved)

    @property
    def event_count(self) -> int:
        """Number of events."""
        return int(self.events.numel())


def risk_sets(times: ArrayLike, events: ArrayLike) -> RiskSets:
    """Risk sets of patients with `times` (n,) and `events` (n,) of 0 or 1.

    Raises
    ------
    CohortRejected
        When the arrays do not fit, a time is not finite, or there is no event.
    """
    t, e = np.asarray(times, dtype=np.float64), np.asarray(events)
    if t.ndim != 1 or t.shape != e.shape or not np.all(np.isfinite(t)) or not np.all(np.isin(e, (0, 1))):
        raise CohortRejected(
            f"{t.shape} finite times and {e.shape} events of 0 or 1 were given; one per patient expected."
        )
    if not e.any():
        raise CohortRejected("There is no event among the patients; the partial likelihood needs at least one.")
    order = np.argsort(-t, kind="stable")
    sorted_times, dead = t[order], np.flatnonzero(e[order] == 1)
    group = np.concatenate(([0], np.cumsum(np.diff(sorted_times) != 0)))
    last = np.append(np.flatnonzero(np.diff(group)), t.size - 1)
    deaths = np.bincount(group[dead], minlength=last.size)
    first_of_group = np.concatenate(([0], np.cumsum(deaths)[:-1]))
    rank = np.arange(dead.size) - first_of_group[group[dead]]
    return RiskSets(
        order=torch.from_numpy(order),
        last=torch.from_numpy(last),
        events=torch.from_numpy(dead),
        group=torch.from_numpy(group[dead]),
        deaths=torch.from_numpy(deaths.astype(np.float64)),
        share=torch.from_numpy(rank / deaths[group[dead]]),
    )


def negative_log_partial_likelihood(log_risk: Tensor, sets: RiskSets, *, ties: Ties) -> Tensor:
    """Minus the log partial likelihood, summed over events; a scalar that gradients flow through.

    Parameters
    ----------
    log_risk : (n,), higher means higher risk, in the order of the patients given to `risk_sets`
    sets : risk sets of these patients

    References
    ----------
    Cox (1972), J R Stat Soc B 34:187-220; Breslow, ibid. 216-217; Efron (1977), J Am Stat Assoc 72:557-565. Equal to
    minus `loglik` of R `survival::coxph`. As loss of a network: Katzman et al. (2018), BMC Med Res Methodol 18:24.
    """
    ordered = log_risk[sets.order]
    at_risk = torch.logcumsumexp(ordered, dim=0)[sets.last][sets.group]
    dead = ordered[sets.events]
    loss = (at_risk - dead).sum()
    if ties is Ties.EFRON:
        loss = loss + torch.log1p(-sets.share.to(dead) * torch.exp(_tied_sums(dead, sets) - at_risk)).sum()
    return loss


def _tied_sums(dead: Tensor, sets: RiskSets) -> Tensor:
    """For every event, the log of the sum of exp(log-risk) over the events at its time: (d,)."""
    groups = sets.deaths.numel()
    lowest = torch.full((groups,), -torch.inf, dtype=dead.dtype, device=dead.device)
    peak = lowest.scatter_reduce(0, sets.group, dead.detach(), "amax")
    total = torch.zeros(groups, dtype=dead.dtype, device=dead.device).index_add(
        0, sets.group, torch.exp(dead - peak[sets.group])
    )
    return torch.log(total[sets.group]) + peak[sets.group]

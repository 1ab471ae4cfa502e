"""Effective number of parameters of a penalised fit: by how much its log-likelihood flatters its own patients.

A fit of p free parameters has a log-likelihood on the patients it was fitted to that is larger by p, on average, than
on new ones (Akaike 1974); cross-validation estimates the second (Stone (1977), J R Stat Soc B 39:44-47), also for a
fit whose parameters cannot be counted since they are shrunk, selected or stopped early (Efron (2004), J Am Stat Assoc
99:619-642, covariance penalties). Both likelihoods are of calibrated outputs, so that what calibration takes back is
not counted. A network of thousands of weights may thus have five parameters; the selection of its inputs is counted.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def effective_parameters(log_likelihood: Callable[[Floats], float], apparent: Floats, out_of_fold: Floats) -> float:
    """Effective number of parameters, at least 1.

    Parameters
    ----------
    log_likelihood : of calibrated outputs (patients,), over all patients
    apparent : outputs of the fit on its own patients, float64 (patients,)
    out_of_fold : of fits without the patient, float64 (divisions, patients)
    """
    unseen = float(np.mean([log_likelihood(one) for one in out_of_fold]))
    return max(1.0, log_likelihood(apparent) - unseen)

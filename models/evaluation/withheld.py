"""The groups that the borderline rule withholds from a cohort, and the shown ones that are another one elsewhere.

No outcome is needed: the other trainings are the refits of the package, each tried on a range made of the others.
Contours need images, so that the share that is borderline with them is larger.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.inference.manifest import RangeSource
from models.inference.plausible_range import as_output
from models.inference.runtime import LoadedModel
from models.statistics.followed import Floats
from models.statistics.risk_coverage import RiskCoverage, leave_one_out, risk_coverage


@dataclass(frozen=True)
class WithheldGroups:
    """The risk-coverage curve of a package on one cohort.

    Attributes
    ----------
    cohort, patients : its name and size
    refits : of the package
    curve : one point for each half width of the range
    """

    cohort: str
    patients: int
    refits: int
    curve: tuple[RiskCoverage, ...]


def withheld_groups(model: LoadedModel, values: Floats, scores: Floats, *, cohort: str) -> WithheldGroups | None:
    """The curve of the patients (patients, inputs) with these scores; None for a package without refits."""
    package = model.package
    facts = package.spread
    if facts is None or facts.source is not RangeSource.REFITS:
        return None
    others = model.spread(values)
    outputs = np.array([as_output(package, float(score)) for score in scores])
    wide = facts.inflation * leave_one_out(outputs, others)
    curve = risk_coverage(outputs, others, wide, cut_off=as_output(package, package.cut_off))
    return WithheldGroups(cohort, len(values), facts.count, curve)

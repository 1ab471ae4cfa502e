"""Real patients through screen and groups: GSE7390 (Desmedt 2007), 198 node-negative breast cancers, 51 events.

R 4.2.2, survival 3.5-3: `coxph(Surv(days / 30.4375, distant_metastasis) ~ x)` of the probe, one at a time.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.omics.cox_screen import CoxScreen, screen_cox
from models.omics.gene_sets import match_sets, read_gene_sets
from models.omics.set_scores import gsva, ssgsea
from models.statistics.cutpoint import select_cut_off
from models.statistics.feature_tests import count_hits
from models.statistics.kaplan_meier import log_rank, survival_curve

DAYS_PER_MONTH = 30.4375
OF_R = {  # coefficient, P of likelihood ratio and score
    "219340_s_at": (-0.107329647747209, 0.501430736037966, 0.491408859003964),
    "209835_x_at": (0.272704641780113, 0.110298838206029, 0.111776507000340),
    "216103_at": (-0.1615618961662679, 0.0840272580386623, 0.0725365658113851),
}


@pytest.fixture(scope="module")
def table(shared_data: Path) -> pd.DataFrame:
    return pd.read_csv(shared_data / "omics" / "gse7390_76genes.csv")


@pytest.fixture(scope="module")
def screen(table: pd.DataFrame) -> CoxScreen:
    return screen_cox(table.iloc[:, 7:].to_numpy().T, table["days"] / DAYS_PER_MONTH, table["distant_metastasis"])


def test_the_screen_of_real_probes(table: pd.DataFrame, screen: CoxScreen) -> None:
    assert (screen.patients, screen.events, screen.caution) == (198, 51, None)
    assert not (screen.is_constant | screen.is_separated).any()
    count = count_hits(screen.p_likelihood_ratio)
    assert count.tested == 76
    assert count.hits == 12  # of R
    assert count.expected == pytest.approx(3.8)
    per_unit = screen.coefficients / screen.spreads
    for probe, (coefficient, likelihood_ratio, score) in OF_R.items():
        place = list(table.columns[7:]).index(probe)
        assert per_unit[place] == pytest.approx(coefficient, rel=1e-6)
        assert screen.p_likelihood_ratio[place] == pytest.approx(likelihood_ratio, rel=1e-9)
        assert screen.p_score[place] == pytest.approx(score, rel=1e-9)


def test_groups_of_the_best_probe(table: pd.DataFrame, screen: CoxScreen) -> None:
    best = int(np.argmin(screen.p_likelihood_ratio))
    values = table.iloc[:, 7 + best].to_numpy()
    times, events = table["days"] / DAYS_PER_MONTH, table["distant_metastasis"]
    high = values > np.median(values)
    test = log_rank(times, events, high)
    assert test is not None
    selected = select_cut_off(times, events, values)
    assert selected.p_lausen94 > log_rank(times, events, values > selected.cut_off).p  # type: ignore[union-attr]
    assert survival_curve(times[high], events[high]).at_risk[0] == 99


def test_real_sets_score_a_real_sized_table(shared_data: Path) -> None:
    """Reactome's 1,542 sets and Danaher's 14 cell types on simulated expression of their genes."""
    reactome = read_gene_sets(shared_data / "omics" / "reactome.gmt")
    danaher = read_gene_sets(shared_data / "omics" / "danaher2017.gmt")
    genes = sorted({gene for file in (reactome, danaher) for one in file.sets for gene in one.genes})
    values = np.maximum(np.random.default_rng(1).normal(2, 2, (len(genes), 12)), 0)
    for file, score in ((reactome, gsva), (danaher, ssgsea)):
        matched = match_sets([file], genes)
        assert len(matched) == len(file.sets)
        found = score(values, matched.members).scores
        assert found.shape == (len(matched), 12)
        assert np.isfinite(found).all()
        assert np.abs(found.mean()) < 0.1 * np.ptp(found)

"""`rdeepnet analyse demo`: simulated patients through every analysis, and what was planted beside what was found."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from appliance.offline.patients import PatientInput, patients_into
from appliance.offline.radiogenomics import RadiogenomicsInput, radiogenomics_into
from appliance.offline.therapy import TherapyInput, therapy_into
from models.cohort.features import read_features
from models.cohort.outcomes import read_outcomes
from models.number_words import counted
from models.omics.annotation import read_annotation
from models.omics.genes import gene_table
from models.omics.radiogenomics import GeneInDepth, Radiogenomics, RadiogenomicsSettings, ScoredSets
from models.omics.tables import read_expression
from models.omics.values import Unit
from models.patients.analyse import AnalysisSettings, PatientAnalysis
from models.progress import Tell, named, silent
from models.simulation import therapy as simulated_therapy
from models.simulation.patients_and_rna import PlantedRna, write_patients_and_rna
from models.simulation.therapy import TherapyCohort, TherapyTruth, write_simulated_therapy
from models.simulation.transcriptome import KRT7_AS
from models.statistics.estimate import Estimate, NotEstimable
from models.therapy.design import Comparison
from models.therapy.results import TherapyAnalysis, TherapySettings
from models.therapy.tables import ClinicalColumns

TABLES = "tables"
_PERMUTATIONS = 200  # of labels and pairs: enough to tell hundreds of hits from chance, in seconds
_RESAMPLES = 200
_LARGE = 0.3  # standard deviations: an effect that 127 patients can be expected to show
_NONE = 0.02


@dataclass(frozen=True)
class Question:
    """One thing that was planted, beside what the analysis found.

    Attributes
    ----------
    analysis : patients, therapy or radiogenomics
    what, planted, found : words
    things : number of things planted, features or genes or sets; 0 where nothing was
    right, wrong : of those with a false discovery rate below 5 %, the planted, and those without any effect; None
        where the question has no such things
    """

    analysis: str
    what: str
    planted: str
    found: str
    things: int = 0
    right: int | None = None
    wrong: int | None = None


def demo_into(
    out: Path, *, null: bool, seed: int, created: datetime, tell: Tell = silent
) -> tuple[tuple[Question, ...], tuple[str, ...]]:
    """Simulates, analyses and writes; returns the questions and the folders.

    Parameters
    ----------
    null : nothing is planted
    created : written into the files, with its time zone

    Raises
    ------
    NotWritable
        When a file cannot be written.
    """
    tables = out / TABLES
    tell("simulation", 0, 0)
    truth = TherapyTruth.NULL if null else TherapyTruth.PLANTED
    cohort = write_simulated_therapy(tables, truth=truth, seed=seed)
    rna = write_patients_and_rna(tables, seed=seed, null=null)
    patients, _ = patients_into(
        out / "patients",
        PatientInput(read_features(rna.files.features), read_outcomes(rna.files.outcomes), rna.files.scores),
        AnalysisSettings(resamples=_RESAMPLES, seed=seed),
        created=created,
        tell=named("patients", tell),
    )
    therapy, _ = therapy_into(
        out / "therapy",
        TherapyInput(
            tables / simulated_therapy.BEFORE,
            tables / simulated_therapy.AFTER,
            tables / simulated_therapy.CLINICAL,
            ClinicalColumns(),
        ),
        TherapySettings(permutations=_PERMUTATIONS, seed=seed),
        created=created,
        tell=named("therapy", tell),
    )
    related = [therapy.names[row] for row in np.flatnonzero(therapy.overlap.is_common)] if not null else []
    genes = gene_table(read_expression([rna.files.counts], unit=Unit.COUNTS), read_annotation(rna.files.annotation))
    radiogenomics, _ = radiogenomics_into(
        out / "radiogenomics",
        genes,
        RadiogenomicsInput(
            rna.files.scores,
            rna.files.outcomes,
            rna.files.features,
            cells=[rna.files.cell_types],
            pathways=[rna.files.pathways],
        ),
        RadiogenomicsSettings(features=tuple(related[:40]) or None, seed=seed),
        created=created,
        tell=named("radiogenomics", tell),
    )
    found = (
        *_of_patients(patients, null=null),
        *_of_therapy(therapy, cohort),
        *_of_radiogenomics(radiogenomics, rna),
    )
    return found, (TABLES, "patients", "therapy", "radiogenomics")


def _of_patients(analysis: PatientAnalysis, *, null: bool) -> Iterator[Question]:
    added = analysis.sets[0].added
    if isinstance(added, NotEstimable):
        found = added.reason
    else:
        score = added.coefficients[0]
        found = f"likelihood-ratio {_p(added.beyond_clinical.p)} beyond {', '.join(added.covariates)}"
        if isinstance(score.together, Estimate):
            found = f"hazard ratio {_ratio(score.together)} {score.unit}, {found}"
    yield Question(
        "patients", "score and recurrence", "nothing" if null else "a higher score, earlier recurrence", found
    )
    if not isinstance(analysis.features, NotEstimable):
        count = analysis.features.moderated
        planted = "nothing" if null else "features make the score"
        yield Question("patients", "features, high against low risk", planted, str(count))


def _of_therapy(analysis: TherapyAnalysis, cohort: TherapyCohort) -> Iterator[Question]:
    place = {name: column for column, name in enumerate(cohort.names)}
    columns = [place[name] for name in analysis.names]
    words = {
        Comparison.BEFORE: "responders against non-responders, before",
        Comparison.AFTER: "the same, after",
        Comparison.RESPONDERS: "after against before, responders",
        Comparison.NON_RESPONDERS: "after against before, non-responders",
        Comparison.CHANGE: "does change differ by response",
    }
    for comparison, what in words.items():
        effect = np.abs(cohort.effects[comparison][columns])
        compared = analysis.comparisons[comparison]
        yield _of_features(what, compared.fdr < 0.05, effect)


def _of_features(what: str, called: NDArray[np.bool_], effect: NDArray[np.float64]) -> Question:
    """Features with a false discovery rate below 5 %, and how many of them carry a large effect, and none."""
    large, none = effect >= _LARGE, effect < _NONE
    things, right, wrong = int(large.sum()), int((called & large).sum()), int((called & none).sum())
    text = f"{int(called.sum())} at FDR < .05"
    if things:
        text += f", {right} of the {things} planted"
    planted = f"{counted(things, 'feature')} by {_LARGE:g} SD or more" if things else "nothing"
    return Question(
        "therapy", what, planted, f"{text}; {wrong} of {int(none.sum())} without effect", things, right, wrong
    )


def _of_radiogenomics(analysis: Radiogenomics, rna: PlantedRna) -> Iterator[Question]:
    names = analysis.patients.genes.names
    if not isinstance(analysis.lncrnas, NotEstimable):
        screen = analysis.lncrnas
        called = {names[row] for row in screen.rows[screen.fdr < 0.05]}
        planted = set(rna.lncrnas) | ({KRT7_AS} if rna.follows_score else set())
        yield Question(
            "radiogenomics",
            "lncRNAs of the score",
            counted(len(planted), "lncRNA") if planted else "nothing",
            f"{screen.count}; {_called(called, planted)}",
            len(planted),
            len(called & planted),
            len(called - planted),
        )
    if isinstance(analysis.depth, GeneInDepth) and analysis.depth.enrichment is not None:
        enrichment = analysis.depth.enrichment
        called = {name for name, fdr in zip(enrichment.sets.names, enrichment.camera.fdr, strict=True) if fdr < 0.05}
        yield _sets(f"pathways of {KRT7_AS} (camera)", KRT7_AS, rna, called)
    if analysis.pathways is not None:
        yield _sets("pathways of the score (GSVA)", "score", rna, _with_score(analysis.pathways))
    if analysis.cells is not None:
        yield _sets("cell types of the score (ssGSEA)", "", rna, _with_score(analysis.cells))


def _with_score(scored: ScoredSets) -> set[str]:
    return {name for name, fdr in zip(scored.sets.names, scored.with_score_fdr, strict=True) if fdr < 0.05}


def _sets(what: str, target: str, rna: PlantedRna, called: set[str]) -> Question:
    """Sets that follow the target; those of the other one do so by its correlation with the target."""
    own = set(rna.sets.get(target, ()))
    planted = {name for names in rna.sets.values() for name in names} if own else set()
    words = f"{counted(len(own), 'set')}, and {len(planted) - len(own)} by way of {KRT7_AS} and the score"
    return Question(
        "radiogenomics",
        what,
        words if own else "nothing",
        _called(called, planted),
        len(planted),
        len(called & planted),
        len(called - planted),
    )


def _called(called: set[str], planted: set[str]) -> str:
    if not planted:
        return f"{len(called)} at FDR < .05"
    others = counted(len(called - planted), "other")
    return f"at FDR < .05 {len(called & planted)} of the {len(planted)} planted and {others}"


def _ratio(coefficient: Estimate) -> str:
    low, high = coefficient.interval or (math.nan, math.nan)
    return f"{coefficient.value:.2f} ({low:.2f} to {high:.2f})"


def _p(p: float) -> str:
    return "P < .001" if p < 0.001 else f"P = {p:.3f}"

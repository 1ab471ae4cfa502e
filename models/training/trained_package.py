"""The package of a trained model: what is filled in alike whatever its task."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.inference.package import Training
from models.inference.tasks import TASKS, Task
from models.inference.training_scores import TrainingScores
from models.inference.verdicts import FEWEST_PER_PARAMETER, few_per_parameter, is_demonstration, rarer
from models.model_card.about import About
from models.model_card.facts import Measurement
from models.statistics.baseline_resamples import BaselineResamples
from models.statistics.survival import BaselineHazard
from models.training.export import PackageText, reference_vectors, write_package
from models.training.options import Trained
from models.training.patients import TrainingPatients
from models.training.search import in_words as search_in_words

UNFIT = "must not be used on patients: too few events for its parameters"
PARAMETERS = "Effective parameters"


def _parameters(task: Task, training: Training) -> Measurement:
    parameters, events = training.effective_parameters, rarer(task, training)
    assert parameters is not None
    return Measurement(
        PARAMETERS,
        f"{parameters:.1f}; {events / parameters:.1f} {'events' if TASKS[task].has_survival else 'patients'} for each",
        "log-likelihood on the training patients less that out of fold (Akaike 1974, Stone 1977), at least 1; fewer "
        f"than {FEWEST_PER_PARAMETER} for each do not make a model for patients",
    )


def write_trained(
    folder: Path,
    trained: Trained,
    patients: TrainingPatients,
    *,
    about: About,
    task: Task,
    cut_off: float,
    events: int,
    calibrated: str,
    measurements: Iterable[Measurement],
    training_scores: TrainingScores | None,
    horizons_months: tuple[float, ...] = (),
    baseline: BaselineHazard | None = None,
    resamples: BaselineResamples | None = None,
    reference_values: NDArray[np.float64] | None = None,
) -> None:
    """Write the package.

    Parameters
    ----------
    cut_off : on the scale of the score
    events : number of recurrences, or of patients with high expression
    calibrated : how the output was calibrated, in words
    measurements : for the model card
    training_scores : summary of the out-of-fold scores; None where the patients are too few
    horizons_months, baseline, resamples : for a task with survival
    reference_values : (cases, inputs); None makes them from quantiles, so that no patient's features are in the package
    """
    model, spread = trained.model, trained.spread
    training = Training(
        data=" ".join((about.data, *patients.images.in_words())),
        patients=len(patients.values),
        events=events,
        recipe=f"{model.recipe.in_words()} {calibrated}",
        performance=about.performance,
        effective_parameters=round(model.parameters, 2),
    )
    few = None if is_demonstration(about.notice) else few_per_parameter(task, training)
    write_package(
        folder,
        text=PackageText(
            task=task,
            name=about.name,
            version=about.version,
            title=about.title,
            notice=about.notice if few is None else f"{about.notice}; {UNFIT}",
            cut_off=cut_off,
            horizons_months=horizons_months,
            origin=patients.origin,
            training=training,
            out_of_fold=trained.out_of_fold,
            caveats=about.caveats,
            stands_in_for=about.stands_in_for,
            statements=about.statements,
            search=search_in_words(model.trials),
            images=patients.images,
            measurements=(*measurements, _parameters(task, training)),
            notes=(*(note.sentence for note in trained.notes), *([] if few is None else [few])),
            spread=None if spread is None else spread.facts,
            curve=() if spread is None else spread.curve,
            familiarity_test=trained.familiarity_test,
            foreign=patients.foreign,
        ),
        names=patients.names,
        scorer=model.scorer,
        baseline=baseline,
        familiarity=trained.familiarity,
        spread=() if spread is None else spread.scorers,
        resamples=resamples,
        training_scores=training_scores,
        training_values=patients.values,
        reference_values=reference_vectors(patients.values) if reference_values is None else reference_values,
    )

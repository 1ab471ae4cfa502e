"""Verdicts of a package: what it says against itself, and every output that is made with it repeats.

One list for the rows of a table of scores, for an evaluation, for the model card and for the report of a study.
"""

from __future__ import annotations

from models.inference.manifest import OutOfFold, Training
from models.inference.package import ModelPackage
from models.inference.tasks import TASKS, Task
from models.number_words import counted
from models.quality_notes import QualityNote, Severity

NO_SIGNAL = "no-signal"
FEW_EVENTS = "few-events"
FEW_PATIENTS = "few-patients"
FEW_PER_PARAMETER = "few-events-per-parameter"
DEMONSTRATION = "demonstration"

DEMONSTRATION_NOTICE = "demonstration model"  # how the notice of such a package begins
FEW_EVENTS_BELOW = 50  # recurrences; about what the paper's cohort had, which carries some seven parameters
FEW_PATIENTS_BELOW = 100  # with two classes; the paper's 92 give an AUC an interval of about ±.1
FEWEST_PER_PARAMETER = 10  # events; Peduzzi et al. (1996), J Clin Epidemiol 49:1373-1379


def verdicts(package: ModelPackage) -> tuple[QualityNote, ...]:
    """The verdicts of a package, the gravest first; none of a package that has nothing to say against itself."""
    return verdicts_of(
        package.task,
        name=package.identity.name,
        notice=package.identity.notice,
        training=package.training,
        out_of_fold=package.out_of_fold,
    )


def verdicts_of(
    task: Task, *, name: str, notice: str, training: Training, out_of_fold: OutOfFold
) -> tuple[QualityNote, ...]:
    """The same from the parts that state it.

    Parameters
    ----------
    name, notice : as in `ModelIdentity`
    """
    found = []

    def against(code: str, sentence: str) -> None:
        found.append(QualityNote(code, Severity.WARNING, sentence))

    if is_demonstration(notice):
        against(DEMONSTRATION, f"The model '{name}' is a {notice}: its numbers have no clinical meaning.")
    if (few := few_per_parameter(task, training)) is not None:
        against(FEW_PER_PARAMETER, few)
    if not out_of_fold.has_signal:
        against(
            NO_SIGNAL,
            f"The model '{name}' showed no signal in its training: {TASKS[task].statistic} {out_of_fold.value:.2f} "
            f"out of fold, 95% interval {out_of_fold.low:.2f} to {out_of_fold.high:.2f}, which does not lie above the "
            "0.50 of chance.",
        )
    if TASKS[task].has_survival and training.events < FEW_EVENTS_BELOW:
        against(
            FEW_EVENTS,
            f"The model '{name}' was trained on {counted(training.events, 'event')}; fewer than {FEW_EVENTS_BELOW} "
            "leave calibration slope and baseline hazard uncertain by a factor of two.",
        )
    if not TASKS[task].has_survival and training.patients < FEW_PATIENTS_BELOW:
        against(
            FEW_PATIENTS,
            f"The model '{name}' was trained on {counted(training.patients, 'patient')}; with fewer than "
            f"{FEW_PATIENTS_BELOW} an area under the ROC curve is known to about ±0.1 at best.",
        )
    return tuple(found)


def few_per_parameter(task: Task, training: Training) -> str | None:
    """The sentence about a model of too many parameters for its events; None where they are enough, or not known."""
    parameters, events = training.effective_parameters, rarer(task, training)
    if parameters is None or events >= FEWEST_PER_PARAMETER * parameters:
        return None
    several = (
        counted(events, "event") if TASKS[task].has_survival else f"{counted(events, 'patient')} of the rarer class"
    )
    return (
        f"Must not be used on patients: {several} for about {parameters:.1f} effective parameters are fewer than "
        f"{FEWEST_PER_PARAMETER} for each."
    )


def rarer(task: Task, training: Training) -> int:
    """Events; of two classes, patients of the rarer one."""
    return training.events if TASKS[task].has_survival else min(training.events, training.patients - training.events)


def is_demonstration(notice: str) -> bool:
    """Returns whether the notice of a package says that it is a demonstration."""
    return notice.startswith(DEMONSTRATION_NOTICE)

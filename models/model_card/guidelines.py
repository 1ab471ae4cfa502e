"""Answers of package and trainers to each item of the reporting guidelines (`models.model_card.checklists`).

An item that needs a statement of the trainers and has none names it: it is an open question of the card. METRICS has a
score beside its answers (`models.model_card.metrics_score`); TRIPOD+AI and CLEAR have none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.features.extract import ENGINES
from models.features.settings import FeatureSettings
from models.inference.tasks import BASELINE, TASKS
from models.model_card.checklists import CLEAR, METRICS, TRIPOD, Item
from models.model_card.facts import CardFacts
from models.model_card.statements import NOT_STATED
from models.number_words import counted

GUIDELINES: Mapping[str, tuple[Item, ...]] = {"TRIPOD+AI": TRIPOD, "CLEAR": CLEAR, "METRICS": METRICS}
COMPARISON = "Penalised Cox model"
DIFFERENCE = "Network less penalised Cox model"
CALIBRATION = "Calibration slope out of fold"
SAMPLE_SIZE = "Parameters the sample can carry"
LEFT_OUT = "Patients left out"
CUT_OFF = "Cut-off"


@dataclass(frozen=True)
class Answer:
    """Answer to one item of a guideline.

    Attributes
    ----------
    guideline, number, item : its name; the item's number; number and title
    answer : in words; "" where only the trainers can answer, and did not
    is_complete : nothing is left for the trainers to state
    waits_for : keys of the statements that are missing
    """

    guideline: str
    number: str
    item: str
    answer: str
    is_complete: bool
    waits_for: tuple[str, ...] = ()


def answers(facts: CardFacts) -> tuple[Answer, ...]:
    """Every item of every guideline, in their order."""
    known = known_answers(facts)
    return tuple(_answer(guideline, item, facts, known) for guideline, items in GUIDELINES.items() for item in items)


def _answer(guideline: str, item: Item, facts: CardFacts, known: Mapping[str, str]) -> Answer:
    waits_for = tuple(key for key in item.stated if key not in facts.statements)
    parts = [known[key] for key in item.known]
    parts += [facts.statements[key] for key in item.stated if key in facts.statements]
    return Answer(
        guideline,
        number=item.number,
        item=f"{item.number} {item.title}",
        answer=" ".join(part for part in parts if part),
        is_complete=not waits_for,
        waits_for=waits_for,
    )


def known_answers(facts: CardFacts) -> dict[str, str]:
    """Answers from the package itself, by key; a sentence for every key, also where there is nothing."""
    known = _about_patients(facts) | _about_features(facts) | _about_model(facts)
    return known | _about_imported(facts) if facts.is_foreign else known


def has_documented_settings(facts: CardFacts) -> bool:
    """Returns whether the features were made with the documented defaults, which this software describes in full."""
    return facts.origin.settings_digest == FeatureSettings().digest()


def is_known_engine(facts: CardFacts) -> bool:
    """Returns whether the features were made by one of the software's engines."""
    return facts.origin.engine.split(" ")[0] in ENGINES


def _about_imported(facts: CardFacts) -> dict[str, str]:
    """Answers of a package whose inputs come from elsewhere, in place of those about our own extraction."""
    origin, elsewhere = facts.origin, "Made elsewhere, and not known from the package."
    clinical = facts.classes.get("clinical", 0)
    return {
        "preparation": f"Bias correction: {origin.bias_correction or NOT_STATED}. Other steps: {elsewhere}",
        "resampling": elsewhere,
        "discretisation": elsewhere,
        "image_types": elsewhere,
        "extraction": f"Software: {origin.engine or NOT_STATED}. Its definitions are its own.",
        "predictors": f"{counted(facts.inputs, 'column')} of an imported table offered, {facts.used} with influence.",
        "other_predictors": f"{counted(clinical, 'clinical variable')}."
        if clinical
        else "None: imported features only.",
        "defaults": f"Settings {origin.settings_digest[:12] or NOT_STATED}, by the table that was imported.",
        "settings_shared": "The digest of the settings is in the manifest; the settings are in the table's sidecar.",
        "shell": "Whether and how a peritumoral region was made is not known from the package.",
        "no_deep_features": elsewhere,
        "system": "rdeepnet score and evaluate apply it to tables of the same schema; run and serve refuse it.",
        "pipeline": "Imported table, model; how the columns were made is not known from the package.",
        "expertise": "Not known from the package.",
    }


def _about_patients(facts: CardFacts) -> dict[str, str]:
    """Answers about patients and data, by the key of the checklist."""
    training = facts.training
    months = ", ".join(f"{horizon:g}" for horizon in facts.horizons_months)
    return {
        "data": training.data,
        "outcome": (TASKS[facts.task].card.outcome + (f" at {months} months." if months else ".")),
        "sample_size": _sentence(facts.measured(SAMPLE_SIZE), "Parameters the sample can carry: "),
        "left_out": _sentence(facts.measured(LEFT_OUT), "Left out of the training: "),
        "partition": (
            "Training patients only, divided by patient; folds stratified by the outcome, seed fixed. Scaling, "
            "selection and calibration are repeated inside each fold. Other cohorts: rdeepnet evaluate."
        ),
        "participants": f"{counted(training.patients, 'patient')}, {training.events} with the event.",
        "imbalance": "No resampling or weighting; folds are stratified by the outcome.",
        "design": "Development of a prediction model with internal validation by cross-validation.",
        "privacy": (
            "The package holds no patient's features, only quantiles and principal components of all"
            + ("; baseline.csv has whole months, and no time of a single recurrence." if facts.horizons_months else ".")
            + " A package of a hundred inputs or more has salted hashes of its training rows (fingerprints.npz): who "
            "has a patient's features can tell by them whether that patient was trained on."
        ),
        "heterogeneity": "Not part of the training; rdeepnet evaluate reports every cohort and subgroup.",
        "other_predictors": "None: radiomic features only.",
    }


def _about_features(facts: CardFacts) -> dict[str, str]:
    """Answers about images and features, by the key of the checklist."""
    origin = facts.origin
    settings, documented = FeatureSettings(), has_documented_settings(facts)
    own = "By the settings of the site, with the digest given in this card."
    engine = origin.engine or NOT_STATED
    made = (
        f"Bias correction: {origin.bias_correction or NOT_STATED}. Feature settings {origin.settings_digest[:12]}"
        if origin.settings_digest
        else f"Bias correction: {origin.bias_correction or NOT_STATED}. Feature settings {NOT_STATED}"
    )
    return {
        "preparation": (
            f"{made}{', the documented defaults: z-score over the body × 100' if documented else ''}. The steps stand "
            "in the documentation of the software."
        ),
        "resampling": (
            "Nothing is resampled: features are computed on the voxels of the image, whatever their size; only a mask "
            "drawn on another grid is carried over (by the share of each voxel that it covers)."
        ),
        "discretisation": (
            f"Fixed bin width of {settings.bin_width:g} on the scale of the z-score × {settings.normalize_scale:g}."
            if documented
            else own
        ),
        "image_types": (
            f"Original, and {settings.wavelet} wavelet, {settings.wavelet_levels} level, 8 sub-bands."
            if documented
            else own
        ),
        "extraction": (
            f"Engine: {engine}. Definitions as in PyRadiomics 3.0.1, three-dimensional, 26 neighbours, distance 1; "
            "held to IBSI's phantom by the software's tests."
            if is_known_engine(facts)
            else f"Engine: {engine}."
        ),
        "classes": ", ".join(f"{name} {count:,}" for name, count in facts.classes.items()) + ".",
        "predictors": f"{facts.inputs:,} radiomic features offered, {facts.used} with any influence.",
        "defaults": (
            "All feature settings are the documented defaults of the software."
            if documented
            else f"Not the defaults: settings {origin.settings_digest[:12]}; the site must share its configuration."
            if origin.settings_digest
            else "Not known from the package."
        ),
        "settings_shared": (
            "The digest of the settings is in the manifest; a study made with others is reported with every result."
        ),
        "shell": "The peritumoral shell (10 mm unless configured otherwise) is made by the software.",
        "feature_statistics": "inputs.csv has the 0.5 and 99.5% quantiles of each input over the training patients.",
        "feature_data": "Quantiles and principal components of the features are in the package, no patient's features.",
        "sequences": f"Needs {' and '.join(facts.sequences)}." if facts.sequences else "Needs no image.",
        "no_deep_features": "Does not apply: the features are defined by formula, not learnt from images.",
        "scaling": "Mean and standard deviation of the training patients, clipped at ±4; inside model.onnx.",
    }


def _about_model(facts: CardFacts) -> dict[str, str]:
    """Answers about model and evaluation, by the key of the checklist."""
    training = facts.training
    row = TASKS[facts.task]
    calibration = facts.measured(CALIBRATION)
    compared = facts.measured(COMPARISON)
    difference = facts.measured(DIFFERENCE)
    return {
        "title": f"“{facts.title}”; the method stands below it.",
        "summary": "Model details, intended use, training data and performance above.",
        "keywords": f"Radiomics, breast MRI, machine learning, {row.card.keyword}.",
        "adherence": "TRIPOD+AI, CLEAR and METRICS, item by item, in this card.",
        "pipeline": "N4, z-score, feature extraction, model; each report names settings, versions and digests.",
        "recipe": training.recipe,
        "search": (
            f"{counted(len(facts.search), 'recipe was', 'recipes were')} tried inside the folds; they are listed in "
            "this card."
            if facts.search
            else "No hyperparameter was tuned on these patients."
        ),
        "algorithm": (
            f"Dense networks with SiLU in torch ({row.card.algorithm}), averaged; model.onnx holds the whole "
            "computation."
        ),
        "choice": "By the loss on patients held out inside the training patients, never on test patients.",
        "measures": "Discrimination and calibration out of fold; decision curves, Brier scores: rdeepnet evaluate.",
        "computing": "model.onnx with inputs.csv" + (f" and {BASELINE}." if row.has_survival else "."),
        "threshold": (f"{row.scale}, {row.direction}; cut-off {facts.cut_off:g}. {facts.measured(CUT_OFF)}").strip(),
        "full_model": "The package holds the whole model; it is checked against reference.json when loaded.",
        "performance": (
            f"{row.statistic} {facts.out_of_fold.value:.2f} out of fold (95% interval "
            f"{facts.out_of_fold.low:.2f} to {facts.out_of_fold.high:.2f}). {training.performance}"
        ),
        "uncertainty": (
            "95% intervals, widened for the folds, by the method beside each figure; doubts about the training are "
            "listed in this card."
        ),
        "test": "Out of fold on the training patients; no test patients are part of the training.",
        "limitations": "See doubts and caveats above.",
        "poor_input": (
            "A study that lacks a sequence is not scored; inputs unlike those of the training patients are reported "
            "with every result (familiarity.npz)."
        ),
        "expertise": "A segmentation of the tumour made or checked by a radiologist is expected.",
        "calibration": _sentence(calibration, "Slope out of fold: "),
        "comparison": (
            f"Penalised Cox model on the same inputs: {compared}. Network less Cox: {difference or 'not computed'}."
            if compared
            else "No simpler model was trained beside the networks."
        ),
        "attributions": "Integrated gradients for every patient, from the patient with average inputs; in model.onnx.",
        "system": "rdeepnet run, serve and score apply the package to studies and tables.",
    }


def _sentence(value: str, beginning: str) -> str:
    return f"{beginning}{value.rstrip('.')}." if value else "Not computed."

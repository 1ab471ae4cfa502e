"""Statements that only the people who train a model can make: patients, ethics, funding, and so on."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from models.errors import SetupError

NOT_STATED = "not stated"
METRICS_ITEMS = 30
METRICS_KEYS = ("metrics_met", "metrics_not_applicable")


@dataclass(frozen=True)
class Statement:
    """One thing to state.

    Attributes
    ----------
    key : in the file and in the manifest
    question : what to write, for the template
    """

    key: str
    question: str


STATEMENTS = (
    Statement("intended_use", "For what, by whom and at which point of care the model is meant to be studied"),
    Statement("out_of_scope", "Patients, images and uses it is not meant for"),
    Statement("background", "The clinical problem, what is known about it, and why radiomics may help"),
    Statement("objective", "What the study is to find out"),
    Statement("design", "Whether the study looks back or forward, and how patients were chosen from all there were"),
    Statement("population", "Who the patients are: diagnosis, stage, age, sex; inclusion and exclusion criteria"),
    Statement("centres", "Number, kind and country of the centres; how patients are spread over them"),
    Statement("dates", "First and last date of imaging, end of follow-up"),
    Statement("overlap", "Whether these patients are in earlier publications, and what differs"),
    Statement("treatment", "Treatments the patients received"),
    Statement("outcome", "How recurrence (or expression) was determined, by whom, blinded to what"),
    Statement("interval", "The time between imaging and what the outcome was determined from"),
    Statement("imaging", "Scanners, field strengths, sequences, contrast agent, voxel sizes"),
    Statement("segmentation", "Who drew the tumours with what, who checked, agreement between readers"),
    Statement("reliability", "How much features change with the reader or the segmentation, and which were left out"),
    Statement("missing_data", "How many patients were left out for missing images or outcomes, and why"),
    Statement("confounders", "Which confounders (scanner, centre, treatment, tumour size) were looked for, and found"),
    Statement("flow", "From all patients screened to those analysed"),
    Statement("characteristics", "Baseline characteristics, and how they differ from those of evaluation cohorts"),
    Statement("fairness", "Groups in which performance was or was not looked at"),
    Statement("testing", "On which patients, of which centres, the finished model was tested, and with what result"),
    Statement("clinical_comparison", "How it does beside clinical predictors and combined with them"),
    Statement("previous_work", "Earlier models for the same question, and how this one differs"),
    Statement("implications", "What follows for practice, and what stands in the way"),
    Statement("ethics", "Approval, consent or waiver"),
    Statement("funding", "Who paid, and their role"),
    Statement("conflicts", "Conflicts of interest"),
    Statement("protocol", "Where the protocol is"),
    Statement("registration", "Where the study is registered"),
    Statement("data_availability", "Whether and where images, segmentations and features can be had"),
    Statement("code_availability", "Whether and where the analysis code can be had"),
    Statement("model_availability", "Whether and where the package can be had"),
    Statement("involvement", "How patients and public took part"),
    Statement("updating", "Who watches the model, and when it is trained again"),
    Statement("contact", "Whom to ask"),
    Statement("metrics_met", "Numbers of the METRICS items the study meets beside those the package shows: 2, 3, 6"),
    Statement("metrics_not_applicable", "Numbers of the METRICS items that do not apply: 9"),
)


def read_statements(path: Path) -> dict[str, str]:
    """Reads a TOML file of `key = "text"`; empty texts are not stated.

    Raises
    ------
    SetupError
        When the file cannot be read, or holds an unknown key or something that is no text; all are listed.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SetupError(f"{path} cannot be read ({error.strerror}); give a file with statements.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SetupError(f"{path} is not valid TOML: {error}. Start from rdeepnet train statements.") from error
    known = [statement.key for statement in STATEMENTS]
    mistakes = [f"unknown key '{key}'" for key in content if key not in known]
    mistakes += [f"'{key}' is {value!r}, not a text" for key, value in content.items() if not isinstance(value, str)]
    mistakes += [
        f"'{key}' is {content[key]!r}, not numbers from 1 to {METRICS_ITEMS} with commas"
        for key in METRICS_KEYS
        if isinstance(content.get(key), str) and item_numbers(content[key]) is None
    ]
    if mistakes:
        raise SetupError(f"{path}: {'; '.join(mistakes)}. Known keys: {', '.join(known)}.")
    return {key: " ".join(content[key].split()) for key in known if content.get(key, "").strip()}


def item_numbers(text: str) -> frozenset[int] | None:
    """ "2, 3, 6" → {2, 3, 6}; None when it is not such a list of METRICS items."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() and 1 <= int(part) <= METRICS_ITEMS for part in parts):
        return None
    return frozenset(int(part) for part in parts)


def template() -> str:
    """A file to fill in."""
    return "\n".join(f'# {statement.question}.\n{statement.key} = ""\n' for statement in STATEMENTS)

"""An answer without its numbers, as every view shows it: whether it holds and why, how many warnings, whose notice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from models.validity import State

if TYPE_CHECKING:
    from appliance.pipeline import Result

_WARNING = "warning"  # `models.quality_notes.Severity`; the service must not load numpy, which that needs


@dataclass(frozen=True)
class AnswerInShort:
    """An answer without its numbers; no patient data.

    Attributes
    ----------
    validity : of the documents as a whole
    reason : its first reason, a sentence; empty where it is valid
    warnings : number of quality notes that are warnings
    notices : notices of the model packages, each once
    """

    validity: State
    reason: str
    warnings: int
    notices: tuple[str, ...]

    @classmethod
    def of_result(cls, result: Result) -> Self:
        """That of a study that was answered just now."""
        outcomes = result.outcomes
        reasons = [(one.validity.state, [reason.sentence for reason in one.validity.reasons]) for one in outcomes]
        return cls(
            validity=result.report.state,
            reason=_first(result.report.state, reasons),
            warnings=sum(note.severity == _WARNING for note in result.report.notes),
            notices=result.report.notices,
        )

    @classmethod
    def of_description(cls, description: Mapping[str, Any]) -> Self | None:
        """That of a result.json; None where the study has no answer."""
        if "validity" not in description:
            return None
        state = State(description["validity"])
        reasons = [
            (State(model["validity"]), [reason["sentence"] for reason in model["reasons"]])
            for model in description["models"]
        ]
        return cls(
            validity=state,
            reason=_first(state, reasons),
            warnings=len(warnings_of(description)),
            notices=tuple(str(notice) for notice in description["notices"]),
        )

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """From what `as_json` gave."""
        return cls(State(values["validity"]), values["reason"], values["warnings"], tuple(values["notices"]))

    def as_json(self) -> dict[str, Any]:
        """The keys that every JSON document uses for them."""
        return {
            "validity": self.validity.value,
            "reason": self.reason,
            "warnings": self.warnings,
            "notices": list(self.notices),
        }


NO_ANSWER: Mapping[str, Any] = {"validity": None, "reason": "", "warnings": None, "notices": []}


def warnings_of(description: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The quality notes of a result.json that are warnings."""
    return [note for note in description.get("quality_notes", ()) if note["severity"] == _WARNING]


def _first(state: State, reasons: Iterable[tuple[State, list[str]]]) -> str:
    """The weightiest reason of the first model that has the state of the whole."""
    if state is State.VALID:
        return ""
    return next((sentences[0] for of_model, sentences in reasons if of_model is state and sentences), "")

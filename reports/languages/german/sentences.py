"""German sentences: numbers with decimal comma, dates as 04.03.2026, nouns that agree with their numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as Ordered
from types import MappingProxyType
from typing import Final

from models.features.settings import Aggregation, BinOrigin, FeatureSettings, NormalizeRegion
from models.inference.outcome import Group, GroupCurve, ScoreRank, TrainingFacts
from models.inference.predict import Quantity
from models.quality_notes import QualityNote
from models.validity import State, Validity
from models.volume import Region, Sequence
from reports import numerals, wording
from reports.concepts import CONCEPTS
from reports.content import Measurement, Subject
from reports.languages.decimals import NO_BREAK, with_comma
from reports.languages.findings.translate import german
from reports.languages.german.change import change_headline as change_headline
from reports.languages.german.change import change_line as change_line
from reports.languages.german.change import change_title as change_title
from reports.languages.german.change import days_shown as days_shown
from reports.languages.german.change import not_there as not_there
from reports.languages.german.change import only_one_computed as only_one_computed
from reports.languages.german.change import other_software as other_software
from reports.languages.german.change import percentage_points as percentage_points
from reports.languages.german.change import plausible_range_shown as plausible_range_shown
from reports.languages.german.change import ranges_compared as ranges_compared
from reports.languages.german.change import size_label as size_label
from reports.languages.german.features import REGIONS
from reports.languages.german.features import feature_label as feature_label
from reports.languages.german.features import group_label as group_label
from reports.languages.german.features import short_feature_label as short_feature_label
from reports.languages.german.labels import LABELS
from reports.languages.german.numbers import about as about
from reports.languages.german.numbers import after, of_hundred, several
from reports.languages.german.numbers import date_shown as date_shown
from reports.languages.german.numbers import horizon as horizon
from reports.languages.german.numbers import in_a_row as in_a_row
from reports.languages.german.numbers import in_numbers as in_numbers
from reports.languages.german.numbers import joined as joined
from reports.languages.german.numbers import moment_shown as moment_shown
from reports.languages.german.numbers import number as number
from reports.languages.german.numbers import sentence_case as sentence_case
from reports.languages.german.numbers import share_shown as share_shown
from reports.languages.german.numbers import volume as volume
from reports.languages.german.pages import characters_not_shown as characters_not_shown
from reports.languages.german.pages import contributions_alternative as contributions_alternative
from reports.languages.german.pages import curves_alternative as curves_alternative
from reports.languages.german.pages import dots_alternative as dots_alternative
from reports.languages.german.pages import identity as identity
from reports.languages.german.pages import key_images_alternative as key_images_alternative
from reports.languages.german.pages import legend_alternative as legend_alternative
from reports.languages.german.pages import made_shown as made_shown
from reports.languages.german.pages import page_words as page_words
from reports.languages.german.pages import replaces_sentence as replaces_sentence
from reports.languages.german.pages import running_head as running_head
from reports.languages.german.pages import strip_alternative as strip_alternative
from reports.languages.german.pages import text_shown as text_shown

# --- predictions -----------------------------------------------------------------------------------------------------

_LABELS: Final[Mapping[Quantity, str]] = MappingProxyType(
    {
        Quantity.RECURRENCE_SCORE: "RDeepNet-Rezidivscore",
        Quantity.RFS: "Rezidivfreies Überleben",
        Quantity.KRT7_AS_HIGH: "Wahrscheinlichkeit hoher KRT7-AS-Expression",
    }
)
_OTHER_WORDS: Final[Mapping[Quantity, str]] = MappingProxyType(
    {
        Quantity.RECURRENCE_SCORE: "logarithmiertes Risiko; höher bedeutet höheres Risiko",
        Quantity.RFS: "{of_hundred} Patientinnen rezidivfrei",
        Quantity.KRT7_AS_HIGH: "{of_hundred} solchen Tumoren mit hoher Expression",
    }
)
_HIGH: Final[Mapping[Quantity, str]] = MappingProxyType(
    {
        Quantity.RECURRENCE_SCORE: "Hohes Rezidivrisiko",
        Quantity.RFS: "",
        Quantity.KRT7_AS_HIGH: "Hohe KRT7-AS-Expression",
    }
)
_LOW: Final[Mapping[Quantity, str]] = MappingProxyType(
    {
        Quantity.RECURRENCE_SCORE: "Niedriges Rezidivrisiko",
        Quantity.RFS: "",
        Quantity.KRT7_AS_HIGH: "Niedrige KRT7-AS-Expression",
    }
)


def quantity_label(quantity: Quantity, horizon_months: float | None) -> str:
    """ "RDeepNet-Rezidivscore", "Rezidivfreies Überleben nach 2 Jahren"."""
    label = _LABELS[quantity]
    return label if horizon_months is None else f"{label} {after(horizon_months)}"


def quantity_shown(quantity: Quantity, value: float, *, beside: float | None = None) -> str:
    """ "1,43", "88 %"."""
    return with_comma(wording.quantity_shown(quantity, value, beside=beside))


def quantity_words(quantity: Quantity, value: float, interval: tuple[float, float] | None) -> str:
    """ "88 von 100 Patientinnen rezidivfrei; 95-%-Intervall 80 % bis 93 %"."""
    words = _OTHER_WORDS[quantity].format(of_hundred=of_hundred(value))
    if interval is None:
        return words
    low, high = (quantity_shown(quantity, limit) for limit in interval)
    return f"{words}; 95-%-Intervall {low} bis {high}"


def cut_off_words(quantity: Quantity, cut_off: float) -> str:
    """ "hoch über 1,10, niedrig bis einschließlich 1,10"."""
    shown = quantity_shown(quantity, cut_off)
    return f"{LABELS.score_above} über {shown}, {LABELS.score_below} bis einschließlich {shown}"


def group_shown(quantity: Quantity, group: Group) -> str:
    """ "Hohes Rezidivrisiko"."""
    return (_HIGH if group is Group.HIGH else _LOW)[quantity]


def range_shown(quantity: Quantity, spread: tuple[float, float], *, beside: float | None = None) -> str:
    """ "−0,08 bis 2,21"."""
    return " bis ".join(quantity_shown(quantity, value, beside=beside) for value in spread)


_BORDERLINE_MEANS: Final = (
    "Eine andere Kontur des Tumors oder ein anderes Training des Modells könnte diese Patientin der einen oder der "
    "anderen Gruppe zuordnen."
)


def conclusion(
    quantity: Quantity,
    *,
    value_shown: str,
    range_shown: str = "",
    cut_off_shown: str,
    group: Group | None,
    survival: Ordered[tuple[float, float]],
) -> str:
    """One sentence for the tumour board, two with survival."""
    label = quantity_label(quantity, None)
    spread = f" (plausibler Bereich {range_shown})" if range_shown else ""
    if group is None:
        sentence = f"{label} {value_shown}{spread}, Trennwert {cut_off_shown}. {_BORDERLINE_MEANS}"
    else:
        side = "über dem" if group is Group.HIGH else "nicht über dem"
        outcome = group_shown(quantity, group)
        sentence = (
            f"{label} {value_shown}{spread}, {side} Trennwert von {cut_off_shown}: {outcome[0].lower()}{outcome[1:]}."
        )
    if not survival:
        return sentence
    steps = [f"{with_comma(numerals.percent(value))} {after(months)}" for months, value in survival]
    return f"{sentence} Geschätztes rezidivfreies Überleben: {joined(steps)}."


_STATISTICS: Final = {"Harrell's C": "C-Index nach Harrell", "area under the ROC curve": "Fläche unter der ROC-Kurve"}


def about_training(facts: TrainingFacts, quantity: Quantity) -> str:
    """Trained on whom, with how many events, and how well it tells patients apart."""
    events = (
        several(facts.events, "Rezidiv", "Rezidive")
        if quantity is Quantity.RECURRENCE_SCORE
        else f"{facts.events} mit hoher Expression"
    )
    whom = german(". ".join(facts.data.rstrip(".").split(". ")[:2]))
    interval = f"95-%-Intervall {facts.low:.2f} bis {facts.high:.2f}"
    return (
        f"Trainiert an {several(facts.patients, 'Patientin', 'Patientinnen')}, {events} ({whom}). "
        f"{_STATISTICS.get(facts.statistic, facts.statistic)}, kreuzvalidiert: "
        f"{with_comma(f'{facts.value:.2f} ({interval}; 0.50 entspricht dem Zufall)')}."
    )


def rank_sentence(rank: ScoreRank, quantity: Quantity) -> str:
    """The place of a score among those of the training patients."""
    what = "Diese Wahrscheinlichkeit" if CONCEPTS[quantity].is_probability else "Dieser Score"
    whom = LABELS.training_population
    if rank.low == rank.high:
        return f"{what} ist höher als die Werte von {round(100 * rank.low)} von 100 {whom}."
    if rank.low == 0.0:
        share = math.ceil(round(100 * rank.high, 6))
        return f"{what} gehört zu den niedrigsten {share}{NO_BREAK}% der {whom}."
    share = math.ceil(round(100 * (1 - rank.low), 6))
    return f"{what} gehört zu den höchsten {share}{NO_BREAK}% der {whom}."


def curve_label(curve: GroupCurve) -> str:
    """ "niedrig 97 %"."""
    side = LABELS.score_above if curve.group is Group.HIGH else LABELS.score_below
    return f"{side} {with_comma(numerals.percent(curve.survival[-1]))}"


def hazard_ratio_words(ratio: tuple[float, float, float] | None) -> str:
    """ "Hazard Ratio 9,1 (95 % 5,0 bis 17)"."""
    return with_comma(
        wording.hazard_ratio_words(ratio).replace("Hazard ratio", "Hazard Ratio").replace(" to ", " bis ")
    )


# --- validity --------------------------------------------------------------------------------------------------------

_HEADLINES: Final[Mapping[State, str]] = MappingProxyType(
    {
        State.VALID: "{group}",
        State.CONDITIONAL: "{group}",
        State.BORDERLINE: "Zwischen den Gruppen",
        State.OUTSIDE: "Kein Ergebnis: außerhalb der Zweckbestimmung",
        State.NOT_COMPUTABLE: "Kein Ergebnis: nicht berechenbar",
        State.NOT_ASKED: "Nicht ausgeführt",
    }
)
_TITLES: Final[Mapping[State, str]] = MappingProxyType(
    {
        State.VALID: "",
        State.CONDITIONAL: "zu bestätigen",
        State.BORDERLINE: "zwischen den Gruppen",
        State.OUTSIDE: "kein Ergebnis",
        State.NOT_COMPUTABLE: "kein Ergebnis",
        State.NOT_ASKED: "nicht ausgeführt",
    }
)


def headline(state: State, group: str | None) -> str:
    """The bold line: the group where the state allows one."""
    return _HEADLINES[state].format(group=group)


def lead(validity: Validity) -> str:
    """Line above the headline of an answer that is to be confirmed, with its first reason."""
    if validity.state is not State.CONDITIONAL or validity.main is None:
        return ""
    more = len(validity.decisive) - 1
    rest = f" Und {several(more, 'weiterer Grund', 'weitere Gründe')}." if more else ""
    return f"Zu bestätigen: {validity.main.sentence}{rest}"


def banner(state: State, answers: Iterable[Validity]) -> tuple[str, str]:
    """Label and sentence on a picture; empty where nothing is against an answer."""
    label = {State.VALID: "", State.CONDITIONAL: "Zu bestätigen"}.get(state, _HEADLINES[state])
    validity = next((one for one in answers if one.state is state), None)
    if not label or validity is None or validity.main is None:
        return label, ""
    more = len(validity.decisive) - 1
    rest = f" Und {several(more, 'weiterer Grund', 'weitere Gründe')}." if more else ""
    return label, f"{validity.main.sentence}{rest}"


def titled(title: str, state: State) -> str:
    """The title with the state at its end."""
    return f"{title} – {_TITLES[state]}" if _TITLES[state] else title


def advice(validity: Validity) -> str:
    """Advice about an answer without result; empty where there is one."""
    if validity.state is State.NOT_COMPUTABLE:
        return "Segmentierung und Bilder prüfen, korrigieren und die Untersuchung erneut senden."
    if validity.state is not State.OUTSIDE:
        return ""
    ways = list(dict.fromkeys(reason.overruled_by for reason in validity.decisive))
    if not all(ways):
        return "Dies lässt sich nicht übersteuern: Die Untersuchung muss auf andere Weise beurteilt werden."
    return (
        "Ist ein Header falsch, im Archiv korrigieren und die Untersuchung erneut senden. Ist die Angabe anderweitig "
        f"gesichert, lässt sie sich bestätigen ({'; '.join(ways).replace(', or ', ' oder ')}); das Ergebnis vermerkt "
        "dies."
    )


def not_applicable_sentence(reason: str) -> str:
    """ "nicht anwendbar: keine T2W-Serie gefunden"."""
    return f"nicht anwendbar: {reason.rstrip('.')}"


def note_subject(note: QualityNote) -> str:
    """ "T1+C, peritumorale Randzone"."""
    parts = [] if note.sequence is None else [note.sequence.label]
    return ", ".join(parts if note.region is None else [*parts, sentence_case(REGIONS[note.region])])


def more_reasons(count: int, *, has_pages: bool) -> str:
    """Reference to reasons that page 1 does not show."""
    where = (
        f"unter „{LABELS.all_reasons}“ und „{LABELS.quality_notes}“" if has_pages else "im strukturierten Bericht (SR)"
    )
    return f"{several(count, 'weiterer Punkt', 'weitere Punkte')} {where}."


# --- images, features, settings --------------------------------------------------------------------------------------


def region_title(sequence: Sequence, region: Region) -> str:
    """ "Tumor auf T1+C"."""
    return f"{sentence_case(REGIONS[region])} auf {sequence.label}"


def key_image_caption(sequence: Sequence, *, slice_index: int, slices: int, area_mm2: float) -> str:
    """ "T1+C, Schicht 31 von 60: größte Tumorfläche, 412 mm²"."""
    return f"{sequence.label}, Schicht {slice_index + 1} von {slices}: größte Tumorfläche, {area_mm2:.0f} mm²"


def subtraction_caption(*, first: int, last: int, slices: int, thickness_mm: float) -> str:
    """ "T1+C minus nativ, Maximum aller 60 Schichten (120 mm)"."""
    shown = f"der Schichten {first + 1} bis {last + 1} von {slices}"
    if last - first + 1 == slices:
        shown = f"aller {several(slices, 'Schicht', 'Schichten')}"
    return f"T1+C minus nativ, Maximum {shown} ({thickness_mm:.0f} mm)"


_SIDES: Final = {"L": "linke Brust", "R": "rechte Brust", "B": "beide Brüste"}


def tumour_line(subject: Subject, sizes: Ordered[tuple[Sequence, Ordered[Measurement]]]) -> str:
    """Side and size of the tumour."""
    parts = []
    if subject.laterality:
        side = _SIDES.get(subject.laterality, subject.laterality)
        parts.append(f"{side}{f' ({subject.laterality_source})' if subject.laterality_source else ''}")
    elif sizes:
        parts.append("Seite nicht bekannt")
    for sequence, measured in sizes:
        shown = [f"größter Durchmesser {one.value:.0f} mm" if one.unit == "mm" else one.shown for one in measured]
        parts.append(f"{sequence.label}: {', '.join(shown)}")
    return "; ".join(parts)


def intensities_words(settings: FeatureSettings) -> str:
    """Normalisation and binning of grey levels."""
    if settings.normalize:
        region = "den Körper" if settings.normalize_region is NormalizeRegion.BODY else "das ganze Bild"
        parts = [f"z-Werte über {region} × {settings.normalize_scale:g}"]
    else:
        parts = ["nicht normiert"]
    parts += _steps(settings)
    if settings.bin_count is not None:
        parts.append(several(settings.bin_count, "Klasse", "Klassen"))
    else:
        lowest = " ab dem niedrigsten Wert" if settings.bin_origin is BinOrigin.MINIMUM else ""
        parts.append(f"Klassenbreite {settings.bin_width:g}{lowest}")
    return with_comma("; ".join(parts))


def _steps(settings: FeatureSettings) -> Iterator[str]:
    if settings.resample_mm:
        sizes = " × ".join(f"{size:g}" if size else "wie aufgenommen" for size in settings.resample_mm)
        rounded = ", gerundet" if settings.round_intensities else ""
        how = f"Bild {settings.image_interpolator}, Maske {settings.mask_interpolator}{rounded}"
        yield f"umgerechnet auf {sizes} mm ({how})"
    if settings.resegment_range:
        low, high = settings.resegment_range
        yield f"Grauwerte von {low:g} bis {high:g}"
    if settings.resegment_sigma is not None:
        yield f"innerhalb von {settings.resegment_sigma:g} Standardabweichungen"


def image_types_words(settings: FeatureSettings) -> str:
    """Filtered images on which the features are computed."""
    types = ["Original"]
    if settings.wavelet is not None:
        types.append(f"Wavelet {settings.wavelet}, {several(settings.wavelet_levels, 'Stufe', 'Stufen')}")
    if settings.log_sigma_mm:
        types.append("LoG " + ", ".join(f"{sigma:g} mm" for sigma in settings.log_sigma_mm))
    if settings.aggregation is not Aggregation.AVERAGE_3D:
        types.append(f"Textur {settings.aggregation.replace('_', ' ').replace('d', 'D', 1)}")
    return with_comma("; ".join(types))


def model_provenance_label(name: str) -> str:
    """ "Modell recurrence"."""
    return f"Modell {name}"


def model_provenance(version: str, digest: str, *, signed_by: str = "") -> str:
    """ "Version 1.0.0, SHA-256 3f…"."""
    return f"Version {version}, SHA-256 {digest}" + (f", signiert mit dem Schlüssel {signed_by}" if signed_by else "")

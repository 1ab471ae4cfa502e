"""The model card of a package (Mitchell et al. (2019), FAT* '19:220-229), made from what the package says."""

from __future__ import annotations

from dataclasses import dataclass

from models.package import DIRECTIONS, SCALES, FeatureOrigin, Task, Training


@dataclass(frozen=True)
class CardFacts:
    """What a card is made from; every fact stands in the package as well.

    Attributes
    ----------
    title, name, version, notice : as in `ModelIdentity`
    task : what is predicted
    inputs, used : number of inputs offered, and of those with any influence
    sequences, regions : in words
    cut_off, horizons_months, origin, training : as in the manifest
    caveats : sentences about limits
    """

    title: str
    name: str
    version: str
    notice: str
    task: Task
    inputs: int
    used: int
    sequences: tuple[str, ...]
    regions: tuple[str, ...]
    cut_off: float
    horizons_months: tuple[float, ...]
    origin: FeatureOrigin
    training: Training
    caveats: tuple[str, ...]


def model_card(facts: CardFacts) -> str:
    """The card as Markdown."""
    if facts.task is Task.RECURRENCE:
        months = ", ".join(f"{month:g}" for month in facts.horizons_months)
        gives = f"log-risk of recurrence after surgery; recurrence-free survival at {months} months from `baseline.csv`"
        groups = "high risk above the cut-off, low risk at or below it"
    else:
        gives = "probability that the lncRNA KRT7-AS is highly expressed in the tumour"
        groups = "high expression above the cut-off, low expression at or below it"
    origin = facts.origin
    return f"""# {facts.title}

**{facts.notice}.** Research use only. Not a medical device; not for diagnosis, prognosis or treatment decisions for an
individual patient.

## Model details

- Package: `{facts.name}` {facts.version}
- Method: ensemble of small dense networks on scaled inputs clipped at ±4 standard deviations
- Recipe: {facts.training.recipe}
- Inputs: {facts.inputs:,} radiomic features offered, {facts.used} of them with any influence;
  {" and ".join(facts.sequences)}; {" and ".join(facts.regions)}
- Output: {gives}
- Scale: {SCALES[facts.task]}; {DIRECTIONS[facts.task]}
- Cut-off: {facts.cut_off:g}; {groups}
- Attributions: integrated gradients on the {"log-risk" if facts.task is Task.RECURRENCE else "logit"} scale, from the
  patient whose inputs all have the mean of the training patients

## Intended use

Development, demonstration and research on breast MRI radiomics, by people who know what the notice above means.
Out of scope: any decision about a patient; images other than contrast-enhanced T1-weighted and T2-weighted breast MRI
with a segmented tumour.

## Training data

{facts.training.data}

{facts.training.patients} training cases, {facts.training.events} with the event.

Features: settings `{origin.settings_digest or "not stated"}`, engine {origin.engine or "not stated"}, bias correction
{origin.bias_correction or "not stated"}.

## Performance

{facts.training.performance}

## Caveats

{chr(10).join(f"- {caveat}" for caveat in facts.caveats)}
"""

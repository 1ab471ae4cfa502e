"""Options that the commands of `rdeepnet analyse` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from appliance.commands.parameters import ScaleName, listed

AnalysisOut = Annotated[
    Path,
    typer.Option("--out", "-o", file_okay=False, metavar="DIR", help="Folder for report, tables, figures and methods."),
]
Scale = Annotated[
    ScaleName,
    typer.Option(
        "--scale",
        metavar=listed(ScaleName),
        help="Scale of the features in the tests: standardised, normal scores of ranks, or as measured. Variances are "
        "shared between features, so their units matter.",
    ),
]
Alpha = Annotated[
    float,
    typer.Option("--alpha", min=0.0001, max=0.5, metavar="P", help="Threshold of P and of the false discovery rate."),
]
Permutations = Annotated[
    int, typer.Option("--permutations", min=0, metavar="N", help="Permutations behind every count; 0 does without.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the permutations.")]

"""The group of commands `rdeepnet analyse`; each analysis registers its command here."""

from __future__ import annotations

from appliance.commands.analyse import demo, genes, patients, radiogenomics, therapy
from appliance.commands.exit_status import Commands
from appliance.commands.parameters import CommandGroup

analyse = CommandGroup(
    name="analyse",
    cls=Commands,
    help="Analyse a cohort: tables, figures and a report with its methods.",
    no_args_is_help=True,
)
analyse.command("patients")(patients.patients)
analyse.command("therapy")(therapy.therapy)
analyse.command("genes")(genes.genes)
analyse.command("radiogenomics")(radiogenomics.radiogenomics)
analyse.command("demo")(demo.demo)

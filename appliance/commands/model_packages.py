"""`rdeepnet models`: the model packages, their descriptions, checks and signatures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from appliance.commands.exit_status import Commands, writing_to
from appliance.commands.options import (
    AsJson,
    ConfigFile,
    Package,
    echo,
    identity_as_json,
    out_of_fold_as_json,
    print_files,
    print_json,
    settings_from,
    stdout,
)
from appliance.commands.parameters import CommandGroup, existing_file, existing_files, existing_folders, model_packages
from appliance.commands.progress import progress
from appliance.commands.tables import Table
from models.number_words import counted

if TYPE_CHECKING:
    from models.inference.package import ModelPackage

models = CommandGroup(name="models", cls=Commands, help="List, inspect, verify, sign and make model packages.")


@models.callback(invoke_without_command=True)
def list_models(ctx: typer.Context, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Load the model packages of the configuration, run their reference patients, and describe them."""
    if ctx.invoked_subcommand is not None:
        return
    from appliance.workbench import load_configured

    with progress("Loading"):
        loaded = load_configured(settings_from(config))
    if as_json:
        print_json([described(model.package) | {"provider": model.provider} for model in loaded])
        return
    for model in loaded:
        rows = [(key.replace("_", " "), shown(value)) for key, value in described(model.package).items()]
        rows.append(("runs on", model.provider))
        stdout().print(Table(model.package.identity.title, ("", ""), rows))


def described(package: ModelPackage) -> dict[str, Any]:
    """Description of a package by its manifest, by key."""
    from models.inference.package import NOT_RUNNABLE

    return {
        "name": package.identity.name,
        "title": package.identity.title,
        "version": package.identity.version,
        "notice": package.identity.notice,
        "sequences": [sequence.label for sequence in package.sequences],
        "regions": [region.value for region in package.regions],
        "inputs": len(package.inputs),
        "runs": "on studies" if package.is_runnable else NOT_RUNNABLE,
        "scale": package.scale,
        "direction": package.direction,
        "cut_off": package.cut_off,
        "horizons_months": list(package.horizons_months),
        "trained_on": package.training.data,
        "patients": package.training.patients,
        "events": package.training.events,
        "performance": package.training.performance,
        "digest": package.identity.digest,
        "signed_by": package.identity.signed_by,
        "folder": str(package.folder),
    }


def shown(value: Any) -> str:
    """A value of `described` for a reader."""
    if isinstance(value, list):
        return ", ".join(shown(item) for item in value) or "–"
    return f"{value:g}" if isinstance(value, float) else str(value)


@models.command("make-demonstration")
def make_demonstration(
    out: Annotated[Path, typer.Option("--out", "-o", file_okay=False, metavar="DIR", help="Folder for the packages.")],
    as_json: AsJson = False,
) -> None:
    """Train the three demonstration packages on simulated patients; reproducible, takes a few minutes."""
    from models.training.demonstration import make_demonstration_packages

    with writing_to(out), progress("Training") as running:
        folders = make_demonstration_packages(out, tell=running.tell)
    print_files(folders, as_json=as_json)


@models.command("show")
def show(package: Package, as_json: AsJson = False) -> None:
    """Show the description of one package, whoever signed it. The model is not run; for that, see models verify."""
    from models.inference.package import load_package

    loaded = load_package(package, trusted_keys=())
    facts = described(loaded) | {
        "stands_in_for": loaded.stands_in_for,
        "recipe": loaded.training.recipe,
        "feature_settings": loaded.origin.settings_digest,
        "engine": loaded.origin.engine,
        "bias_correction": loaded.origin.bias_correction,
    }
    if as_json:
        listed = {
            "search": {name.replace(" ", "_"): text for name, text in loaded.search.items()},
            "statements": dict(loaded.statements),
        }
        print_json({**facts, "out_of_fold": out_of_fold_as_json(loaded.out_of_fold), **listed})
        return
    rows = facts | {"out_of_fold": loaded.out_of_fold.in_words(), **loaded.search, **loaded.statements}
    stdout().print(Table(loaded.identity.title, ("", ""), _filled(rows)))
    echo(f"Full card: {package / 'MODEL_CARD.md'}")


def _filled(rows: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key.replace("_", " "), shown(value)) for key, value in rows.items() if value != ""]


@models.command("verify")
def verify(
    packages: Annotated[
        list[Path],
        typer.Argument(
            callback=existing_folders,
            metavar="PACKAGE...",
            autocompletion=model_packages,
            help="Folders of model packages.",
        ),
    ],
    key: Annotated[
        list[Path] | None,
        typer.Option(
            "--key",
            metavar="FILE",
            callback=existing_files,
            help="Public key that must have signed them; default: models.trusted_keys of the configuration. May be "
            "repeated: one of them suffices.",
            show_default=False,
        ),
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Check packages as the service does when it starts: digests, consistency, reference patients, and the signature.

    Without a key, any signature present must match the package, whoever made it. The exit status is 3 when a
    package fails.
    """
    from models.inference.runtime import Provider, load_model

    trusted = tuple(key or settings_from(config).models.trusted_keys)
    verified = []
    for folder in packages:
        model = load_model(folder, provider=Provider.CPU, trusted_keys=trusted)
        identity, references = model.package.identity, len(model.package.reference)
        verified.append(
            {
                "folder": str(folder),
                "model": identity_as_json(identity),
                "reference_patients": references,
                "is_trusted": bool(trusted),
            }
        )
        if as_json:
            continue
        trust = "a trusted key" if trusted else "a key not compared with a trusted one"
        signed = f"signed by {trust} ({identity.signed_by[:16]})" if identity.signed_by else "not signed"
        echo(
            f"{folder}: {identity.name} {identity.version} is intact and reproduces its "
            f"{counted(references, 'reference patient')}; {signed}; digest {identity.digest}"
        )
    if as_json:
        print_json(verified)


@models.command("sign")
def sign(
    package: Package,
    key: Annotated[
        Path, typer.Option("--key", metavar="FILE", callback=existing_file, help="Private key, from models make-key.")
    ],
    as_json: AsJson = False,
) -> None:
    """Sign a package with Ed25519: SIGNATURE.json beside its files, over its digest. The digest stays the same."""
    from models.inference.signing import sign_package

    signed_by = sign_package(package, private_key=key)
    if as_json:
        print_json({"folder": str(package), "signed_by": signed_by})
    else:
        echo(f"{package} is signed by the key {signed_by[:16]}.")


@models.command("make-key")
def make_key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Private key to write; the public one is FILE.pub.")],
    as_json: AsJson = False,
) -> None:
    """Make a key pair for signing packages. Keep the private key away from the packages; distribute FILE.pub."""
    from models.inference.signature import make_key, public_file

    fingerprint = make_key(file)
    if as_json:
        print_json({"file": str(file), "public_file": str(public_file(file)), "fingerprint": fingerprint})
    else:
        echo(f"{file} and {public_file(file)}: key {fingerprint}")


@models.command("show-key")
def show_key(
    files: Annotated[
        list[Path], typer.Argument(callback=existing_files, metavar="FILE...", help="Public keys (*.pub).")
    ],
    as_json: AsJson = False,
) -> None:
    """Print the fingerprint of public keys, to compare with what their owner says."""
    from models.inference.signature import fingerprints

    found = [(fingerprint, file) for file in files for fingerprint in fingerprints([file])]
    if as_json:
        print_json([{"file": str(file), "fingerprint": fingerprint} for fingerprint, file in found])
        return
    for fingerprint, file in found:
        echo(f"{fingerprint}  {file}")

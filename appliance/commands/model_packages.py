"""`rdeepnet models`: the model packages, their descriptions, checks and signatures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from appliance.commands.exit_status import Commands
from appliance.commands.options import AsJson, ConfigFile, print_json, settings_from, stderr, stdout, table

if TYPE_CHECKING:
    from models.inference.package import ModelPackage

models = typer.Typer(name="models", cls=Commands, help="List, inspect, verify, sign and make model packages.")


Package = Annotated[Path, typer.Argument(metavar="PACKAGE", help="Folder of a model package.")]


@models.callback(invoke_without_command=True)
def list_models(ctx: typer.Context, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Load the model packages of the configuration, run their reference patients, and describe them."""
    if ctx.invoked_subcommand is not None:
        return
    from models.inference.package import shipped_packages
    from models.inference.runtime import load_models

    settings = settings_from(config)
    loaded = load_models(settings.models.packages or shipped_packages(), provider=settings.models.provider)
    if as_json:
        print_json([described(model.package) | {"provider": model.provider} for model in loaded])
        return
    for model in loaded:
        rows = [(key.replace("_", " "), shown(value)) for key, value in described(model.package).items()]
        rows.append(("runs on", model.provider))
        stdout().print(table(model.package.identity.title, ("", ""), rows))


def described(package: ModelPackage) -> dict[str, Any]:
    """Description of a package by its manifest, by key."""
    return {
        "name": package.identity.name,
        "title": package.identity.title,
        "version": package.identity.version,
        "notice": package.identity.notice,
        "sequences": [sequence.label for sequence in package.sequences],
        "regions": [region.value for region in package.regions],
        "inputs": len(package.inputs),
        "scale": package.scale,
        "direction": package.direction,
        "cut_off": package.cut_off,
        "horizons_months": list(package.horizons_months),
        "trained_on": package.training.data,
        "patients": package.training.patients,
        "events": package.training.events,
        "performance": package.training.performance,
        "digest": package.identity.digest,
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
) -> None:
    """Train the three demonstration packages on simulated patients; reproducible, takes a few minutes."""
    from models.training.demonstration import make_demonstration_packages

    with stderr().status("Training on simulated patients …"):
        folders = make_demonstration_packages(out)
    for folder in folders:
        typer.echo(str(folder))


@models.command("show")
def show(package: Package, as_json: AsJson = False) -> None:
    """Show the description of one package. The model is not run; for that, see models verify."""
    from models.inference.package import load_package

    loaded = load_package(package)
    rows = described(loaded) | {
        "stands_in_for": loaded.stands_in_for,
        "out_of_fold": loaded.out_of_fold.in_words(),
        "has_signal": loaded.out_of_fold.has_signal,
        "recipe": loaded.training.recipe,
        "feature_settings": loaded.origin.settings_digest,
        "engine": loaded.origin.engine,
        "bias_correction": loaded.origin.bias_correction,
        **{name.replace(" ", "_"): text for name, text in loaded.search.items()},
        **loaded.statements,
    }
    if as_json:
        print_json(rows)
        return
    stdout().print(table(loaded.identity.title, ("", ""), _filled(rows)))
    typer.echo(f"Full card: {package / 'MODEL_CARD.md'}")


def _filled(rows: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key.replace("_", " "), shown(value)) for key, value in rows.items() if value != ""]


@models.command("verify")
def verify(
    packages: Annotated[list[Path], typer.Argument(metavar="PACKAGE...", help="Folders of model packages.")],
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="Public key that must have signed them.", show_default=False),
    ] = None,
) -> None:
    """Check packages as the service does when it starts: digests, consistency, reference patients, and the signature.

    Without a key, any signature present must match the package, whoever made it. The exit status is 3 when a
    package fails.
    """
    from models.inference.runtime import Provider, load_model
    from models.inference.signature import verify_signature

    for folder in packages:
        model = load_model(folder, provider=Provider.CPU)
        identity = model.package.identity
        signature = verify_signature(folder, digest=identity.digest, public_key=key)
        if signature is None:
            signed = "not signed"
        else:
            trust = "the key given" if signature.is_trusted else "a key not compared with a trusted one"
            signed = f"signed by {trust} ({signature.fingerprint[:16]})"
        typer.echo(
            f"{folder}: {identity.name} {identity.version} is intact and reproduces its {len(model.package.reference)} "
            f"reference patients; {signed}; digest {identity.digest}"
        )


@models.command("sign")
def sign(
    package: Package,
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="Private key, from models make-key.")],
) -> None:
    """Sign a package with Ed25519: SIGNATURE.json beside its files, over its digest. The digest stays the same."""
    from models.inference.signature import sign_package

    typer.echo(f"{package} is signed by the key {sign_package(package, private_key=key)[:16]}.")


@models.command("make-key")
def make_key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Private key to write; the public one is FILE.pub.")],
) -> None:
    """Make a key pair for signing packages. Keep the private key away from the packages; distribute FILE.pub."""
    from models.inference.signature import make_key, public_file

    fingerprint = make_key(file)
    typer.echo(f"{file} and {public_file(file)}: key {fingerprint[:16]}")

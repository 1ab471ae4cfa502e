"""The commands about single model packages: models show, verify, sign, make-key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from appliance.cli_options import AsJson, print_json, stdout, table
from appliance.cli_setup import described, shown

Package = Annotated[Path, typer.Argument(metavar="PACKAGE", help="Folder of a model package.")]


def show(package: Package, as_json: AsJson = False) -> None:
    """What one package says of itself. The model is not run; for that, see models verify."""
    from models.package import load_package

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
    typer.echo(f"All of it: {package / 'MODEL_CARD.md'}")


def _filled(rows: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key.replace("_", " "), shown(value)) for key, value in rows.items() if value != ""]


def verify(
    packages: Annotated[list[Path], typer.Argument(metavar="PACKAGE...", help="Folders of model packages.")],
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="Public key that has to have signed them.", show_default=False),
    ] = None,
) -> None:
    """Check packages as the service does when it starts: digests, consistency, reference patients, and the signature.

    Without a key, a signature that is there has to fit the package, whoever made it. The exit status is 3 when a
    package fails.
    """
    from models.runtime import Provider, load_model
    from models.signature import verify_signature

    for folder in packages:
        model = load_model(folder, provider=Provider.CPU)
        identity = model.package.identity
        signature = verify_signature(folder, digest=identity.digest, public_key=key)
        if signature is None:
            said = "not signed"
        else:
            trust = "the key given" if signature.is_trusted else "a key that was not compared with a trusted one"
            said = f"signed by {trust} ({signature.fingerprint[:16]})"
        typer.echo(
            f"{folder}: {identity.name} {identity.version} is whole and reproduces its {len(model.package.reference)} "
            f"reference patients; {said}; digest {identity.digest}"
        )


def sign(
    package: Package,
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="Private key, from models make-key.")],
) -> None:
    """Sign a package with Ed25519: SIGNATURE.json beside its files, over its digest. The digest stays the same."""
    from models.signature import sign_package

    typer.echo(f"{package} is signed by the key {sign_package(package, private_key=key)[:16]}.")


def make_key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Private key to write; the public one is FILE.pub.")],
) -> None:
    """Make a pair of keys to sign packages with. Keep the private one where no package is; hand out FILE.pub."""
    from models.signature import make_key, public_file

    fingerprint = make_key(file)
    typer.echo(f"{file} and {public_file(file)}: key {fingerprint[:16]}")

"""`rdeepnet segment`: a draft of the tumour's outline from strokes or a box; a person accepts it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from appliance.commands.options import (
    AsJson,
    Assign,
    ConfigFile,
    assignment_from,
    echo,
    operator_name,
    print_json,
    settings_from,
)
from appliance.commands.parameters import existing_file, existing_folder
from models.number_words import counted

if TYPE_CHECKING:
    from dicom_io.reading.marks import BoxMarks, Point

_STUDY = re.compile(r"…?[0-9.]{1,64}")  # a Study Instance UID, or any prefix or suffix of one


def _draft_or_study(param: typer.CallbackParam, text: str | None) -> str | None:
    """The file of a draft, or a study, as callback."""
    if text is not None and (Path(text).exists() or not _STUDY.fullmatch(text)):
        existing_file(param, Path(text))
    return text


def segment(
    folder: Annotated[
        Path | None,
        typer.Argument(
            callback=existing_folder,
            metavar="FOLDER",
            help="Folder with the DICOM files of one study, at any depth.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            file_okay=False,
            metavar="DIR",
            help="Folder for the draft; with --accept for the final segmentation (default: that of the draft).",
            show_default=False,
        ),
    ] = None,
    strokes: Annotated[
        Path | None,
        typer.Option(
            "--strokes",
            metavar="SEG|RTSTRUCT",
            callback=existing_file,
            help="Tumour painted on at least 3 slices, better 5; default: the object of the study that is called "
            "stroke or seed.",
            show_default=False,
        ),
    ] = None,
    box: Annotated[
        str | None,
        typer.Option(
            "--box",
            metavar="X,Y,Z,X,Y,Z",
            help="Instead of strokes, for a lesion that enhances clearly: two opposite corners in mm, patient "
            "coordinates (LPS).",
            show_default=False,
        ),
    ] = None,
    point: Annotated[
        str | None,
        typer.Option(
            "--point", metavar="X,Y,Z", help="With --box: a point in the bright part of the lesion.", show_default=False
        ),
    ] = None,
    burden: Annotated[
        bool, typer.Option("--ftv", help="With --box: the functional tumour volume of a dynamic series.")
    ] = False,
    network: Annotated[
        Path | None,
        typer.Option(
            "--network",
            metavar="PACKAGE",
            callback=existing_folder,
            help="With strokes: a network instead of grow-cut.",
            show_default=False,
        ),
    ] = None,
    mirrored: Annotated[
        bool, typer.Option("--mirrored", help="With --network: average over mirrored windows; eight times slower.")
    ] = False,
    accept: Annotated[
        str | None,
        typer.Option(
            "--accept",
            metavar="DRAFT|STUDY",
            callback=_draft_or_study,
            help="Accept a draft as it is: of a file, write it as the final segmentation; of a study that is in review "
            "in the service, answer it.",
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="NAME",
            help="With --accept: who looked at every slice; default: the user of the operating system.",
            show_default=False,
        ),
    ] = None,
    assign: Assign = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a draft of the tumour's outline from a few strokes, to be reviewed by a person; accept one.

    The draft is a DICOM Segmentation with a contact sheet of every slice (PDF). It is never answered: edit it in a
    viewer and save it under a name without "draft", or accept it with --accept. A study with a segmentation of its
    tumour gets no draft.

    **Examples**

        rdeepnet segment study --strokes strokes.dcm --out draft

        rdeepnet segment study --box 40,-80,-20,90,-30,30 --point 65,-55,4 --out draft

        rdeepnet segment --accept draft/draft.dcm --by "Ada Reader"

        rdeepnet segment --accept 1.2.840.113619 --by "Ada Reader" --config /etc/rdeepnet.toml
    """
    if accept is not None:
        given = {"FOLDER": folder, "--strokes": strokes, "--box": box, "--point": point, "--network": network}
        if others := [name for name, value in given.items() if value is not None]:
            raise typer.BadParameter(f"cannot be combined with {' and '.join(others)}", param_hint="--accept")
        if (file := Path(accept)).exists():
            _accept(file, out or file.parent, by=by or operator_name(), as_json=as_json)
        elif out is not None:
            raise typer.BadParameter("needs a file; a draft of the service is answered there", param_hint="--out")
        else:
            _accept_in_service(accept, config, by=by or operator_name(), as_json=as_json)
        return
    if folder is None or out is None:
        raise typer.BadParameter("FOLDER and --out are needed, or --accept", param_hint="FOLDER")
    if by is not None:
        raise typer.BadParameter("is the name of who accepts a draft; it needs --accept", param_hint="--by")
    if box is not None and (strokes is not None or network is not None):
        raise typer.BadParameter("cannot be combined with --strokes or --network", param_hint="--box")
    if box is None and (point is not None or burden):
        raise typer.BadParameter("needs --box", param_hint="--point" if point is not None else "--ftv")
    if mirrored and network is None:
        raise typer.BadParameter("needs --network", param_hint="--mirrored")
    if box is not None and point is None and not burden:
        raise typer.BadParameter("needs --point as well, or --ftv", param_hint="--box")
    from datetime import datetime

    from appliance.offline.segmentation import Wish, make_draft_of
    from appliance.workbench import fonts_of

    settings = settings_from(config)
    draft = make_draft_of(
        folder,
        out,
        Wish(strokes, _box(box, point), burden, network, mirrored),
        rules=settings.reading,
        assignment=assignment_from(assign),
        created=datetime.now().astimezone(),
        limits=settings.limits,
        language=settings.report.language,
        fonts=fonts_of(settings),
    )
    if as_json:
        print_json({**draft.record, "files": [str(path) for path in draft.files]})
        return
    record = draft.record
    echo(f"Draft by {record['method']['name']}: {record['volume_mm3'] / 1000:.2f} cm³ on {record['slices']} slices.")
    if record["notice"]:
        echo(f"Notice: {record['notice']}")
    for path in draft.files:
        echo(str(path))
    echo("It needs review: look at every slice, then edit it in a viewer or accept it with --accept.")


def _accept(draft: Path, out: Path, *, by: str, as_json: bool) -> None:
    from datetime import datetime

    from appliance.offline.segmentation import accept_draft

    files, record = accept_draft(draft, out, accepted_by=by, accepted=datetime.now().astimezone())
    if as_json:
        print_json({**record, "files": [str(path) for path in files]})
        return
    echo(f"Accepted by {record['accepted_by']} at {record['accepted']}.")
    for path in files:
        echo(str(path))


def _accept_in_service(study: str, config: Path | None, *, by: str, as_json: bool) -> None:
    from appliance.commands.studies import full_uid
    from appliance.service import operator

    settings = settings_from(config)
    uid = full_uid(settings, study)
    state = operator.accept_draft(settings, uid, by=by)
    sentence = f"Accepted by {by}. The service answers the study in its next round."
    if as_json:
        print_json({"study_instance_uid": uid, "state": state, "sentence": sentence})
    else:
        echo(sentence)


def _box(box: str | None, point: str | None) -> BoxMarks | None:
    from dicom_io.reading.marks import BoxMarks

    if box is None:
        return None
    numbers = _numbers(box, 6, "--box")
    marked = None if point is None else _triple(_numbers(point, 3, "--point"))
    return BoxMarks((_triple(numbers[:3]), _triple(numbers[3:])), marked)


def _triple(numbers: list[float]) -> Point:
    x, y, z = numbers
    return x, y, z


def _numbers(text: str, count: int, option: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count or any(abs(number) == float("inf") or number != number for number in numbers):
        raise typer.BadParameter(
            f"'{text}': {counted(count, 'number')} in mm, separated by commas, were expected", param_hint=option
        )
    return numbers

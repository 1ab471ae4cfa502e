"""`rdeepnet fetch --url`: a study comes whole or not at all, and mistakes are said before anything is asked.

Kind: mechanics (a server that answers as it is told).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydicom import dcmread
from typer.testing import CliRunner

from appliance.cli import app
from appliance.commands.exit_status import Exit
from appliance.peer_settings import ArchiveSettings
from appliance.secret_files import readable_by_others
from appliance.service.web_fetch import web_source_of
from appliance.settings import Settings
from models.errors import SetupError
from tests.dicom_io.network.dicomweb.web_server import Reply, Request, related, web_server
from tests.dicom_io.network.made_certificates import make_authority
from tests.end_to_end.small_study import uid, write_study

STUDY = uid("web-fetch")
RELATED = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b0'}


@dataclass
class Server:
    """A study in series; `change` is told each path and reply of a retrieval, and may change the reply."""

    series: dict[str, list[Path]]
    change: Callable[[str, Reply], Reply] = lambda path, reply: reply
    patients: tuple[str, ...] = ("P1",)
    more: Mapping[str, Iterable[object]] = field(default_factory=dict)  # listed of the study besides
    requests: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> Reply:
        self.requests.append(request)
        path, _, query = request.path.removeprefix("/dicom-web").partition("?")
        if not query:
            return self.change(path, Reply(200, related(self.series[path.rpartition("/")[2]]), RELATED))
        if "offset=" in query and "offset=0" not in query:
            return Reply(204)
        if path == "/studies":
            return _json(*({"0020000D": [STUDY], "00100020": [name], **self.more} for name in self.patients))
        wanted = query.partition("SeriesInstanceUID=")[2].partition("&")[0]
        return _json(
            *(
                {"0020000E": [name], "00201209": [len(files)], "00080060": [dcmread(files[0]).Modality]}
                for name, files in self.series.items()
                if wanted in ("", name)
            )
        )


def _json(*items: Mapping[str, Iterable[object]]) -> Reply:
    return Reply(
        200, json.dumps([{tag: {"Value": list(value)} for tag, value in item.items()} for item in items]).encode()
    )


@pytest.fixture
def server(tmp_path: Path) -> Server:
    files = write_study(tmp_path / "held", "web-fetch")
    series: dict[str, list[Path]] = {}
    for file in files:
        series.setdefault(str(dcmread(file).SeriesInstanceUID), []).append(file)
    return Server(series)


def fetch(server: Server, *line: object) -> tuple[int, str]:
    with web_server(server) as running:
        result = CliRunner().invoke(app, ["fetch", STUDY, "--url", running.url, *map(str, line)])
    return result.exit_code, result.output


def left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) if folder.exists() else []


def test_a_study_comes_series_by_series(server: Server, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret\n")
    status, said = fetch(server, "--out", tmp_path / "out", "--token-file", token)
    assert (status, said.split(": ")[1].split(" came")[0]) == (Exit.OK, "4 of 4 objects")
    held = {
        f"{dcmread(file).SOPInstanceUID}.dcm": file.read_bytes() for files in server.series.values() for file in files
    }
    assert {path.name: path.read_bytes() for path in (tmp_path / "out" / STUDY).iterdir()} == held
    assert left(tmp_path / "out") == sorted([STUDY, *(f"{STUDY}/{name}" for name in held)])
    assert {request.headers["Authorization"] for request in server.requests} == {"Bearer secret"}


def test_when_the_last_series_fails_nothing_of_the_study_is_left(server: Server, tmp_path: Path) -> None:
    last = sorted(server.series)[-1]
    changes: list[Callable[[Reply], Reply]] = [
        lambda reply: Reply(200, reply.body[:-40], RELATED, has_length=False),
        lambda reply: Reply(200, related(server.series[last], closing=False), RELATED, has_length=False),
        lambda reply: Reply(500),
        lambda reply: Reply(200, related([]), RELATED),
    ]
    for change in changes:
        server.change = lambda path, reply, change=change: change(reply) if path.endswith(last) else reply  # type: ignore[misc]
        status, said = fetch(server, "--out", tmp_path / "out")
        assert status != Exit.OK
        assert "DICOMweb server" in said
        assert left(tmp_path / "out") == []


def test_one_uid_of_two_patients_is_refused(server: Server, tmp_path: Path) -> None:
    server.patients = ("P1", "P2")
    status, said = fetch(server, "--out", tmp_path / "out")
    assert status == Exit.INCOMPLETE
    assert "lists one Study Instance UID twice" in " ".join(said.split())
    assert left(tmp_path / "out") == []


def test_the_certificate_is_of_the_authorities_that_are_named(server: Server, tmp_path: Path) -> None:
    authority = make_authority(tmp_path / "authority")
    other = make_authority(tmp_path / "other")
    with web_server(server, tls=authority.issue("server")) as running:
        line = ["fetch", STUDY, "--url", running.url, "--out", str(tmp_path / "out"), "--authorities"]
        refused = CliRunner().invoke(app, [*line, str(other.file)])
        assert refused.exit_code != Exit.OK
        assert "TLS was not agreed" in " ".join(refused.output.split())
        assert server.requests == []
        assert CliRunner().invoke(app, [*line, str(authority.file)]).exit_code == Exit.OK


def test_mistakes_of_the_command_line(server: Server, tmp_path: Path) -> None:
    assert fetch(server)[0] == Exit.USAGE
    assert server.requests == []
    result = CliRunner().invoke(app, ["fetch", STUDY, "--out", str(tmp_path), "--token-file", "x"])
    assert result.exit_code == Exit.USAGE
    for url, sentence in (
        ("ftp://a/", "is none"),
        ("http://192.0.2.1/", "not secured"),
        ("https://u:p@h/", "password"),
    ):
        result = CliRunner().invoke(app, ["fetch", STUDY, "--out", str(tmp_path), "--url", url])
        assert result.exit_code == Exit.SETUP
        assert sentence in " ".join(result.output.split())


def test_the_archive_of_the_settings_may_be_one(server: Server, tmp_path: Path) -> None:
    with web_server(server) as running:
        config = tmp_path / "rdeepnet.toml"
        (tmp_path / "token").write_text("secret")
        more = f'dicomweb_url = "{running.url}"\ndicomweb_token_file = "token"\n'
        config.write_text(f"[archive]\nplain = true\n{more}")
        line = ["fetch", STUDY, "--config", str(config)]
        listed = CliRunner().invoke(app, [*line, "--list", "--json"])
        assert [one["patient_id"] for one in json.loads(listed.output)["studies"]] == ["P1"]
        assert CliRunner().invoke(app, [*line, "--out", str(tmp_path / "out")]).exit_code == Exit.OK
        assert CliRunner().invoke(app, line).exit_code == Exit.SETUP  # to the service: by C-MOVE alone
    assert {request.headers["Authorization"] for request in server.requests} == {"Bearer secret"}


def test_the_settings_are_checked(tmp_path: Path) -> None:
    for wrong in (
        {"dicomweb_url": "http://192.0.2.1/"},
        {"dicomweb_url": "none"},
        {"dicomweb_token_file": tmp_path / "token"},
    ):
        with pytest.raises(SetupError, match="dicomweb_url"):
            ArchiveSettings(**wrong)  # type: ignore[arg-type]
    (token := tmp_path / "token").write_text("secret")
    token.chmod(0o644)
    settings = Settings(archive=ArchiveSettings(dicomweb_url="https://h/dicom-web", dicomweb_token_file=token))
    (sentence,) = readable_by_others(settings, file=None)
    assert "[archive] dicomweb_token_file" in sentence
    assert web_source_of(settings, out=tmp_path).peer.token_file == token

"""The page about DICOMweb: its settings are read, its commands and its example run as they stand against Orthanc.

Kind: mechanics (whole processes, a real peer).
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli import app
from appliance.commands.exit_status import Exit
from appliance.settings import load_settings
from appliance.state.record_rows import DeliveryState
from appliance.state.states import State
from tests.conftest import ROOT, require_programs
from tests.end_to_end.running import Orthanc, free_port, running_service, wait_for
from tests.end_to_end.small_study import uid, write_study
from tests.end_to_end.test_stow import running_web
from tests.end_to_end.test_wado import dicomweb_plugin

PAGE = ROOT / "docs" / "how-to" / "dicomweb.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_settings_of_the_page_are_settings(tmp_path: Path) -> None:
    out, door, archive = blocks("toml")
    (tmp_path / "rdeepnet.toml").write_text(out + door + archive)
    settings = load_settings(tmp_path / "rdeepnet.toml")
    (destination,) = settings.destinations
    assert (destination.address, destination.commits) == ("pacs.example.org", False)
    assert settings.web.stow_token_file == Path("/etc/rdeepnet/stow.tokens")
    assert settings.archive.dicomweb_token_file == Path("/etc/rdeepnet/archive.token")


@pytest.mark.peers
@pytest.mark.slow
def test_the_page_leads_from_orthanc_to_the_service_and_back_to_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_programs("Orthanc", "curl", "openssl")
    port, folder = free_port(), tmp_path / "service"
    folder.mkdir()
    _, make_tokens, send, *pull = (line.removeprefix("$ ") for line in "".join(blocks("console")).splitlines())
    tokens = folder / "stow.tokens"
    subprocess.run(["sh", "-c", make_tokens.replace("/etc/rdeepnet/stow.tokens", str(tokens))], check=True)
    assert oct(tokens.stat().st_mode & 0o777) == "0o600"
    token = tokens.read_text().split()[1]
    configuration = json.loads(blocks("json")[0].replace("11180", str(port)).replace("TOKEN", token))
    orthanc = Orthanc(tmp_path / "orthanc", plugins=[dicomweb_plugin()], more=configuration)
    try:
        door = blocks("toml")[1].replace("/etc/rdeepnet/stow.tokens", str(tokens)).replace("11180", str(port))
        here = orthanc.web_url.removesuffix("/dicom-web")
        destination = f'[[destinations]]\nname = "cloud"\nstow_url = "{orthanc.web_url}"\nplain = true\n'
        with (
            running_service(folder, destinations={}, senders=["NOBODY"], more=door + destination) as service,
            running_web(service),
        ):
            study = orthanc.upload(write_study(tmp_path / "study", "page", images=4))
            before = len(orthanc.instances(study))
            command = send.replace("http://127.0.0.1:8042", here).replace("ORTHANC-STUDY", study)
            subprocess.run(["sh", "-c", command], check=True, capture_output=True)
            wait_for(lambda: len(orthanc.instances(study)) > before, what="the results in Orthanc")
            service.wait_for_state(uid("page"), State.DELIVERED)
            assert service.begun(uid("page")) == [str(before)]  # all of it came before it was answered
            detail = service.show(uid("page"))
            assert {one.state for one in detail.deliveries if one.destination == "cloud"} == {DeliveryState.DONE}
            assert not detail.commitments  # DICOMweb has none
        monkeypatch.chdir(tmp_path / "orthanc")
        example = blocks("python")[0].replace("http://127.0.0.1:8042", here).replace("STUDY-INSTANCE-UID", uid("page"))
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(compile(example, "example", "exec"), {})
        files = list(Path("study").iterdir())
        assert said.getvalue() == f"{len(files)} instances, {sum(file.stat().st_size for file in files)} bytes\n"
        assert len(files) == len(orthanc.instances(study))
        for line in pull[:2]:
            words = line.replace("http://127.0.0.1:8042", here).replace("A-20260711-17", uid("page")).split()
            assert CliRunner().invoke(app, words[1:]).exit_code == Exit.OK
        fetched = {file.name: file.read_bytes() for file in (Path("studies") / uid("page")).iterdir()}
        assert fetched.items() <= {file.name: file.read_bytes() for file in files}.items()
        assert len(fetched) >= before
    finally:
        orthanc.stop()

"""Libraries that the web process does without: what it never loads takes no memory of it.

The figure is in `tests/benchmarks/DICOMWEB.md`. Kind: mechanics (a process of its own).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.appliance.web.site import configuration, populate
from tests.dicom_io.network.dicomweb.web_server import related
from tests.end_to_end.running import free_port
from tests.end_to_end.small_study import write_study

TOKEN = "fedcba9876543210" * 4
NOT_NEEDED = {
    "PIL",
    "SimpleITK",
    "cryptography",  # with [tls] it is
    "dbos",
    "gdcm",
    "highdicom",
    "matplotlib",
    "numba",
    "onnxruntime",
    "pandas",
    "psycopg",  # with [shared] it is
    "pydicom",  # where an operator chooses series it is, and for a header that is not as most are
    "pynetdicom",
    "reportlab",
    "requests",
    "scipy",
    "torch",
}

# `rdeepnet web`, and in a thread of it who looks at its pages and sends to it.
WEB = """
import json, os, signal, sys, threading, time, urllib.error, urllib.request
from pathlib import Path
from appliance.cli import main

port, folder = sys.argv[1], Path(sys.argv[2])
site = f"http://127.0.0.1:{port}"

def read(page):
    try:
        with urllib.request.urlopen(site + page, timeout=30) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()  # the service of this page does not run
    except urllib.error.URLError:
        return ""  # not ready yet

def visit():
    while "rdeepnet_destination_up" not in read("/metrics"):  # it has called its destinations
        time.sleep(0.05)
    pages = {page: read(page) for page in ("/", "/studies", "/ready")}
    headers = {
        "Authorization": f"Bearer {(folder / 'token').read_text()}",
        "Content-Type": 'multipart/related; type="application/dicom"; boundary=b0',
    }
    request = urllib.request.Request(site + "/dicom-web/studies", (folder / "body").read_bytes(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        modules = sorted({name.split(".")[0] for name in sys.modules})
        seen = {"status": answer.status, "pages": pages, "modules": modules}
    (folder / "seen").write_text(json.dumps(seen))
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=visit, daemon=True).start()
sys.argv = ["rdeepnet", "web", "--config", str(folder / "rdeepnet.toml")]
main()
"""


def test_the_web_process_loads_no_library_of_images(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "senders").touch(mode=0o600)
    (tmp_path / "senders").write_text(f"router {TOKEN}\n")
    (tmp_path / "token").write_text(TOKEN)
    configuration(tmp_path, port=port, token=True, more='stow_token_file = "senders"\n')
    (tmp_path / "state").mkdir(mode=0o700)
    populate(tmp_path / "state")
    (tmp_path / "body").write_bytes(related(write_study(tmp_path / "study", "light", images=2)))
    command = [sys.executable, "-c", WEB, str(port), str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (result.returncode, (tmp_path / "seen").is_file()) == (0, True), result.stderr
    seen = json.loads((tmp_path / "seen").read_text())
    assert seen["status"] == 200
    assert all(seen["pages"].values())
    assert {"sqlalchemy", "starlette", "jinja2"} <= set(seen["modules"])
    assert not NOT_NEEDED & set(seen["modules"])

"""Write what the documents show of the program again: `make pictures`.

The output in docs/tutorial.md and the first page of its report (small images); the output in README.md and the first
page of its report (realistic images). Needs pdftoppm (Debian's poppler-utils).
"""

from __future__ import annotations

import io
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

import rdeepnet
from tests.conftest import ROOT
from tests.docs.tutorial import PAGE, README, comparable, run_readme, run_tutorial

IMAGES = ROOT / "docs" / "images"
_DPI = 110
_COLOURS = 256  # a palette of fewer loses the orange of the outlines


def picture_of_first_page(pdf: Path, out: Path) -> None:
    """Page 1 of a PDF as a PNG with a palette."""
    command = ["pdftoppm", "-f", "1", "-l", "1", "-r", str(_DPI), "-png", str(pdf)]
    page = Image.open(io.BytesIO(subprocess.run(command, capture_output=True, check=True).stdout)).convert("RGB")
    page.quantize(_COLOURS, dither=Image.Dither.NONE).save(out, optimize=True)


def main() -> None:
    """Renew both documents and both pictures."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tutorial").mkdir()
        text = PAGE.read_text(encoding="utf-8")
        made = run_tutorial(text, folder / "tutorial")
        if comparable(made) != comparable(text):  # another time alone says how busy this machine is
            PAGE.write_text(made, encoding="utf-8")
        (pdf,) = (folder / "tutorial" / "results").glob("study-*/report.pdf")
        picture_of_first_page(pdf, IMAGES / "tutorial-report.png")
        README.write_text(run_readme(README.read_text(encoding="utf-8"), folder), encoding="utf-8")
        (folder / "report.pdf").write_bytes(rdeepnet.answer(folder / "study").answer.pdf)
        picture_of_first_page(folder / "report.pdf", IMAGES / "report.png")


if __name__ == "__main__":
    main()

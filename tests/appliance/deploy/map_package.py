"""Environment and expected output of a MONAI Application Package, as a process and as an image."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from dicom_io.synthetic.study_writer import Grid, make_study
from models.volume import Sequence

CONFIGURATION = '[preprocessing]\nn4 = "none"\n'  # quicker; N4 has tests of its own


@dataclass(frozen=True)
class MapFolders:
    """Folders on the host as an orchestrator mounts them."""

    input: Path
    output: Path
    config: Path

    def environment(self) -> dict[str, str]:
        """Variables that name the folders to a process; in the image they are mounted at the default places."""
        return {
            "HOLOSCAN_INPUT_PATH": str(self.input),
            "HOLOSCAN_OUTPUT_PATH": str(self.output),
            "HOLOSCAN_CONFIG_PATH": str(self.config),
        }


def make_map_folders(folder: Path) -> MapFolders:
    """One small synthetic study in the input folder, an empty output folder, a configuration file."""
    folders = MapFolders(folder / "input", folder / "output", folder / "app.toml")
    make_study(
        folders.input / "study",
        seed=1,
        sequences=tuple(Sequence),
        t1c=Grid(16, 64, 64, 6.0, (5.0, 5.0)),
        t2w=Grid(14, 56, 56, 7.0, (5.7, 5.7)),
        segmented=(Sequence.T1C,),
    )
    folders.output.mkdir()
    folders.config.write_text(CONFIGURATION, encoding="utf-8")
    return folders


def check_map_output(output: Path) -> None:
    """Checks that the output folder holds the complete results of that one study."""
    assert (output / "studies.csv").is_file()
    (study,) = [entry for entry in output.iterdir() if entry.is_dir()]
    result = json.loads((study / "result.json").read_text(encoding="utf-8"))
    assert result["outcome"] == "answered", result["sentence"]
    assert {file["name"] for file in result["files"]} >= {"key_sr.dcm", "pdf.dcm", "seg_t1c.dcm", "report.pdf"}
    assert [model["name"] for model in result["models"]] == ["recurrence", "krt7_as", "recurrence_t1c"]

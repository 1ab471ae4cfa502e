"""Notes of service and worker beside the records. Kind: regression."""

from __future__ import annotations

from pathlib import Path

from appliance.state.worker_notes import ServiceNote, Supervision, supervision_in


def test_a_note_has_its_place_on_the_disk_before_it_says_anything(tmp_path: Path) -> None:
    """The first write of a fresh service ended it when the disk had filled up since it was opened."""
    note = ServiceNote(tmp_path)
    (file,) = tmp_path.iterdir()
    assert 512 * file.stat().st_blocks >= file.stat().st_size > 0
    assert supervision_in(tmp_path) == Supervision()
    note.write(Supervision(pid=7, trouble="The disk is full."))
    assert supervision_in(tmp_path) == Supervision(pid=7, trouble="The disk is full.")

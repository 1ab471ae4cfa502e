"""The audit trail of the page: who signed in, read a report and acted. Kind: mechanics."""

from __future__ import annotations

from pathlib import Path

from tests.appliance.web.site import DELIVERED, FAILED, TOKEN, running_page
from tests.dicom_io.audit.schema import checked, codes, objects


def test_what_operators_do_on_the_page_is_told_with_their_names(tmp_path: Path) -> None:
    with running_page(tmp_path, more='[audit]\nfile = "audit.xml"\n') as page:
        page.ask("/sign-in", {"token": "a guess" * 10})
        page.sign_in()
        assert page.ask(f"/studies/{DELIVERED}/report.pdf").status == 200
        page.act("drop", FAILED, reason="measured elsewhere")
        page.ask("/sign-out", {"csrf": page.csrf()})
    roots = [checked(line) for line in (tmp_path / "audit.xml").read_text(encoding="utf-8").splitlines()]
    assert [(codes(root, "EventID") + codes(root, "EventTypeCode")) for root in roots] == [
        ["110114", "110122"],
        ["110114", "110122"],
        ["110103"],
        ["110113", "110132"],
        ["110114", "110123"],
    ]
    assert [root[0].attrib["EventOutcomeIndicator"] for root in roots] == ["4", "0", "0", "0", "0"]
    requestors = [
        (each.attrib["UserID"], each.attrib.get("NetworkAccessPointID", ""))
        for root in roots
        for each in root.iter("ActiveParticipant")
        if each.attrib["UserIsRequestor"] == "true"
    ]
    here = "127.0.0.1"
    assert requestors == [("unknown", here), ("jo", here), ("jo", here), ("jo (page)", ""), ("jo", here)]
    assert objects(roots[2]) == {"110180": [DELIVERED]}
    assert objects(roots[3]) == {"110180": [FAILED]}
    assert "measured elsewhere" not in (tmp_path / "audit.xml").read_text(encoding="utf-8"), (
        "free text may name anybody"
    )


def test_who_is_not_let_in_by_stow_is_told(tmp_path: Path) -> None:
    (tmp_path / "senders").touch(mode=0o600)
    (tmp_path / "senders").write_text(f"router {TOKEN}\n")
    more = 'stow_token_file = "senders"\n[audit]\nfile = "audit.xml"\n'
    with running_page(tmp_path, more=more) as page:
        page.ask("/dicom-web/studies", {}, headers={"Authorization": "Bearer guess"})
    (root,) = [checked(line) for line in (tmp_path / "audit.xml").read_text(encoding="utf-8").splitlines()]
    assert codes(root, "EventID") + codes(root, "EventTypeCode") == ["110113", "110126"]

"""The selection rules: reading them from settings, and what the rules that ship make of real series names."""

from __future__ import annotations

import pytest

from dicom_io.rules import NO_ASSIGNMENT, Assignment, Rule, SelectionRules
from models.acquisition import SeveralTumours
from models.errors import SetupError

# Series descriptions as scanners of four vendors and public collections write them → role they have to get.
NAMES = [
    ("Ax Vibrant MPH", "t1c"),
    ("ax dyn 1st pass", "t1c"),
    ("t1_fl3d_tra_dynaVIEWS_spair_1+5", "t1c"),
    ("dyn_eTHRIVE", "t1c"),
    ("AX T1 FS POST GAD", "t1c"),
    ("SAG T1 +C", "t1c"),
    ("T1 3D FS DCE", "t1c"),
    ("Ph2/Ax 3D T1", "t1c"),
    ("T2W_SPAIR_tra", "t2w"),
    ("t2_tse_tra_fs", "t2w"),
    ("AX T2 IDEAL", "t2w"),
    ("Sag T2 FSE", "t2w"),
    ("t2_tirm_tra", "t2w"),
    ("STIR ax", "t2w"),
    ("AX T2 FS POST", "t2w"),
    ("3-PLANE LOC", "out"),
    ("Breast localizer", "out"),
    ("SUB: 2-1", "out"),
    ("t1_fl3d_dyn_SUB", "out"),
    ("MIP dyn", "out"),
    ("ep2d_diff_tra_ADC", "out"),
    ("DWI b=800", "out"),
    ("T2 map", "out"),
    ("Wash-in", "out"),
    ("Ax silicone only", "out"),
    ("AX T2 SILICONE", "out"),
    ("AX VIBRANT +C silicone sat", "t1c"),
    ("dyn silicone implant", "t1c"),
    ("AX T1 PRE", "none"),
    ("AX T1", "none"),
    ("t1_fl3d_tra_non_fs", "none"),
]


@pytest.mark.parametrize(("description", "role"), NAMES)
def test_the_rules_that_ship_know_real_series_names(description: str, role: str) -> None:
    rules = SelectionRules()
    values = {"SeriesDescription": description, "Modality": "MR"}
    out = any(not rule.objection(values) for rule in rules.exclude)
    t1c = any(not rule.objection(values) for rule in rules.t1c)
    t2w = any(not rule.objection(values) for rule in rules.t2w)
    expected = {"t1c": (False, True, False), "t2w": (False, False, True), "none": (False, False, False)}
    assert out if role == "out" else (out, t1c, t2w) == expected[role]


@pytest.mark.parametrize(
    ("label", "property_type", "is_tumour"),
    [
        ("Tumour", "SCT 108369006 Neoplasm", True),
        ("Segment 1", "SCT 4147007 Mass", True),
        ("GTV", "SCT 85756007 Tissue", True),
        ("肿瘤", "SCT 85756007 Tissue", True),
        ("Lesion 1", "SRT M-01100 Lesion", True),
        ("Breast", "MRSC B-1000 Breast", False),
        ("Peritumoral tissue", "SCT 108369006 Neoplasm", False),
        ("Axillary lymph node", "SCT 108369006 Neoplasm", False),
        ("Fibroglandular tissue", "SCT 85756007 Tissue", False),
    ],
)
def test_the_rules_that_ship_tell_a_tumour_from_tissue(label: str, property_type: str, is_tumour: bool) -> None:
    rules = SelectionRules()
    values = {"SegmentLabel": label, "SegmentedPropertyTypeCodeSequence": property_type}
    taken = not any(not rule.objection(values) for rule in rules.not_tumour) and any(
        not rule.objection(values) for rule in rules.tumour
    )
    assert taken is is_tumour


def test_an_objection_names_the_condition_and_the_value() -> None:
    rule = Rule("short", matches={"Modality": "^MR$"}, unless={"ImageType": "MIP"}, ranges={"EchoTime": (1, 5)})
    assert rule.objection({"Modality": "MR", "EchoTime": "2.5"}) == ""
    assert rule.objection({"Modality": "CT"}) == 'Modality "CT" does not match /^MR$/'
    assert rule.objection({}) == "Modality (absent) does not match /^MR$/"
    assert rule.objection({"Modality": "MR", "ImageType": "X\\MIP"}) == "ImageType \"X\\MIP\" contains 'MIP'"
    assert rule.objection({"Modality": "MR", "EchoTime": "80"}) == 'EchoTime "80" is not within 1 to 5'
    assert rule.objection({"Modality": "MR", "EchoTime": "long"}) == 'EchoTime "long" is not within 1 to 5'


def test_rules_of_a_site_stand_before_those_that_ship_or_replace_them() -> None:
    table = {"name": "ours", "matches": {"SeriesDescription": "^BRUST KM 2$"}}
    with_defaults = SelectionRules.from_mapping({"t1c": [table], "phase": 2, "several_tumours": "union"})
    alone = SelectionRules.from_mapping({"t1c": [table], "defaults": False})
    assert with_defaults.t1c[0] == alone.t1c[0] == Rule("ours", matches={"SeriesDescription": "^BRUST KM 2$"})
    assert with_defaults.t1c[1:] == SelectionRules().t1c
    assert len(alone.t1c) == 1
    assert alone.exclude == ()
    assert (with_defaults.phase, with_defaults.several_tumours) == (2, SeveralTumours.UNION)
    assert SelectionRules.from_mapping({}) == SelectionRules()


def test_every_mistake_is_named_in_one_error() -> None:
    with pytest.raises(SetupError) as caught:
        SelectionRules.from_mapping(
            {
                "t1x": [],
                "t2w": "T2",
                "tumour": [{"matches": {}}, 5],
                "t1c": [
                    {"name": "a", "matches": {"SeriesDescripton": "dyn"}},
                    {"name": "b", "matches": {"SeriesDescription": "dyn("}, "ranges": {"EchoTime": [5, 1]}},
                    {"name": "c", "range": {"EchoTime": [1, 5]}},
                    {"name": "d", "matches": {"EchoTime": 5}, "ranges": {"EchoTime": [1]}},
                    {"name": "e"},
                ],
                "phase": 0,
                "several_tumours": "both",
                "phase_from_segmentation": "yes",
                "hole_limit_slices": -1,
                "defaults": 1,
            }
        )
    for part in (
        "15 mistakes",
        "reading.t1x is not known; did you mean t1c?",
        "reading.t2w is 'T2'; expected a list, each a table",
        "reading.tumour[1].name is missing; expected a text",
        "reading.tumour[2] is 5; expected a table",
        "'SeriesDescripton' is not a DICOM keyword",
        "/dyn(/ for SeriesDescription is not a regular expression",
        "the range of EchoTime is 5 to 1, which is empty",
        "reading.t1c[3].range is not known; did you mean ranges?",
        "reading.t1c[4].matches.EchoTime is 5; expected a text",
        "reading.t1c[4].ranges.EchoTime is [1]; expected [a number, a number]",
        "reading.t1c[5]: The rule 'e' is wrong: it has no condition",
        'reading.phase is 0; expected a whole number of at least 1, or "none"',
        'reading.several_tumours is \'both\'; expected one of "refuse", "union", "largest"',
        "reading.phase_from_segmentation is 'yes'; expected true or false",
        "reading.hole_limit_slices is -1; expected a whole number of at least 0",
        "reading.defaults is 1; expected true or false",
    ):
        assert part in str(caught.value)


def test_an_assignment_is_parsed_whole_or_refused_whole() -> None:
    assert Assignment.parse([]) == NO_ASSIGNMENT
    parsed = Assignment.parse(["t1c=1.2.3", "t2w = AX T2 = FS", "tumour=a", "tumour=b"])
    assert parsed == Assignment(t1c="1.2.3", t2w="AX T2 = FS", tumour=("a", "b"))
    with pytest.raises(SetupError) as caught:
        Assignment.parse(["t1c", "t3=1", "t2w=", "t1c=1", "t1c=2"])
    for part in ("'t1c' has no role", "'t3' is not a role", "'t2w=' has no role", "t1c is assigned 2 times"):
        assert part in str(caught.value)

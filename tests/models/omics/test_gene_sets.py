"""Gene sets: GMT, the table of cell types with its slips, joins with ambiguous symbols."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import CohortRejected
from models.omics.gene_sets import MatchedSets, match_sets, read_gene_sets

CELLS = (
    "Table S6. Pan-cancer metagenes\n"
    "Metagene\tCell type\tImmunity\n"
    "ADAM28\tActivated B cell\tAdaptive\n"
    "CD180\tActivated B cell\tAdaptive\n"
    "CD180\tActivated B cell\tAdaptive\n"
    "ACAP1\tEffector memeory CD8 T cell\tAdaptive\n"
    "AHCYL1\tImmature  B cell\tAdaptive\n"
    "\n"
)


def sets_of(tmp_path: Path, text: str, name: str = "sets.gmt") -> Path:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


def test_real_sets_are_read(shared_data: Path) -> None:
    reactome = read_gene_sets(shared_data / "omics" / "reactome.gmt")
    assert len(reactome.sets) == 1542
    assert reactome.sets[0].description == "R-HSA-164843"
    assert all(10 <= len(one.genes) <= 500 for one in reactome.sets)
    danaher = read_gene_sets(shared_data / "omics" / "danaher2017.gmt")
    assert len(danaher.sets) == 14
    assert sum(len(one.genes) for one in danaher.sets) == 60


def test_the_table_of_cell_types_in_its_own_shape(tmp_path: Path) -> None:
    for text in (CELLS, CELLS.replace("\t", ",")):
        found = read_gene_sets(sets_of(tmp_path, text, "cells.txt"))
        assert {one.name: one.genes for one in found.sets} == {
            "Activated B cell": ("ADAM28", "CD180"),
            "Effector memory CD8 T cell": ("ACAP1",),
            "Immature B cell": ("AHCYL1",),
        }
        assert found.sets[0].description == "Adaptive"
        assert found.remarks == ("1 gene is duplicated within its cell type and counts once.",)


def test_slips_of_a_gmt_are_said(tmp_path: Path) -> None:
    found = read_gene_sets(sets_of(tmp_path, "a\tx\tG1\tG2\tG1\t\nb\tx\n\nc\tx\tG3,1.0\na\tx\tG2\tG1\n"))
    assert [(one.name, one.genes) for one in found.sets] == [("a", ("G1", "G2")), ("c", ("G3",))]
    assert found.remarks == (
        "1 gene is duplicated within its set and counts once.",
        "1 set is duplicated and counts once.",
        "1 set of sets.gmt without a gene: left out (b).",
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a b c\n", "line 1 has no tab"),
        ("\tx\tG1\n", "line 1 has no name of a set"),
        ("a\tx\tG1\na\tx\tG2\n", "two sets called 'a' with 1 and 1 gene;"),
        ("a\tx\n", "has no gene set"),
        ("", "has no gene set"),
    ],
)
def test_what_is_no_gmt(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(CohortRejected, match=sentence):
        read_gene_sets(sets_of(tmp_path, text))


IDS = ("ENSG00000000001.2", "ENSG00000000002.1", "ENSG00000000003.1", "ENSG00000000004.1")
NAMES = ("A", "B", "C", "C")


def matched(tmp_path: Path, text: str, **limits: int) -> MatchedSets:
    return match_sets([read_gene_sets(sets_of(tmp_path, text))], IDS, NAMES, **limits)


def test_genes_are_found_by_name_and_identifier(tmp_path: Path) -> None:
    found = matched(tmp_path, "one\tx\tB\tA\ntwo\tx\tENSG00000000003.9\tENSG00000000001\tZ\n")
    assert [rows.tolist() for rows in found.members] == [[0, 1], [0, 2]]
    assert found.shares == (1.0, 2 / 3)
    assert found.remarks == ()


def test_a_symbol_of_two_genes_belongs_to_no_set(tmp_path: Path) -> None:
    found = matched(tmp_path, "one\tx\tB\tC\n")
    assert found.members[0].tolist() == [1]
    assert found.ambiguous == ("C",)
    assert "1 symbol of the sets left out, since more than one gene" in found.remarks[-1]


def test_sets_that_are_not_there_are_named(tmp_path: Path) -> None:
    found = matched(tmp_path, "one\tx\tA\nnone\tx\tY\tZ\nfew\tx\tA\tY\tZ\n")
    assert found.names == ("one", "few")
    assert found.absent == ("none",)
    assert found.remarks == (
        "1 of 3 sets has fewer than 1 gene in the table and was left out: none.",
        "Of 1 set fewer than half of the genes are in the table: few.",
    )
    assert matched(tmp_path, "one\tx\tA\ntwo\tx\tA\tB\n", smallest=2).names == ("two",)
    assert matched(tmp_path, "one\tx\tA\ntwo\tx\tA\tB\n", largest=1).names == ("one",)
    with pytest.raises(CohortRejected, match="the sets name genes as 'Y', the table as 'A'"):
        matched(tmp_path, "none\tx\tY\tZ\n")


def test_two_files_with_a_set_of_one_name(tmp_path: Path) -> None:
    one = read_gene_sets(sets_of(tmp_path, "a\tx\tA\n", "one.gmt"))
    two = read_gene_sets(sets_of(tmp_path, "a\tx\tB\n", "two.gmt"))
    with pytest.raises(CohortRejected, match=r"one\.gmt and two\.gmt both have a set called 'a'"):
        match_sets([one, two], IDS, NAMES)

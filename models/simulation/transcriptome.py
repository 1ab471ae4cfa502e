"""Simulated RNA of patients with a recurrence score: counts with known lncRNAs and pathways. No real patient or gene.

Counts are negative binomial around a mean that two latent values move: the recurrence score, and the expression of
KRT7-AS. A planted lncRNA follows the score; the genes of a planted set follow one of the two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PATIENTS = 92
KRT7_AS = "KRT7-AS"
_GENES, _LNCRNAS = 2_400, 600
_LIBRARY = 4e6  # reads of a sample that fall on the simulated genes
_DISPERSION = 0.15
_SET_SIZE = 25


@dataclass(frozen=True)
class ExpressionEffect:
    """Planted effects on log expression.

    Attributes
    ----------
    lncrnas : number of lncRNAs that follow the score
    sets : number of gene sets that follow the score, and as many that follow KRT7-AS
    size : change of log expression for one standard deviation
    """

    lncrnas: int = 8
    sets: int = 3
    size: float = 0.4


NOTHING = ExpressionEffect(0, 0, 0.0)


@dataclass(frozen=True, eq=False)
class Transcriptome:
    """RNA-seq counts of simulated genes.

    Attributes
    ----------
    gene_ids, gene_names, biotypes : of each gene, as GENCODE writes them
    exons : of each gene, (first, last) base of its exons, one-based and inclusive; of two transcripts, overlapping
    counts : int64 (genes, patients)
    gene_sets : name → gene names; 40 sets, the planted ones among them
    cell_types : name → gene names; 8 sets
    planted_lncrnas : names of the lncRNAs that follow the score, KRT7-AS not among them
    planted_sets : "score" and "KRT7-AS" → names of the gene sets that follow them
    """

    gene_ids: tuple[str, ...]
    gene_names: tuple[str, ...]
    biotypes: tuple[str, ...]
    exons: tuple[tuple[tuple[int, int], ...], ...]
    counts: NDArray[np.int64]
    gene_sets: dict[str, tuple[str, ...]]
    cell_types: dict[str, tuple[str, ...]]
    planted_lncrnas: tuple[str, ...]
    planted_sets: dict[str, tuple[str, ...]]


def simulate_transcriptome(
    scores: NDArray[np.float64],
    *,
    seed: int,
    effect: ExpressionEffect = ExpressionEffect(),
) -> Transcriptome:
    """Simulates the RNA of patients with these recurrence scores (patients,).

    KRT7-AS is negatively correlated with the score (about -.5), unless there is no effect (`NOTHING`).
    """
    rng = np.random.default_rng(seed)
    total = _GENES + _LNCRNAS
    z = (scores - scores.mean()) / scores.std()
    share = 0.5 if effect.size > 0 else 0.0
    antisense = -share * z + np.sqrt(1 - share**2) * rng.normal(size=z.size)

    names = [f"GENE{number}" for number in range(_GENES)] + [f"LNC{number}" for number in range(_LNCRNAS)]
    names[0], names[_GENES] = "KRT7", KRT7_AS
    lncrnas = _GENES + 1 + rng.permutation(_LNCRNAS - 1)[: effect.lncrnas]
    sets, by_score, by_antisense = _gene_sets(effect, rng)
    follows_score, follows_antisense = np.zeros(total), np.zeros(total)
    follows_score[lncrnas] = rng.choice((-1.0, 1.0), size=lncrnas.size) * effect.size
    for name, members in sets.items():
        follows = follows_score if name in by_score else follows_antisense if name in by_antisense else None
        if follows is not None:
            follows[members] = effect.size
    follows_antisense[_GENES] = 0.8

    exons = tuple(_exons(rng) for _ in range(total))
    lengths = np.array([gene[0][1] - gene[0][0] + 1 for gene in exons], dtype=np.float64)
    mean = np.where(np.arange(total) < _GENES, rng.normal(2.5, 1.6, size=total), rng.normal(0.3, 1.3, size=total))
    mean[[0, _GENES]], mean[lncrnas] = 2.0, np.maximum(mean[lncrnas], 1.0)
    log_rate = mean[:, np.newaxis] + np.outer(follows_score, z) + np.outer(follows_antisense, antisense)
    return Transcriptome(
        gene_ids=tuple(f"ENSG{90_000_000_000 + number}.1" for number in range(total)),
        gene_names=tuple(names),
        biotypes=("protein_coding",) * _GENES + ("lincRNA",) * _LNCRNAS,
        exons=exons,
        counts=_counts(np.exp(log_rate) * lengths[:, np.newaxis], rng),
        gene_sets={name: tuple(names[gene] for gene in members) for name, members in sets.items()},
        cell_types=_cell_types(names, np.concatenate(list(sets.values())), rng),
        planted_lncrnas=tuple(sorted(names[gene] for gene in lncrnas)),
        planted_sets={"score": by_score, KRT7_AS: by_antisense},
    )


def _gene_sets(
    effect: ExpressionEffect, rng: np.random.Generator
) -> tuple[dict[str, NDArray[np.int64]], tuple[str, ...], tuple[str, ...]]:
    """Forty disjoint sets of protein-coding genes other than KRT7, and which of them follow what."""
    members = (1 + rng.permutation(_GENES - 1))[: 40 * _SET_SIZE].reshape(40, _SET_SIZE)
    sets = {f"PATHWAY_{number + 1:02d}": row for number, row in enumerate(members)}
    names = tuple(sets)
    return sets, names[: effect.sets], names[effect.sets : 2 * effect.sets]


def _cell_types(names: list[str], taken: NDArray[np.int64], rng: np.random.Generator) -> dict[str, tuple[str, ...]]:
    """Eight sets of protein-coding genes that are in no pathway: nothing is planted in them."""
    free = np.setdiff1d(np.arange(1, _GENES), taken)
    genes = rng.permutation(free)[: 8 * 12].reshape(8, 12)
    return {f"Cell type {number + 1}": tuple(names[gene] for gene in row) for number, row in enumerate(genes)}


def _exons(rng: np.random.Generator) -> tuple[tuple[int, int], ...]:
    """One long exon, a second one apart, and one of another transcript that overlaps the first."""
    first = int(rng.integers(1_000, 200_000_000))
    long, other = int(rng.integers(400, 3_000)), int(rng.integers(100, 900))
    return (
        (first, first + long - 1),
        (first + long + 500, first + long + 500 + other - 1),
        (first + long // 2, first + long + 99),
    )


def _counts(rates: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Negative binomial counts; variance μ + .15 μ². Library sizes differ by up to about a half."""
    library = _LIBRARY * np.exp(rng.normal(0, 0.2, size=rates.shape[1]))
    means = rates / rates.sum(axis=0) * library
    gamma = rng.gamma(1 / _DISPERSION, _DISPERSION, size=means.shape)
    return np.asarray(rng.poisson(means * gamma), dtype=np.int64)

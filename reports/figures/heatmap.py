"""Clustered heatmap with annotation bars: features in rows, patients in columns.

The body is a picture inside the vector graphic, one pixel a cell. Its scale (cividis) rises in lightness, so that it
reads in greyscale and for the colour-blind: dark blue is low, grey is the mean, yellow is high.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.cluster.hierarchy import dendrogram

from models.statistics.clustering import Clustering
from reports.figures.chart import Chart
from reports.figures.panel import (
    PAD,
    Entry,
    add_axes,
    head,
    new_figure,
    place,
    points,
    set_height,
    shortened,
    text_width,
)
from reports.figures.theme import DOUBLE_MM, Theme, mixed

LIMIT: Final = 3.0
"""z-scores beyond are shown as this."""
MOST_LABELS: Final = 70
SCALE: Final = "cividis"
_ROW_PT = (6.9, 11.0)  # height of a row with a label: at least, at most
_BODY_PT = 330.0  # height of a body without labels
_TRACK_PT, _TREE_PT, _BAR_PT = 8.0, 26.0, 5.0
_SHARES = (1.0, 0.3, 0.65, 0.15, 0.85, 0.45)


@dataclass(frozen=True)
class Track:
    """An annotation bar above the columns.

    Attributes
    ----------
    name : of the annotation, such as "Response"
    categories : one for each column, "" where not known
    order : of the categories and their colours; alphabetical where it is left out
    """

    name: str
    categories: tuple[str, ...]
    order: tuple[str, ...] = ()


def heatmap(
    name: str,
    clustering: Clustering,
    labels: Sequence[str],
    tracks: Sequence[Track],
    *,
    caption: str,
    alternative: str,
    width_mm: float = DOUBLE_MM,
    unit: str = "z-score",
) -> Chart:
    """A heatmap of z-scores with dendrograms.

    Parameters
    ----------
    labels : of the rows in the order of the values; shown for up to 70 rows
    tracks : annotation bars
    """

    def draw(theme: Theme, width: float) -> Figure:
        return _draw(theme, width, clustering, labels, tracks, unit)

    return Chart(name, caption, alternative, width_mm, draw)


def category_color(theme: Theme, place: int) -> str:
    """Colour of a category in a bar: neighbours differ in lightness as well as in hue."""
    return mixed(theme.color(place), theme.page, _SHARES[place % len(_SHARES)])


def _draw(
    theme: Theme,
    width_mm: float,
    clustering: Clustering,
    labels: Sequence[str],
    tracks: Sequence[Track],
    unit: str,
) -> Figure:
    rows = len(clustering.z)
    has_labels = rows <= MOST_LABELS
    row_pt = min(_ROW_PT[1], max(_ROW_PT[0], _BODY_PT / rows)) if has_labels else _BODY_PT / rows
    body = row_pt * rows
    figure = new_figure(theme, width_mm, 400.0)
    entries = [
        Entry(f"{track.name}: {category}", category_color(theme, place + start), dash=None, marker="s")
        for track, start in zip(tracks, _starts(tracks), strict=True)
        for place, category in enumerate(_categories(track))
    ]
    above = head(figure, theme, entries=entries)
    for legend in list(figure.legends):
        legend.remove()
    column_tree = _TREE_PT if clustering.column_linkage is not None else 0.0
    height = above + column_tree + len(tracks) * _TRACK_PT + 2.0 + body + 30.0 + PAD
    set_height(figure, height)
    head(figure, theme, entries=entries)
    width = points(figure)[0]
    size = theme.small_pt if row_pt >= 1.1 * theme.small_pt else row_pt / 1.1
    room = 0.42 * width
    shown = [shortened(labels[row], room, size) for row in clustering.row_order] if has_labels else []
    right = max(
        [text_width(text, size) for text in shown] + [text_width(t.name, theme.small_pt) for t in tracks] + [0.0]
    )
    left_tree = _TREE_PT if clustering.row_linkage is not None and rows > 2 else 0.0
    left, right_edge = PAD + left_tree, width - right - 4.0 - PAD
    top = height - above
    if clustering.column_linkage is not None:
        tree = _bare(figure, theme, left, top - column_tree, right_edge, top)
        _tree(tree, clustering.column_linkage, theme, orientation="top")
        top -= column_tree
    for track, start in zip(tracks, _starts(tracks), strict=True):
        _draw_track(
            figure, theme, track, start, clustering.column_order, (left, top - _TRACK_PT + 1.2, right_edge, top)
        )
        top -= _TRACK_PT
    top -= 2.0
    axes = _bare(figure, theme, left, top - body, right_edge, top)
    cells = np.clip(clustering.z[np.ix_(clustering.row_order, clustering.column_order)], -LIMIT, LIMIT)
    picture = axes.imshow(cells, aspect="auto", cmap=_scale(theme), vmin=-LIMIT, vmax=LIMIT, interpolation="none")
    if left_tree and clustering.row_linkage is not None:
        tree = _bare(figure, theme, PAD, top - body, left - 1.0, top)
        _tree(tree, clustering.row_linkage, theme, orientation="left")
    for row, text in enumerate(shown):
        axes.text(
            1.0, row, f" {text}", transform=axes.get_yaxis_transform(), va="center", fontsize=size, color=theme.ink
        )
    _color_bar(figure, theme, picture, unit, at=(left + 8.0, PAD + 14.0))
    return figure


def _starts(tracks: Sequence[Track]) -> list[int]:
    """First colour of each track: categories of different tracks do not share colours while there are enough."""
    starts, at = [], 0
    for track in tracks:
        starts.append(at)
        at += len(_categories(track))
    return starts


def _categories(track: Track) -> list[str]:
    found = {category for category in track.categories if category}
    return [category for category in track.order or sorted(found) if category in found]


def risk_track(is_high_risk: Sequence[bool]) -> Track:
    """The bar of the risk groups, the low one first: it has the hue that it has in every other figure."""
    return Track("Risk", tuple("high" if high else "low" for high in is_high_risk), order=("low", "high"))


def _scale(theme: Theme) -> str:
    return "gray" if theme.name == "greyscale" else SCALE


def _bare(figure: Figure, theme: Theme, left: float, bottom: float, right: float, top: float) -> Axes:
    axes = add_axes(figure, theme)
    axes.set_axis_off()
    place(axes, left=left, bottom=bottom, right=right, top=top)
    return axes


def _draw_track(
    figure: Figure,
    theme: Theme,
    track: Track,
    start: int,
    order: NDArray[np.intp],
    edges: tuple[float, float, float, float],
) -> None:
    axes = _bare(figure, theme, *edges)
    names = _categories(track)
    for place_of, category in enumerate(names):
        spans = [(at - 0.5, 1.0) for at, source in enumerate(order) if track.categories[source] == category]
        axes.broken_barh(spans, (0, 1), facecolor=category_color(theme, start + place_of), linewidth=0)
    axes.set_xlim(-0.5, len(order) - 0.5)
    axes.set_ylim(0, 1)
    axes.text(
        1.0,
        0.5,
        f" {track.name}",
        transform=axes.transAxes,
        va="center",
        fontsize=theme.small_pt,
        color=theme.ink,
    )


def _tree(axes: Axes, linkage: NDArray[np.float64], theme: Theme, *, orientation: str) -> None:
    """Draws a dendrogram in one path; leaves are at 5, 15, … as scipy has them."""
    found = dendrogram(linkage, no_plot=True, no_labels=True)
    top = max(1e-9, float(linkage[:, 2].max()))
    xs, ys = [], []
    for across, along in zip(found["icoord"], found["dcoord"], strict=True):
        xs += [*across, np.nan]
        ys += [*along, np.nan]
    leaves = len(linkage) + 1
    line: dict[str, Any] = {
        "color": theme.muted,
        "linewidth": 0.2 if leaves > 150 else 0.4 if leaves > 60 else 0.6,
        "solid_joinstyle": "miter",
    }
    if orientation == "top":
        axes.plot(xs, ys, **line)
        axes.set_xlim(0, 10 * leaves)
        axes.set_ylim(0, 1.02 * top)
    else:
        axes.plot(ys, xs, **line)
        axes.set_ylim(10 * leaves, 0)
        axes.set_xlim(1.02 * top, 0)


def _color_bar(figure: Figure, theme: Theme, picture: object, unit: str, *, at: tuple[float, float]) -> None:
    axes = add_axes(figure, theme)
    place(axes, left=at[0], bottom=at[1], right=at[0] + 90.0, top=at[1] + _BAR_PT)
    bar = figure.colorbar(picture, cax=axes, orientation="horizontal", ticks=[-LIMIT, 0, LIMIT])  # type: ignore[arg-type]
    bar.outline.set_visible(False)
    if bar.solids is not None:
        bar.solids.set_edgecolor("face")  # else viewers show seams between its cells
    axes.set_xticklabels([f"≤ −{LIMIT:g}", "0", f"≥ {LIMIT:g}"])
    axes.tick_params(labelsize=theme.small_pt, length=2, pad=1, color=theme.muted, labelcolor=theme.ink)
    axes.text(
        1.06, 0.5, unit, transform=axes.transAxes, va="center", ha="left", fontsize=theme.small_pt, color=theme.ink
    )

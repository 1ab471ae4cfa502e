"""Everything a figure draws, recorded: texts with their boxes and colours, colours of lines; and charts of odd data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from models.statistics.calibration import calibration_groups, calibration_groups_of
from models.statistics.decision_curve import decision_curve, decision_curve_of
from models.statistics.estimate import Estimate, Found, NotEstimable
from models.statistics.followed import Followed
from models.statistics.kaplan_meier import survival_curve
from models.statistics.risk_coverage import RiskCoverage
from models.statistics.roc import roc_curve_at
from models.statistics.smooth_calibration import risk_histogram, smooth_calibration, smooth_calibration_at
from reports.figures.calibration import calibration_chart
from reports.figures.chart import Chart, settings
from reports.figures.decision_curve import decision_curve_chart
from reports.figures.forest import ForestRow, forest_chart
from reports.figures.kaplan_meier import SurvivalGroup, kaplan_meier_chart
from reports.figures.risk_coverage import risk_coverage_chart
from reports.figures.roc import AucLine, RocLine, auc_over_time_chart, roc_chart
from reports.figures.theme import Theme

LONG = "subtype: luminal B, HER2-negative, with a Ki-67 index above twenty per cent, treated with letrozole"
CHINESE = "管腔 B 型（HER2 阴性）"


@dataclass(frozen=True)
class DrawnText:
    """A text and its box in points: left, bottom, right, top."""

    text: str
    box: tuple[float, float, float, float]
    color: str


class Recorder(RendererBase):
    """Records instead of drawing; units are points."""

    def __init__(self, figure: Figure) -> None:
        super().__init__()
        self.size = tuple(72 * float(one) for one in figure.get_size_inches())
        self._measure: Any = FigureCanvasAgg(Figure(figsize=(1, 1), dpi=72)).get_renderer()
        self.texts: list[DrawnText] = []
        self.lines: set[str] = set()

    def draw_path(self, gc: Any, path: Any, transform: Any, rgbFace: Any = None) -> None:
        """Records the colour of what is stroked, hairlines of the frame apart."""
        if gc.get_linewidth() > 0 and gc.get_rgb()[3] == 1:
            self.lines.add(to_hex(gc.get_rgb()))

    def draw_text(
        self, gc: Any, x: float, y: float, s: str, prop: Any, angle: float, ismath: Any = False, mtext: Any = None
    ) -> None:
        """Records a text; only level and upright ones are drawn."""
        width, height, descent = self._measure.get_text_width_height_descent(s, prop, False)
        if angle == 0:
            box = (x, y - descent, x + width, y - descent + height)
        else:
            assert angle == 90
            box = (x + descent - height, y, x + descent, y + width)
        if s.strip():
            self.texts.append(DrawnText(s, tuple(float(one) for one in box), to_hex(gc.get_rgb())))  # type: ignore[arg-type]

    def flipy(self) -> bool:
        """Returns that y grows upwards."""
        return False

    def get_canvas_width_height(self) -> tuple[float, float]:
        """Size of the figure in points."""
        return self.size[0], self.size[1]

    def points_to_pixels(self, points: Any) -> Any:
        """Returns the points themselves."""
        return points

    def get_text_width_height_descent(self, s: str, prop: Any, ismath: Any) -> tuple[float, float, float]:
        """Size of a text in points."""
        return self._measure.get_text_width_height_descent(s, prop, False)


def recorded(chart: Chart, theme: Theme, width_mm: float) -> Recorder:
    """Everything the chart draws in a theme at a width."""
    figure = chart.figure(theme, width_mm)
    recorder = Recorder(figure)
    with settings():
        figure.draw(recorder)
    return recorder


def group(name: str, count: int, *, months: float, seed: int, color: Any = None) -> SurvivalGroup:
    """Patients with exponential times to recurrence; no event at all where `months` is infinite."""
    rng = np.random.default_rng(seed)
    censoring = rng.uniform(10, 90, count)
    recurrence = rng.exponential(months, count) if np.isfinite(months) else np.full(count, np.inf)
    return SurvivalGroup(name, survival_curve(np.minimum(recurrence, censoring), recurrence <= censoring), color)


def survival_charts() -> dict[str, Chart]:
    """Curves of one to eight groups, of 3 to 5,000 patients."""
    two = [
        group("low risk", 460, months=900, seed=1, color=lambda theme: theme.low),
        group("high risk", 88, months=150, seed=2, color=lambda theme: theme.high),
    ]
    cases = {
        "two": two,
        "one": [group("all", 30, months=60, seed=3)],
        "eight": [group(f"{LONG}, {place}", 40 + 30 * place, months=60 + 40 * place, seed=place) for place in range(8)],
        "three-patients": [group("few", 3, months=60, seed=4)],
        "five-thousand": [
            group(CHINESE, 5000, months=200, seed=5),
            group("管腔 A 型", 2500, months=100, seed=6),
        ],
        "no-event": [group("no event", 40, months=np.inf, seed=7), group("none either", 25, months=np.inf, seed=8)],
    }
    return {
        f"kaplan-meier-{name}": kaplan_meier_chart(
            groups,
            name=name,
            title=f"testing, {LONG}" if name == "eight" else "testing",
            caption="Recurrence-free survival.",
            months=[12, 24, 36],
            notes=["Log-rank P < 0.001; HR low vs high 0.12 (0.07–0.22)"],
        )
        for name, groups in cases.items()
    }


def patients(count: int, *, months: float, seed: int = 1) -> tuple[Followed, Any]:
    """Patients, and their predicted risks at 36 months."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=count)
    recurrence, censoring = rng.exponential(months * np.exp(-scores)), rng.uniform(20, 70, count)
    followed = Followed.of(np.minimum(recurrence, censoring), recurrence <= censoring, scores)
    return followed, 1 - np.exp(-36 / months * np.exp(0.8 * followed.scores))


def prediction_charts() -> dict[str, Chart]:
    """Calibration, decision curves and ROC of 3 to 5,000 patients, one or several models."""
    charts: dict[str, Chart] = {}
    for count, months in ((3, 20.0), (171, 800.0), (698, 400.0), (5000, 300.0)):
        followed, risk = patients(count, months=months)
        charts[f"calibration-{count}"] = calibration_chart(
            calibration_groups(followed, 36, risk),
            smooth_calibration_at(followed, 36, risk),
            risk_histogram(risk),
            name="calibration",
            what="risk at 36 months",
            title="testing, 36 months",
        )
        samples = followed.resampled(resamples=50, seed=1) if count in (171, 698) else None
        thresholds = np.linspace(0, 0.5, 26)
        curves = [("act by the model", decision_curve(followed, 36, risk, thresholds, samples))]
        if count == 698:
            curves.append((f"clinical, {LONG}", decision_curve(followed, 36, risk**1.4, thresholds)))
        charts[f"decision-{count}"] = decision_curve_chart(
            curves, name="decision", what="risk at 36 months", title="testing"
        )
        at_cut = (Estimate(0.7, None, ""), Estimate(0.8, None, ""))
        lines = [
            RocLine(f"{months:g} months: 0.88 (0.80–0.93)", curve, *at_cut)
            for months in (12.0, 24.0, 36.0)
            if (curve := roc_curve_at(followed, months)) is not None
        ]
        charts[f"roc-{count}"] = roc_chart(lines, name="roc", what="recurrence", title="testing")
    rng = np.random.default_rng(5)
    probability = rng.uniform(size=80)
    outcome = rng.uniform(size=80) < probability
    charts["calibration-binary"] = calibration_chart(
        calibration_groups_of(probability, outcome),
        smooth_calibration(probability, outcome),
        risk_histogram(probability),
        name="calibration",
        what="probability of high expression",
    )
    charts["decision-binary"] = decision_curve_chart(
        [("act by the model", decision_curve_of(probability, outcome, np.linspace(0, 0.98, 50)))],
        name="decision",
        what="probability of high expression",
    )
    return charts


def other_charts() -> dict[str, Chart]:
    """AUC over time, forests of shares and ratios, the risk-coverage curve; some without numbers."""
    months = tuple(float(month) for month in range(3, 37, 3))
    areas: list[Found] = [
        Estimate(0.8 + 0.05 * np.sin(month), (0.6, 0.95) if month > 6 else None, "bootstrap") for month in months
    ]
    areas[3] = NotEstimable("none")
    shares: list[tuple[str, Found, bool]] = [
        ("testing", Estimate(0.83, (0.76, 0.89), ""), True),
        (LONG, Estimate(0.61, (0.17, 1.0), ""), False),
        (CHINESE, Estimate(1.0, None, ""), False),
        ("centre: B", NotEstimable("none"), False),
    ]
    ratios: list[tuple[str, Found, bool]] = [
        ("testing", Estimate(0.12, (0.05, 0.3), ""), True),
        (LONG, Estimate(3.1, (0.002, 4000.0), ""), False),
        ("centre: B", NotEstimable("none"), False),
    ]

    def rows(found: list[tuple[str, Found, bool]]) -> list[ForestRow]:
        return [ForestRow(label, "51 / 698", one, "0.12 (0.05–0.30)", is_main) for label, one, is_main in found]

    return {
        "auc": auc_over_time_chart([AucLine("score", months, tuple(areas))], name="auc", title="testing"),
        "forest": forest_chart(
            rows(shares),
            name="forest",
            heads=("Group", "Events / patients", "Harrell's C (95 %)"),
            axis="Harrell's C; 0.5 is chance",
            caption="Harrell's C.",
            reference=0.5,
        ),
        "forest-ratio": forest_chart(
            rows(ratios),
            name="forest-ratio",
            heads=("Group", "Low / high risk", "HR low vs high (95 %)"),
            axis="hazard ratio low against high risk, logarithmic; 1 is no difference",
            caption="Hazard ratios.",
            reference=1.0,
            is_ratio=True,
        ),
        "risk-coverage": risk_coverage_chart(
            [RiskCoverage(0.0, 0.0, 0.0, 0.13, None), RiskCoverage(1.28, 0.8, 0.33, 0.026, 0.34)],
            name="risk-coverage",
            rule=1.28,
        ),
        "risk-coverage-nothing": risk_coverage_chart(
            [RiskCoverage(3.0, 0.99, 1.0, None, 0.2)], name="risk-coverage", rule=1.28
        ),
    }

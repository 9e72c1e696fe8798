"""Plots of a trunk or site as SVG: occupancy against the channels, the week, what more channels would do.

No name of a customer is drawn, so that no text can be too long or lack a glyph. The same figures give the
same bytes.
"""

from __future__ import annotations

import calendar
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from rating.arrays import Ints
from rating.channels.gos import Grade
from rating.channels.hours import SATURDAY, Hours
from rating.channels.lines import Line
from rating.channels.words import day_text
from rating.erlang import Floats, erlang_b
from rating.zone import DAY

DARK, HELD, PEAK, CAP, WEEKEND = "#1b1b1b", "#08519c", "#9ecae1", "#a50f15", "#f0f0f0"
POINTS = 60
"""Numbers of channels of which the blocking is shown, at most."""

STYLE: dict[Any, Any] = {
    "svg.hashsalt": "trunkrate",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": DARK,
    "axes.labelcolor": DARK,
    "xtick.color": DARK,
    "ytick.color": DARK,
    "axes.edgecolor": "#767676",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


@contextmanager
def plain_style() -> Iterator[None]:
    """The library's own defaults and STYLE, whatever the user's settings are."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def draw(hours: Hours, line: Line, grades: Sequence[Grade]) -> dict[str, bytes]:
    """All plots of a line by name; `blocking` where a busy hour is known."""
    plots = {"occupancy": occupancy_svg(hours, line), "week": week_svg(line)}
    if line.busiest or line.daily:
        plots["blocking"] = blocking_svg(line, grades)
    return plots


def occupancy_svg(hours: Hours, line: Line) -> bytes:
    """The month, hour by hour: most held, mean held, channels in force, where calls were blocked."""
    figure = Figure(figsize=(10.5, 3.0))
    axes = figure.add_axes((0.05, 0.1, 0.94, 0.78))
    x = _days(hours, hours.edges)
    for first, last in _weekends(hours, x):
        axes.axvspan(first, last, color=WEEKEND, linewidth=0)
    axes.stairs(line.peaks, x, fill=True, color=PEAK, label="most in the hour")
    axes.stairs(line.held, x, color=HELD, linewidth=0.9, label="mean of the hour (Erlangs)")
    counts = [count for _, count in line.caps] if line.channels is not None else []
    if counts:
        changes = [*_days(hours, np.array([at for at, _ in line.caps])), x[-1]]
        axes.stairs(
            counts, changes, baseline=None, label="channels", color=CAP, linewidth=1.6, linestyle="--"
        )
    top = max(line.peak, *counts, 1) * 1.12
    full = np.flatnonzero(line.blocked)
    if len(full):
        label = "calls blocked"
        axes.plot(x[full], np.full(len(full), top * 0.975), "v", color=CAP, markersize=4, label=label)
    begins = np.flatnonzero(np.diff(hours.day, prepend=-1))
    mondays = begins[hours.weekday[begins] == 0]
    axes.set_xticks(x[mondays], [day_text(int(hours.day[i])) for i in mondays])
    axes.set_xlim(0, x[-1])
    axes.set_ylim(0, top)
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_ylabel("channels held")
    _legend_above(axes)
    return _svg(figure)


def week_svg(line: Line) -> bytes:
    """The week by hours: mean held as colour, most at once as a number."""
    figure = Figure(figsize=(10.5, 2.5))
    axes = figure.add_axes((0.05, 0.1, 0.86, 0.88))
    top = max(float(line.week.max()), 1e-9)
    mesh = axes.pcolormesh(line.week, cmap="Blues", vmin=0, vmax=top, edgecolors="#d9d9d9", linewidth=0.5)
    for day, clock in zip(*np.nonzero(line.week_peaks), strict=True):
        color = "white" if line.week[day, clock] > 0.6 * top else DARK
        number = f"{line.week_peaks[day, clock]}"
        axes.text(clock + 0.5, day + 0.52, number, ha="center", va="center", fontsize=7.5, color=color)
    axes.set_yticks(np.arange(7) + 0.5, list(calendar.day_abbr))
    axes.set_xticks(np.arange(0, 25, 2), [f"{clock:02d}:00" for clock in range(0, 25, 2)])
    axes.invert_yaxis()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.colorbar(mesh, cax=figure.add_axes((0.925, 0.1, 0.014, 0.88)), label="mean held (Erlangs)")
    return _svg(figure)


def blocking_svg(line: Line, grades: Sequence[Grade]) -> bytes:
    """Blocking by the number of channels, for the load of each busy hour."""
    figure = Figure(figsize=(10.5, 2.9))
    axes = figure.add_axes((0.07, 0.16, 0.86, 0.72))
    both = (
        (line.busiest, "busiest hour of the month", CAP, "o"),
        (line.daily, "busy hour of working days", HELD, "s"),
    )
    found = [(hour, label, color, mark) for hour, label, color, mark in both if hour]
    strictest = min(range(len(grades)), key=lambda i: grades[i].share)
    last = max([line.channels or 0, *(hour.needed[strictest] for hour, *_ in found)]) + 1
    count = np.unique(np.linspace(1, last, POINTS).astype(np.int64))
    low = grades[strictest].share / 4
    for hour, label, color, mark in found:
        share = np.maximum(erlang_b(hour.offered, count), low / 1000)
        axes.plot(count, share, color=color, marker=mark, markersize=3.5, label=label)
    for grade in grades:
        axes.axhline(grade.share, color="#767676", linewidth=0.8, linestyle=":")
        axes.text(1.005, grade.share, grade.text, transform=axes.get_yaxis_transform(), va="center")
    if line.channels is not None:
        axes.axvline(line.channels, color=DARK, linewidth=1.2, linestyle="--", label="channels now")
    axes.set_yscale("log")
    axes.set_ylim(low, 1)
    axes.set_xlim(-0.5 if line.channels == 0 else 0.5, last + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(12, integer=True))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share * 100:g} %"))
    axes.set_xlabel("channels")
    axes.set_ylabel("calls blocked (Erlang B)")
    _legend_above(axes)
    return _svg(figure)


def _days(hours: Hours, at: Ints) -> Floats:
    """Instants as days from the begin of the month."""
    return (at - hours.edges[0]) / (DAY * 1.0)


def _legend_above(axes: Axes) -> None:
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=4, borderaxespad=0.2)


def _weekends(hours: Hours, x: Floats) -> Iterator[tuple[float, float]]:
    """Saturdays and Sundays as stretches of the axis."""
    edges = np.diff((hours.weekday >= SATURDAY).astype(np.int8), prepend=0, append=0)
    return zip(x[edges == 1].tolist(), x[edges == -1].tolist(), strict=True)


def _svg(figure: Figure) -> bytes:
    FigureCanvasSVG(figure)
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()

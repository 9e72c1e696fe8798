"""What each number of channels costs and refuses: one picture a trunk and month."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rating.simulate.report import Record
from rating.summary import many, month_name

COLOURS = ("#1f5fa8", "#c8641e", "#2b8a3e", "#8a3ea8", "#a8991f", "#555555")

MARKS: dict[str, dict[str, Any]] = {
    "cheapest": {"marker": "*", "color": "black", "markersize": 13},
    "cheapest_without_refusals": {
        "marker": "o",
        "color": "black",
        "markersize": 11,
        "fillstyle": "none",
        "markeredgewidth": 1.5,
    },
}


def write_plots(record: dict[str, Any], folder: Path) -> None:
    """A PNG for each trunk and month with two or more numbers of channels, named after both."""
    for trunk in record["trunks"]:
        lines = list(_lines(trunk))
        if lines:
            path = folder / f"{_file_name(trunk['trunk_id'])}-{trunk['month']}.png"
            _draw(trunk, lines, record["tariffs"]["currency"], path)


def _lines(trunk: Record) -> Iterator[tuple[str, list[Record]]]:
    """Alternatives that differ by their channels only, with what they have in common."""
    found: dict[tuple[str, str], list[Record]] = {}
    for line in trunk["alternatives"]:
        if line["channels"] is not None:
            found.setdefault((line["plan"] or "", line["mode"] or ""), []).append(line)
    for (plan, mode), some in found.items():
        if len(some) > 1:
            yield ", ".join(word for word in (plan, mode) if word) or "plan and mode as they are", some


def _draw(trunk: Record, lines: list[tuple[str, list[Record]]], currency: str, path: Path) -> None:
    figure = Figure(figsize=(8, 6), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    cost, refused = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    has_total = all(line["total"] for _, some in lines for line in some)
    for (name, some), colour in zip(lines, _colours(), strict=False):
        channels = [line["channels"] for line in some]
        amounts = [float(line["total"] if has_total else line["usage"]) for line in some]
        cost.plot(channels, amounts, "o-", color=colour, label=_plain(name), markersize=4)
        if has_total:
            recurring = [float(line["recurring"]) for line in some]
            cost.plot(channels, recurring, ":", color=colour, linewidth=1)
        for line, amount in zip(some, amounts, strict=True):
            for key, shape in MARKS.items():
                if line[key]:
                    label = f"{key.replace('_', ' ')}: {many(line['channels'], 'channel')}"
                    cost.plot([line["channels"]], [amount], linestyle="", label=label, **shape)
    _, some = lines[0]
    refused.bar(
        [line["channels"] for line in some], [line["refused_calls"] for line in some], color="#b03030"
    )
    for axes in (cost, refused):
        axes.axvline(trunk["channels"], color="#888888", linestyle="--", linewidth=1)
        axes.grid(axis="y", alpha=0.3)
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
    cost.margins(y=0.15)
    what = "whole month (dotted: recurring)" if has_total else "usage (no recurring prices in the book)"
    cost.set_ylabel(f"{currency}, {what}")
    refused.set_ylabel("calls refused")
    refused.set_xlabel(f"channels (dashed: {trunk['channels']} in force)")
    refused.xaxis.set_major_locator(MaxNLocator(integer=True))
    refused.yaxis.set_major_locator(MaxNLocator(integer=True))
    cost.set_title(_plain(f"{trunk['trunk_id']}, {month_name(trunk['month'])}"), loc="left")
    cost.legend(frameon=False)
    figure.savefig(path, format="png", metadata={"Software": None})


def _colours() -> Iterator[str]:
    while True:
        yield from COLOURS


def _plain(text: str) -> str:
    """Text that matplotlib does not read as mathematics, in letters that its font has."""
    return text.encode("ascii", "replace").decode().replace("$", r"\$")


def _file_name(trunk_id: str) -> str:
    """A name that any file system holds; of ids that differ, names that differ."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", trunk_id).lstrip(".")[:80]
    if plain == trunk_id and plain == plain.lower():
        return plain
    return f"{plain}-{hashlib.sha256(trunk_id.encode()).hexdigest()[:8]}"

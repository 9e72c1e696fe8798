"""The folder of a report: pages, channels.csv, channels.json. It appears whole or not at all."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from rating.channels.lines import Line
from rating.channels.page import index_page, page_names, trunk_page
from rating.channels.record import as_csv, as_json
from rating.channels.run import Month, Report
from rating.clock import Progress
from rating.errors import UsageError
from rating.export.folder import whole_folder


def check_new(out: Path) -> None:
    """Refuse a place that is taken.

    Raises
    ------
    UsageError
    """
    if os.path.lexists(out):
        raise UsageError(f"{out}: exists; expected a new folder.", "OUT-EXISTS")


def write_folder(report: Report, out: Path, progress: Progress | None = None) -> int:
    """Write the folder; how many pages it has.

    Parameters
    ----------
    progress : told of each page, stage `draw`

    Raises
    ------
    UsageError
        The place cannot be written, or was taken.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # where it keeps its fonts is of no interest
    from rating.channels.plots import draw, plain_style  # the library takes as long as a small month

    total = sum(line.site is None for month in report.months for line in month.lines)
    done = 0
    with whole_folder(out, force=False) as folder, plain_style():
        for month in report.months:
            names = page_names(month, report.accounts)
            for lines in _by_trunk(month):
                plots = partial(draw, month.hours, grades=report.grades)
                page = trunk_page(month, lines, report, plots)
                (folder / names[lines[0].trunk]).write_text(page, encoding="utf-8")
                done += 1
                if progress is not None:
                    progress("draw", done, total)
        (folder / "index.html").write_text(index_page(report), encoding="utf-8")
        (folder / "channels.csv").write_text(as_csv(report), encoding="utf-8", newline="")
        (folder / "channels.json").write_text(as_json(report), encoding="utf-8")
    return total + 1


def _by_trunk(month: Month) -> Iterator[list[Line]]:
    """The lines of each trunk: its own, then those of its sites."""
    found: list[Line] = []
    for line in month.lines:
        if line.site is None and found:
            yield found
            found = []
        found.append(line)
    yield found

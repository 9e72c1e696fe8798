"""The order in which an engineer looks at trunks: the fullest first."""

from __future__ import annotations

from rating.channels.lines import Line


def by_fullness(lines: list[Line]) -> list[Line]:
    """Trunks by how much their busiest hour would be blocked, each followed by its sites.

    Of equals, that with the higher peak for its channels comes first; trunks without a call come last.
    """
    trunks: list[list[Line]] = []
    for line in lines:
        if line.site is None:
            trunks.append([])
        trunks[-1].append(line)
    trunks.sort(key=lambda found: _key(found[0]))
    return [line for found in trunks for line in found]


def _key(line: Line) -> tuple[bool, float, float, int]:
    blocking = line.busiest.blocking if line.busiest else float(line.quality["both"].blocked > 0)
    return line.is_silent, -(blocking or 0.0), -line.peak / max(line.channels or 0, 1), line.trunk

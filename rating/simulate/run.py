"""Reads a month and rates its alternatives, portion by portion."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import numpy as np

from rating.clock import Clock, Progress
from rating.pipeline import Gathered, Settings, gather_calls, select_calls
from rating.rejects import Rejects
from rating.shelf import Portion
from rating.simulate.alternatives import Alternative
from rating.simulate.engine import Outcome, Simulated, simulate_calls
from rating.sources.reading import InputFile, Stream
from rating.subjects import People
from rating.workers import ordered


@dataclass(frozen=True)
class Simulation:
    """All trunks and months, what was read, and what is wrong with it."""

    simulated: Simulated
    files: list[InputFile]
    rejects: Rejects
    warnings: list[str]
    clock: Clock


def simulate(
    stream: Stream,
    settings: Settings,
    alternatives: list[Alternative],
    trunks: Collection[int] | None = None,
    progress: Progress | None = None,
) -> Simulation:
    """Rate each alternative of the calls of a stream.

    Parameters
    ----------
    alternatives : the first leaves all as it is
    trunks : those that are wanted, and perhaps neighbours come with them; None for all

    Raises
    ------
    SourceError
        A trunk has two sources and no `rating_source`.
    """
    clock = Clock()
    gathered = gather_calls(stream, settings, clock)
    portions = [
        portion
        for portion in gathered.portions
        if trunks is None or any(portion.first <= trunk < portion.end for trunk in trunks)
    ]
    parts: list[Simulated] = []
    warnings: list[str] = []
    work = partial(_simulate, gathered, settings, alternatives, clock)
    done, whole = 0, sum(portion.calls for portion in portions)
    with closing(ordered(work, portions, settings.jobs)) as found:
        for portion, (part, said) in zip(portions, found, strict=True):
            parts.append(part)
            warnings += said
            done += portion.calls
            if progress is not None:
                progress("rate", done, whole)
    return Simulation(_joined(parts), stream.files, gathered.rejects, warnings, clock)


def _simulate(
    gathered: Gathered, settings: Settings, alternatives: list[Alternative], clock: Clock, portion: Portion
) -> tuple[Simulated, list[str]]:
    selected = select_calls(gathered, settings, portion)
    people = People(settings.accounts, settings.book.numbering, settings.bare_international)
    with clock.stage("simulate", portion.calls):
        found = simulate_calls(selected, alternatives, settings.book, settings.accounts, people)
    return found, selected.warnings


def _joined(parts: list[Simulated]) -> Simulated:
    """Rows of portions, one after the other."""
    offsets = np.cumsum([0] + [len(part.trunk) for part in parts]).tolist()
    count = len(parts[0].outcomes)
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("trunk", "month", "channels", "calls", "blocked")
    }
    outcomes = [_joined_outcomes([part.outcomes[i] for part in parts], offsets) for i in range(count)]
    decisions = {
        (row + offset, reason, mode): value
        for part, offset in zip(parts, offsets, strict=False)
        for (row, reason, mode), value in part.decisions.items()
    }
    return Simulated(**columns, outcomes=outcomes, decisions=decisions)


def _joined_outcomes(parts: list[Outcome], offsets: list[int]) -> Outcome:
    names = ("amount", "billed_s", "over_cap", "refused")
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    findings = {
        row + offset: found
        for part, offset in zip(parts, offsets, strict=False)
        for row, found in part.findings.items()
    }
    return Outcome(**columns, findings=findings)

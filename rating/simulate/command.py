"""One simulation: files in, a record out, and a folder where one is wanted."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import rating
from rating.accounts import Accounts
from rating.batch import Inputs, opened
from rating.clock import Clock
from rating.errors import UsageError, quoted
from rating.export.folder import check_target, whole_folder
from rating.simulate.alternatives import Alternative, alternatives_of
from rating.simulate.report import SIMULATED, Record, trunk_records
from rating.simulate.run import Simulation, simulate
from rating.simulate.tables import write_tables
from rating.workers import arrow_threads

SHOWN = 20


@dataclass(frozen=True)
class Question:
    """What is asked: texts as of the command line; `out` : a new folder, or None."""

    inputs: Inputs
    channels: Sequence[str] = ()
    plans: Sequence[str] = ()
    modes: Sequence[str] = ()
    trunks: Sequence[str] = ()
    out: Path | None = None


@dataclass(frozen=True)
class Answer:
    """The record, and messages on what was read."""

    record: dict[str, Any]
    messages: list[str]


def answer(question: Question) -> Answer:
    """Simulate, and write the folder whole or not at all.

    Raises
    ------
    UsageError, TariffError, AccountsError, SourceError
        Nothing was written.
    """
    inputs = question.inputs
    if question.out is not None:
        check_target(question.out, False)
    with (
        arrow_threads(inputs.jobs),
        opened(inputs, Clock()) as (stream, settings, _),
        tempfile.TemporaryDirectory() as spill,
    ):
        alternatives = alternatives_of(question.channels, question.plans, question.modes, settings.book)
        wanted = _wanted(question.trunks, settings.accounts)
        how = replace(settings, spill=Path(spill))
        done = simulate(stream, how, alternatives, wanted, inputs.progress)
        ids = {settings.accounts.trunks[trunk].id for trunk in wanted}
        trunks = [
            record for record in trunk_records(done, alternatives, settings) if record["trunk_id"] in ids
        ]
        if not trunks:
            month = f" of {inputs.month}" if inputs.month else ""
            raise UsageError(
                f"no call{month} is there; expected calls of the trunks that are asked for.", "CALLS"
            )
        book = settings.book
        record = {
            "trunkrate": rating.__version__,
            "tariffs": {"book": inputs.tariffs, "version": book.version, "currency": book.currency},
            "alternatives": [_named(one) for one in alternatives],
            "trunks": trunks,
        }
    if question.out is not None:
        with whole_folder(question.out, False) as folder:
            (folder / "simulation.json").write_text(
                json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
            )
            write_tables(record, folder)
            from rating.simulate.plot import write_plots  # slow to import

            write_plots(record, folder)
    return Answer(record, _messages(done))


def _wanted(asked: Sequence[str], accounts: Accounts) -> set[int]:
    """Trunks that were asked for, all where none was."""
    known = {trunk.id: i for i, trunk in enumerate(accounts.trunks)}
    for name in asked:
        if name not in known:
            raise UsageError(
                f"--trunk {quoted(name)} is no trunk of accounts; expected the id of one.", "TRUNK"
            )
    return {known[name] for name in asked} or set(known.values())


def _named(alternative: Alternative) -> Record:
    return {
        "plan": alternative.plan,
        "mode": alternative.mode,
        "channels": alternative.channels,
    }


def _messages(done: Simulation) -> list[str]:
    """What to look at before the figures are believed."""
    lines = [warning for entry in done.files for warning in entry.warnings] + done.warnings
    lines += [reject.told(SIMULATED) for reject in done.rejects[:SHOWN]]
    return lines + ([f"and {len(done.rejects) - SHOWN} more rows"] if len(done.rejects) > SHOWN else [])

"""`trunkrate reconcile`: two sources of the same calls held against each other."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from rating.cli import options
from rating.cli.exits import DONE, LOOK, say, stop

if TYPE_CHECKING:
    from rating.arrays import Ints
    from rating.reconcile_sides import Comparison, Side

SHOWN = 20
SECONDS = click.IntRange(0, 86_400)


@click.command("reconcile")
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@click.option("--accounts", required=True, metavar="FILE", help="Customers, trunks, numbers.")
@click.option("--seconds", type=SECONDS, default=5, show_default=True, metavar="N", help="Time apart.")
@click.option(
    "--inbound-seconds",
    type=SECONDS,
    default=30,
    show_default=True,
    metavar="N",
    help="Time and duration apart, inbound: Teams starts these legs before the answer.",
)
@click.option(
    "--duration-seconds", type=SECONDS, default=2, show_default=True, metavar="N", help="Duration apart."
)
@click.option("--timezone", default="Europe/Paris", show_default=True, help="Of times without offset.")
@options.ambiguous
@options.encoding
@click.option("--json", "as_json", is_flag=True, help="Print JSON: every leg.")
def reconcile_command(
    one: str,
    other: str,
    accounts: str,
    seconds: int,
    inbound_seconds: int,
    duration_seconds: int,
    timezone: str,
    ambiguous: str,
    encoding: str,
    as_json: bool,
) -> None:
    """Hold two sources of the same calls against each other: files or folders of any format, database URLs.

    Legs are matched one to one on trunk, direction, numbers (a masked one matches all that it may be), time
    and duration, never on ids.

    \b
    Exit status: 0 all matched and equal; 1 differences, rejects or warnings; 2 nothing done.
    Example: trunkrate reconcile graph/ sbc.log --accounts accounts.yaml
    """
    from rating.errors import TrunkrateError
    from rating.reconcile import Tolerance
    from rating.reconcile_report import COMPARED, report
    from rating.reconcile_sides import compare
    from rating.sources.block import Options
    from rating.zone import named_zone

    try:
        how = Options(named_zone(timezone), ambiguous, encoding)
        done = compare(one, other, accounts, how, Tolerance(seconds, inbound_seconds, duration_seconds))
    except TrunkrateError as error:
        stop(error, COMPARED.stopped)
    if as_json:
        import json

        say(json.dumps(report(done), indent=2, ensure_ascii=False))
    else:
        for text in [*done.warnings, *_reject_lines(done.a), *_reject_lines(done.b)]:
            click.echo(text, err=True)
        say("\n".join(_lines(done)))
    sys.exit(DONE if done.is_clean else LOOK)


def _reject_lines(side: Side) -> list[str]:
    from rating.reconcile_report import COMPARED

    lines = [reject.told(COMPARED) for reject in side.rejects[:SHOWN]]
    return lines + ([f"and {len(side.rejects) - SHOWN} more"] if len(side.rejects) > SHOWN else [])


def _lines(done: Comparison) -> list[str]:
    """What a person reads."""
    import numpy as np

    from rating.reconcile_report import by_trunk, legs, pairs, totals

    found, matched = done.found, len(done.found.a)
    sides = (("A", done.a, found.only_a), ("B", done.b, found.only_b))
    lines = []
    for name, side, only in sides:
        total = totals(side, matched, only)
        more = f" + {total['duplicates']:,} duplicates" if side.duplicates else ""
        more += f" + {total['not_a_call']:,} no call legs" if side.not_a_call else ""
        lines.append(
            f"{name}: {total['rows']:,} rows = {matched:,} matched + {len(only):,} only in {name} "
            f"+ {len(side.rejects):,} rejected{more}; {total['legs']:,} legs, {total['seconds']:,} s"
        )
    lines.append(f"{matched:,} matched, {int(found.differs.sum()):,} of them different")
    heads = ("trunk", "legs A", "s A", "legs B", "s B", "matched", "different", "only A", "only B")
    counts = [[str(value) for value in line.values()] for line in by_trunk(done)]
    lines += ["", *_table(heads, counts)]
    different = np.flatnonzero(found.differs)
    if len(different):
        rows = []
        for pair in pairs(done, different[:SHOWN]):
            why = " and ".join(pair["differs"])
            rows += [[*_cells(pair["a"]), f"A: {why}"], [*_cells(pair["b"]), "B"]]
        lines += ["", f"Different: {len(different):,}", *_table((*LEG, ""), rows), *_rest(different)]
    for name, side, only in sides:
        if len(only):
            rows = [_cells(leg) for leg in legs(done, side, only[:SHOWN])]
            lines += ["", f"Only in {name}: {len(only):,}", *_table(LEG, rows), *_rest(only)]
    return lines


LEG = ("trunk", "direction", "time", "a_number", "b_number", "s", "where")


def _cells(leg: dict[str, Any]) -> list[str]:
    from rating.errors import quoted

    time = leg["answer_time"] or f"{leg['setup_time']} not answered"
    numbers = [quoted(leg[name], 24)[1:-1] for name in ("a_number", "b_number")]
    place = f"{leg['file']}:{leg['line']}"
    return [leg["trunk_id"], leg["direction"], time, *numbers, str(leg["duration_s"]), place]


def _rest(rows: Ints) -> list[str]:
    return [f"and {len(rows) - SHOWN:,} more: --json lists all"] if len(rows) > SHOWN else []


def _table(heads: tuple[str, ...], rows: list[list[str]]) -> list[str]:
    """Columns in line, numbers to the right."""
    whole = [list(heads), *rows]
    width = [max(len(row[i]) for row in whole) for i in range(len(heads))]
    right = [
        bool(rows) and all(row[i].isascii() and row[i].isdigit() for row in rows) for i in range(len(heads))
    ]
    return [
        "  ".join(
            cell.rjust(size) if to_right else cell.ljust(size)
            for cell, size, to_right in zip(row, width, right, strict=True)
        ).rstrip()
        for row in whole
    ]

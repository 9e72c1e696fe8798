"""`trunkrate channels`: how many channels each trunk needs, for the network engineer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rating.cli import options
from rating.cli.exits import DONE, LOOK, say, stop

if TYPE_CHECKING:
    from rating.channels.run import Report

SHOWN = 20


@click.command("channels")
@click.argument("cdr_files", metavar="CDR_FILE...", nargs=-1, required=True)
@click.option("--accounts", required=True, metavar="FILE", help="Customers, numbers, trunks (accounts.yaml).")
@click.option("--tariffs", metavar="BOOK", help="Book whose zone, holidays and occupancy_from count.")
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="New folder for the pages.")
@click.option("--month", metavar="YYYY-MM", help="This month only (default: each that has calls).")
@click.option("--trunk", "trunks", metavar="ID", multiple=True, help="This trunk only; may be repeated.")
@click.option(
    "--gos",
    metavar="SHARE",
    multiple=True,
    help="Calls that may find no channel, as 1% or 0.001; may be repeated (default: 1%, 0.1%).",
)
@click.option(
    "--format",
    "format_name",
    default="auto",
    show_default=True,
    metavar="NAME",
    help="CDR format (see trunkrate sources).",
)
@click.option(
    "--timezone",
    metavar="ZONE",
    help="Zone of times without offset (default: the book's, else Europe/Paris).",
)
@click.option(
    "--clock",
    metavar="ZONE",
    help="Zone of months and hours (default: the book's, else Europe/Paris).",
)
@options.ambiguous
@options.encoding
@options.bare_numbers
@click.option("--json", "as_json", is_flag=True, help="Print JSON: every hour of every trunk.")
def channels_command(
    cdr_files: tuple[str, ...],
    accounts: str,
    tariffs: str | None,
    out: Path | None,
    month: str | None,
    trunks: tuple[str, ...],
    gos: tuple[str, ...],
    format_name: str,
    timezone: str | None,
    clock: str | None,
    ambiguous: str,
    encoding: str,
    bare_numbers: str,
    as_json: bool,
) -> None:
    """Show how full each trunk and site was, and how many channels it needs.

    CDR_FILE is a file of any format, a folder of them, a database URL, or - for standard input. Printed are
    the busy hours, the load offered, Erlang B and the channels needed; --out writes pages with plots, and
    the same as channels.csv and channels.json.

    \b
    Exit status: 0 clean; 1 done, with rejects or warnings; 2 nothing counted.
    Example: trunkrate channels cdrs/ --accounts accounts.yaml --month 2026-10 --gos 1% --out channels
    """
    from rating.channels.folder import check_new, write_folder
    from rating.channels.gos import DEFAULT, grades_of
    from rating.channels.record import as_json as json_of
    from rating.channels.run import COUNTED, Request, count_channels
    from rating.channels.text import text
    from rating.cli.progress import watched
    from rating.errors import TrunkrateError, UsageError
    from rating.sources.readers import known_format

    try:
        if out is not None:
            check_new(out)
        with watched(read="Reading", draw="Drawing") as progress:
            request = Request(
                list(cdr_files),
                accounts,
                tariffs,
                month=month,
                timezone=timezone,
                clock=clock,
                ambiguous=ambiguous,
                encoding=encoding,
                bare_numbers=bare_numbers,
                format_name=known_format(format_name),
                trunks=trunks,
                grades=grades_of(gos) if gos else DEFAULT,
                progress=progress,
            )
            report = count_channels(request)
            if not report.months:
                _say_what_is_wrong(report)
                raise UsageError("no call is of a trunk that was asked for; expected CDRs.", "CHANNELS-NONE")
            pages = write_folder(report, out, progress) if out is not None else 0
    except TrunkrateError as error:
        stop(error, COUNTED.stopped)
    _say_what_is_wrong(report)
    say(json_of(report) if as_json else text(report), newline=False)
    if out is not None:
        click.echo(f"{pages:,} pages: {out / 'index.html'}", err=True)
    sys.exit(DONE if report.is_clean else LOOK)


def _say_what_is_wrong(report: Report) -> None:
    from rating.channels.run import COUNTED

    for text in [*report.warnings, *(reject.told(COUNTED) for reject in report.rejects[:SHOWN])]:
        click.echo(text, err=True)
    if len(report.rejects) > SHOWN:
        click.echo(f"and {len(report.rejects) - SHOWN:,} more", err=True)

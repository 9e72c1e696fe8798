"""`trunkrate simulate`: what a month would have cost otherwise."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from rating.cli import options
from rating.cli.exits import DONE, LOOK, say, stop


@click.command("simulate")
@click.argument("cdr_files", metavar="CDR_FILE...", nargs=-1, required=True)
@click.option("--accounts", required=True, metavar="FILE", help="Customers, numbers, trunks (accounts.yaml).")
@click.option("--tariffs", required=True, metavar="BOOK", help="Tariff book: a folder, or a shipped name.")
@click.option(
    "--channels", multiple=True, metavar="N[..M]", help="Channels to try: 10, or 4..40. Repeatable."
)
@click.option("--plan", "plans", multiple=True, metavar="NAME", help="Plan to try. Repeatable.")
@click.option(
    "--mode",
    "modes",
    multiple=True,
    metavar="MODE",
    help="What a breach does: excess, retroactive, waive. Repeatable.",
)
@click.option("--trunk", "trunks", multiple=True, metavar="ID", help="This trunk only. Repeatable.")
@click.option("--month", metavar="YYYY-MM", help="This month only.")
@click.option(
    "--format", "format_name", default="auto", show_default=True, metavar="NAME", help="CDR format."
)
@click.option("--timezone", metavar="ZONE", help="Zone of times without offset (default: the book's).")
@options.ambiguous
@options.encoding
@options.bare_numbers
@click.option("--jobs", metavar="N", help="Cores to use (default: all that it may).")
@click.option(
    "--out", metavar="DIR", type=click.Path(path_type=Path), help="New folder: JSON, CSV, a plot a trunk."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def simulate_command(
    cdr_files: tuple[str, ...],
    accounts: str,
    tariffs: str,
    channels: tuple[str, ...],
    plans: tuple[str, ...],
    modes: tuple[str, ...],
    trunks: tuple[str, ...],
    month: str | None,
    format_name: str,
    timezone: str | None,
    ambiguous: str,
    encoding: str,
    bare_numbers: str,
    jobs: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Rate a month with other channels, another plan, another mode of its limits, and compare.

    Every combination of --channels, --plan and --mode is tried; what is not given stays as it is in accounts.
    Each limit that was crossed is shown with its amount under excess, retroactive and waive.

    \b
    Exit status: 0 clean; 1 done, with rejects or warnings; 2 nothing done.
    Example: trunkrate simulate cdrs/ --accounts accounts.yaml --tariffs contract --channels 4..40
    """
    from rating.batch import Inputs
    from rating.cli.progress import watched
    from rating.errors import TrunkrateError
    from rating.simulate.command import Question, answer
    from rating.simulate.report import SIMULATED
    from rating.simulate.text import text_of
    from rating.sources.readers import known_format
    from rating.workers import cores, jobs_of

    try:
        with watched(read="Reading", rate="Rating") as progress:
            inputs = Inputs(
                list(cdr_files),
                accounts,
                tariffs,
                month=month,
                timezone=timezone,
                ambiguous=ambiguous,
                encoding=encoding,
                bare_numbers=bare_numbers,
                format_name=known_format(format_name),
                jobs=cores() if jobs is None else jobs_of(jobs),
                progress=progress,
            )
            found = answer(Question(inputs, channels, plans, modes, trunks, out))
    except TrunkrateError as error:
        stop(error, SIMULATED.stopped)
    for line in found.messages:
        click.echo(line, err=True)
    if as_json:
        import json

        say(json.dumps(found.record, indent=2, ensure_ascii=False))
    else:
        say(text_of(found.record), newline=False)
    sys.exit(DONE if not found.messages else LOOK)

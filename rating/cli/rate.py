"""`trunkrate rate`: a month of CDRs to a folder of results."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from rating.cli import options
from rating.cli.exits import DONE, LOOK, say, stop


@click.command("rate")
@click.argument("cdr_files", metavar="CDR_FILE...", nargs=-1, required=True)
@click.option("--accounts", required=True, metavar="FILE", help="Customers, numbers, trunks (accounts.yaml).")
@click.option("--tariffs", required=True, metavar="BOOK", help="Tariff book: a folder, or a shipped name.")
@click.option("--out", required=True, metavar="DIR", type=click.Path(path_type=Path), help="New folder.")
@click.option("--month", metavar="YYYY-MM", help="Rate this month only; other rows are counted, not rated.")
@click.option(
    "--format",
    "format_name",
    default="auto",
    show_default=True,
    metavar="NAME",
    help="CDR format (see trunkrate sources).",
)
@click.option("--timezone", metavar="ZONE", help="Zone of times without offset (default: the book's).")
@options.ambiguous
@options.encoding
@options.bare_numbers
@click.option("--csv", is_flag=True, help="Write rated_calls.csv, too.")
@click.option("--force", is_flag=True, help="Replace an earlier run's output folder whole.")
@click.option("--jobs", metavar="N", help="Cores to use (default: all that it may).")
@click.option("--profile", "shows_profile", is_flag=True, help="Print what each stage took, to stderr.")
@click.option("--json", "as_json", is_flag=True, help="Print run.json instead of the summary.")
def rate_command(
    cdr_files: tuple[str, ...],
    accounts: str,
    tariffs: str,
    out: Path,
    month: str | None,
    format_name: str,
    timezone: str | None,
    ambiguous: str,
    encoding: str,
    bare_numbers: str,
    csv: bool,
    force: bool,
    jobs: str | None,
    shows_profile: bool,
    as_json: bool,
) -> None:
    """Rate CDRs and write the rated month to a new folder.

    CDR_FILE is a file (CSV, JSON Lines, Parquet, plain or gzip), a folder of them, or - for standard input.

    \b
    Exit status: 0 clean; 1 done, with rejects or unrated calls; 2 nothing rated.
    Example: trunkrate rate cdrs/ --accounts accounts.yaml --tariffs contract --month 2026-10 --out october
    """
    from rating.batch import Request, run_batch
    from rating.cli.progress import watched
    from rating.errors import RATED, TrunkrateError
    from rating.export.run_json import dumps
    from rating.sources.readers import known_format
    from rating.summary import profile, summary
    from rating.workers import cores, jobs_of

    try:
        with watched(read="Reading", rate="Rating") as progress:
            request = Request(
                list(cdr_files),
                accounts,
                tariffs,
                out,
                month=month,
                timezone=timezone,
                ambiguous=ambiguous,
                encoding=encoding,
                bare_numbers=bare_numbers,
                format_name=known_format(format_name),
                wants_calls=True,
                csv=csv,
                force=force,
                jobs=cores() if jobs is None else jobs_of(jobs),
                progress=progress,
            )
            batch = run_batch(request)
    except TrunkrateError as error:
        stop(error, RATED.stopped)
    say(dumps(batch.record) if as_json else summary(batch), newline=False)
    if shows_profile:
        click.echo(profile(batch.run.timing), err=True, nl=False)
    sys.exit(DONE if batch.run.is_clean else LOOK)

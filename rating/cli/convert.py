"""`trunkrate convert` and `trunkrate sources`: CDRs of any known format."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from rating.cli import options
from rating.cli.exits import DONE, LOOK, say, stop


@click.command("convert")
@click.argument("cdr_files", metavar="FILE...", nargs=-1, required=True)
@click.option("--out", required=True, metavar="FILE", type=click.Path(path_type=Path), help="New file.")
@click.option("--accounts", metavar="FILE", help="Tells trunk and direction where a format does not.")
@click.option(
    "--format", "format_name", default="auto", show_default=True, metavar="NAME", help="CDR format."
)
@click.option("--timezone", default="Europe/Paris", show_default=True, help="Of times without offset.")
@options.ambiguous
@options.encoding
def convert_command(
    cdr_files: tuple[str, ...],
    out: Path,
    accounts: str | None,
    format_name: str,
    timezone: str,
    ambiguous: str,
    encoding: str,
) -> None:
    """Convert CDRs of any known format to the canonical schema: .csv, .jsonl or .parquet, by OUT's ending.

    \b
    Exit status: 0 clean; 1 done, with rejects (on standard error); 2 nothing written.
    Example: trunkrate convert graph/ --out october.parquet --accounts accounts.yaml
    """
    from rating.cli.progress import watched
    from rating.convert import WRITTEN, convert
    from rating.errors import TrunkrateError
    from rating.sources.block import Options
    from rating.sources.readers import known_format
    from rating.zone import named_zone

    try:
        how = Options(named_zone(timezone), ambiguous, encoding)
        format_name = known_format(format_name)
        with watched(read="Converting") as progress:
            done = convert(list(cdr_files), out, how, accounts, format_name, progress)
    except TrunkrateError as error:
        stop(error, WRITTEN.stopped)
    for text in [*done.warnings, *(reject.told(WRITTEN) for reject in done.rejects)]:
        click.echo(text, err=True)
    if done.rejected > len(done.rejects):
        click.echo(f"and {done.rejected - len(done.rejects)} more", err=True)
    no_calls = f" + {done.not_a_call:,} no call legs" if done.not_a_call else ""
    say(f"{done.rows:,} rows = {done.written:,} written + {done.rejected:,} rejected{no_calls}: {out}")
    sys.exit(LOOK if done.rejected or done.warnings else DONE)


@click.command("sources")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def sources_command(as_json: bool) -> None:
    """List the CDR formats that can be read, and how each is recognised.

    \b
    Example: trunkrate sources --json
    """
    from rating.sources.readers import FORMATS

    if as_json:
        import json

        say(json.dumps([{"name": f.name, "form": f.form, "about": f.about} for f in FORMATS], indent=2))
        return
    width = max(len(f.name) for f in FORMATS)
    for f in FORMATS:
        say(f"{f.name.ljust(width)}  {f.form:8} {f.about}")
    say("\nFormats are recognised by content; --format NAME says which. Any of them may be gzipped.")

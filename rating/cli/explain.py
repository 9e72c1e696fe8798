"""`trunkrate explain`: the whole derivation of one call, in plain words."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from rating.cli.exits import DONE, LOOK, say, stop


@click.command("explain")
@click.argument("call_id")
@click.option("--out", required=True, metavar="DIR", type=click.Path(path_type=Path), help="Output of a run.")
@click.option("--source", help="Source of the call, where several have this call_id.")
@click.option("--lang", type=click.Choice(["en", "fr"]), default="en", show_default=True, help="Language.")
@click.option("--json", "as_json", is_flag=True, help="Print the derivation as JSON.")
def explain_command(call_id: str, out: Path, source: str | None, lang: str, as_json: bool) -> None:
    """Explain CALL_ID: number, destination, reasons, limits and amount, recomputed and compared.

    Only the outputs of the run are used. The figures are computed anew, on another path than the run's.

    \b
    Exit status: 0 explained; 1 the figures differ from the run's, or the row was rejected; 2 not found.
    Example: trunkrate explain 58fc3fd1a593@gw1 --out out/demo --lang fr
    """
    import json

    from rating.errors import TrunkrateError
    from rating.explain.as_json import as_text
    from rating.explain.derive import explain
    from rating.explain.folder import find_call
    from rating.explain.render import render
    from rating.explain.words import WORDS

    try:
        found = find_call(out, call_id, source)
    except TrunkrateError as error:
        stop(error, "Nothing was explained.")
    if isinstance(found, str):
        plain = f"{WORDS[lang]['rejected']}\n{found}"
        say(json.dumps({"call_id": call_id, "rejected": found.split("\n")}) if as_json else plain)
        sys.exit(LOOK)
    explanation = explain(found)
    say(as_text(explanation) if as_json else render(explanation, found.book, lang), newline=False)
    sys.exit(LOOK if explanation.differences else DONE)

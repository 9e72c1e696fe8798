"""Exit codes of every command (SPEC 12, STYLE 7), and printing that never undoes what was done."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from rating.checks.check import Check
    from rating.errors import TrunkrateError

DONE, LOOK, NOTHING = 0, 1, 2
"""Clean; done, with something to look at (rejects, unrated calls, warnings); nothing done."""

INTERRUPTED = 130


def say(text: str, newline: bool = True) -> None:
    """Print a result; a reader that went away or a full device does not change what a command did."""
    try:
        click.echo(text, nl=newline)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        click.echo(
            f"standard output cannot be written ({error.strerror}); the rest was done. [OUT-PRINT]", err=True
        )


def stop(error: TrunkrateError, ending: str) -> NoReturn:
    """Say why, and what was not done, and end by it."""
    click.echo(error.told(ending), err=True)
    sys.exit(NOTHING)


def end_check(check: Check, as_json: bool, show_all: bool) -> NoReturn:
    """Print what a check of settings found, and end by it."""
    from rating.checks.report import as_json as json_of
    from rating.checks.report import lines

    say(json_of(check) if as_json else "\n".join(lines(check, show_all)) + "\n", newline=False)
    sys.exit(NOTHING if check.errors else LOOK if check.warnings else DONE)

"""Exit codes of every command (SPEC 12, STYLE 7), and printing that never undoes what was done."""

from __future__ import annotations

import os
import sys

import click

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

"""The command line: one module a command, which imports what it needs when it runs: help is instant."""

from __future__ import annotations

import click

import rating
from rating.cli.rate import rate_command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(rating.__version__, prog_name="trunkrate")
def main() -> None:
    """Rate SIP-trunk telephony: fair-use plans, exact to the last digit."""


main.add_command(rate_command)

"""The command line: one module a command, which imports what it needs when it runs: help is instant."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

import click

import rating
from rating.cli.accounts import accounts_group
from rating.cli.channels import channels_command
from rating.cli.convert import convert_command, sources_command
from rating.cli.exits import INTERRUPTED, NOTHING
from rating.cli.explain import explain_command
from rating.cli.gateway import gateway_group
from rating.cli.quote import quote_command
from rating.cli.rate import rate_command
from rating.cli.reconcile import reconcile_command
from rating.cli.simulate import simulate_command
from rating.cli.tariff import tariff_group
from rating.cli.trunk import trunk_group


class Program(click.Group):
    """Ends in words and exit code 2 even at a fault of its own; TRUNKRATE_DEBUG=1 shows where."""

    def invoke(self, ctx: click.Context) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("Interrupted; no output was left.", err=True)
            sys.exit(INTERRUPTED)
        except (click.ClickException, click.exceptions.Exit, click.Abort, SystemExit):
            raise
        except Exception as error:
            if os.environ.get("TRUNKRATE_DEBUG"):
                raise
            words = " ".join(str(error).split())
            click.echo(
                f"trunkrate: stopped by a fault of its own ({type(error).__name__}: {words}); "
                "Run again with TRUNKRATE_DEBUG=1 and report what it shows. [BUG]",
                err=True,
            )
            sys.exit(NOTHING)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(rating.__version__, prog_name="trunkrate")
def main() -> None:
    """Rate SIP-trunk telephony: fair-use plans, exact to the last digit."""


main.add_command(rate_command)
main.add_command(convert_command)
main.add_command(sources_command)
main.add_command(reconcile_command)
main.add_command(channels_command)
main.add_command(quote_command)
main.add_command(explain_command)
main.add_command(simulate_command)
main.add_command(tariff_group)
main.add_command(accounts_group)
main.add_command(gateway_group)
main.add_command(trunk_group)

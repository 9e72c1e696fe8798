"""`trunkrate gateway`: the SIP gateway's own file, and what the gateway that runs is doing."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

import click

from rating.cli.exits import NOTHING, end_check, say, stop
from rating.errors import TrunkrateError, UsageError


@click.group("gateway")
def gateway_group() -> None:
    """Run the SIP gateway, check its settings, see what it does."""


@gateway_group.command("check")
@click.option("--config", required=True, metavar="FILE", help="The gateway's file (gateway.yaml).")
@click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="Day that certificates and channels are looked at, from 0:00 UTC (default: now).",
)
@click.option("--all", "show_all", is_flag=True, help="Print every warning, not five of a kind.")
@click.option("--json", "as_json", is_flag=True, help="Print all errors and warnings as JSON.")
def gateway_check(config: str, today: datetime | None, show_all: bool, as_json: bool) -> None:
    """Say everything that is wrong with a gateway's file and what it names, and what is suspicious.

    The tariff book, the accounts, the certificate and its key are read. Nothing is connected to.

    \b
    Exit status: 0 clean; 1 warnings; 2 errors, the gateway does not start.
    Example: trunkrate gateway check --config gateway.yaml
    """
    from sipgw.check import check_gateway

    now = datetime.now(UTC) if today is None else today.replace(tzinfo=UTC)
    end_check(check_gateway(config, int(now.timestamp()) * 10**9), as_json, show_all)


@gateway_group.command("status")
@click.option(
    "--config", default="gateway.yaml", show_default=True, metavar="FILE", help="The gateway's file."
)
@click.option("--all", "show_all", is_flag=True, help="Print every trunk and call, not the busiest.")
@click.option("--watch", is_flag=True, help="Again every 2 seconds, until interrupted.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON, one line a look.")
def gateway_status(config: str, show_all: bool, watch: bool, as_json: bool) -> None:
    """Show trunks, channels used and free, calls up with their age, decisions by rule, last OPTIONS.

    \b
    Exit status: 0 shown; 2 no gateway answers, or a wrong file.
    Example: trunkrate gateway status --config gateway.yaml --watch
    """
    import json
    import time

    from sipgw.control import NoGateway, ask
    from sipgw.settings_file import load_settings
    from sipgw.status_text import lines

    try:
        settings = load_settings(config)
    except TrunkrateError as error:
        stop(error, "Nothing was shown.")
    try:
        while True:
            found = ask(settings.state_folder, {"order": "status"})
            if watch and not as_json and sys.stdout.isatty():
                click.clear()
            say(json.dumps(found) if as_json else "\n".join(lines(found, show_all)))
            if not watch:
                return
            time.sleep(2)
    except NoGateway as error:
        click.echo(f"{config}: {error}. Nothing was shown. [GATEWAY-STATUS]", err=True)
        sys.exit(NOTHING)
    except KeyboardInterrupt:
        return


@gateway_group.command("serve")
@click.option("--config", required=True, metavar="FILE", help="The gateway's file (gateway.yaml).")
@click.option(
    "--trace",
    default="",
    metavar="CALL",
    help="Print one call's SIP messages when it is over. CALL: a Call-ID, or its caller or called number.",
)
def gateway_serve(config: str, trace: str) -> None:
    """Carry calls between Teams and an operator with pjsua2: in the lab, on a laptop, at a very small site.

    One line says when it is ready. SIGTERM, or the end of its terminal, hangs up the calls and writes their
    CDRs. Messages go to standard error. For production there is Kamailio.

    \b
    Exit status: 0 ended by SIGTERM or Ctrl-C; 2 not started.
    Example: trunkrate gateway serve --config gateway.yaml
    """
    try:
        from sipgw.pjsua.serve import serve
    except ModuleNotFoundError as error:
        if error.name != "pjsua2":
            raise
        expected = "pip install 'trunkrate[gateway]'"
        stop(UsageError(f"pjsua2: is not installed; expected {expected}.", "GATEWAY-PJSUA"), NOT_STARTED)
    try:
        serve(config, say, _log, trace)
    except TrunkrateError as error:
        stop(error, NOT_STARTED)


NOT_STARTED = "The gateway does not start."


def _log(line: str) -> None:
    """A line on standard error at once: what a full disk does not take is not tried again at the end."""
    os.write(2, f"{line}\n".encode("utf-8", "replace"))

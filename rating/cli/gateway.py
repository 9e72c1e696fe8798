"""`trunkrate gateway`: the SIP gateway's own file, looked at before any call comes."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from rating.cli.exits import end_check


@click.group("gateway")
def gateway_group() -> None:
    """Check the SIP gateway's settings."""


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

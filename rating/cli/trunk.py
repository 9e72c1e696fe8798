"""`trunkrate trunk`: suspend a trunk, resume it, lift its guards, on a gateway that runs or for its start."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from rating.cli.exits import LOOK, NOTHING, say, stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from sipgw.settings import Settings


@click.group("trunk")
def trunk_group() -> None:
    """Suspend and resume trunks at the SIP gateway, lift its guards."""


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of all three."""
    for option in (
        click.option("--why", required=True, metavar="TEXT", help="The reason, for the record."),
        click.option("--who", metavar="NAME", help="Who decides (default: the user of this machine)."),
        click.option(
            "--config", default="gateway.yaml", show_default=True, metavar="FILE", help="The gateway's file."
        ),
    ):
        command = option(command)
    return click.argument("trunk")(command)


@trunk_group.command("suspend")
@_options
@click.option(
    "--scope",
    type=click.Choice(["all", "outbound", "international"]),
    default="all",
    show_default=True,
    help="Which calls no longer pass.",
)
@click.option("--drop-calls", is_flag=True, help="End the calls in scope that are up.")
def suspend_command(trunk: str, why: str, who: str | None, config: str, scope: str, drop_calls: bool) -> None:
    """Suspend TRUNK: no new call in scope passes, but for emergency calls.

    It holds until `trunkrate trunk resume`, over restarts too, and stands in state/suspensions.jsonl in the
    spool with who, when and why. Where no gateway runs it takes effect at its start.

    \b
    Exit status: 0 a gateway acts on it; 1 recorded, no gateway answered; 2 nothing recorded.
    Example: trunkrate trunk suspend t1 --why "password stolen" --drop-calls
    """
    answer = _order(
        config, {"order": "suspend", "trunk_id": trunk, "scope": scope, "drop_calls": drop_calls}, who, why
    )
    calls = answer["calls"]
    up = f"{calls} ended" if drop_calls else f"{calls} in scope go on (--drop-calls ends them)"
    say(f"{trunk} is suspended ({scope}). Calls that were up: {up}.")


@trunk_group.command("resume")
@_options
def resume_command(trunk: str, why: str, who: str | None, config: str) -> None:
    """Resume TRUNK: end all suspensions that were made by command.

    Suspensions of the accounts file are ended there.

    \b
    Exit status: 0 calls pass; 1 recorded, but no gateway answered or accounts suspend it; 2 nothing recorded.
    Example: trunkrate trunk resume t1 --why "password changed"
    """
    answer = _order(config, {"order": "resume", "trunk_id": trunk}, who, why)
    was = ", ".join(answer["was"]) or "it was not suspended by command"
    say(f"{trunk} is resumed ({was}).")
    if answer["in_accounts"]:
        scopes = ", ".join(answer["in_accounts"])
        click.echo(f"{trunk}: the accounts file still suspends it ({scopes}); edit it there.", err=True)
        sys.exit(LOOK)


@trunk_group.command("lift")
@_options
def lift_command(trunk: str, why: str, who: str | None, config: str) -> None:
    """Lift the tripped guards of TRUNK: outbound calls pass again, and both guards count anew.

    \b
    Exit status: 0 calls pass; 1 recorded, no gateway answered; 2 nothing recorded.
    Example: trunkrate trunk lift t1 --why "the customer confirms these calls"
    """
    answer = _order(config, {"order": "lift", "trunk_id": trunk}, who, why)
    was = ", ".join(answer["was"]) or "none had tripped"
    say(f"{trunk}: guards are lifted ({was}).")


def _order(config: str, order: dict[str, Any], who: str | None, why: str) -> dict[str, Any]:
    """The gateway's answer; where there is none, record the order for it and end."""
    from rating.errors import TrunkrateError
    from sipgw.control import NoGateway, ask
    from sipgw.settings_file import load_settings

    request = {**order, "who": who or _user(), "why": why}
    try:
        settings = load_settings(config)
    except TrunkrateError as error:
        stop(error, "Nothing was recorded.")
    try:
        answer = ask(settings.state_folder, request)
    except NoGateway as error:
        _record(settings, request, str(error))
    if "error" in answer:
        click.echo(f"{answer['error']}. Nothing was recorded. [TRUNK-ORDER]", err=True)
        sys.exit(NOTHING)
    if answer["late"]:
        click.echo(f"{config}: recorded, but the gateway has not acted on it yet.", err=True)
        sys.exit(LOOK)
    return answer


def _user() -> str:
    import getpass

    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _record(settings: Settings, request: dict[str, Any], problem: str) -> NoReturn:
    """Check and record an order without a gateway, and end."""
    import time

    from rating.errors import TrunkrateError
    from sipgw.directory import load_directory
    from sipgw.orders import Refused, record_of
    from sipgw.suspensions import append

    path = settings.suspensions_file
    try:
        record = record_of(load_directory(settings), request, time.time_ns())
        append(path, record)
    except TrunkrateError as error:
        stop(error, "Nothing was recorded.")
    except Refused as error:
        click.echo(f"{error}. Nothing was recorded. [TRUNK-ORDER]", err=True)
        sys.exit(NOTHING)
    except OSError as error:
        click.echo(
            f"{path}: cannot be written ({error.strerror}); expected a file of the gateway's user. "
            "Nothing was recorded. [TRUNK-STATE]",
            err=True,
        )
        sys.exit(NOTHING)
    click.echo(
        f"{settings.file}: {problem}. Recorded in {path}: it takes effect when a gateway looks.", err=True
    )
    sys.exit(LOOK)

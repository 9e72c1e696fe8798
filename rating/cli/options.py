"""Options that several commands have: one wording, one set of choices."""

from __future__ import annotations

import click

ambiguous = click.option(
    "--ambiguous",
    type=click.Choice(["reject", "first", "second"]),
    default="reject",
    show_default=True,
    help="Local times that occur twice on the autumn clock change.",
)
encoding = click.option(
    "--encoding", type=click.Choice(["utf-8", "latin-1"]), default="utf-8", show_default=True, help="Of text."
)
bare_numbers = click.option(
    "--bare-numbers",
    type=click.Choice(["national", "international"]),
    default="national",
    show_default=True,
    help="What 33199000110, without + or 0, is.",
)

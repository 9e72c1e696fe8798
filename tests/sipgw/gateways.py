"""Gateways of the test carrier, with a spool in a folder of the test's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lab import FILES, NOON

from sipgw.directory import Reloader
from sipgw.gateway import Gateway
from sipgw.settings_file import load_settings


def gateway(
    folder: Path,
    now: int = NOON,
    config: Path = FILES / "gateway.yaml",
    accounts: Path | None = None,
    **parts: object,
) -> Gateway:
    settings = load_settings(config)
    settings = replace(settings, spool=folder / "spool", accounts=accounts or settings.accounts)
    return Gateway(settings, Reloader(settings, every_s=0), now, **parts)  # type: ignore[arg-type]

"""Names of the files of CDRs: gateway, local day, number of the day."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

from rating.sources.growing import ENDING

_EPOCH = date(1970, 1, 1)


def stem(gateway: str) -> str:
    """A gateway's name as files can have it.

    Examples
    --------
    >>> stem("gw1"), stem("../Lyon 2"), stem("été")
    ('gw1', '_._Lyon_2', '_t_')
    """
    return re.sub(r"[^A-Za-z0-9._-]|^[.-]", "_", gateway)[:100]


def file_name(gateway: str, day: int, number: int) -> str:
    """Name of a file of CDRs.

    Parameters
    ----------
    day : local, counted from 1970-01-01
    number : of the file in the day, from 1

    Examples
    --------
    >>> file_name("gw1", 20_731, 1)
    'gw1-2026-10-05-001.jsonl'
    """
    return f"{stem(gateway)}-{_EPOCH + timedelta(days=day)}-{number:03d}{ENDING}"


def next_number(folder: Path, gateway: str, day: int, last: str) -> int:
    """The first number of the day beyond those in the folder and that of the last file written.

    The last one may have been taken away meanwhile: its name must not come twice.
    """
    prefix = file_name(gateway, day, 1).removesuffix(f"001{ENDING}")
    names = [last, *(path.name for path in folder.glob(f"{prefix}*"))]
    found = [re.match(r"[0-9]+", name.removeprefix(prefix)) for name in names if name.startswith(prefix)]
    return 1 + max((int(match[0]) for match in found if match), default=0)

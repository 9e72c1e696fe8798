"""The formats that can be read: one line each, the first that recognises a file reads it."""

from __future__ import annotations

import zlib

from rating.errors import UsageError
from rating.sources import (
    asterisk,
    audiocodes,
    canonical_csv,
    canonical_jsonl,
    canonical_parquet,
    freeswitch,
    kamailio,
    teams_admin,
    teams_graph,
)
from rating.sources.block import Format
from rating.sources.files import CdrFile

HEAD = 1 << 16


FORMATS = (
    *teams_graph.FORMATS,
    *teams_admin.FORMATS,
    *kamailio.FORMATS,
    *audiocodes.FORMATS,
    *asterisk.FORMATS,
    *freeswitch.FORMATS,
    *canonical_parquet.FORMATS,
    *canonical_jsonl.FORMATS,
    *canonical_csv.FORMATS,
)

NAMES = ("auto", *dict.fromkeys(format.name for format in FORMATS))


def recognise(file: CdrFile, name: str = "auto") -> Format:
    """The format of a file by its first bytes, or the form of a format that was named.

    Raises
    ------
    UsageError
        The file cannot be read.
    """
    try:
        with file.open() as stream:
            head = stream.read(HEAD)
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(
            f"{file.name}: cannot be read ({error}); expected a readable file.",
            "CDR-FILE",
        ) from None
    ending = file.name.lower().removesuffix(".gz")
    if file.name.lower().endswith(".gz") and not file.is_gzip and head:
        raise UsageError(
            f"{file.name}: is named .gz but is not gzip; expected a whole gzip file.",
            "CDR-FILE",
        )
    candidates = [format for format in FORMATS if name in ("auto", format.name)]
    return next((format for format in candidates if format.recognises(head, ending)), candidates[-1])


def known_format(name: str) -> str:
    """The name, if it is one of a format, or auto.

    Raises
    ------
    UsageError
    """
    if name not in NAMES:
        raise UsageError(f"--format '{name}' is unknown; expected one of {', '.join(NAMES)}. [FORMAT]")
    return name


def is_foreign(file: CdrFile) -> bool:
    """Whether a file is, by its first bytes, of a format other than the canonical one."""
    return recognise(file).name != "canonical"

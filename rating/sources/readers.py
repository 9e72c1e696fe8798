"""The formats that can be read: one line each."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from rating.errors import UsageError
from rating.sources import canonical_csv, canonical_jsonl, canonical_parquet
from rating.sources.block import RawReader, Reader
from rating.sources.files import CdrFile


@dataclass(frozen=True)
class Format:
    """A format: its name on the command line, the source of CDRs that name none, and how to read it."""

    name: str
    form: str
    source: str
    read: Reader
    raw: RawReader


FORMATS = (
    Format("canonical", "csv", "canonical", canonical_csv.read, canonical_csv.raw),
    Format("canonical", "jsonl", "canonical", canonical_jsonl.read, canonical_csv.raw),
    Format("canonical", "parquet", "canonical", canonical_parquet.read, canonical_parquet.raw),
)

NAMES = ("auto", *dict.fromkeys(format.name for format in FORMATS))


def recognise(file: CdrFile) -> Format:
    """The format of a file, by its first bytes."""
    try:
        with file.open() as stream:
            head = stream.read(4096)
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(
            f"{file.name}: cannot be read ({error}); expected a readable file. Nothing was rated. [CDR-FILE]"
        ) from None
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    named_jsonl = file.name.removesuffix(".gz").endswith((".jsonl", ".ndjson"))
    named_parquet = file.name.removesuffix(".gz").endswith(".parquet")
    if head.startswith(b"PAR1") or named_parquet:
        form = "parquet"
    elif start in (b"{", b"[") or (not start and named_jsonl):
        form = "jsonl"
    else:
        form = "csv"
    return next(format for format in FORMATS if format.form == form)

"""What a run left in its output folder, as far as one call needs it."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rating.accounts import Accounts
from rating.accounts_file import load_accounts
from rating.errors import UsageError
from rating.instants import parse
from rating.numbering import Numbers, key_texts, read_numbers
from rating.schema import TIME_COLUMNS
from rating.tariffs.book import TariffBook, load_book
from rating.zone import month_text

Row = dict[str, Any]


@dataclass
class Found:
    """A call and what surrounds it.

    call : its row of rated_calls.parquet or unrated.csv, instants in int nanoseconds (None where empty)
    month_calls : all calls of its trunk and month, rated or not, in order of answer
    trunk_calls : those of other months that the run rated, too
    people : subject of each text that names a user or number, as they are met
    """

    call: Row
    month_calls: list[Row]
    trunk_calls: list[Row]
    book: TariffBook
    accounts: Accounts
    record: dict[str, Any]
    people: dict[str, str] = field(default_factory=dict)


def find_call(out: Path, call_id: str, source: str | None) -> Found | str:
    """Find a call in a run's output.

    Returns
    -------
    Found, or the message of the reject if the row with this id was rejected.

    Raises
    ------
    UsageError
        The folder is no output, the call is not in it, or several sources have the id.
    """
    if not (out / "run.json").is_file():
        raise UsageError(f"{out}: is no output of a run; expected a folder with run.json. [OUT-RUN]")
    try:
        return _find(out, call_id, source)
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise UsageError(
            f"{out}: is not whole ({type(error).__name__}: {reason}); expected all files of a run. [OUT-RUN]"
        ) from None


def _find(out: Path, call_id: str, source: str | None) -> Found | str:
    import pyarrow.parquet as pq  # slow, and a quote does without

    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    book = load_book(out / "inputs" / "book")
    accounts = load_accounts(out / "inputs" / "accounts.yaml", book)
    rated = pq.read_table(out / "rated_calls.parquet")
    unrated = _unrated(out / "unrated.csv", book, accounts)
    known = _rows(rated.filter(pc.equal(rated["call_id"], call_id)))
    known += [row for row in unrated if row["call_id"] == call_id]
    matches = [row for row in known if source in (None, row["source"])]
    names = ", ".join(sorted(row["source"] for row in known))
    if not matches and known:
        raise UsageError(f"call '{call_id}' is not of source '{source}', but of {names}. [CALL-SOURCE]")
    if not matches:
        return _rejected(out, call_id, record)
    if len(matches) > 1:
        raise UsageError(f"call '{call_id}' is known to sources {names}; expected --source. [CALL-SOURCE]")
    call = matches[0]
    around = _rows(rated.filter(pc.equal(rated["trunk_id"], call["trunk_id"])))
    around += [row for row in unrated if row["trunk_id"] == call["trunk_id"]]
    around.sort(key=lambda row: (row["answer_time"] or 0, row["source"], row["call_id"]))
    _read_numbers(around, book, record)
    call = next(row for row in around if (row["source"], row["call_id"]) == (call["source"], call["call_id"]))
    month_calls = [row for row in around if row["month"] == call["month"]]
    return Found(call, month_calls, around, book, accounts, record)


def _rows(table: pa.Table) -> list[Row]:
    for name in TIME_COLUMNS:
        if name in table.column_names:
            place = table.column_names.index(name)
            table = table.set_column(place, name, table[name].cast(pa.int64()))
    return table.to_pylist()


def _unrated(path: Path, book: TariffBook, accounts: Accounts) -> list[Row]:
    """Rows of unrated.csv in the shape of rated ones."""
    with path.open(encoding="utf-8", newline="") as file:
        rows: list[Row] = list(csv.DictReader(file))
    if not rows:
        return []
    numbers = {
        name: read_numbers(
            pa.array([row[name] for row in rows], pa.string()), book.numbering
        ).text.to_pylist()
        for name in ("a_number", "b_number")
    }
    customers = {trunk.id: accounts.customers[trunk.customer].id for trunk in accounts.trunks}
    for i, row in enumerate(rows):
        row["b_dialled"] = row["b_number"]
        row.update({name: numbers[name][i] for name in numbers}, reason="no_rate", amount=None)
        row.update(dict.fromkeys(("included_s", "billed_s", "billable_s"), 0), price_per_minute=None)
        row.update(dict.fromkeys(("prefix", "destination", "destination_class", "plan", "site_id"), ""))
        row["customer_id"] = customers.get(row["trunk_id"], "")
    for name in TIME_COLUMNS:
        wall, _, _ = parse(pa.array([row[name] for row in rows], pa.string()))
        for row, value in zip(rows, wall.tolist(), strict=True):
            row[name] = value if row[name] else None
    for row in rows:
        row["duration_s"] = max(1, -(-(row["release_time"] - row["answer_time"]) // 1_000_000_000))
        month = book.zone.months(np.array([row["answer_time"]], np.int64))[0]
        row["month"] = month_text(int(month))
    return rows


def _read_numbers(rows: list[Row], book: TariffBook, record: dict[str, Any]) -> None:
    """Add `a_key` and `b_key`: the numbers as identities, 0 where masked or unreadable; and `b_digits`."""
    bare = record.get("bare_numbers") == "international"
    for side in ("a", "b"):
        read = read_numbers(
            pa.array([row[f"{side}_number"] for row in rows], pa.string()), book.numbering, bare
        )
        for row, key, digits in zip(rows, read.key.tolist(), shown_digits(read), strict=True):
            row[f"{side}_key"], row[f"{side}_digits"] = key, digits


def shown_digits(read: Numbers) -> list[str]:
    """Numbers in international form, a masked one with its stars; unreadable texts as they came."""
    texts, lows = read.text.to_pylist(), key_texts(read.low).to_pylist()
    found = []
    for text, key, low in zip(texts, read.key.tolist(), lows, strict=True):
        stars = text.count("*") if low and not key else 0
        found.append(low[: len(low) - stars] + "*" * stars if stars else text)
    return found


def _rejected(out: Path, call_id: str, record: dict[str, Any]) -> str:
    """Messages of the rejected rows that had this id."""
    columns = {entry["file"]: entry["columns"] for entry in record["inputs"]}
    csv.field_size_limit(1 << 30)
    with (out / "rejects.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows = rows if call_id else []
    found = [row["message"] for row in rows if _id_of(row["raw"], columns.get(row["file"], [])) == call_id]
    if found:
        return "\n".join(found)
    raise UsageError(f"{out}: call '{call_id}' is not in this run; expected a call_id of its CDRs. [CALL-ID]")


def _id_of(raw: str, columns: list[str]) -> str:
    """The call_id of a rejected row: by its key in JSON, by its place in CSV; empty where it has none."""
    if raw.startswith("{"):
        try:
            record = json.loads(raw)
        except ValueError:
            return ""
        return str(record.get("call_id") or record.get("id") or "")
    for delimiter in ",;\t":
        fields = next(csv.reader([raw], delimiter=delimiter), [])
        if len(fields) == len(columns) and "call_id" in columns:
            return fields[columns.index("call_id")]
    return ""

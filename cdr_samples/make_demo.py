"""Write cdr_samples/demo/: one invented month (October 2026, Europe/Paris) of eight small customers.

    python cdr_samples/make_demo.py [FOLDER]

Standard library only, fixed seed, no clock: the same bytes on every run. All telephone numbers are of ranges
reserved for fiction, or of nobody; see README.md beside this file.

    demo_traffic.py   the calls: trunks, habits, named scenarios
    this file         their CDRs as lines of four files, and the rows that are wrong on purpose
    demo_texts.py     demo/README.md and demo/accounts.yaml
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from demo_texts import ACCOUNTS, README
from demo_traffic import SEED, Row, at, month_of_calls, paris_text, utc_text

HEADER = (
    "source,call_id,trunk_id,direction,a_number,b_number,setup_time,alert_time,answer_time,release_time,"
    "sip_code,user_id,forwarded_by,forward_type,end_reason"
)
# gw2's export has no alert_time, and an order of its own.
GW2_HEADER = (
    "call_id,source,trunk_id,setup_time,answer_time,release_time,direction,a_number,b_number,"
    "sip_code,end_reason,user_id,forwarded_by,forward_type"
)


# ---------------------------------------------------------------- files: lists of encoded lines


def texts(row: Row, instant: Callable[[int], str]) -> Row:
    times = {name: instant(row[name]) if row[name] != "" else "" for name in row if name.endswith("_time")}
    return row | times


def csv_line(row: Row, header: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([row[name] for name in header.split(",")])
    return out.getvalue().encode()


def gw1_line(row: Row) -> bytes:
    return csv_line(texts(row, paris_text), HEADER)


def gw2_line(row: Row) -> bytes:
    return csv_line(texts(row, utc_text), GW2_HEADER)


def gw3_line(row: Row) -> bytes:
    filled = {name: value for name, value in texts(row, utc_text).items() if value != ""}
    return json.dumps(filled, ensure_ascii=False).encode() + b"\n"


FIRST_HALF, SECOND_HALF = "gw1-2026-10-01.csv", "gw1-2026-10-16.csv"
GW2_FILE, GW3_FILE = "gw2-2026-10.csv.gz", "gw3-2026-10.jsonl"


class Faults:
    """Rows that are wrong on purpose: most are a good row with one thing changed, put right after it."""

    def __init__(self, files: dict[str, list[bytes]], rows: dict[str, list[Row]]):
        self.files, self.rows, self.listed = files, rows, []

    def row(self, name: str, since: int, **wanted: str) -> tuple[Row, int]:
        """The first plain answered call of a file that ended at or after `since`, and its place."""
        for place, row in enumerate(self.rows[name]):
            plain = row["answer_time"] and row["sip_code"] == 200 and not row["forward_type"]
            if plain and row["release_time"] >= since and all(row[k] == v for k, v in wanted.items()):
                return dict(row), place
        raise LookupError(name)

    def add(self, name: str, place: int, line: bytes, what: str, outcome: str) -> None:
        """Insert a line after the row at `place`; a row that never matches keeps the places in step."""
        self.files[name].insert(place + 1, line)
        self.rows[name].insert(place + 1, {"answer_time": "", "release_time": 0})
        self.listed.append((name, line, what, outcome))

    def table(self) -> Iterator[str]:
        for name, line, what, outcome in self.listed:
            header = 0 if name.endswith(".jsonl") else 1
            places = [number + 1 + header for number, other in enumerate(self.files[name]) if other == line]
            yield f"| {name} | {places[0]} | {what} | {outcome} |"


def add_faults(files: dict[str, list[bytes]], rows: dict[str, list[Row]]) -> Faults:
    faults = Faults(files, rows)
    out = {"direction": "outbound"}

    # September: answered at 23:58:20 on the 30th.
    row, _ = faults.row(FIRST_HALF, 0, trunk_id="chiffrelin", **out)
    late = {"setup_time": at(1, "00:00") - 107_350, "alert_time": "", "answer_time": at(1, "00:00") - 99_600}
    row |= late | {"call_id": "0930235812aa@gw1", "release_time": at(1, "00:04:02")}
    faults.add(FIRST_HALF, -1, gw1_line(row), "answered on 30 September, ends in October", "other_month")

    row, place = faults.row(FIRST_HALF, at(5, "10:00"), trunk_id="chiffrelin")
    row |= {"call_id": "c0ffee051001@gw1", "trunk_id": "ancien-client"}
    faults.add(FIRST_HALF, place, gw1_line(row), "trunk that the accounts do not know", "CDR-TRUNK")

    row, place = faults.row(FIRST_HALF, at(7, "10:00"), trunk_id="pistonnac", **out)
    row |= {"call_id": "c0ffee071002@gw1", "release_time": row["answer_time"] - 35_000}
    faults.add(FIRST_HALF, place, gw1_line(row), "release before answer", "CDR-TIME-ORDER")

    row, place = faults.row(FIRST_HALF, at(9, "10:00"), trunk_id="mie-cornue")
    line = gw1_line(row | {"call_id": "c0ffee091003@gw1"}).replace(b"2026-10-09", b"2026-10-32")
    faults.add(FIRST_HALF, place, line, "impossible date, 2026-10-32", "CDR-TIME")

    row, place = faults.row(FIRST_HALF, at(12, "10:00"), user_id="elsa.vidal@chiffrelin.example")
    latin = "elsa.vidal-sémont".encode("latin-1")
    line = gw1_line(row | {"call_id": "c0ffee121004@gw1"}).replace(b"elsa.vidal", latin)
    faults.add(FIRST_HALF, place, line, "Latin-1 byte in a user name", "CDR-ENCODING")

    # The call over midnight, which belongs to the second file, stands at the end of the first one too.
    row, _ = faults.row(SECOND_HALF, at(16, "00:00"), user_id="alice.marchal@chiffrelin.example")
    last = len(rows[FIRST_HALF]) - 1
    faults.add(FIRST_HALF, last, gw1_line(row), "the same row is in the next file too", "duplicate")

    row, place = faults.row(SECOND_HALF, at(20, "11:00"), trunk_id="chiffrelin", **out)
    row |= {"call_id": "c0ffee201105@gw1", "direction": "out"}
    faults.add(SECOND_HALF, place, gw1_line(row), 'direction "out"', "CDR-FIELD")

    row, place = faults.row(SECOND_HALF, at(25, "03:10"), trunk_id="chiffrelin", **out)
    row |= {"call_id": "c0ffee250206@gw1", "setup_time": at(25, "02:30:00"), "alert_time": ""}
    row |= {"answer_time": at(25, "02:30:08"), "release_time": at(25, "02:33:10")}
    line = gw1_line(row).replace(b".000+02:00", b"")
    what = "local time without offset, in the hour that comes twice"
    faults.add(SECOND_HALF, place, line, what, "CDR-TIME")

    row, _ = faults.row(SECOND_HALF, at(30, "16:00"), trunk_id="pistonnac", **out)
    line = gw1_line(row | {"call_id": "c0ffee311807@gw1"})
    line = line[: line.index(b"2026-10-") + 13]
    faults.add(SECOND_HALF, len(rows[SECOND_HALF]) - 1, line, "last line cut short", "CDR-FIELD")

    row, place = faults.row(GW2_FILE, at(6, "14:00"), trunk_id="parchemain", **out)
    row |= {"call_id": "c0ffee061408@gw2", "b_number": "sip:accueil@parchemain.example"}
    faults.add(GW2_FILE, place, gw2_line(row), "B-number that is a name, answered outbound", "CDR-NUMBER")

    row, place = faults.row(GW2_FILE, at(15, "14:00"), trunk_id="mirabelle")
    row |= {"call_id": "c0ffee151409@gw2", "sip_code": "200 OK"}
    faults.add(GW2_FILE, place, gw2_line(row), 'sip_code "200 OK"', "CDR-FIELD")

    row, place = faults.row(GW2_FILE, at(21, "10:00"), trunk_id="val-orange", **out)
    line = gw2_line(row | {"release_time": row["release_time"] + 61_000})
    what = "same call_id as the line before, 61 s longer"
    faults.add(GW2_FILE, place, line, what, "CDR-CONFLICT (both lines)")

    row, place = faults.row(GW3_FILE, at(13, "15:00"), direction="inbound")
    line = gw3_line(row | {"call_id": "c0ffee131510@gw3"})[:-4] + b"\n"
    faults.add(GW3_FILE, place, line, "malformed JSON, the end is missing", "CDR-FIELD")

    row, place = faults.row(GW3_FILE, at(27, "15:00"), **out)
    line = gw3_line(row | {"call_id": ""})
    faults.add(GW3_FILE, place, line, "no call_id", "CDR-FIELD")
    return faults


def main(folder: Path) -> None:
    by_source = month_of_calls()
    half = at(16, "00:00")
    rows = {
        FIRST_HALF: [row for row in by_source["gw1"] if row["release_time"] < half],
        SECOND_HALF: [row for row in by_source["gw1"] if row["release_time"] >= half],
        GW2_FILE: by_source["gw2"],
        GW3_FILE: by_source["gw3"],
    }
    forms = {FIRST_HALF: gw1_line, SECOND_HALF: gw1_line, GW2_FILE: gw2_line, GW3_FILE: gw3_line}
    files = {name: [forms[name](row) for row in rows[name]] for name in rows}
    good = {name: len(lines) for name, lines in files.items()}
    faults = add_faults(files, rows)

    headers = {FIRST_HALF: HEADER, SECOND_HALF: HEADER, GW2_FILE: GW2_HEADER}
    (folder / "cdrs").mkdir(parents=True, exist_ok=True)
    for name, lines in files.items():
        header = [headers[name].encode() + b"\n"] if name in headers else []
        content = b"".join(header + lines)
        if name.endswith(".gz"):
            packed = io.BytesIO()
            with gzip.GzipFile("", "wb", 9, packed, mtime=0) as zipped:
                zipped.write(content)
            content = packed.getvalue()
        (folder / "cdrs" / name).write_bytes(content)

    described = {
        FIRST_HALF: "CSV, Paris time with offset; chiffrelin, mie-cornue, pistonnac; ended 1-15 October",
        SECOND_HALF: "the same from the 16th",
        GW2_FILE: "gzip CSV, UTC, other column order, no alert_time; val-orange, mirabelle, parchemain",
        GW3_FILE: "JSON Lines, UTC, trunks by FQDN or id; allovoix, diese",
    }
    listed = [f"| {n} | {len(files[n])} | {len(files[n]) - good[n]} | {described[n]} |" for n in files]
    readme = README.format(
        seed=SEED,
        files="\n".join(listed),
        total=sum(map(len, files.values())),
        faults=len(faults.listed),
        table="\n".join(faults.table()),
    )
    (folder / "README.md").write_text(readme, encoding="utf-8", newline="\n")
    (folder / "accounts.yaml").write_text(ACCOUNTS, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).resolve().parent / "demo")

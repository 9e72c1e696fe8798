"""The rater against the slow oracle, and what must hold whatever the input."""

import gzip
import json
import tempfile
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import oracle
import pyarrow as pa
import pyarrow.parquet as pq
from channel_strategies import channel_cases
from hypothesis import event, given, settings
from hypothesis import strategies as st
from strategies import (
    FOREIGN,
    FRENCH,
    PREFIXES,
    REASONS,
    SHORT,
    ZONES,
    cases,
    csv_text,
    fair_use_cases,
    instant_texts,
    wild_number_texts,
)

from rating.accounts_file import load_accounts
from rating.arrays import NONE
from rating.batch import Request, run_batch
from rating.errors import SourceError
from rating.instants import parse, resolve
from rating.numbering import load_plan, read_numbers, span_of_prefix
from rating.pipeline import rate_reading
from rating.sources import Options, canonical_csv, canonical_jsonl, canonical_parquet, read_files
from rating.sources.files import CdrFile, blocks_of_lines
from rating.tariffs import load_book
from rating.tariffs.deck import flatten
from rating.zone import Zone, parse_month

OUTPUTS = ("rated_calls.parquet", "rated_calls.csv", "unrated.csv", "findings.csv", "limits.csv", "usage.csv")
OUTPUTS += ("occupancy.csv",)
UNCHARGED = ("not_answered", "inbound", "emergency", "free")
FRENCH_PLAN = load_plan("FR")
ORACLE_PLAN = oracle.NumberingPlan(oracle.FRENCH_PLAN)


def examples(share):
    """A share of the profile's examples, so that `soak` scales every test."""
    return settings(
        max_examples=max(1, int(settings.get_profile(settings._current_profile).max_examples * share))
    )


# ---------------------------------------------------------------------------------------- core and oracle


def rate_by_core(case, folder, files=None):
    """The core's run of a case; None where it refuses two sources of one trunk."""
    book_folder, accounts_path = case.write(folder)
    if files is None:
        path = Path(folder) / "cdrs.csv"
        path.write_text(csv_text(case.columns, case.rows), encoding="utf-8")
        files = [CdrFile(path.name, path)]
    book = load_book(book_folder)
    accounts = load_accounts(accounts_path, book)
    options = Options(Zone(case.zone), case.ambiguous, "utf-8", case.bare_international)
    month = parse_month(case.month) if case.month else None
    try:
        reading = read_files(files, options)
        return rate_reading(reading, book, accounts, month=month, bare_international=case.bare_international)
    except SourceError:
        return None


def rate_by_oracle(case, folder):
    try:
        return oracle.rate(
            case.rows,
            Path(folder) / "book",
            Path(folder) / "accounts.yaml",
            month=case.month,
            timezone=case.timezone,
            ambiguous=case.ambiguous,
            bare_numbers="international" if case.bare_international else "national",
        )
    except oracle.SourceError:
        return None


def rows_of(table):
    """A table as dicts of plain values: instants in nanoseconds, money as fractions."""
    columns = {}
    for name in table.column_names:
        column = table[name]
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.int64())
        columns[name] = [Fraction(v) if isinstance(v, Decimal) else v for v in column.to_pylist()]
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def without(row, *names):
    return {name: value for name, value in row.items() if name not in names}


def oracle_limits(result):
    return [row | {"share": Fraction(row["share"]) if row["share"] else None} for row in result.limits]


def counts_of(result):
    """Rows by category, named as the core names them."""
    plural = {"duplicate": "duplicates"}
    found = Counter(plural.get(name, name) for name in result.category.values())
    names = ("rated", "unrated", "rejected", "duplicates", "other_month", "other_source", "not_a_call")
    return {name: found[name] for name in names}


def identity(case, row):
    return case.rows[row].get("source") or "canonical", case.rows[row]["call_id"]


def assert_same(case, run, expected):
    """Everything that the core found is what the oracle found."""
    results = run.results
    assert {reject.line - 2: reject.code for reject in run.rejects} == expected.rejects
    assert run.total == counts_of(expected)
    rated = rows_of(results.rated)
    assert [without(row, "tariff_version") for row in rated] == [
        without(row, "row") for row in expected.rated
    ]
    unrated = [(row["source"], row["call_id"]) for row in rows_of(results.unrated)]
    assert unrated == [identity(case, row) for row in expected.unrated]
    assert rows_of(results.limits) == oracle_limits(expected)
    assert rows_of(results.findings) == expected.findings
    assert rows_of(results.usage) == expected.usage
    assert rows_of(results.occupancy) == expected.occupancy


def hold_core_to_oracle(case):
    with tempfile.TemporaryDirectory() as folder:
        run = rate_by_core(case, folder)
        expected = rate_by_oracle(case, folder)
        assert (run is None) == (expected is None)
        if run is None:
            return
        assert_same(case, run, expected)
    limited = [row for row in expected.rated if row["reason"] in REASONS]
    event(f"tenths of calls beyond a limit: {10 * len(limited) // max(1, len(expected.rated))}")
    event(f"reasons of limits: {len({row['reason'] for row in limited})}")
    event(f"a call is cut: {any(row['included_s'] and row['billed_s'] for row in limited)}")
    event(f"a call is over cap: {any(row['over_cap'] for row in expected.rated)}")
    event(f"a call is billed as over cap: {any(row['reason'] == 'over_cap' for row in expected.rated)}")


@examples(1.5)
@given(cases())
def test_core_equals_oracle(case):
    hold_core_to_oracle(case)


@examples(2)
@given(fair_use_cases())
def test_core_equals_oracle_where_limits_are_crossed(case):
    hold_core_to_oracle(case)


@examples(2)
@given(channel_cases())
def test_core_equals_oracle_where_channels_are_full(case):
    hold_core_to_oracle(case)


@examples(0.4)
@given(st.one_of(cases(), fair_use_cases(), channel_cases()))
def test_run_adds_up(case):
    with tempfile.TemporaryDirectory() as folder:
        run = rate_by_core(case, folder)
    if run is None:
        return
    assert run.rows == len(case.rows) == sum(run.total.values())
    assert len(run.results.rated) == run.total["rated"]
    assert len(run.results.unrated) == run.total["unrated"]
    rated = rows_of(run.results.rated)
    for row in rated:
        charged_s = 0 if row["reason"] in UNCHARGED else row["duration_s"]
        assert row["included_s"] + row["billed_s"] == charged_s
        assert row["billable_s"] >= row["billed_s"] >= 0
        assert row["billed_s"] or not row["amount"]
        assert (row["reason"] == "included") <= (row["billed_s"] == 0)
    total = sum((row["amount"] for row in rated), Fraction(0))
    assert total == sum((row["amount"] for row in rows_of(run.results.usage)), Fraction(0))


@examples(0.4)
@given(st.one_of(cases(), channel_cases()))
def test_occupancy_adds_up(case):
    with tempfile.TemporaryDirectory() as folder:
        run = rate_by_core(case, folder)
    if run is None:
        return
    rows = rows_of(run.results.occupancy)
    of_trunk = {(row["trunk_id"], row["month"]): row for row in rows if row["site_id"] == ""}
    for usage in rows_of(run.results.usage):
        row = of_trunk[usage["trunk_id"], usage["month"]]
        assert {name: value for name, value in row.items() if name in usage}.items() <= usage.items()
    for row in rows:
        whole = of_trunk[row["trunk_id"], row["month"]]
        for name in ("calls", "blocked_calls", "over_cap_calls", "peak_channels"):
            assert row[name] <= whole[name]
        assert row["over_cap_calls"] + row["blocked_calls"] <= row["calls"]
        assert (row["peak_at"] is not None) == (row["peak_channels"] > 0)
        assert row["peak_channels"] > 0 or row["at_cap_s"] == row["above_cap_s"] == 0
        assert row["at_cap_s"] + row["above_cap_s"] <= 745 * 3_600 + 1  # the longest month; each rounded up
    flagged = sum(row["over_cap"] for row in rows_of(run.results.rated))
    counted = sum(row["over_cap_calls"] for row in of_trunk.values())
    assert flagged <= counted <= flagged + run.total["unrated"]


@examples(0.3)
@given(st.one_of(cases(), fair_use_cases(), channel_cases()))
def test_a_month_alone_is_as_among_all_months(case):
    """What `--month` leaves out changes nothing of the month: not its limits, not what holds its channels."""
    with tempfile.TemporaryDirectory() as folder:
        whole = rate_by_core(replace(case, month=None), folder)
        if whole is None:
            return
        for month in {row["month"] for row in rows_of(whole.results.usage)}:
            alone = rate_by_core(replace(case, month=month), folder)
            for name in ("rated", "findings", "limits", "usage", "occupancy"):
                of_month = [row for row in rows_of(getattr(whole.results, name)) if row["month"] == month]
                assert rows_of(getattr(alone.results, name)) == of_month


@examples(0.3)
@given(st.one_of(cases(), fair_use_cases(), channel_cases()), st.data())
def test_calls_of_another_trunk_change_nothing(case, data):
    """Without the calls of one trunk, those of the others are rated as before (SPEC 5, 6: per trunk)."""
    trunks = case.accounts["trunks"]
    gone = data.draw(st.sampled_from(trunks))
    names = {gone["id"].lower(), gone.get("fqdn", gone["id"]).lower()}
    by_id = Counter((row["source"] or "canonical", row["call_id"]) for row in case.rows)
    rows = [row for row in case.rows if by_id[row["source"] or "canonical", row["call_id"]] == 1]
    fewer = [row for row in rows if row["trunk_id"].lower() not in names]
    with tempfile.TemporaryDirectory() as folder:
        whole = rate_by_core(case.with_rows(rows), folder)
        part = rate_by_core(case.with_rows(fewer), folder)
    if whole is None or part is None:
        return
    for name in ("rated", "unrated", "findings", "limits", "usage", "occupancy"):
        kept = [row for row in rows_of(getattr(whole.results, name)) if row["trunk_id"] != gone["id"]]
        assert rows_of(getattr(part.results, name)) == kept


# ------------------------------------------------------------------------------------------ order and form


def jsonl_text(columns, rows, sparse):
    """JSON Lines; sparse: empty fields are left out or null, plain SIP codes are numbers."""
    lines = []
    for index, row in enumerate(rows):
        found = {name: row[name] for name in columns}
        if sparse:
            found = {name: value for name, value in found.items() if value or index % 2}
            found = {name: value or None for name, value in found.items()}
            code = found.get("sip_code")
            if code and code.isascii() and code.isdigit() and str(int(code)) == code:
                found["sip_code"] = int(code)
        lines.append(json.dumps(found, ensure_ascii=index % 3 == 0) + "\n")
    return "".join(lines)


TIMES = ("setup_time", "answer_time", "release_time", "alert_time")
UNITS = {"ms": 1_000_000, "us": 1_000, "ns": 1}
TYPED = {
    f"parquet-{unit}-{word}": (unit, zone)
    for unit in UNITS
    for word, zone in (("utc", "UTC"), ("zoned", "Asia/Kathmandu"), ("local", None))
}
FORMS = {
    "csv": ".csv",
    "csv-crlf": ".csv",
    "csv-gz": ".csv.gz",
    "jsonl": ".jsonl",
    "jsonl-sparse": ".jsonl",
    "jsonl-gz": ".jsonl.gz",
    "parquet": ".parquet",
    "parquet-large": ".parquet",
    "parquet-coded": ".parquet",
    "parquet-binary": ".parquet",
    "parquet-large-binary": ".parquet",
} | dict.fromkeys(TYPED, ".parquet")


def instant_or_none(text, case):
    """The instant of a row's text; None where it has none that a typed column can hold."""
    try:
        found = oracle.read_instant(text, ZoneInfo(case.zone), case.ambiguous)
    except ValueError:
        return None
    return found if 0 <= found < 7_258_118_400 * oracle.SECOND else None


def timestamp_of(text, case, unit, zone):
    """The value of a time in a timestamp column; None where the column cannot hold it."""
    found = instant_or_none(text, case)
    if found is None or found % UNITS[unit]:
        return None
    if zone is None:
        seconds, rest = divmod(found, oracle.SECOND)
        utc = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        wall = utc.astimezone(ZoneInfo(case.zone)).replace(tzinfo=None)
        if instant_or_none(wall.isoformat(), case) != seconds * oracle.SECOND:
            return None
        found = (wall - datetime(1970, 1, 1)) // timedelta(seconds=1) * oracle.SECOND + rest
    return found // UNITS[unit] if found >= 0 else None


def typed_column(name, rows, case, unit, zone):
    if name in TIMES:
        values = [timestamp_of(row[name], case, unit, zone) if row[name] else None for row in rows]
        return pa.array(values, pa.int64()).cast(pa.timestamp(unit, zone))
    if name == "sip_code":
        return pa.array([int(row[name]) if row[name] else None for row in rows], pa.int16())
    return pa.array([row[name] or None for row in rows], pa.string())


def fits(row, case, form):
    """Whether a form can hold a row: the columns of a typed one hold instants and whole numbers only."""
    if form not in TYPED:
        return True
    code = row["sip_code"]
    if code and not (code.isascii() and code.isdigit()):
        return False
    return all(not row[name] or timestamp_of(row[name], case, *TYPED[form]) is not None for name in TIMES)


def write_rows(path, case, rows, form):
    """Rows as one of the forms that are read."""
    columns = case.columns
    text = csv_text(columns, rows) if "csv" in form else jsonl_text(columns, rows, "sparse" in form)
    if form == "csv-crlf":
        text = "\ufeff" + text.replace("\n", "\r\n")
    if form in TYPED:
        table = {name: typed_column(name, rows, case, *TYPED[form]) for name in columns}
        pq.write_table(pa.table(table), path, row_group_size=3)
    elif form.startswith("parquet"):
        small, large = pa.string(), pa.large_string()
        if "binary" in form:
            small, large = pa.binary(), pa.large_binary()
        kind = large if "large" in form else small
        table = pa.table({name: pa.array([row[name] for row in rows], small).cast(kind) for name in columns})
        if form == "parquet-coded":
            table = pa.table({name: table[name].dictionary_encode() for name in columns})
        pq.write_table(table, path, row_group_size=3)
    elif form.endswith("gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_bytes(text.encode())


def outputs(case, folder, parts):
    """Bytes of the output files of a run over (form, rows) parts; None where it refuses two sources."""
    with tempfile.TemporaryDirectory(dir=folder) as inner:
        inner = Path(inner)
        (inner / "in").mkdir()
        for index, (form, rows) in enumerate(parts):
            write_rows(inner / "in" / f"{index}{FORMS[form]}", case, rows, form)
        request = Request(
            cdr_files=[str(inner / "in")],
            accounts=str(Path(folder) / "accounts.yaml"),
            tariffs=str(Path(folder) / "book"),
            out=inner / "out",
            month=case.month,
            timezone=case.timezone,
            ambiguous=case.ambiguous,
            bare_numbers="international" if case.bare_international else "national",
            csv=True,
        )
        try:
            batch = run_batch(request)
        except SourceError:
            return None
        files = {name: (inner / "out" / name).read_bytes() for name in OUTPUTS}
        return files | {"reconciliation": batch.record["reconciliation"], "reasons": batch.record["reasons"]}


@examples(0.5)
@given(st.one_of(cases(), fair_use_cases(), channel_cases()), st.data())
def test_order_files_and_forms_change_nothing(case, data):
    with tempfile.TemporaryDirectory() as folder:
        case.write(folder)
        expected = outputs(case, folder, [("csv", case.rows)])
        count = data.draw(st.integers(1, 3), label="files")
        parts = [(data.draw(st.sampled_from(sorted(FORMS)), label="form"), []) for _ in range(count)]
        parts.append((data.draw(st.sampled_from(sorted(FORMS.keys() - TYPED)), label="form"), []))
        for row in data.draw(st.permutations(case.rows), label="order"):
            form, rows = parts[data.draw(st.integers(0, count))]
            (rows if fits(row, case, form) else parts[-1][1]).append(row)
        assert outputs(case, folder, parts) == expected


@examples(0.3)
@given(cases(), st.integers(1, 400), st.sampled_from(sorted(FORMS)))
def test_block_size_changes_nothing(case, size, form):
    """However a file is cut into blocks, each row is read the same, and each reject names its line."""
    case = case.with_rows([row for row in case.rows if fits(row, case, form)])

    def read(folder):
        path = Path(folder) / f"cdrs{FORMS[form]}"
        run = rate_by_core(case, folder, [CdrFile(path.name, path)])
        if run is None:
            return None
        results = run.results
        tables = (results.rated, results.unrated, results.findings, results.usage, results.occupancy)
        return run.counts, run.rejects, [rows_of(table) for table in tables]

    def small_blocks(stream):
        return blocks_of_lines(stream, size)

    with tempfile.TemporaryDirectory() as folder:
        write_rows(Path(folder) / f"cdrs{FORMS[form]}", case, case.rows, form)
        expected = read(folder)
        normal = (canonical_csv.blocks_of_lines, canonical_jsonl.blocks_of_lines, canonical_parquet.ROWS)
        try:
            canonical_csv.blocks_of_lines = canonical_jsonl.blocks_of_lines = small_blocks
            canonical_parquet.ROWS = size % 7 + 1
            found = read(folder)
        finally:
            canonical_csv.blocks_of_lines, canonical_jsonl.blocks_of_lines, canonical_parquet.ROWS = normal
    assert found == expected


# ------------------------------------------------------------------------------------------------ numbers


@examples(4)
@given(st.lists(wild_number_texts(), min_size=1, max_size=20), st.booleans())
def test_numbers_read_as_the_oracle_reads_them(texts, bare_international):
    bare_numbers = "international" if bare_international else "national"
    numbers = read_numbers(pa.array(texts, pa.string()), FRENCH_PLAN, bare_international)
    expected = [ORACLE_PLAN.read(text, bare_numbers) for text in texts]
    assert numbers.text.to_pylist() == [number.text for number in expected]
    assert (numbers.key > 0).tolist() == [number.is_plain for number in expected]
    assert numbers.readable.tolist() == [number.kind != "unreadable" for number in expected]


def longest_prefix(number, prefixes):
    """The longest prefix, by shortening the number digit by digit."""
    if number.startswith("+"):
        starts = [number[1:end] for end in range(len(number), 1, -1)]
    else:
        starts = ["FR:" + number, *(f"FR:{number[:end]}*" for end in range(len(number), 0, -1))]
    return next((start for start in starts if start in prefixes), None)


@examples(4)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(PREFIXES),
            st.from_regex(r"[1-4][0-4]{0,11}", fullmatch=True),
            st.from_regex(r"FR:[1-3][0-2]{0,5}\*?", fullmatch=True),
        ),
        max_size=12,
        unique=True,
    ),
    st.lists(
        st.one_of(
            st.sampled_from([f"+{digits}" for digits in FRENCH + FOREIGN if len(digits) > 6]),
            st.from_regex(r"\+[1-4][0-4]{6,14}", fullmatch=True).filter(
                lambda text: not text.startswith("+33")
            ),
            st.sampled_from([digits for digits in SHORT if len(digits) > 1]),
            st.from_regex(r"[1-3][0-2]{1,5}", fullmatch=True),
        ),
        min_size=1,
        max_size=12,
    ),
)
def test_longest_prefix_is_found_by_shortening(prefixes, numbers):
    spans = np.array([span_of_prefix(prefix) for prefix in prefixes], np.int64).reshape(-1, 2)
    starts, row = flatten(spans[:, 0], spans[:, 1], np.arange(len(prefixes)))
    keys = read_numbers(pa.array(numbers, pa.string()), FRENCH_PLAN).key
    at = np.searchsorted(starts, keys, "right") - 1
    found = np.where(at >= 0, row[np.maximum(at, 0)] if len(row) else -1, -1)
    names = [prefixes[i] if i >= 0 else None for i in found.tolist()]
    assert names == [longest_prefix(number, prefixes) for number in numbers]


# ----------------------------------------------------------------------------------------------- instants


def expected_instant(text, zone, ambiguous):
    """By datetime and zoneinfo; None for what is no instant."""
    try:
        return oracle.read_instant(text, ZoneInfo(zone), ambiguous)
    except ValueError:
        return None


@examples(2)
@given(st.data(), st.sampled_from(ZONES), st.sampled_from(["reject", "first", "second"]))
def test_instants_are_those_of_zoneinfo(data, zone, ambiguous):
    texts = data.draw(st.lists(instant_texts(ZoneInfo(zone)), min_size=1, max_size=12))
    wall, offset_given, good = parse(pa.array(texts, pa.string()))
    utc, twice, missing = resolve(wall, offset_given, Zone(zone), ambiguous)
    for index, text in enumerate(texts):
        wrong = not good[index] or twice[index] or missing[index]
        found = None if wrong or utc[index] == NONE else int(utc[index])
        assert found == expected_instant(text, zone, ambiguous), text


@examples(1)
@given(
    st.sampled_from(sorted({*ZONES, "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"})),
    st.lists(st.integers(0, 7_258_118_399), min_size=1, max_size=8),
)
def test_local_days_and_months_are_those_of_zoneinfo(zone, seconds):
    found = Zone(zone)
    instants = np.array(seconds, np.int64) * oracle.SECOND
    local = [
        (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)).astimezone(ZoneInfo(zone))
        for second in seconds
    ]
    assert found.months(instants).tolist() == [moment.year * 12 + moment.month - 1 for moment in local]
    epoch = datetime(1970, 1, 1).toordinal()
    assert found.days(instants).tolist() == [moment.toordinal() - epoch for moment in local]

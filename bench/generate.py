"""CDRs, accounts and a tariff book of any size for measurements: fixed seed, numbers drawn at random.

    python bench/generate.py 5000000 [--typed]

writes bench/data/book, and bench/data/5000000 with cdrs.parquet, cdrs.csv, accounts.yaml and trunks.csv (the
accounts as the peers read them). CDRs stand in the order in which a switch writes them, at release.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from tariff_book import NO_RATE_CODE, PREFIXES, Dialable, dialable, write_book

SEED = 20261001
START = 1_790_805_600  # 2026-10-01T00:00 in Paris
HOURS = 31 * 24 + 1
TO_WINTER = 24 * 24 + 3  # hours from the start to the end of summer time
CHUNK = 1_000_000
USERS = 40  # of a trunk, each with a number
FORWARDED_S = 600  # at most, twelve of them are within a user's allowance
DATA = Path(__file__).parent / "data"
PLANS = ("unlimited-fixed", "unlimited-fixed-mobile", "metered")
SHORT = ("15", "17", "18", "112")


def trunks_of(count: int) -> int:
    """How many trunks a month of so many calls has: one for ten thousand, at least ten."""
    return max(10, count // 10_000)


class Trunks:
    """What trunks are like; the first n are the same for every n."""

    def __init__(self, n: int) -> None:
        rng = np.random.default_rng([SEED, 1])
        drawn = rng.random((1 << 14, 3))[:n]
        self.n = n
        self.channels = 1 + (drawn[:, 0] * 10).astype(np.int64)
        self.correspondents = np.array([250, 2_000, 20_000])[(drawn[:, 1] * 3).astype(np.int64)]
        self.talk = np.array([0.4, 1.0, 2.0])[(drawn[:, 2] * 3).astype(np.int64)]
        self.plan = np.arange(n) % len(PLANS)


def cdrs(count: int, trunks: Trunks, typed: bool = False) -> Iterator[pa.Table]:
    """A month of calls in chunks: 45 % inbound, 12 % unanswered, a few forwarded legs, one source."""
    dial = dialable()
    hours = _hours()
    for first in range(0, count, CHUNK):
        size = min(CHUNK, count - first)
        yield _chunk(np.random.default_rng([SEED, 2, first]), first, size, count, trunks, dial, hours, typed)


def _chunk(
    rng: np.random.Generator,
    first: int,
    size: int,
    count: int,
    trunks: Trunks,
    dial: Dialable,
    hours: np.ndarray,
    typed: bool,
) -> pa.Table:
    share = (first + rng.random(size) * size) / count
    setup = (np.interp(share, hours, np.arange(HOURS + 1)) * 3_600_000).astype(np.int64) + START * 1000
    trunk = rng.integers(0, trunks.n, size)
    outbound, answered = rng.random(size) < 0.55, rng.random(size) < 0.88
    forwarded = outbound & (rng.random(size) < 0.004)
    talk = rng.lognormal(4.6, 1.1, size) * trunks.talk[trunk]
    talk = np.where(forwarded, talk.clip(0.5, FORWARDED_S), talk.clip(0.5, 14_400))
    answer = setup + rng.integers(1_000, 25_000, size)
    release = np.where(answered, answer + (talk * 1000).astype(np.int64), answer)
    order = np.argsort(release, kind="stable")
    setup, answer, release, trunk = setup[order], answer[order], release[order], trunk[order]
    outbound, answered, forwarded = outbound[order], answered[order], forwarded[order]
    user = trunk * USERS + rng.integers(0, USERS, size)
    which = (trunks.correspondents[trunk] * rng.random(size) ** 2.5).astype(np.int64)
    other = _correspondent(trunk, which, dial)
    a_number, b_number = _pick(outbound, _own(user), other), _pick(outbound, other, _own(user))
    a_number = _pick(~outbound & (rng.random(size) < 0.03), pa.repeat("anonymous", size), a_number)
    short = outbound & (rng.random(size) < 0.0005)
    b_number = _pick(short, pa.array(SHORT).take(pa.array(rng.integers(0, len(SHORT), size))), b_number)
    users = pa.array([f"u{i % USERS}@k{i // USERS}.example" for i in range(trunks.n * USERS)])
    empty = pa.repeat("", size)
    instant = _typed_instant if typed else _instant
    no_answer = pa.nulls(size, instant(answer[:1]).type) if typed else empty
    sip_code = np.where(answered, 200, 486).astype(np.int16)
    return pa.table(
        {
            "source": pa.repeat("gw1", size),
            "call_id": _call_ids(first + np.arange(size)),
            "trunk_id": pa.array([f"t{i}" for i in range(trunks.n)]).take(pa.array(trunk)),
            "direction": pa.array(["inbound", "outbound"]).take(pa.array(outbound.astype(np.int64))),
            "a_number": a_number,
            "b_number": b_number,
            "setup_time": instant(setup),
            "answer_time": _pick(answered, instant(answer), no_answer),
            "release_time": instant(release),
            "sip_code": pa.array(sip_code) if typed else pa.array(sip_code).cast(pa.string()),
            "user_id": users.take(pa.array(user)),
            "forwarded_by": _pick(forwarded, users.take(pa.array(user)), empty),
            "forward_type": _pick(forwarded, pa.repeat("unconditional", size), empty),
        }
    )


def _hours() -> np.ndarray:
    """Share of the month's calls before each hour: office hours on weekdays, little else."""
    passed = np.arange(HOURS)
    local = START // 3600 + np.where(passed < TO_WINTER, 2, 1) + passed
    weekday, hour = (local // 24 + 3) % 7, local % 24
    weight = np.where((hour >= 8) & (hour < 19), 1.0, 0.06) * np.where(weekday < 5, 1.0, 0.2)
    return np.append(0, np.cumsum(weight)) / weight.sum()


def mixed(value: np.ndarray) -> np.ndarray:
    """64 bits that look random, one to one (splitmix64)."""
    with np.errstate(over="ignore"):
        value = value.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return value ^ (value >> np.uint64(31))


def _correspondent(trunk: np.ndarray, which: np.ndarray, dial: Dialable) -> pa.Array:
    """Numbers that a trunk talks to: French fixed 50 %, mobile 33 %, abroad 14 %, free, shared, no rate."""
    bits = mixed(trunk * (1 << 20) + which)
    kind = (bits % np.uint64(10_000)).astype(np.int64)
    pick = (bits >> np.uint64(16)).astype(np.int64)
    rest = (mixed(bits) >> np.uint64(8)).astype(np.int64)
    group = np.searchsorted([5_000, 8_300, 9_700, 9_850, 9_995], kind, "right")
    number = np.zeros(len(trunk), np.int64)
    for i, (prefixes, digits) in enumerate((*dial.groups, (np.array([NO_RATE_CODE]), 12))):
        rows = np.flatnonzero(group == i)
        free = 10 ** (digits - np.char.str_len(prefixes.astype(str)).astype(np.int64))
        chosen = pick[rows] % len(prefixes)
        number[rows] = prefixes[chosen] * free[chosen] + rest[rows] % free[chosen]
    return _number(number)


def _own(user: np.ndarray) -> pa.Array:
    return _number(33_199_000_000 + user)


def _number(value: np.ndarray) -> pa.Array:
    """+ and digits."""
    return pc.binary_join_element_wise("+", pc.cast(pa.array(value), pa.string()), "")


def _pick(mask: np.ndarray, yes: pa.Array, no: pa.Array) -> pa.Array:
    return pc.if_else(pa.array(mask), yes, no)


def _fixed(characters: np.ndarray) -> pa.Array:
    """Rows of bytes, all of one length, as text."""
    n, width = characters.shape
    offsets = pa.py_buffer(np.arange(0, (n + 1) * width, width, dtype=np.int32))
    return pa.Array.from_buffers(
        pa.string(), n, [None, offsets, pa.py_buffer(np.ascontiguousarray(characters))]
    )


def _call_ids(row: np.ndarray) -> pa.Array:
    """Ids as 58fc3fd1a593@gw1: 48 bits, one to one with the row."""
    bits = np.uint64((1 << 48) - 1)
    with np.errstate(over="ignore"):
        value = ((row + 1).astype(np.uint64) * np.uint64(0x5DEECE66D)) & bits
        value = ((value ^ (value >> np.uint64(21))) * np.uint64(0xBF58476D1CE5)) & bits
    value ^= value >> np.uint64(23)
    out = np.empty((len(row), 16), np.uint8)
    hexes = np.frombuffer(b"0123456789abcdef", np.uint8)
    for i in range(12):
        out[:, i] = hexes[((value >> np.uint64(44 - 4 * i)) & np.uint64(15)).astype(np.int64)]
    out[:, 12:] = np.frombuffer(b"@gw1", np.uint8)
    return _fixed(out)


def _texts(texts: list[str]) -> np.ndarray:
    return np.array([list(text.encode()) for text in texts], np.uint8)


_CLOCK = _texts([f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(86_400)])
_MILLI = _texts([f".{ms:03}Z" for ms in range(1000)])


def _instant(milliseconds: np.ndarray) -> pa.Array:
    """2026-10-01T00:00:00.000Z."""
    out = np.empty((len(milliseconds), 24), np.uint8)
    day = milliseconds // 86_400_000
    first = int(day.min())
    days = np.arange(first, int(day.max()) + 1).astype("M8[D]").astype(str)
    out[:, :11] = _texts([text + "T" for text in days.tolist()])[day - first]
    out[:, 11:19] = _CLOCK[milliseconds // 1000 % 86_400]
    out[:, 19:] = _MILLI[milliseconds % 1000]
    return _fixed(out)


def _typed_instant(milliseconds: np.ndarray) -> pa.Array:
    return pa.array(milliseconds).cast(pa.timestamp("ms", "UTC"))


def accounts(trunks: Trunks) -> str:
    """An accounts file for the trunks."""
    lines = ["customers:"]
    for i in range(trunks.n):
        low = 33_199_000_000 + i * USERS
        lines.append(f"  - {{id: k{i}, numbers: ['+{low}..+{low + USERS - 1}']}}")
    lines.append("trunks:")
    for i, (channels, plan) in enumerate(zip(trunks.channels.tolist(), trunks.plan.tolist(), strict=True)):
        lines.append(f"  - {{id: t{i}, customer: k{i}, channels: {channels}, plan: {PLANS[plan]}}}")
    return "\n".join(lines) + "\n"


def _trunks_csv(trunks: Trunks) -> str:
    lines = ["trunk_id,customer_id,channels,plan"]
    for i, (channels, plan) in enumerate(zip(trunks.channels.tolist(), trunks.plan.tolist(), strict=True)):
        lines.append(f"t{i},k{i},{channels},{PLANS[plan]}")
    return "\n".join(lines) + "\n"


def book(prefixes: int = PREFIXES) -> Path:
    """The book's folder, written where it is not there or not of this generator."""
    folder = DATA / ("book" if prefixes == PREFIXES else f"book-{prefixes}")
    if not _is_fresh(folder):
        _clear(folder)
        write_book(folder, prefixes)
        _stamp(folder)
    return folder


def month(count: int, wanted: tuple[str, ...] = ("parquet",), typed: bool = False) -> Path:
    """The folder of a month of CDRs, written where it is not there or not of this generator.

    wanted : "parquet", "csv"
    """
    folder = DATA / (f"{count}-typed" if typed else str(count))
    if not _is_fresh(folder):
        _clear(folder)
    missing = [kind for kind in wanted if not (folder / f"cdrs.{kind}").exists()]
    if missing:
        _write(folder, count, missing, typed)
        _stamp(folder)
    return folder


def _write(folder: Path, count: int, kinds: list[str], typed: bool) -> None:
    trunks = Trunks(trunks_of(count))
    (folder / "accounts.yaml").write_text(accounts(trunks), encoding="utf-8")
    (folder / "trunks.csv").write_text(_trunks_csv(trunks), encoding="utf-8")
    writers: dict[str, pq.ParquetWriter | pa_csv.CSVWriter] = {}
    for table in cdrs(count, trunks, typed):
        for kind in kinds:
            path = folder / f"part.{kind}"
            if kind not in writers and kind == "csv":
                options = pa_csv.WriteOptions(quoting_style="none")
                writers[kind] = pa_csv.CSVWriter(path, table.schema, write_options=options)
            elif kind not in writers:
                writers[kind] = pq.ParquetWriter(path, table.schema)
            writers[kind].write_table(table)
    for kind, writer in writers.items():
        writer.close()
        (folder / f"part.{kind}").rename(folder / f"cdrs.{kind}")


def _version() -> str:
    here = Path(__file__).parent
    return hashlib.sha256(
        b"".join((here / n).read_bytes() for n in ("generate.py", "tariff_book.py"))
    ).hexdigest()


def _is_fresh(folder: Path) -> bool:
    stamp = folder / ".version"
    return stamp.exists() and stamp.read_text() == _version()


def _stamp(folder: Path) -> None:
    (folder / ".version").write_text(_version())


def _clear(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--typed", action="store_true", help="times as timestamps, sip_code as int")
    given = parser.parse_args()
    print(book())
    print(month(given.count, ("parquet",) if given.typed else ("parquet", "csv"), given.typed))

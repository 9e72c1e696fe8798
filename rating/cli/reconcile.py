"""`trunkrate reconcile`: two sources of the same calls held against each other."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from rating.cli.exits import DONE, LOOK, say, stop

if TYPE_CHECKING:
    from rating.accounts import Accounts
    from rating.arrays import Ints
    from rating.reconcile import Legs, Reconciled
    from rating.schema import Calls
    from rating.sources.block import Options
    from rating.sources.files import CdrFile
    from rating.sources.reading import InputFile

SHOWN = 20
SECONDS = click.IntRange(0, 86_400)


@dataclass(frozen=True)
class Side:
    """One source: its files, its legs as they were read and as they are matched, and what is no leg."""

    files: list[InputFile]
    calls: Calls
    legs: Legs
    rejects: list[tuple[str, int, str, str]]
    duplicates: int

    @property
    def rows(self) -> int:
        return sum(entry.rows for entry in self.files)

    @property
    def not_a_call(self) -> int:
        return sum(entry.not_a_call for entry in self.files)


@click.command("reconcile")
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@click.option("--accounts", required=True, metavar="FILE", help="Customers, trunks, numbers.")
@click.option("--seconds", type=SECONDS, default=5, show_default=True, metavar="N", help="Time apart.")
@click.option(
    "--inbound-seconds",
    type=SECONDS,
    default=30,
    show_default=True,
    metavar="N",
    help="Time and duration apart, inbound: Teams starts these legs before the answer.",
)
@click.option(
    "--duration-seconds", type=SECONDS, default=2, show_default=True, metavar="N", help="Duration apart."
)
@click.option("--timezone", default="Europe/Paris", show_default=True, help="Of times without offset.")
@click.option(
    "--ambiguous", type=click.Choice(["reject", "first", "second"]), default="reject", show_default=True
)
@click.option("--encoding", type=click.Choice(["utf-8", "latin-1"]), default="utf-8", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: every leg.")
def reconcile_command(
    one: str,
    other: str,
    accounts: str,
    seconds: int,
    inbound_seconds: int,
    duration_seconds: int,
    timezone: str,
    ambiguous: str,
    encoding: str,
    as_json: bool,
) -> None:
    """Hold two sources of the same calls against each other: A and B are files or folders of any format.

    Legs are matched one to one on trunk, direction, numbers (a masked one matches all that it may be), time
    and duration, never on ids.

    \b
    Exit status: 0 all matched and equal; 1 differences, rejects or warnings; 2 nothing done.
    Example: trunkrate reconcile graph/ sbc.log --accounts accounts.yaml
    """
    from rating.accounts_file import load_accounts
    from rating.errors import TrunkrateError, UsageError
    from rating.reconcile import COMPARED, Tolerance, reconcile
    from rating.sources.block import Options
    from rating.sources.files import forget
    from rating.zone import named_zone

    files: list[CdrFile] = []
    try:
        options = Options(named_zone(timezone), ambiguous, encoding)
        known = load_accounts(accounts, None)
        groups = _files(one, other, files)
        a, b = (_side(group, options, known) for group in groups)
        if not (len(a.legs) or len(b.legs) or a.rejects or b.rejects):
            raise UsageError(
                f"{one}, {other}: hold no call leg; expected CDRs.",
                "RECONCILE-NONE",
            )
    except TrunkrateError as error:
        stop(error, COMPARED.stopped)
    finally:
        forget(files)
    found = reconcile(a.legs, b.legs, Tolerance(seconds, inbound_seconds, duration_seconds))
    for side, only in ((a, found.only_a), (b, found.only_b)):
        _check(side, len(found.a), len(only))
    warnings = [warning for side in (a, b) for entry in side.files for warning in entry.warnings]
    if as_json:
        import json

        say(json.dumps(_report(a, b, found, known, warnings), indent=2, ensure_ascii=False))
    else:
        for text in [*warnings, *_reject_lines(a), *_reject_lines(b)]:
            click.echo(text, err=True)
        say("\n".join(_lines(a, b, found, known)))
    clean = not (len(found.only_a) or len(found.only_b) or found.differs.any())
    sys.exit(DONE if clean and not (a.rejects or b.rejects or warnings) else LOOK)


def _files(one: str, other: str, opened: list[CdrFile]) -> list[list[CdrFile]]:
    """Files of both sides; one file cannot be held against itself."""
    from rating.errors import UsageError
    from rating.sources.files import expand
    from rating.sources.readers import is_foreign

    groups: list[list[CdrFile]] = []
    for name in (one, other):
        if groups and name == one:
            break
        groups.append(expand([name], is_foreign)[0])
        opened += groups[-1]
    places = [{file.path.resolve() for file in group} for group in groups]
    shared = sorted(str(path) for path in set.intersection(*places))
    if len(groups) == 1 or shared:
        raise UsageError(
            f"{shared[0] if shared else other}: is on both sides; expected two sources.",
            "RECONCILE-SAME",
        )
    return groups


def _side(files: list[CdrFile], options: Options, accounts: Accounts) -> Side:
    """Read, place on trunks and lay out one side."""
    import numpy as np
    import pyarrow.compute as pc

    from rating.arrays import codes
    from rating.numbering import load_plan
    from rating.placing import answered_seconds, find_repeats, place
    from rating.reconcile import COMPARED, Legs
    from rating.sources.reading import read_files

    reading = read_files(files, options)
    plan = load_plan("FR")
    placed, unplaced = place(reading.calls, reading.files, accounts, plan, options.bare_international)
    duplicate, conflict, conflicts = find_repeats(placed, reading.files)
    placed = placed.take(np.flatnonzero(~(duplicate | conflict)))
    calls = placed.calls
    a, b = codes(calls.a_text), codes(calls.b_text)
    source = calls.source.dictionary_decode()
    legs = Legs(
        trunk=placed.trunk,
        inbound=~calls.outbound,
        setup=calls.setup,
        answer=calls.answer,
        release=calls.release,
        duration_s=answered_seconds(calls),
        a_low=placed.a_values.low[a],
        a_high=placed.a_values.high[a],
        b_low=placed.b_values.low[b],
        b_high=placed.b_values.high[b],
        id=pc.binary_join_element_wise(source, calls.call_id, "\n"),
    )
    names = [entry.name for entry in reading.files]
    rejects = []
    for reject in sorted([*reading.rejects, *unplaced, *conflicts]):
        rejects.append((names[reject.file], reject.line, reject.code, reject.told(COMPARED)))
    return Side(reading.files, calls, legs, rejects, int(duplicate.sum()))


def _check(side: Side, matched: int, only: int) -> None:
    """Nothing is lost (SPEC 2)."""
    parts = (matched, only, len(side.rejects), side.duplicates, side.not_a_call)
    if side.rows != sum(parts):
        raise AssertionError(f"{side.rows} rows read, but (matched, only, rejected, …) = {parts}")


# --- what is printed


def _totals(side: Side, matched: int, only: Ints) -> dict[str, Any]:
    from rating.arrays import exact_sum

    return {
        "files": [{"name": entry.name, "format": entry.format, "rows": entry.rows} for entry in side.files],
        "rows": side.rows,
        "legs": len(side.legs),
        "seconds": exact_sum(side.legs.duration_s),
        "matched": matched,
        "only": len(only),
        "only_seconds": exact_sum(side.legs.duration_s[only]),
        "rejected": len(side.rejects),
        "duplicates": side.duplicates,
        "not_a_call": side.not_a_call,
    }


def _by_trunk(a: Side, b: Side, found: Reconciled, accounts: Accounts) -> list[dict[str, Any]]:
    """Counts of each trunk that has a leg."""
    import numpy as np

    def total(trunk: Ints, weight: Any = 1) -> list[int]:
        sums = np.zeros(len(accounts.trunks), np.int64)
        np.add.at(sums, trunk, weight)
        return sums.tolist()

    columns = {
        "trunk_id": [trunk.id for trunk in accounts.trunks],
        "legs_a": total(a.legs.trunk),
        "seconds_a": total(a.legs.trunk, a.legs.duration_s),
        "legs_b": total(b.legs.trunk),
        "seconds_b": total(b.legs.trunk, b.legs.duration_s),
        "matched": total(a.legs.trunk[found.a]),
        "different": total(a.legs.trunk[found.a[found.differs]]),
        "only_in_a": total(a.legs.trunk[found.only_a]),
        "only_in_b": total(b.legs.trunk[found.only_b]),
    }
    lines = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return [line for line in lines if line["legs_a"] or line["legs_b"]]


def _legs(side: Side, rows: Ints, accounts: Accounts) -> list[dict[str, Any]]:
    """Some legs as records, in the given order."""
    import pyarrow as pa

    from rating.arrays import NONE
    from rating.export.tables import instant_texts
    from rating.schema import DIRECTIONS, INSTANT

    part = side.calls.take(rows)
    times = [
        instant_texts(pa.array(column, pa.int64(), mask=column == NONE).cast(INSTANT)).to_pylist()
        for column in (part.setup, part.answer, part.release)
    ]
    columns = {
        "file": [side.files[index].name for index in part.file.tolist()],
        "line": part.line.tolist(),
        "source": part.source.to_pylist(),
        "call_id": part.call_id.to_pylist(),
        "trunk_id": [accounts.trunks[index].id for index in side.legs.trunk[rows].tolist()],
        "direction": [DIRECTIONS[index] for index in part.direction.tolist()],
        "a_number": part.a_text.to_pylist(),
        "b_number": part.b_text.to_pylist(),
        "setup_time": times[0],
        "answer_time": times[1],
        "release_time": times[2],
        "duration_s": side.legs.duration_s[rows].tolist(),
    }
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _pairs(a: Side, b: Side, found: Reconciled, pairs: Ints, accounts: Accounts) -> list[dict[str, Any]]:
    """Some matched pairs, with what differs."""
    left, right = _legs(a, found.a[pairs], accounts), _legs(b, found.b[pairs], accounts)
    duration, answer = found.duration_differs[pairs].tolist(), found.answer_differs[pairs].tolist()
    return [
        {"differs": [*(["duration"] if late else []), *(["answered"] if open_ else [])], "a": one, "b": other}
        for one, other, late, open_ in zip(left, right, duration, answer, strict=True)
    ]


def _report(a: Side, b: Side, found: Reconciled, accounts: Accounts, warnings: list[str]) -> dict[str, Any]:
    import numpy as np

    matched = len(found.a)
    fields = ("file", "line", "code", "message")
    return {
        "a": _totals(a, matched, found.only_a),
        "b": _totals(b, matched, found.only_b),
        "matched": matched,
        "different": int(found.differs.sum()),
        "by_trunk": _by_trunk(a, b, found, accounts),
        "pairs": _pairs(a, b, found, np.arange(matched), accounts),
        "only_in_a": _legs(a, found.only_a, accounts),
        "only_in_b": _legs(b, found.only_b, accounts),
        "rejects": [
            {"side": name, **dict(zip(fields, reject, strict=True))}
            for name, side in (("a", a), ("b", b))
            for reject in side.rejects
        ],
        "warnings": warnings,
    }


def _reject_lines(side: Side) -> list[str]:
    lines = [message for _, _, _, message in side.rejects[:SHOWN]]
    return lines + ([f"and {len(side.rejects) - SHOWN} more"] if len(side.rejects) > SHOWN else [])


def _lines(a: Side, b: Side, found: Reconciled, accounts: Accounts) -> list[str]:
    """What a person reads."""
    import numpy as np

    matched = len(found.a)
    lines = []
    for name, side, only in (("A", a, found.only_a), ("B", b, found.only_b)):
        total = _totals(side, matched, only)
        more = f" + {total['duplicates']:,} duplicates" if side.duplicates else ""
        more += f" + {total['not_a_call']:,} no call legs" if side.not_a_call else ""
        lines.append(
            f"{name}: {total['rows']:,} rows = {matched:,} matched + {len(only):,} only in {name} "
            f"+ {len(side.rejects):,} rejected{more}; {total['legs']:,} legs, {total['seconds']:,} s"
        )
    lines.append(f"{matched:,} matched, {int(found.differs.sum()):,} of them different")
    heads = ("trunk", "legs A", "s A", "legs B", "s B", "matched", "different", "only A", "only B")
    counts = [[str(value) for value in line.values()] for line in _by_trunk(a, b, found, accounts)]
    lines += ["", *_table(heads, counts)]
    different = np.flatnonzero(found.differs)
    if len(different):
        rows = []
        for pair in _pairs(a, b, found, different[:SHOWN], accounts):
            why = " and ".join(pair["differs"])
            rows += [[*_cells(pair["a"]), f"A: {why}"], [*_cells(pair["b"]), "B"]]
        lines += ["", f"Different: {len(different):,}", *_table((*LEG, ""), rows), *_rest(different)]
    for name, side, only in (("A", a, found.only_a), ("B", b, found.only_b)):
        if len(only):
            rows = [_cells(leg) for leg in _legs(side, only[:SHOWN], accounts)]
            lines += ["", f"Only in {name}: {len(only):,}", *_table(LEG, rows), *_rest(only)]
    return lines


LEG = ("trunk", "direction", "time", "a_number", "b_number", "s", "where")


def _cells(leg: dict[str, Any]) -> list[str]:
    from rating.errors import quoted

    time = leg["answer_time"] or f"{leg['setup_time']} not answered"
    numbers = [quoted(leg[name], 24)[1:-1] for name in ("a_number", "b_number")]
    place = f"{leg['file']}:{leg['line']}"
    return [leg["trunk_id"], leg["direction"], time, *numbers, str(leg["duration_s"]), place]


def _rest(rows: Ints) -> list[str]:
    return [f"and {len(rows) - SHOWN:,} more: --json lists all"] if len(rows) > SHOWN else []


def _table(heads: tuple[str, ...], rows: list[list[str]]) -> list[str]:
    """Columns in line, numbers to the right."""
    whole = [list(heads), *rows]
    width = [max(len(row[i]) for row in whole) for i in range(len(heads))]
    right = [
        bool(rows) and all(row[i].isascii() and row[i].isdigit() for row in rows) for i in range(len(heads))
    ]
    return [
        "  ".join(
            cell.rjust(size) if to_right else cell.ljust(size)
            for cell, size, to_right in zip(row, width, right, strict=True)
        ).rstrip()
        for row in whole
    ]

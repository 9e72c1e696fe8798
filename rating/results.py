"""Stage 8: results as tables with the columns of the files (SPEC 12)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rating.accounts import NO_CAP, Accounts
from rating.arrays import (
    NONE,
    AnyArray,
    Bools,
    Ints,
    codes,
    exact_sum,
    exact_sums,
    join,
    recode,
    runs,
    texts,
    used_codes,
)
from rating.caps import Channels
from rating.channel_usage import Usages
from rating.classify import Classified, destination_texts
from rating.fair_use import Limited, LimitUse
from rating.money import DECIMALS, decimal_array
from rating.numbering import Numbers
from rating.placing import Placed
from rating.price import Priced
from rating.reasons import INBOUND, NO_RATE, NOT_ANSWERED, REASONS
from rating.schema import (
    CDR_SCHEMA,
    DIRECTIONS,
    FORWARD_TYPES,
    INSTANT,
    LIMITS_SCHEMA,
    OCCUPANCY_SCHEMA,
    Calls,
    findings_schema,
    rated_schema,
    usage_schema,
)
from rating.sites import NO_SITE
from rating.tariffs.book import TariffBook
from rating.tariffs.plans import MODES
from rating.zone import instant_text, month_text

SHARE_DECIMALS = 4

FEW = 256
"""Rows left out of a table below which the rest is not copied."""

_Uses = tuple[dict[str, AnyArray], list[str], Ints]
"""Uses of limits as columns, their subjects, and the order of the files."""


@dataclass
class Results:
    """Tables of a portion or a run, and the figures that the summary needs.

    rated : texts are dictionary-encoded where they repeat
    file, is_rated : input of each call and whether it has a price, shape (calls,)
    by_reason : reason -> calls, seconds, billed seconds, amount (units of 10**-amount_decimals)
    suspensions : plan suspensions that breaches propose
    least : limits measured from below only, since some numbers are masked or unreadable
    """

    rated: pa.Table
    unrated: pa.Table
    findings: pa.Table
    usage: pa.Table
    occupancy: pa.Table
    limits: pa.Table
    file: Ints
    is_rated: Bools
    by_reason: dict[str, dict[str, int]]
    suspensions: list[dict[str, str]]
    least: list[dict[str, Any]]

    def without_calls(self) -> Results:
        """The same without the tables of calls, once they are written."""
        none = np.zeros(0, np.int64)
        rated, unrated = self.rated.schema.empty_table(), self.unrated.schema.empty_table()
        return replace(self, rated=rated, unrated=unrated, file=none, is_rated=none.astype(bool))


def joined(parts: list[Results], book: TariffBook) -> Results:
    """Results of portions, one after the other, texts plain."""
    by_reason: dict[str, dict[str, int]] = {}
    for part in parts:
        for name, figures in part.by_reason.items():
            total = by_reason.setdefault(name, dict.fromkeys(figures, 0))
            for figure, value in figures.items():
                total[figure] += value
    schema = rated_schema(book.amount_decimals)
    return Results(
        rated=pa.concat_tables([part.rated.cast(schema) for part in parts]),
        unrated=pa.concat_tables([part.unrated for part in parts]),
        findings=pa.concat_tables([part.findings for part in parts]),
        usage=pa.concat_tables([part.usage for part in parts]),
        occupancy=pa.concat_tables([part.occupancy for part in parts]),
        limits=pa.concat_tables([part.limits for part in parts]),
        file=np.concatenate([part.file for part in parts]),
        is_rated=np.concatenate([part.is_rated for part in parts]),
        by_reason=by_reason,
        suspensions=[found for part in parts for found in part.suspensions],
        least=[found for part in parts for found in part.least],
    )


def results_of(
    calls: Classified,
    channels: Channels,
    limited: Limited,
    priced: Priced,
    duration_s: Ints,
    included_s: Ints,
    book: TariffBook,
    accounts: Accounts,
) -> Results:
    """Lay out a run's results."""
    placed = calls.placed
    is_rated = limited.reason != NO_RATE
    table = _rated_table(calls, channels, limited, priced, duration_s, included_s, book, accounts)
    uses = _ordered_uses(calls, limited.uses)
    findings, suspensions = _findings(calls, limited, uses, priced.amount, book, accounts)
    return Results(
        rated=_kept(table, is_rated),
        unrated=_unrated(placed, np.flatnonzero(~is_rated), accounts),
        findings=findings,
        usage=_usage(calls, channels, limited, priced.amount, duration_s, included_s, book, accounts),
        occupancy=occupancy_table(channels, accounts),
        limits=_limits(calls, uses, accounts),
        file=placed.calls.file,
        is_rated=is_rated,
        by_reason=_by_reason(limited, priced.amount, duration_s),
        suspensions=suspensions,
        least=_least(calls, uses, accounts),
    )


def _kept(table: pa.Table, mask: Bools) -> pa.Table:
    """Some rows of a table: where few are left out, what stands between them, not copied."""
    left_out = np.flatnonzero(~mask)
    if not len(left_out):
        return table
    if len(left_out) > FEW:
        return table.filter(pa.array(mask))
    starts, ends = np.append(0, left_out + 1).tolist(), np.append(left_out, len(mask)).tolist()
    return pa.concat_tables(
        [table.slice(start, end - start) for start, end in zip(starts, ends, strict=True) if end > start]
        or [table.slice(0, 0)]
    )


def _names(values: list[str], index: AnyArray) -> pa.Array:
    """values[index] as text; -1 is empty."""
    column = pa.array([*values, ""], pa.string())
    return column.take(pa.array(np.where(index < 0, len(values), index)))


def _coded(values: list[str] | pa.Array, index: AnyArray) -> pa.DictionaryArray:
    """values[index] with a dictionary of those that occur, in the order of `values`; -1 is empty.

    Each text stands in the dictionary once: of others, pyarrow writes Parquet that differs from run to run.
    """
    column = pa.array([*values, ""], pa.string()) if isinstance(values, list) else join([values, texts([""])])
    used, place = used_codes(index, len(column))
    named = column.take(pa.array(used)).dictionary_encode()
    return recode(codes(named)[place[index]], named.dictionary)


def _by_appearance(column: pa.DictionaryArray) -> pa.DictionaryArray:
    """The same texts with a dictionary of those that occur, in the order of the rows: the same rows
    give the same bytes, however they were read."""
    code, size = codes(column), len(column.dictionary)
    first = np.full(size, len(code))
    first[code[::-1]] = np.arange(len(code))[::-1]
    order = np.argsort(first)[: int((first < len(code)).sum())]
    place = np.empty(size, np.int64)
    place[order] = np.arange(len(order))
    return recode(place[code], column.dictionary.take(pa.array(order)))


def _instants(values: Ints) -> pa.Array:
    return pa.array(values, pa.int64(), mask=values == NONE).cast(INSTANT)


def _months(month: Ints) -> pa.Array:
    return _coded_months(month).dictionary_decode()


def _coded_months(month: Ints) -> pa.DictionaryArray:
    if not len(month):
        return _coded([], month)
    first = int(month.min())
    return _coded([month_text(value) for value in range(first, int(month.max()) + 1)], month - first)


def _number_texts(column: pa.DictionaryArray, numbers: Numbers) -> pa.DictionaryArray:
    """Numbers as results show them."""
    if numbers.as_dialled.all():
        return _by_appearance(column)
    shown = numbers.text.dictionary_encode()
    return _by_appearance(recode(codes(shown)[codes(column)], shown.dictionary))


def _rated_table(
    calls: Classified,
    channels: Channels,
    limited: Limited,
    priced: Priced,
    duration_s: Ints,
    included_s: Ints,
    book: TariffBook,
    accounts: Accounts,
) -> pa.Table:
    placed, cdr, n = calls.placed, calls.placed.calls, len(calls.month)
    customer = np.array([trunk.customer for trunk in accounts.trunks], np.int64)
    schema = rated_schema(book.amount_decimals)
    plan = np.where(np.isin(limited.reason, [NOT_ANSWERED, INBOUND]), -1, calls.plan)
    once = np.zeros(n, np.int64)
    columns: dict[str, Any] = {
        "source": _by_appearance(cdr.source),
        "call_id": cdr.call_id,
        "trunk_id": _coded([trunk.id for trunk in accounts.trunks], placed.trunk),
        "customer_id": _coded([found.id for found in accounts.customers], customer[placed.trunk]),
        "site_id": _coded(channels.sites.names, channels.site),
        "month": _coded_months(calls.month),
        "direction": _coded(list(DIRECTIONS), np.where(cdr.outbound, 0, 1)),
        "a_number": _number_texts(cdr.a_text, placed.a_values),
        "b_number": _number_texts(cdr.b_text, placed.b_values),
        "b_dialled": _by_appearance(cdr.b_text),
        "setup_time": _instants(cdr.setup),
        "answer_time": _instants(cdr.answer),
        "release_time": _instants(cdr.release),
        "duration_s": duration_s,
        **destination_texts(book, calls.base),
        "plan": _coded([found.name for found in calls.plans], plan),
        "reason": _coded(list(REASONS), limited.reason),
        "included_s": included_s,
        "billed_s": limited.billed_s,
        "billable_s": priced.billable_s,
        "price_per_minute": decimal_array(np.maximum(priced.price, 0), DECIMALS, priced.price < 0),
        "amount": decimal_array(priced.amount, book.amount_decimals),
        "currency": _coded([book.currency], once),
        "over_cap": channels.over_cap,
        "user_id": _by_appearance(cdr.user_id),
        "forwarded_by": _by_appearance(cdr.forwarded_by),
        "forward_type": _coded(list(FORWARD_TYPES), cdr.forward_type),
        "sip_code": cdr.sip_code,
        "end_reason": _by_appearance(cdr.end_reason),
        "tariff_version": _coded([book.version], once),
    }
    return pa.table([columns[name] for name in schema.names], names=schema.names)


def _unrated(placed: Placed, rows: Ints, accounts: Accounts) -> pa.Table:
    trunk = _names([trunk.id for trunk in accounts.trunks], placed.trunk[rows])
    return cdr_table(placed.calls.take(rows), trunk)


def cdr_table(cdr: Calls, trunk: pa.Array) -> pa.Table:
    """Calls in canonical columns, as they were; `trunk` is the id of each."""
    columns: dict[str, Any] = {
        "source": cdr.source.dictionary_decode(),
        "call_id": cdr.call_id,
        "trunk_id": trunk,
        "direction": _names(list(DIRECTIONS), cdr.direction),
        "a_number": cdr.a_text.dictionary_decode(),
        "b_number": cdr.b_text.dictionary_decode(),
        "setup_time": _instants(cdr.setup),
        "answer_time": _instants(cdr.answer),
        "release_time": _instants(cdr.release),
        "sip_code": cdr.sip_code,
        "alert_time": _instants(cdr.alert),
        "user_id": cdr.user_id.dictionary_decode(),
        "forwarded_by": cdr.forwarded_by.dictionary_decode(),
        "forward_type": _names(list(FORWARD_TYPES), cdr.forward_type),
        "end_reason": cdr.end_reason.dictionary_decode(),
    }
    return pa.table([columns[name] for name in CDR_SCHEMA.names], schema=CDR_SCHEMA)


def _by_reason(limited: Limited, amount: Ints, duration_s: Ints) -> dict[str, dict[str, int]]:
    reason, size = limited.reason, len(REASONS)
    calls = np.bincount(reason, minlength=size).tolist()
    seconds, billed, amounts = (
        exact_sums(values, reason, size) for values in (duration_s, limited.billed_s, amount)
    )
    return {
        name: {"calls": calls[i], "seconds": seconds[i], "billed_s": billed[i], "amount": amounts[i]}
        for i, name in enumerate(REASONS)
    }


def _ordered_uses(calls: Classified, uses: list[LimitUse]) -> _Uses:
    """Every use of every limit as columns, in (trunk, month, plan, place, subject) order."""
    by_name = [found.name for found in calls.plans]
    plan_rank = np.argsort(np.argsort(np.array(by_name)))
    columns: dict[str, list[AnyArray]] = {}
    subjects: list[str] = []
    for number, use in enumerate(uses):
        size = len(use.trunk)
        subjects += use.subject
        for name, value in (
            ("use", np.full(size, number)),
            ("group", np.arange(size)),
            ("plan", np.full(size, plan_rank[use.plan])),
            ("plan_index", np.full(size, use.plan)),
            ("place", np.full(size, use.place)),
            ("reason", np.full(size, use.reason)),
            ("trunk", use.trunk),
            ("month", use.month),
            ("limit", use.limit),
            ("measured", use.measured),
            ("crossing", use.crossing),
            ("at", use.at),
            ("mode", use.mode),
            ("hidden", use.hidden),
        ):
            columns.setdefault(name, []).append(value)
    joined = {name: np.concatenate(parts).astype(np.int64) for name, parts in columns.items()}
    if not joined:
        return {}, [], np.zeros(0, np.int64)
    encoded = pa.array(subjects, pa.string())
    rank = pc.rank(encoded, sort_keys="ascending", tiebreaker="min").to_numpy(zero_copy_only=False)
    order = np.lexsort((rank, joined["place"], joined["plan"], joined["month"], joined["trunk"]))
    return joined, subjects, order


def _limits(calls: Classified, uses: _Uses, accounts: Accounts) -> pa.Table:
    columns, subjects, order = uses
    if columns:
        order = order[columns["measured"][order] > 0]
    if not len(order):
        return LIMITS_SCHEMA.empty_table()
    limit, measured = columns["limit"][order], columns["measured"][order]
    scaled = np.maximum(limit, 1)
    share = (measured // scaled) * 10**SHARE_DECIMALS + round_half_up_ratio(measured % scaled, scaled)
    return pa.table(
        [
            _names([trunk.id for trunk in accounts.trunks], columns["trunk"][order]),
            _months(columns["month"][order]),
            _names([found.name for found in calls.plans], columns["plan_index"][order]),
            _names(list(REASONS), columns["reason"][order]),
            pa.array([subjects[i] for i in order.tolist()], pa.string()),
            limit,
            measured,
            decimal_array(share, SHARE_DECIMALS, limit == 0),
            columns["crossing"][order] >= 0,
        ],
        schema=LIMITS_SCHEMA,
    )


def round_half_up_ratio(part: Ints, whole: Ints) -> Ints:
    """part / whole in units of 10**-SHARE_DECIMALS, ties up; part < whole."""
    scaled = part * 10**SHARE_DECIMALS
    quotient, rest = scaled // whole, scaled % whole
    return quotient + (rest >= whole - rest)


def _findings(
    calls: Classified, limited: Limited, uses: _Uses, amount: Ints, book: TariffBook, accounts: Accounts
) -> tuple[pa.Table, list[dict[str, str]]]:
    schema = findings_schema(book.amount_decimals)
    columns, subjects, order = uses
    if columns:
        order = order[columns["crossing"][order] >= 0]
    if not len(order):
        return schema.empty_table(), []
    sums = amount_by_use(limited, amount)
    crossing = columns["crossing"][order]
    amounts = [
        sums.get((use, group), 0)
        for use, group in zip(columns["use"][order].tolist(), columns["group"][order].tolist(), strict=True)
    ]
    table = pa.table(
        [
            _names([trunk.id for trunk in accounts.trunks], columns["trunk"][order]),
            _months(columns["month"][order]),
            _names(list(REASONS), columns["reason"][order]),
            pa.array([subjects[i] for i in order.tolist()], pa.string()),
            columns["limit"][order],
            columns["measured"][order],
            calls.placed.calls.call_id.take(pa.array(crossing)),
            _instants(columns["at"][order]),
            _names(list(MODES), columns["mode"][order]),
            decimal_array(np.array(amounts, np.int64), book.amount_decimals),
        ],
        schema=schema,
    )
    proposed = [i for i, use in enumerate(columns["use"][order]) if limited.uses[int(use)].suspend_plan]
    kept = ("trunk_id", "month", "reason", "subject", "call_id")
    suspensions = [
        {
            **{name: table[name][i].as_py() for name in kept},
            "from": instant_text(int(columns["at"][order[i]])),
        }
        for i in proposed
    ]
    return table, suspensions


def _least(calls: Classified, uses: _Uses, accounts: Accounts) -> list[dict[str, Any]]:
    """Uses of limits that are only known from below (SPEC 6.2: masked numbers are not counted)."""
    columns, subjects, order = uses
    found = []
    for i in order[columns["hidden"][order] > 0].tolist() if columns else []:
        found.append(
            {
                "trunk_id": accounts.trunks[int(columns["trunk"][i])].id,
                "month": month_text(int(columns["month"][i])),
                "plan": calls.plans[int(columns["plan_index"][i])].name,
                "reason": REASONS[int(columns["reason"][i])],
                "subject": subjects[i],
                "measured": int(columns["measured"][i]),
                "calls_not_counted": int(columns["hidden"][i]),
            }
        )
    return found


def amount_by_use(limited: Limited, amount: Ints) -> dict[tuple[int, int], int]:
    """Amount of the calls that each use of a limit billed first."""
    rows = np.flatnonzero(limited.use >= 0)
    order = rows[np.lexsort((limited.subject[rows], limited.use[rows]))]
    bounds = runs(limited.use[order], limited.subject[order])
    return {
        (int(limited.use[order[start]]), int(limited.subject[order[start]])): exact_sum(
            amount[order[start:end]]
        )
        for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
    }


def _usage(
    calls: Classified,
    channels: Channels,
    limited: Limited,
    amount: Ints,
    duration_s: Ints,
    included_s: Ints,
    book: TariffBook,
    accounts: Accounts,
) -> pa.Table:
    """One row per trunk and month."""
    schema = usage_schema(book.amount_decimals)
    trunk = calls.placed.trunk
    bounds = runs(trunk, calls.month)
    starts = bounds[:-1]
    if not len(trunk):
        return schema.empty_table()

    def total(values: AnyArray) -> Ints:
        return np.add.reduceat(values.astype(np.int64), starts)

    outbound = calls.placed.calls.outbound
    customers = [accounts.customers[found.customer].id for found in accounts.trunks]
    columns: dict[str, Any] = {
        "trunk_id": _names([found.id for found in accounts.trunks], trunk[starts]),
        "customer_id": _names(customers, trunk[starts]),
        "month": _months(calls.month[starts]),
        "calls": np.diff(bounds),
        "answered": total(calls.answered),
        "inbound_s": total(np.where(outbound, 0, duration_s)),
        "outbound_s": total(np.where(outbound, duration_s, 0)),
        "included_s": total(included_s),
        "billed_s": total(limited.billed_s),
        "amount": decimal_array(total(amount), book.amount_decimals).cast(
            pa.decimal128(38, book.amount_decimals)
        ),
    }
    columns.update(_channel_columns(channels.trunks))
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _channel_columns(found: Usages) -> dict[str, Any]:
    return {
        "channels": pa.array(found.channels, mask=found.channels == NO_CAP),
        "peak_channels": found.peak,
        "peak_at": _instants(found.peak_at),
        "at_cap_s": found.at_cap_s,
        "above_cap_s": found.above_cap_s,
        "over_cap_calls": found.over_cap,
    }


def occupancy_table(channels: Channels, accounts: Accounts) -> pa.Table:
    """One row per trunk and month, followed by one for each of its sites."""
    trunks, at_sites, sites = channels.trunks, channels.at_sites, channels.sites
    order = np.argsort(np.append(np.arange(len(trunks.group)), channels.of_trunks), kind="stable")
    names = [found.id for found in accounts.trunks]
    whole = np.full(len(trunks.group), NO_SITE)
    tables = []
    for found, trunk, site in (
        (trunks, trunks.group, whole),
        (at_sites, sites.trunk[at_sites.group], at_sites.group),
    ):
        columns = {
            "trunk_id": _names(names, trunk),
            "site_id": _names(sites.names, site),
            "month": _months(found.month),
            "calls": found.calls,
            "blocked_calls": found.blocked,
            **_channel_columns(found),
        }
        tables.append(pa.table([columns[name] for name in OCCUPANCY_SCHEMA.names], schema=OCCUPANCY_SCHEMA))
    return pa.concat_tables(tables).take(pa.array(order))

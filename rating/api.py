"""Rating in a notebook: DataFrames in, DataFrames out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from rating.accounts import Accounts
from rating.accounts_file import load_accounts
from rating.errors import UsageError
from rating.export.tables import rejects_table
from rating.pipeline import Run, Settings, rate_stream
from rating.sources.block import Options
from rating.sources.reading import stream_table
from rating.tariffs.book import TariffBook, load_book
from rating.zone import named_zone, parse_month


@dataclass(frozen=True)
class Rated:
    """Results as DataFrames with the columns of the files (SPEC 12); `run` has the counts."""

    calls: pd.DataFrame
    unrated: pd.DataFrame
    findings: pd.DataFrame
    limits: pd.DataFrame
    usage: pd.DataFrame
    occupancy: pd.DataFrame
    rejects: pd.DataFrame
    run: Run


def rate(
    cdrs: pd.DataFrame,
    book: TariffBook | str | Path,
    accounts: Accounts | str | Path,
    *,
    month: str | None = None,
    timezone: str | None = None,
    ambiguous: str = "reject",
    bare_international: bool = False,
) -> Rated:
    """Rate CDRs in the canonical columns.

    Parameters
    ----------
    cdrs : DataFrame
        Canonical columns (SPEC 2); times as text or timestamps.
    book : TariffBook, folder or name of a shipped book
    accounts : Accounts or path of an accounts file
    month : "YYYY-MM", optional
        Rate only the calls of this local month.
    timezone : str, optional
        Zone of instants without offset (default: the book's).
    ambiguous : "first", "second" or "reject"
        What a local time that occurs twice means.
    bare_international : bool
        Whether numbers of digits only are E.164.

    Returns
    -------
    Rated
        Amounts are `decimal.Decimal`; instants are UTC.

    Raises
    ------
    UsageError, TariffError, AccountsError, SourceError
        Nothing could be rated; the text says why.

    Examples
    --------
    >>> import pandas as pd
    >>> import rating
    >>> accounts = '''
    ... customers: [{id: cabinet, numbers: ["+33199000110"]}]
    ... trunks: [{id: t1, customer: cabinet, channels: 2, plan: unlimited-fixed}]
    ... '''
    >>> path = getfixture("tmp_path") / "accounts.yaml"
    >>> _ = path.write_text(accounts)
    >>> cdrs = pd.DataFrame({
    ...     "call_id": ["c1", "c2"], "trunk_id": "t1", "direction": "outbound", "a_number": "0199000110",
    ...     "b_number": ["0261910011", "06 39 98 01 23"], "sip_code": 200,
    ...     "setup_time": "2026-10-05T09:00:00Z", "answer_time": "2026-10-05T09:00:05Z",
    ...     "release_time": "2026-10-05T09:02:10.250Z", "user_id": "", "forwarded_by": "", "forward_type": "",
    ... })
    >>> rated = rating.rate(cdrs, "contract", path)
    >>> for call in rated.calls.itertuples():
    ...     print(call.call_id, call.b_number, call.reason, call.duration_s, call.billable_s, call.amount)
    c1 +33261910011 included 126 0 0.0000
    c2 +33639980123 out_of_plan 126 180 0.1200
    """
    book = book if isinstance(book, TariffBook) else load_book(book)
    accounts = accounts if isinstance(accounts, Accounts) else load_accounts(accounts, book)
    number = parse_month(month) if month is not None else None
    if month is not None and number is None:
        raise UsageError(f"month '{month}' is no month; expected YYYY-MM, as 2026-10. [MONTH]")
    zone = book.zone if timezone is None else named_zone(timezone, "timezone")
    try:
        table = pa.Table.from_pandas(cdrs, preserve_index=False)
    except pa.ArrowException as error:
        raise UsageError(f"cdrs: {error}; expected columns of one type each. [CDR-FIELD]") from None
    stream = stream_table(table, Options(zone, ambiguous, "utf-8", bare_international))
    run = rate_stream(stream, Settings(book, accounts, number, bare_international))
    results = run.results
    return Rated(
        calls=results.rated.to_pandas(),
        unrated=results.unrated.to_pandas(),
        findings=results.findings.to_pandas(),
        limits=results.limits.to_pandas(),
        usage=results.usage.to_pandas(),
        occupancy=results.occupancy.to_pandas(),
        rejects=rejects_table(run.rejects, [stream.files[0].name], stream.raw).to_pandas(),
        run=run,
    )

"""Tables of a database by URL, as the CSV that the readers know: `postgresql://user@host/kamailio?table=acc`.

The table is copied to a file first, so that a run reads it once, has its digest, and can show its rejects.
"""

from __future__ import annotations

import csv
import re
import tempfile
from pathlib import Path
from typing import Any

from rating.errors import UsageError
from rating.sources.files import CdrFile

URL = re.compile(r"^(postgresql|mysql|mariadb|sqlite)(\+[a-z0-9]+)?://")
TABLE = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
DEFAULT_TABLE = "acc_cdrs"
ROWS = 10_000


def is_url(name: str) -> bool:
    """Whether a name on the command line is a database's.

    Examples
    --------
    >>> is_url("postgresql://127.0.0.1/kamailio"), is_url("october.csv")
    (True, False)
    """
    return bool(URL.match(name))


def copy_table(name: str) -> CdrFile:
    """Copy a table to a file; its name shows the URL without its password.

    Raises
    ------
    UsageError
        No driver, no server, no table, no right to read it.
    """
    if not is_url(name):
        raise UsageError(
            f"{without_password(name)}: is no database URL; expected postgresql://, mysql:// or sqlite://.",
            "CDR-DATABASE",
        )
    try:
        import sqlalchemy
    except ImportError:
        raise UsageError(
            f"{without_password(name)}: cannot be read without SQLAlchemy and a driver; expected "
            "pip install 'trunkrate[database]'.",
            "CDR-DATABASE",
        ) from None
    try:
        url = sqlalchemy.make_url(name)
        table = url.query.get("table", DEFAULT_TABLE)
        shown = url.render_as_string(hide_password=True)
        if not isinstance(table, str) or not TABLE.match(table):
            raise UsageError(
                f"{shown}: table is no name; expected one table as table=acc.",
                "CDR-DATABASE",
            )
        engine = sqlalchemy.create_engine(_driver(url.difference_update_query(["table"])))
        return CdrFile(shown, _copy(engine, table), is_spooled=True)
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        raise UsageError(
            f"{without_password(name)}: cannot be read ({reason}); expected a database and table that this "
            "user may read.",
            "CDR-DATABASE",
        ) from None


def _driver(url: Any) -> Any:
    """The URL with the driver that the extra installs, where it names none."""
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _copy(engine: Any, table: str) -> Path:
    import sqlalchemy

    with tempfile.NamedTemporaryFile(
        "w", prefix="trunkrate-table-", suffix=".csv", delete=False, encoding="utf-8", newline=""
    ) as file:
        try:
            with engine.connect().execution_options(yield_per=ROWS) as connection:
                found = sqlalchemy.Table(table, sqlalchemy.MetaData(), autoload_with=connection)
                query = sqlalchemy.select(found)
                if "id" in found.columns:
                    query = query.order_by(found.columns["id"])
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(found.columns.keys())
                for row in connection.execute(query):
                    writer.writerow(["" if value is None else str(value) for value in row])
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
        finally:
            engine.dispose()
    return Path(file.name)


def without_password(name: str) -> str:
    """A URL as messages show it; other names as they are.

    Examples
    --------
    >>> without_password("postgresql://me:sec/r@t@127.0.0.1/db"), without_password("october.csv")
    ('postgresql://me:***@127.0.0.1/db', 'october.csv')
    """
    return re.sub(r"(://[^:/@]*):.*@", r"\1:***@", name)

"""`rating.rate` on DataFrames as they come: typed, nullable, categorical."""

from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

import rating
from rating.errors import UsageError

ACCOUNTS = """
customers: [{id: cabinet, numbers: ["+33199000110"]}]
trunks: [{id: t1, customer: cabinet, channels: 2, plan: unlimited-fixed}]
"""


@pytest.fixture
def accounts(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.yaml"
    path.write_text(ACCOUNTS, encoding="utf-8")
    return path


def cdrs(**changes: object) -> pd.DataFrame:
    columns: dict[str, object] = {
        "call_id": ["c1", "c2"],
        "trunk_id": "t1",
        "direction": "outbound",
        "a_number": "0199000110",
        "b_number": "0639980123",
        "setup_time": "2026-10-05T09:00:00Z",
        "answer_time": ["2026-10-05T09:00:05Z", ""],
        "release_time": "2026-10-05T09:01:06Z",
        "sip_code": [200, 486],
        "user_id": "",
        "forwarded_by": "",
        "forward_type": "",
    }
    return pd.DataFrame({**columns, **changes})


def test_texts(accounts: Path) -> None:
    rated = rating.rate(cdrs(), "contract", accounts)
    assert rated.calls["amount"].tolist() == [Decimal("0.0000"), Decimal("0.0800")]
    assert rated.calls["reason"].tolist() == ["not_answered", "out_of_plan"]
    assert rated.usage["calls"].tolist() == [2]
    assert rated.rejects.empty


def test_typed_columns_give_the_same(accounts: Path) -> None:
    times = {}
    for name in ("setup_time", "answer_time", "release_time"):
        times[name] = pd.to_datetime(cdrs()[name].replace("", None), utc=True)
    typed = cdrs(
        **times,
        trunk_id=pd.Categorical(["t1", "t1"]),
        sip_code=[200.0, 486.0],
        user_id=None,
        forward_type=pd.array([None, None], dtype="string"),
    )
    one, other = rating.rate(cdrs(), "contract", accounts), rating.rate(typed, "contract", accounts)
    pd.testing.assert_frame_equal(one.calls, other.calls)


def test_times_without_zone_are_local(accounts: Path) -> None:
    local = cdrs(
        setup_time=pd.to_datetime("2026-10-05T11:00:00"),
        answer_time=pd.to_datetime(pd.Series(["2026-10-05T11:00:05", None])),
        release_time=pd.to_datetime("2026-10-05T11:01:06"),
    )
    one, other = rating.rate(cdrs(), "contract", accounts), rating.rate(local, "contract", accounts)
    pd.testing.assert_frame_equal(one.calls, other.calls)
    elsewhere = rating.rate(local, "contract", accounts, timezone="UTC")
    assert str(elsewhere.calls["setup_time"].iloc[0]) == "2026-10-05 11:00:00+00:00"


def test_month_and_rejects(accounts: Path) -> None:
    rated = rating.rate(cdrs(trunk_id=["t1", "t9"]), "contract", accounts, month="2026-10")
    assert rated.rejects[["line", "code"]].to_numpy().tolist() == [[2, "CDR-TRUNK"]]
    assert '"trunk_id": "t9"' in rated.rejects["raw"].iloc[0]
    none = rating.rate(cdrs(), "contract", accounts, month="2026-11")
    assert none.calls.empty
    assert none.run.total["other_month"] == 2


def test_no_rows_at_all(accounts: Path) -> None:
    rated = rating.rate(cdrs().iloc[:0], "contract", accounts)
    assert rated.calls.empty
    assert rated.usage.empty


def test_missing_column_is_named(accounts: Path) -> None:
    with pytest.raises(UsageError, match="table has no column sip_code"):
        rating.rate(cdrs().drop(columns="sip_code"), "contract", accounts)


def test_bad_month_is_named(accounts: Path) -> None:
    with pytest.raises(UsageError, match="month '2026-13' is no month; expected YYYY-MM"):
        rating.rate(cdrs(), "contract", accounts, month="2026-13")


@pytest.mark.parametrize("name", ["Mars/X", "europe/paris", "../etc/passwd", ""])
def test_unknown_time_zone_is_named(accounts: Path, name: str) -> None:
    with pytest.raises(UsageError) as raised:
        rating.rate(cdrs(), "contract", accounts, timezone=name)
    assert str(raised.value) == (
        f"timezone '{name}' is unknown; expected a name of the tz database, as Europe/Paris. [TIMEZONE]"
    )

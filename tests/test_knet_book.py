"""A clause of another operator is a plan file: 99 numbers, 15 h a month per number, 60 min a call."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rating.batch import Request, run_batch

ACCOUNTS = """
customers: [{id: mairie, numbers: ["+33199000110..+33199000119"]}]
trunks: [{id: t1, customer: mairie, channels: 8, plan: mobiles}]
"""
HEADER = (
    "call_id,trunk_id,direction,a_number,b_number,setup_time,answer_time,release_time,sip_code,"
    "user_id,forwarded_by,forward_type"
)


def calls() -> list[tuple[str, str, str, int]]:
    """(call_id, own number, called number, seconds), an hour and a half apart."""
    long = [("long", "+33199000110", "+33639980000", 3_700)]
    hours = [(f"h{i:02d}", "+33199000111", f"+3363998{i % 3:04d}", 3_600) for i in range(16)]
    many = [(f"n{i:03d}", "+33199000112", f"+3363998{i:04d}", 60) for i in range(101)]
    return long + hours + many


def test_the_clause_cuts_calls_counts_hours_per_number_and_different_numbers(tmp_path: Path) -> None:
    (tmp_path / "accounts.yaml").write_text(ACCOUNTS, encoding="utf-8")
    at = datetime(2026, 10, 2, tzinfo=UTC)
    lines = [HEADER]
    for call_id, own, called, seconds in calls():
        end = at + timedelta(seconds=seconds)
        times = f"{at.isoformat()},{at.isoformat()},{end.isoformat()}"
        lines.append(f"{call_id},t1,outbound,{own},{called},{times},200,,,")
        at += timedelta(minutes=90)
    (tmp_path / "cdrs.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    request = Request(
        [str(tmp_path / "cdrs.csv")], str(tmp_path / "accounts.yaml"), "knet", tmp_path / "out", csv=True
    )
    run_batch(request)
    with (tmp_path / "out" / "rated_calls.csv").open(encoding="utf-8") as file:
        rated = {row["call_id"]: row for row in csv.DictReader(file)}

    # 60 min a call: 100 s beyond, at 0.06 a minute by the second = 0.1000
    assert (rated["long"]["reason"], rated["long"]["billed_s"]) == ("fair_use_hours", "100")
    assert rated["long"]["amount"] == "0.1000"
    # 15 h a month for the number that talked 16: its last call, one hour at 0.06 = 3.6000
    assert [rated[f"h{i:02d}"]["billed_s"] for i in (14, 15)] == ["0", "3600"]
    assert rated["h15"]["amount"] == "3.6000"
    # 99 different numbers: the 100th (n099) and all after it
    assert [rated[f"n{i:03d}"]["reason"] for i in (98, 99, 100)] == [
        "included",
        "fair_use_numbers",
        "fair_use_numbers",
    ]
    with (tmp_path / "out" / "findings.csv").open(encoding="utf-8") as file:
        findings = [
            (row["reason"], row["subject"], row["limit"], row["measured"], row["call_id"], row["amount"])
            for row in csv.DictReader(file)
        ]
    assert findings == [
        ("fair_use_hours", "", "3600", "3700", "long", "0.1000"),
        ("fair_use_hours", "+33199000111", "54000", "57600", "h15", "3.6000"),
        ("fair_use_numbers", "", "99", "101", "n099", "0.1200"),
    ]

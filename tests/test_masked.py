"""Masked numbers: rated where their visible part decides, never counted, and the limit said to be a least."""

import json
from pathlib import Path

from casefile import accounts_of, write_book, write_cdrs
from click.testing import CliRunner

from rating.cli import main

CASE = {
    "plan": {
        "plan": "fixed",
        "includes": {"classes": ["fr_fixed"]},
        "fair_use": [
            {"reason": "fair_use_numbers", "measure": "distinct_numbers", "per": "trunk", "limit": "1"}
        ],
    },
    "deck": """
prefix,destination,class,country,price_per_minute
33,France Fixe,fr_fixed,FR,0.0200
3326191,Ville,fr_fixed,FR,0.0300
""",
}
CALLS = [
    {"call_id": "k1", "b_number": "0140000001", "answered": "09:00", "seconds": "60"},
    {"call_id": "m1", "b_number": "+3314000****", "answered": "09:01", "seconds": "60"},
    {"call_id": "m2", "b_number": "+3326191****", "answered": "09:02", "seconds": "60"},
    {"call_id": "m3", "b_number": "+33261******", "answered": "09:03", "seconds": "60"},
    {"call_id": "k2", "b_number": "0140000002", "answered": "09:04", "seconds": "60"},
    {"call_id": "m4", "b_number": "+3314000****", "answered": "09:05", "seconds": "60"},
]


def test_masked_numbers(tmp_path: Path) -> None:
    write_book(CASE, tmp_path / "book")
    (tmp_path / "accounts.yaml").write_text(json.dumps(accounts_of(CASE)))
    write_cdrs([dict(call) for call in CALLS], tmp_path / "cdrs.csv")
    out = str(tmp_path / "out")
    arguments = ["rate", str(tmp_path / "cdrs.csv"), "--accounts", str(tmp_path / "accounts.yaml")]
    result = CliRunner().invoke(
        main, [*arguments, "--tariffs", str(tmp_path / "book"), "--out", out, "--csv"]
    )
    assert result.exit_code == 1
    assert "at least 2 numbers" in result.output
    rated = (tmp_path / "out" / "rated_calls.csv").read_text()
    reasons = {line.split(",")[1]: line.split(",")[18] for line in rated.splitlines()[1:]}
    expected = {"k1": "included", "m1": "included", "m2": "included", "k2": "fair_use_numbers"}
    assert reasons == {**expected, "m4": "fair_use_numbers"}
    assert "m3" in (tmp_path / "out" / "unrated.csv").read_text()  # 33 or 3326191: nobody can tell
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    (least,) = record["measured_at_least"]
    assert (least["reason"], least["measured"], least["calls_not_counted"]) == ("fair_use_numbers", 2, 4)
    explained = CliRunner().invoke(main, ["explain", "k2", "--out", out])
    assert explained.exit_code == 0, explained.output
    assert "at least: 4 calls to masked or unreadable numbers are not counted" in explained.output

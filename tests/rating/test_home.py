"""Trunk and direction from the customers' numbers (SPEC 2)."""

import json
from pathlib import Path

import pytest
from outputs import rated_calls

from rating.batch import Request, run_batch

ACCOUNTS = """
customers:
  - {id: one, numbers: ["+33199000100..+33199000109"], users: {ann@one.example: "+33199000101"}}
  - id: two
    numbers: ["+33465710000..+33465710019", {numbers: "+33261910000", to: 2026-10-10}]
  - id: three
    numbers: [{numbers: "+33261910000", from: 2026-10-10}]
trunks:
  - {id: t1, customer: one, channels: 1}
  - {id: t2, customer: two, channels: 1, numbers: ["+33465710000..+33465710009", "+33261910000"]}
  - {id: t3, customer: two, channels: 1, numbers: ["+33465710010..+33465710018"]}
  - {id: t4, customer: three, channels: 1}
"""


@pytest.mark.parametrize(
    ("caller", "called", "by", "day", "expected"),
    [
        ("+33639980123", "+33199000100", "", "05", ("inbound", "t1")),
        ("+33199000100", "+33639980123", "", "05", ("outbound", "t1")),
        ("+33199000100", "+33465710005", "", "05", ("inbound", "t2")),
        ("+33465710012", "+33639980123", "", "05", ("outbound", "t3")),
        ("+33639980123", "+33639980456", "ann@one.example", "05", ("outbound", "t1")),
        ("+33639980123", "+33639980456", "Ann@One.example", "05", ("outbound", "t1")),
        ("+33639980123", "+33639980456", "+33199000101", "05", ("outbound", "t1")),
        ("+33261910000", "+33639980123", "", "05", ("outbound", "t2")),
        ("+33261910000", "+33639980123", "", "15", ("outbound", "t4")),
        ("+33465710019", "+33639980123", "", "05", None),
        ("+33639980123", "+33639980456", "", "05", None),
        ("anonymous", "3639", "", "05", None),
        ("+3319900****", "+33639980456", "", "05", None),
    ],
)
def test_numbers_tell(
    tmp_path: Path, caller: str, called: str, by: str, day: str, expected: tuple[str, str] | None
) -> None:
    (tmp_path / "accounts.yaml").write_text(ACCOUNTS)
    row = {
        "id": "c1",
        "callType": "ByotOutUserForwarding" if by else None,
        "callerNumber": caller,
        "calleeNumber": called,
        "userPrincipalName": by,
        "trunkFullyQualifiedDomainName": None,
        "successfulCall": True,
        "inviteDateTime": f"2026-10-{day}T09:00:00Z",
        "startDateTime": f"2026-10-{day}T09:00:01Z",
        "endDateTime": f"2026-10-{day}T09:01:01Z",
        "duration": 60,
    }
    (tmp_path / "rows.json").write_text(json.dumps([row]))
    files, accounts = [str(tmp_path / "rows.json")], str(tmp_path / "accounts.yaml")
    run = run_batch(Request(files, accounts, "contract", tmp_path / "out")).run
    if expected is None:
        assert [reject.code for reject in run.rejects] == ["CDR-TRUNK"]
        message = (
            f"b_number '{called}' and the caller's number do not tell the trunk and direction; expected the "
        )
        assert message in run.rejects[0].message
    else:
        (call,) = rated_calls(tmp_path / "out")
        assert (call["direction"], call["trunk_id"]) == expected

"""Small months for `trunkrate channels`: rows and accounts as files, the report read back."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from rating.cli import main

HEAD = (
    "source,call_id,trunk_id,direction,a_number,b_number,setup_time,answer_time,release_time,sip_code,alert_time,"
    "user_id,forwarded_by,forward_type,end_reason\n"
)

ACCOUNTS = """
customers:
  - {id: c, name: Cabinet, numbers: ["+33199000110..+33199000119"]}
trunks:
  - {id: t1, customer: c, channels: 2}
"""


def row(
    call_id: str,
    setup: str,
    release: str,
    answer: str = "",
    *,
    trunk: str = "t1",
    inbound: bool = False,
    own: str = "+33199000110",
    code: int | None = None,
    alert: str = "",
    reason: str = "",
    forwarded_by: str = "",
    source: str = "",
) -> str:
    """A canonical row; times are texts, in the zone of --timezone where they have no offset."""
    code = (200 if answer else 480) if code is None else code
    numbers = ("+33261910011", own) if inbound else (own, "+33261910011")
    times = f"{setup},{answer},{release},{code},{alert}"
    direction = "inbound" if inbound else "outbound"
    forward = f"{forwarded_by},{'busy' if forwarded_by else ''}"
    return f"{source},{call_id},{trunk},{direction},{','.join(numbers)},{times},,{forward},{reason}\n"


def files(folder: Path, rows: list[str], accounts: str = ACCOUNTS) -> list[str]:
    """CDRs and accounts as arguments."""
    (folder / "cdrs.csv").write_text(HEAD + "".join(rows), encoding="utf-8")
    (folder / "accounts.yaml").write_text(accounts, encoding="utf-8")
    return [str(folder / "cdrs.csv"), "--accounts", str(folder / "accounts.yaml")]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["channels", *arguments])


def report(
    folder: Path, rows: list[str], *more: str, accounts: str = ACCOUNTS, code: int = 0
) -> dict[str, Any]:
    """The JSON of a run, its lines by (month, trunk, site)."""
    result = run(*files(folder, rows, accounts), *more, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def lines(found: dict[str, Any]) -> dict[tuple[str, str, str | None], dict[str, Any]]:
    return {
        (month["month"], line["trunk_id"], line["site_id"]): line
        for month in found["months"]
        for line in month["lines"]
    }


def only(folder: Path, rows: list[str], *more: str, accounts: str = ACCOUNTS) -> dict[str, Any]:
    """The only line of a report."""
    (line,) = lines(report(folder, rows, *more, accounts=accounts)).values()
    return line

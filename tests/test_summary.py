"""The summary of a run, whatever its instants."""

from pathlib import Path

from click.testing import CliRunner

from rating.cli import main

HEADER = (
    "call_id,trunk_id,direction,a_number,b_number,setup_time,answer_time,release_time,sip_code,"
    "user_id,forwarded_by,forward_type\n"
)
ACCOUNTS = """
customers: [{id: acme, numbers: ["+33199000110"]}]
trunks: [{id: t1, customer: acme, channels: 1, plan: unlimited-fixed}]
"""


def test_a_peak_and_a_finding_between_two_microseconds(tmp_path: Path) -> None:
    """41 h of calls on one channel, one of them over it, all at odd nanoseconds."""
    rows = [
        f"c{day},t1,outbound,0199000110,0140000001,2026-10-{day:02}T08:00:00.123456789Z,"
        f"2026-10-{day:02}T08:00:00.123456789Z,2026-10-{day:02}T18:15:00.123456789Z,200,,,\n"
        for day in (5, 6, 7, 8)
    ]
    rows.append(
        "over,t1,outbound,0199000110,0140000001,2026-10-05T09:00:00.000000001Z,"
        "2026-10-05T09:00:00.000000001Z,2026-10-05T09:00:10.000000001Z,200,,,\n"
    )
    (tmp_path / "cdrs.csv").write_text(HEADER + "".join(rows))
    (tmp_path / "accounts.yaml").write_text(ACCOUNTS)
    asked = ["rate", str(tmp_path / "cdrs.csv"), "--accounts", str(tmp_path / "accounts.yaml")]
    result = CliRunner().invoke(main, [*asked, "--tariffs", "contract", "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    words = [line.split() for line in result.output.splitlines()]
    assert ["t1", "fair_use_hours", "41", "h", "10", "s", "40", "h", "excess", "0.6100"] in words
    assert ["t1", "1", "2", "41", "h", "0", "1"] in words

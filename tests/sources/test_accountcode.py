"""The accountcode of FreeSWITCH and Asterisk places a leg that its numbers do not place."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from outputs import rated_calls

from rating.batch import Request, run_batch
from rating.cli import main

SAMPLES = Path(__file__).parents[2] / "cdr_samples" / "formats"
ACCOUNTS = """
customers:
  - {id: one, numbers: ["+33199000100..+33199000109"]}
  - id: two
    numbers: ["+33465710000..+33465710019"]
  - {id: none, numbers: []}
  - {id: t2, numbers: ["+33261910000"]}
trunks:
  - {id: t1, customer: one, channels: 1, plan: unlimited-fixed}
  - {id: t2, customer: two, channels: 1, numbers: ["+33465710000..+33465710009"]}
  - {id: t3, customer: two, channels: 1, numbers: ["+33465710010..+33465710018"]}
  - {id: t4, customer: t2, channels: 1}
"""
FORMS = ("freeswitch-csv", "freeswitch-json", "asterisk-16", "asterisk-21", "asterisk-custom")
NAMES = {
    "freeswitch-csv": "freeswitch_Master_example_template_paris.csv",
    "freeswitch-json": "freeswitch_json_cdr.jsonl",
    "asterisk-16": "asterisk_Master_16cols_paris.csv",
    "asterisk-21": "asterisk_Master_21cols_paris.csv",
    "asterisk-custom": "asterisk_cdr_custom_paris.csv",
}
PLACES = {"freeswitch-csv": (1, 2, 12), "asterisk-16": (1, 2, 0), "asterisk-21": (1, 2, 0)}
PLACES["asterisk-custom"] = (1, 2, 15)
"""Columns of caller, called and accountcode."""

OUTSIDE, ABROAD = "+33639980123", "+33639980456"


def row(form: str, caller: str, called: str, accountcode: str) -> str:
    """The sample's call c1 between other numbers, as the switch writes it."""
    text = (SAMPLES / NAMES[form]).read_text(encoding="utf-8").splitlines()[0]
    if form == "freeswitch-json":
        record = json.loads(text)
        changed = {"sip_from_user": caller, "sip_req_user": called, "accountcode": accountcode}
        record["variables"] |= changed
        return json.dumps(record)
    fields = next(csv.reader([text]))
    for place, value in zip(PLACES[form], (caller, called, accountcode), strict=True):
        fields[place] = value
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="").writerow(fields)
    return written.getvalue()


def files(folder: Path, form: str, *rows: str) -> tuple[str, str]:
    """A file of rows, and the accounts."""
    (folder / "accounts.yaml").write_text(ACCOUNTS)
    cdrs = folder / f"cdrs{Path(NAMES[form]).suffix}"
    cdrs.write_text("\n".join(rows) + "\n")
    return str(cdrs), str(folder / "accounts.yaml")


def rate(folder: Path, form: str, *rows: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Rated calls, and the rejects' messages without the file's name."""
    cdrs, accounts = files(folder, form, *rows)
    run = run_batch(Request([cdrs], accounts, "contract", folder / "out", force=True)).run
    assert sum(run.total.values()) == len(rows)
    return rated_calls(folder / "out"), [reject.message.removeprefix(cdrs) for reject in run.rejects]


def reject(called: str, accountcode: str) -> str:
    """The whole message of a leg that nothing places."""
    code = f", nor does accountcode '{accountcode}'" if accountcode else ""
    more = "; or, on a call to a full number, the id of a trunk, or of a customer who has one"
    return (
        f":1: b_number '{called}' and the caller's number do not tell the trunk and direction{code}; "
        "expected the number of a customer who has one trunk, or whose trunk lists it"
        f"{more if accountcode else ''}. Row rejected, the others are rated: see rejects.csv. [CDR-TRUNK]"
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("accountcode", "trunk"), [("one", "t1"), ("t1", "t1"), ("t3", "t3"), ("t2", "t2")])
def test_a_leg_between_outside_numbers(tmp_path: Path, form: str, accountcode: str, trunk: str) -> None:
    """The id of a trunk, before that of a customer; the forwarder is not named, and is not made up."""
    (call,), rejects = rate(tmp_path, form, row(form, OUTSIDE, ABROAD, accountcode))
    assert (call["trunk_id"], call["direction"], call["a_number"]) == (trunk, "outbound", OUTSIDE)
    assert (call["forwarded_by"], call["forward_type"], call["user_id"]) == ("", "unknown", "")
    assert call["reason"] == "out_of_plan"
    assert rejects == []


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("accountcode", ["two", "none", "One", "t1 ", "nobody", "0", ""])
def test_names_that_tell_no_trunk(tmp_path: Path, form: str, accountcode: str) -> None:
    """A customer with two trunks, one with none, and what is nobody's id: a reject that shows it."""
    calls, rejects = rate(tmp_path, form, row(form, OUTSIDE, ABROAD, accountcode))
    assert calls == []
    assert rejects == [reject(ABROAD, accountcode)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("accountcode", ["one", "t4", "two", "nobody", ""])
@pytest.mark.parametrize(
    ("caller", "called", "expected"),
    [
        ("+33465710001", OUTSIDE, ("t2", "outbound")),
        (OUTSIDE, "+33465710012", ("t3", "inbound")),
        ("+33199000100", "+33465710001", ("t2", "inbound")),
    ],
)
def test_numbers_win(
    tmp_path: Path, form: str, accountcode: str, caller: str, called: str, expected: tuple[str, str]
) -> None:
    """Whatever the accountcode says, of another customer too."""
    (call,), rejects = rate(tmp_path, form, row(form, caller, called, accountcode))
    assert (call["trunk_id"], call["direction"], call["forward_type"]) == (*expected, "")
    assert rejects == []


@pytest.mark.parametrize(
    ("caller", "called", "accountcode", "expected"),
    [
        ("+33465710019", OUTSIDE, "t3", ("t3", "outbound")),
        (OUTSIDE, "+33465710019", "t2", ("t2", "inbound")),
        ("+33465710019", OUTSIDE, "t1", None),
        (OUTSIDE, "+33465710019", "one", None),
    ],
)
def test_numbers_that_no_trunk_lists(
    tmp_path: Path, caller: str, called: str, accountcode: str, expected: tuple[str, str] | None
) -> None:
    """They tell customer and direction; the accountcode tells which of his trunks, never another's."""
    calls, rejects = rate(tmp_path, "asterisk-16", row("asterisk-16", caller, called, accountcode))
    found = [(call["trunk_id"], call["direction"], call["forward_type"]) for call in calls]
    assert found == ([(*expected, "")] if expected else [])
    assert rejects == ([] if expected else [reject(called, accountcode)])


@pytest.mark.parametrize("caller", ["201", "anonymous", ""])
def test_callers_that_show_no_full_number(tmp_path: Path, caller: str) -> None:
    """An extension, or a number withheld: outbound, but nothing says that somebody forwarded."""
    (call,), rejects = rate(tmp_path, "asterisk-16", row("asterisk-16", caller, OUTSIDE, "one"))
    assert (call["trunk_id"], call["direction"], call["forward_type"]) == ("t1", "outbound", "")
    assert rejects == []


@pytest.mark.parametrize("called", ["201", "3639", "s", "anonymous"])
def test_extensions_are_not_called_over_the_trunk(tmp_path: Path, called: str) -> None:
    """A call that came in to an extension looks like this: charged as one that went out it would be wrong."""
    calls, rejects = rate(tmp_path, "asterisk-16", row("asterisk-16", OUTSIDE, called, "one"))
    assert calls == []
    assert rejects == [reject(called, "one")]


def test_a_named_forwarder_who_is_nobody(tmp_path: Path) -> None:
    line = row("asterisk-21", OUTSIDE, ABROAD, "one").replace('"1768467600.2",""', '"1768467600.2","fwd=9"')
    (call,), _ = rate(tmp_path, "asterisk-21", line)
    assert (call["trunk_id"], call["forwarded_by"], call["forward_type"]) == ("t1", "9", "unknown")


def test_an_accountcode_that_is_no_text_is_none(tmp_path: Path) -> None:
    record = json.loads(row("freeswitch-json", OUTSIDE, ABROAD, "one"))
    record["variables"]["accountcode"] = ["one", "two"]
    assert rate(tmp_path, "freeswitch-json", json.dumps(record)) == ([], [reject(ABROAD, "")])


def test_files_with_and_without_accountcodes_in_one_run(tmp_path: Path) -> None:
    """Whichever is read first."""
    cdrs, accounts = files(tmp_path, "asterisk-16", row("asterisk-16", OUTSIDE, ABROAD, "t4"))
    text = ACCOUNTS.replace("..+33199000109", "..+33199000119")
    (tmp_path / "accounts.yaml").write_text(text)
    for name in ("a.csv", "z.csv"):
        other = tmp_path / name
        other.write_bytes((SAMPLES / "kamailio_acc_cdrs.csv").read_bytes())
        run_batch(Request([cdrs, str(other)], accounts, "contract", tmp_path / "out", force=True))
        found = [(call["trunk_id"], call["source"]) for call in rated_calls(tmp_path / "out")]
        assert sorted(set(found)) == [("t1", "kamailio"), ("t4", "asterisk")]
        assert len(found) == 11


def test_convert_and_reconcile_place_it_alike(tmp_path: Path) -> None:
    form = "freeswitch-csv"
    cdrs, accounts = files(tmp_path, form, row(form, OUTSIDE, ABROAD, "one"))
    out = str(tmp_path / "calls.csv")
    done = CliRunner().invoke(main, ["convert", cdrs, "--out", out, "--accounts", accounts])
    assert (done.exit_code, done.output) == (0, f"1 rows = 1 written + 0 rejected: {out}\n")
    (written,) = csv.DictReader(Path(out).read_text().splitlines())
    assert (written["trunk_id"], written["direction"], written["forward_type"]) == (
        "t1",
        "outbound",
        "unknown",
    )
    for name in ("one", "other"):
        request = Request([cdrs if name == "one" else out], accounts, "contract", tmp_path / name)
        run_batch(request)
    one, other = (pq.read_table(tmp_path / name / "rated_calls.parquet") for name in ("one", "other"))
    assert one.equals(other)
    held = CliRunner().invoke(main, ["reconcile", cdrs, out, "--accounts", accounts, "--json"])
    assert held.exit_code == 0, held.output
    assert json.loads(held.stdout)["matched"] == 1


def test_convert_says_what_rate_says(tmp_path: Path) -> None:
    form = "asterisk-16"
    cdrs, accounts = files(tmp_path, form, row(form, OUTSIDE, ABROAD, "two"))
    out = str(tmp_path / "calls.csv")
    done = CliRunner().invoke(main, ["convert", cdrs, "--out", out, "--accounts", accounts])
    assert done.exit_code == 1
    rated, written = "the others are rated: see rejects.csv.", "the others are written."
    assert done.stderr == f"{cdrs}{reject(ABROAD, 'two')}\n".replace(rated, written)

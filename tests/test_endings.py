"""What was not done is told by the command: one fault, in the words of each."""

import pickle
from pathlib import Path

import pytest
from click.testing import CliRunner

from rating.cli import main
from rating.errors import RATED, AccountsError, Fault, Reject, UsageError

SAMPLES = Path(__file__).parent.parent / "cdr_samples" / "formats"
ACCOUNTS = str(SAMPLES / "accounts.yaml")
SAMPLE = str(SAMPLES / "kamailio_acc_cdrs.csv")
DATABASE = "postgresql://me:sec/r@t@127.0.0.1:1/db?table=a;b"
COMMANDS = {
    "rate": (["rate", "{cdrs}", "--accounts", "{accounts}", "--tariffs", "{book}", "--out", "out"], "rated"),
    "convert": (["convert", "{cdrs}", "--accounts", "{accounts}", "--out", "out.csv"], "written"),
    "reconcile": (["reconcile", SAMPLE, "{cdrs}", "--accounts", "{accounts}"], "compared"),
    "quote": (["quote", "0639980123", "--tariffs", "{book}"], "quoted"),
}


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def said(
    command: str, *more: str, cdrs: str = SAMPLE, accounts: str = ACCOUNTS, book: str = "contract"
) -> str:
    arguments = [text.format(cdrs=cdrs, accounts=accounts, book=book) for text in COMMANDS[command][0]]
    result = CliRunner().invoke(main, [*arguments, *more])
    assert (result.exit_code, result.stdout) == (2, "")
    return result.stderr


@pytest.mark.parametrize("command", ["rate", "convert", "reconcile"])
def test_files_that_cannot_be_read(command: str) -> None:
    ending = f"Nothing was {COMMANDS[command][1]}."
    assert said(command, cdrs="none.csv") == (
        f"none.csv: is not there; expected a CDR file, a folder or -. {ending} [CDR-FILE]\n"
    )
    Path("cut.csv.gz").write_bytes(b"no gzip")
    assert said(command, cdrs="cut.csv.gz") == (
        f"cut.csv.gz: is named .gz but is not gzip; expected a whole gzip file. {ending} [CDR-FILE]\n"
    )
    Path("folder").mkdir()
    assert said(command, cdrs="folder") == (
        "folder: folder holds no CDR file; expected files ending in .csv, .jsonl, .ndjson, .parquet, "
        f"plain or .gz. {ending} [CDR-FOLDER]\n"
    )
    assert said(command, "--timezone", "Mars/X") == (
        "--timezone 'Mars/X' is unknown; expected a name of the tz database, as Europe/Paris. "
        f"{ending} [TIMEZONE]\n"
    )


@pytest.mark.parametrize("command", ["rate", "convert", "reconcile"])
def test_a_database_that_cannot_be_read(command: str) -> None:
    message = said(command, cdrs=DATABASE)
    assert message.startswith("postgresql://me:***@")
    assert message.endswith(f" Nothing was {COMMANDS[command][1]}. [CDR-DATABASE]\n")
    assert "sec" not in message
    assert "r@t" not in message


@pytest.mark.parametrize("command", ["rate", "convert", "reconcile"])
def test_every_fault_of_an_accounts_file(command: str) -> None:
    ending = f"Nothing was {COMMANDS[command][1]}."
    Path("accounts.yaml").write_text("customers: [{id: a, id: a}]\ntrunks: []\nfish: 1\n")
    lines = said(command, accounts="accounts.yaml").splitlines()
    assert lines
    assert all(line.endswith(f". {ending} [ACCOUNTS-KEY]") for line in lines)


@pytest.mark.parametrize("command", ["rate", "quote"])
def test_no_book(command: str) -> None:
    assert said(command, book="nowhere") == (
        "nowhere: is not there; expected a folder with book.yaml, or a shipped book: contract, knet. "
        f"Nothing was {COMMANDS[command][1]}. [TARIFF-BOOK]\n"
    )


def test_rejected_rows() -> None:
    Path("bad.csv").write_text(Path(SAMPLE).read_text() + "x,y\n")
    Path("empty.csv").write_text("a,b\n1,2\n")
    for command, rows, file in (
        ("rate", "the others are rated: see rejects.csv.", "No row of this file is rated: see rejects.csv."),
        ("convert", "the others are written.", "No row of this file is written."),
        ("reconcile", "the others are compared.", "No row of this file is compared."),
    ):
        for name, ending in (("bad.csv", f"Row rejected, {rows}"), ("empty.csv", file)):
            arguments = [
                text.format(cdrs=name, accounts=ACCOUNTS, book="contract") for text in COMMANDS[command][0]
            ]
            result = CliRunner().invoke(main, arguments)
            assert result.exit_code == 1, result.output
            shown = Path("out/rejects.csv").read_text() if command == "rate" else result.stderr
            code = "CDR-FIELD" if name == "bad.csv" else "CDR-HEADER"
            assert f". {ending} [{code}]" in shown
            for made in ("out", "out.csv"):
                if Path(made).exists():
                    Path(made).rename(f"{made}.{name}.{command}")


def test_a_library_call_ends_without_one() -> None:
    assert str(UsageError("a: is not there.", "CDR-FILE")) == "a: is not there. [CDR-FILE]"
    whole = UsageError("a: is not there. Look elsewhere. [CDR-FILE]")
    assert whole.told("Nothing was rated.") == str(whole) == "a: is not there. Look elsewhere. [CDR-FILE]"
    faults = AccountsError(
        [Fault("a.yaml", 2, "id", "x", "is odd", "y", "X"), Fault("a.yaml", 0, "", None, "is", "z", "Y")]
    )
    assert str(faults) == "a.yaml: is; expected z. [Y]\na.yaml:2: id 'x' is odd; expected y. [X]"
    assert (
        faults.told("So.") == "a.yaml: is; expected z. So. [Y]\na.yaml:2: id 'x' is odd; expected y. So. [X]"
    )


def test_errors_and_rejects_pass_between_processes() -> None:
    fault = Fault("a.yaml", 2, "id", "x", "is odd", "y", "X")
    for error in (UsageError("a: is not there.", "CDR-FILE"), AccountsError([fault])):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), again.told("So.")) == (type(error), error.told("So."))
    reject = pickle.loads(pickle.dumps(Reject(0, 3, "CDR-HEADER", "a:3: is odd.")))
    assert reject.message == reject.told(RATED) == f"a:3: is odd. {RATED.file} [CDR-HEADER]"

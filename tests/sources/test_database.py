"""Kamailio's tables straight from a real PostgreSQL: what is rated is what their CSV gives."""

import csv
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from rating.cli import main

SAMPLES = Path(__file__).parents[2] / "cdr_samples" / "formats"
KINDS = {"id": sa.Integer, "start_time": sa.DateTime, "end_time": sa.DateTime, "time": sa.DateTime}


def binary(name: str) -> str:
    """A program of the newest PostgreSQL of Debian."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    assert found, "PostgreSQL is missing: apt-get install postgresql (make test does)"
    return str(found[-1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL of this test's own, on a free loopback port; its URL."""
    folder = Path(f"/tmp/trunkrate-postgres-{os.getpid()}")
    folder.mkdir()
    as_user = []
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = str(folder / "data")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    control = [*as_user, binary("pg_ctl"), "-D", data, "-w", "-l", str(folder / "log")]
    init = [*as_user, binary("initdb"), "-D", data, "-U", "kamailio", "--auth=trust", "-E", "UTF8"]
    subprocess.run(init, check=True, capture_output=True, cwd="/tmp", timeout=120)
    subprocess.run(
        [*control, "-o", options, "start"], check=True, capture_output=True, cwd="/tmp", timeout=60
    )
    try:
        yield f"postgresql://kamailio:secret@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], capture_output=True, cwd="/tmp", timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def fill(url: str, table: str, sample: Path) -> None:
    """A table as Kamailio's scripts make it, with the rows of a sample."""
    with sample.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kinds = {"duration": sa.REAL, **KINDS}
    columns = [sa.Column(name, kinds.get(name, sa.String(255))) for name in rows[0]]
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    made = sa.Table(table, sa.MetaData(), *columns)
    made.drop(engine, checkfirst=True)
    made.create(engine)
    with engine.begin() as connection:
        for row in reversed(rows):
            values = ", ".join(f"'{value}'" if value else "NULL" for value in row.values())
            connection.execute(sa.text(f"INSERT INTO {table} VALUES ({values})"))
    engine.dispose()


def rate(out: Path, *names: str) -> Result:
    arguments = ["--accounts", str(SAMPLES / "accounts.yaml"), "--tariffs", "contract", "--out", str(out)]
    return CliRunner().invoke(main, ["rate", *names, *arguments, "--csv"])


@pytest.mark.parametrize("table", ["acc_cdrs", "acc"])
def test_table_rates_as_its_csv(server: str, tmp_path: Path, table: str) -> None:
    sample = SAMPLES / f"kamailio_{table}.csv"
    fill(server, table, sample)
    url = server if table == "acc_cdrs" else f"{server}?table={table}"
    by_url, by_file = rate(tmp_path / "url", url), rate(tmp_path / "file", str(sample))
    assert by_url.exit_code == by_file.exit_code, by_url.output
    one, other = ((tmp_path / name / "rated_calls.csv").read_bytes() for name in ("url", "file"))
    assert one == other
    assert one.count(b"\n") == 11
    record = (tmp_path / "url" / "run.json").read_text()
    assert "secret" not in record + by_url.output
    assert "kamailio:***@127.0.0.1" in record
    assert not list(Path("/tmp").glob("trunkrate-table-*"))


def test_sqlite_and_convert(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'kamailio.db'}"
    engine = sa.create_engine(url)
    with engine.begin() as connection, (SAMPLES / "kamailio_acc_cdrs.csv").open(newline="") as file:
        header, *rows = list(csv.reader(file))
        connection.execute(sa.text(f"CREATE TABLE acc_cdrs ({', '.join(f'{name} TEXT' for name in header)})"))
        for row in rows:
            values = ", ".join(f"'{value}'" for value in row)
            connection.execute(sa.text(f"INSERT INTO acc_cdrs VALUES ({values})"))
    engine.dispose()
    out = tmp_path / "calls.csv"
    accounts = str(SAMPLES / "accounts.yaml")
    result = CliRunner().invoke(main, ["convert", url, "--out", str(out), "--accounts", accounts])
    assert "10 rows = 10 written + 0 rejected" in result.output


def reconcile(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["reconcile", *arguments, "--accounts", str(SAMPLES / "accounts.yaml")])


def test_table_reconciles_as_its_csv(server: str) -> None:
    sample = SAMPLES / "kamailio_acc_cdrs.csv"
    fill(server, "acc_cdrs", sample)
    for sides in ((server, str(sample)), (str(sample), server)):
        result = reconcile(*sides, "--json")
        assert (result.exit_code, result.stderr) == (0, "")
        found = json.loads(result.stdout)
        assert (found["matched"], found["a"]["legs"], found["b"]["legs"]) == (10, 10, 10)
        assert [found[side]["files"][0]["format"] for side in "ab"] == ["kamailio-acc_cdrs"] * 2
        names = [found[side]["files"][0]["name"] for side in "ab"]
        assert sorted(names) == sorted([str(sample), server.replace("secret", "***")])
    text = reconcile(server, str(SAMPLES / "audiocodes_syslog_calls.txt"))
    assert text.exit_code == 0, text.output
    assert "A: 10 rows = 10 matched + 0 only in A + 0 rejected; 10 legs, 1,542 s\n" in text.stdout
    assert not list(Path("/tmp").glob("trunkrate-table-*"))


def test_two_tables_reconcile(server: str) -> None:
    for table in ("acc_cdrs", "acc"):
        fill(server, table, SAMPLES / f"kamailio_{table}.csv")
    found = json.loads(reconcile(server, f"{server}?table=acc", "--json").stdout)
    assert (found["matched"], len(found["only_in_a"]), len(found["only_in_b"])) == (10, 0, 0)


def test_sides_that_cannot_be_compared(server: str, tmp_path: Path) -> None:
    """In words, without the password, and no copy is left."""
    sample = SAMPLES / "kamailio_acc_cdrs.csv"
    fill(server, "acc_cdrs", sample)
    shown = server.replace("secret", "***")
    missing = f"{server}?table=nothing"
    nothing = " Nothing was compared."
    rule = "expected a database and table that this user may read"
    empty = tmp_path / "empty.csv"
    empty.write_text(sample.read_text().splitlines()[0] + "\n")
    fill(server, "hollow", sample)
    engine = sa.create_engine(server.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM hollow"))
    engine.dispose()
    for sides, message in (
        (
            (server, server),
            f"{shown}: is on both sides; expected two sources.{nothing} [RECONCILE-SAME]",
        ),
        (
            (server, server.replace("secret", "other")),
            f"{shown}: is on both sides; expected two sources.{nothing} [RECONCILE-SAME]",
        ),
        (
            (str(sample), missing),
            f"{shown}?table=nothing: cannot be read (nothing); {rule}.{nothing} [CDR-DATABASE]",
        ),
        (
            (f"{server}?table=hollow", str(empty)),
            f"{shown}?table=hollow, {empty}: hold no call leg; expected CDRs.{nothing} [RECONCILE-NONE]",
        ),
    ):
        result = reconcile(*sides)
        assert (result.exit_code, result.stdout, result.stderr) == (2, "", message + "\n")
    assert not list(Path("/tmp").glob("trunkrate-table-*"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("?table=nothing", "cannot be read (nothing); expected a database and table that this user may read"),
        ("?table=acc;drop", "table is no name; expected one table as table=acc"),
    ],
)
def test_bad_tables(server: str, tmp_path: Path, change: str, message: str) -> None:
    result = rate(tmp_path / "out", server + change)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "secret" not in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://me:secret@127.0.0.1:1/db", "cannot be read ("),
        (
            "oracle://me:secret@127.0.0.1/db",
            "is no database URL; expected postgresql://, mysql:// or sqlite://",
        ),
        ("mysql://me:secret@127.0.0.1:1/db", "cannot be read (No module named 'MySQLdb')"),
    ],
)
def test_no_server_no_driver(tmp_path: Path, url: str, message: str) -> None:
    result = rate(tmp_path / "out", url)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.rstrip().endswith("Nothing was rated. [CDR-DATABASE]")
    assert "secret" not in result.stderr

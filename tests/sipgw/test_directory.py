"""The directory in force: lookups, and a new accounts file under calls that are up."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest
from lab import FILES, NOON, directory, inbound, outbound

from rating.accounts import Suspension
from rating.accounts_file import load_accounts
from rating.errors import AccountsError, TariffError
from sipgw.channels import LocalChannels
from sipgw.directory import Reloader
from sipgw.policy import admit, decide, leg_of
from sipgw.settings import Settings
from sipgw.settings_file import load_settings

ACCOUNTS = (FILES / "accounts.yaml").read_text(encoding="utf-8")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    shutil.copytree(FILES, tmp_path / "conf")
    monkeypatch.chdir(tmp_path)
    return load_settings("conf/gateway.yaml")


def reloader_of(settings: Settings) -> tuple[Reloader, Clock]:
    clock = Clock()
    return Reloader(settings, every_s=5, clock=clock), clock


def write(settings: Settings, text: str) -> None:
    """As an editor does: aside, then renamed."""
    aside = settings.accounts.with_suffix(".new")
    aside.write_text(text, encoding="utf-8")
    aside.replace(settings.accounts)


def looks(reloader: Reloader, clock: Clock, times: int = 2) -> list[tuple[bool, str] | None]:
    found = []
    for _ in range(times):
        clock.now += 5
        found.append(reloader.look())
    return found


def test_suspensions_of_accounts_are_kept():
    (trunk,) = (trunk for trunk in directory().accounts.trunks if trunk.id == "t2")
    assert [one.scope for one in trunk.suspensions] == ["international", "outbound", "all", "all"]
    assert trunk.suspensions[1].why == "stolen password"
    assert trunk.suspensions[3] == Suspension(1792888200 * 10**9, 1792891800 * 10**9, "all")


def test_wrong_files_at_the_start(settings):
    settings.accounts.write_text(ACCOUNTS.replace("channels: 2", "channels: x"), encoding="utf-8")
    with pytest.raises(AccountsError, match="is no whole number"):
        Reloader(settings)
    shutil.rmtree(settings.tariffs)
    with pytest.raises(TariffError, match="is not there"):
        Reloader(settings)


def test_a_new_file_is_taken_up_when_it_has_settled(settings):
    reloader, clock = reloader_of(settings)
    before = reloader.current
    assert looks(reloader, clock) == [None, None]
    write(settings, ACCOUNTS.replace("SBC1.alpha", "sbc9.alpha"))
    assert reloader.look() is None  # too early to look again
    assert looks(reloader, clock) == [None, (True, "conf/accounts.yaml: taken up, 5 customers, 5 trunks.")]
    assert looks(reloader, clock) == [None, None]
    assert before.trunk_of_host("sbc1.alpha.trunk.example").id == "t1"
    assert reloader.current.trunk_of_host("sbc1.alpha.trunk.example") is None
    assert reloader.current.trunk_of_host("sbc9.alpha.trunk.example").id == "t1"
    assert reloader.current.book is before.book


def test_a_file_that_grows_is_not_taken_before_it_stops(settings):
    reloader, clock = reloader_of(settings)
    whole = ACCOUNTS.encode()
    half = whole.index(b"  - id: t2")  # valid, with one trunk
    for size in (half, half + 30, len(whole) - 40):
        settings.accounts.write_bytes(whole[:size])
        assert looks(reloader, clock, 1) == [None]
        assert len(reloader.current.accounts.trunks) == 5
    settings.accounts.write_bytes(whole[:half])
    assert looks(reloader, clock)[1].is_taken
    assert len(reloader.current.accounts.trunks) == 1


def test_a_broken_file_is_refused_loudly_once_and_the_old_one_stays(settings):
    reloader, clock = reloader_of(settings)
    before = reloader.current
    broken = ACCOUNTS.replace("channels: 2\n", "channels: x\n").replace("customer: gamma", "customer: gama")
    write(settings, broken)
    _, told = looks(reloader, clock)
    assert not told.is_taken
    assert told.text.splitlines() == [
        "conf/accounts.yaml:27: channels 'x' is no whole number; expected a whole number from 0 to 100000. "
        "The accounts in force stay. [ACCOUNTS-CHANNELS]",
        "conf/accounts.yaml:35: customer 'gama' is unknown; expected a customer's id: alpha, beta, delta, "
        "epsilon, gamma. The accounts in force stay. [ACCOUNTS-CUSTOMER]",
    ]
    assert looks(reloader, clock, 4) == [None] * 4
    assert reloader.current is before
    write(settings, ACCOUNTS)
    assert looks(reloader, clock)[1].is_taken


@pytest.mark.parametrize(
    ("what", "told"),
    [
        (Path.unlink, "conf/accounts.yaml: cannot be read (No such file or directory); "),
        (lambda path: path.write_bytes(b""), "conf/accounts.yaml:1: holds no mapping; "),
        (lambda path: path.write_bytes(b"\xff\xfe"), "conf/accounts.yaml:1: byte '\\xff' is not UTF-8; "),
    ],
)
def test_a_file_that_went_away_or_is_none(settings, what, told):
    reloader, clock = reloader_of(settings)
    what(settings.accounts)
    first, second = looks(reloader, clock)
    assert first is None
    assert not second.is_taken
    assert second.text.startswith(told)
    assert looks(reloader, clock, 3) == [None] * 3
    assert len(reloader.current.accounts.trunks) == 5


def test_a_file_that_changes_while_it_is_read_is_read_again(settings, monkeypatch):
    reloader, clock = reloader_of(settings)

    def read_and_change(path, book):
        found = load_accounts(path, book)
        with settings.accounts.open("a", encoding="utf-8") as file:
            file.write("# more to come\n")
        return found

    write(settings, ACCOUNTS.replace("SBC1.alpha", "sbc9.alpha"))
    told = "conf/accounts.yaml: changed while it was read. The accounts in force stay. [ACCOUNTS-FILE]"
    with monkeypatch.context() as patch:
        patch.setattr("sipgw.directory.load_accounts", read_and_change)
        assert looks(reloader, clock) == [None, (False, told)]
    assert reloader.current.trunk_of_host("sbc9.alpha.trunk.example") is None
    _, taken = looks(reloader, clock)
    assert taken.is_taken


def test_a_file_of_the_same_size_and_time_is_seen_by_its_inode(settings):
    reloader, clock = reloader_of(settings)
    old = settings.accounts.stat()
    write(settings, ACCOUNTS.replace("SBC1.alpha", "sbc9.alpha"))
    os.utime(settings.accounts, ns=(old.st_atime_ns, old.st_mtime_ns))
    assert looks(reloader, clock)[1].is_taken


def test_reload_when_told_waits_for_nothing(settings):
    reloader, _ = reloader_of(settings)
    write(settings, ACCOUNTS.replace("SBC1.alpha", "sbc9.alpha"))
    assert reloader.reload() == (True, "conf/accounts.yaml: taken up, 5 customers, 5 trunks.")
    settings.accounts.write_text("customers: []\ntrunks: []\nmore: 1\n", encoding="utf-8")
    told = reloader.reload()
    assert not told.is_taken
    assert told.text.endswith("The accounts in force stay. [ACCOUNTS-KEY]")
    assert reloader.current.trunk_of_host("sbc9.alpha.trunk.example").id == "t1"


def test_calls_that_are_up_outlive_their_accounts(settings):
    reloader, _ = reloader_of(settings)
    channels = LocalChannels()
    calls = [outbound(call_id="a"), inbound(call_id="b"), inbound(call_id="c", b_number="+33353010210")]
    for call in calls:
        assert admit(reloader.current, call, channels, NOON).is_admitted
    fewer = "channels: [{to: 2026-11-01, channels: 2}, {from: 2026-11-01, to: 2026-12-01, channels: 1}]"
    start, end = ACCOUNTS.index("channels: [{to: 2026-11-01"), ACCOUNTS.index("    sites:")
    text = ACCOUNTS[:start] + fewer + "\n" + ACCOUNTS[end:]
    t2 = text.index("  - id: t2")
    write(settings, text[:t2] + text[text.index("  - {id: t3") :])
    assert reloader.reload().is_taken
    assert decide(reloader.current, calls[2], {}, NOON).rule == "called_number"
    assert [channel.trunk for channel in channels.up()] == ["t1", "t2", "t1"]
    lyon = outbound(call_id="d", billed_number="+33199000113")
    assert admit(reloader.current, lyon, channels, NOON).rule == "trunk_full"
    assert all(channels.release(leg_of(call)) for call in calls)
    assert admit(reloader.current, lyon, channels, NOON).is_admitted


def test_one_look_at_a_time(settings):
    """While one thread reads, the others go on with the accounts in force."""
    reloader, clock = reloader_of(settings)
    write(settings, ACCOUNTS.replace("SBC1.alpha", "sbc9.alpha"))
    looks(reloader, clock, 1)
    clock.now += 5
    start = threading.Barrier(8)
    found = []

    def look() -> None:
        start.wait()
        found.append(reloader.look())
        assert len(reloader.current.accounts.trunks) == 5

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sum(one is not None and one.is_taken for one in found) == 1
    assert len(found) == 8

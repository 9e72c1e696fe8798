"""Decisions a second on ten thousand trunks: policy.admit with its counter, and release.

python bench/admission.py [--trunks 10000] [--repeats 7] [--write] [--profile]

One process, one thread. The floor is what no policy in Python can be faster than: one function that
looks up trunk, number and prefix in dictionaries, and counts the channel up and down.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import pstats
import random
import statistics
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from measure import HERE, machine, table, write_section

from sipgw.attempt import Attempt
from sipgw.channels import LocalChannels
from sipgw.directory import Directory, load_directory
from sipgw.policy import Decision, admit, leg_of
from sipgw.settings_file import load_settings

SEED = 20261001
CALLS = 20_000
HELD = 2_000
NOW = int(datetime.fromisoformat("2026-10-05T10:00:00+02:00").timestamp()) * 10**9
FOLDER = HERE / "data" / "admission"
PEER = ("sip.pstnhub.microsoft.com",)
DIALLED = (
    "+331",
    "+336",
    "01",
    "06",
    "+4420",
    "+32475",
    "+12025",
    "0033 1 ",
    "+2126",
    "+3902",
    "3639",
    "118712",
)
"""How called numbers begin; short ones stand whole."""

GATEWAY = """\
name: bench
accounts: accounts.yaml
tariffs: contract
spool: spool/
teams:
  listen: [tls:127.0.0.1:5061]
  fqdn: trunk.example
  peers: [sip.pstnhub.microsoft.com, sip2.pstnhub.microsoft.com, sip3.pstnhub.microsoft.com]
  addresses: [52.112.0.0/14, 52.120.0.0/14]
  tls: {certificate: cert.pem, key: key.pem, ca: ca.pem}
operator:
  listen: [udp:127.0.0.1:5060]
  next_hop: sip:127.0.0.1:5080
  addresses: [127.0.0.1/32]
"""


def number(trunk: int, user: int) -> str:
    return f"+3319{trunk:05d}{user:02d}"


def write_accounts(folder: Path, trunks: int) -> None:
    """Trunks with forty numbers, half of which are of a site."""
    lines = ["customers:"]
    for trunk in range(trunks):
        lines.append(f'  - {{id: c{trunk}, numbers: ["{number(trunk, 0)}..{number(trunk, 39)}"]}}')
    lines.append("trunks:")
    for trunk in range(trunks):
        site = f'{{id: paris, channels: 20, numbers: ["{number(trunk, 0)}..{number(trunk, 19)}"]}}'
        lines.append(f"  - {{id: t{trunk}, customer: c{trunk}, fqdn: sbc{trunk}.trunk.example, channels: 30,")
        lines.append(f"     plan: unlimited-fixed, sites: [{site}]}}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "accounts.yaml").write_text("\n".join(lines) + "\n", encoding="ascii")
    (folder / "gateway.yaml").write_text(GATEWAY, encoding="ascii")


def outbound_calls(trunks: int) -> list[Attempt]:
    draw = random.Random(SEED)
    found = []
    for call in range(CALLS):
        trunk, user, start = draw.randrange(trunks), draw.randrange(40), draw.choice(DIALLED)
        length = {"+": 12, "0": 10}.get(start[0], 0)
        rest = length - len(start.replace(" ", "")) + (3 if start.startswith("00") else 0)
        called = start + "".join(draw.choices("0123456789", k=max(rest, 0)))
        host, own = f"sbc{trunk}.trunk.example", number(trunk, user)
        found.append(
            Attempt("teams", "52.114.1.2", f"c{call}", host, own, called, own, "From", tls_names=PEER)
        )
    return found


def inbound_calls(trunks: int) -> list[Attempt]:
    draw = random.Random(SEED + 1)
    return [
        Attempt(
            "operator",
            "127.0.0.1",
            f"d{call}",
            "127.0.0.1",
            "+33639980123",
            number(draw.randrange(trunks), draw.randrange(40)),
            "",
            "",
        )
        for call in range(CALLS)
    ]


def decide_all(directory: Directory, calls: list[Attempt]) -> list[Decision]:
    """Admit each call and release one so that HELD are up."""
    channels = LocalChannels()
    found = []
    for place, attempt in enumerate(calls):
        found.append(admit(directory, attempt, channels, NOW))
        if place >= HELD:
            channels.release(leg_of(calls[place - HELD]))
    return found


class Floor:
    """A policy of five dictionary look-ups and two counts."""

    def __init__(self, directory: Directory, calls: list[Attempt]) -> None:
        self._trunks = {trunk.fqdn: trunk for trunk in directory.accounts.trunks}
        self._owners = {call.billed_number: call.host for call in calls}
        self._prefixes = {call.b_number[:4]: call.b_number for call in calls}
        self._held: dict[str, str] = {}
        self._count: dict[str, int] = {}

    def decide(self, attempt: Attempt) -> bool:
        trunk = self._trunks.get(attempt.host)
        owner = self._owners.get(attempt.billed_number)
        prefix = self._prefixes.get(attempt.b_number[:4])
        held = self._count.get(attempt.host, 0)
        if owner is None or prefix is None or (trunk is None and attempt.side == "teams") or held >= 30:
            return False
        self._count[attempt.host] = held + 1
        self._held[attempt.call_id] = attempt.host
        return True

    def release(self, attempt: Attempt) -> None:
        host = self._held.pop(attempt.call_id, "")
        if host:
            self._count[host] -= 1

    def all(self, calls: list[Attempt]) -> None:
        for place, attempt in enumerate(calls):
            self.decide(attempt)
            if place >= HELD:
                self.release(calls[place - HELD])


def seconds(work: Callable[[], object]) -> float:
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trunks", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--write", action="store_true", help="put the table into bench/README.md")
    parser.add_argument("--profile", action="store_true", help="where the time of outbound calls goes")
    given = parser.parse_args()
    write_accounts(FOLDER, given.trunks)
    directory = load_directory(load_settings(FOLDER / "gateway.yaml"))
    outbound, inbound = outbound_calls(given.trunks), inbound_calls(given.trunks)
    for calls in (outbound, inbound):
        rules = {decision.rule for decision in decide_all(directory, calls)}
        assert rules == {"admitted"}, rules
    if given.profile:
        with cProfile.Profile() as profile:
            decide_all(directory, outbound)
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)
        return
    floor = Floor(directory, outbound)
    contenders: dict[str, Callable[[], object]] = {
        "outbound": lambda: decide_all(directory, outbound),
        "inbound": lambda: decide_all(directory, inbound),
        "floor: one function, five dictionaries": lambda: floor.all(outbound),
    }
    runs: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(given.repeats):
        for name, work in contenders.items():
            runs[name].append(seconds(work))
    base = statistics.median(runs["floor: one function, five dictionaries"])
    rows = []
    for name, found in runs.items():
        middle = statistics.median(found)
        rate, best = f"{CALLS / middle:,.0f}", f"{CALLS / min(found):,.0f}"
        rows.append([name, rate, best, f"{middle / CALLS * 1e6:.1f}", f"{middle / base:.1f}"])
    text = f"{given.trunks:,} trunks with {given.trunks * 40:,} numbers, the contract's deck of "
    text += f"{len(directory.book.deck):,} rows, {HELD:,} channels held. "
    text += f"Median of {given.repeats} runs in turns. " + machine("numpy") + "\n\n"
    text += table(["decide, hold, release", "median a second", "best", "µs each", "÷ floor"], rows)
    print(text)
    if given.write:
        write_section("admission", text)


if __name__ == "__main__":
    main()

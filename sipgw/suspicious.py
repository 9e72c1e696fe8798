"""What is legal but suspicious in gateway.yaml, and for the gateway in the accounts and the book."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations

import numpy as np

from rating.accounts import Trunk
from rating.checks.warnings_accounts import TrunkEntry, trunk_entries
from rating.errors import AccountsError
from rating.reasons import CLASS_EMERGENCY
from rating.tariffs.book import close_names
from rating.yamlfile import Value, load
from sipgw.directory import Directory
from sipgw.findings import Findings, at
from sipgw.names import LONGEST, covers, is_fqdn
from sipgw.settings import Settings

WIDE = {4: 8, 6: 16}
"""Length of a prefix, by IP version, below which a network is a good part of the world."""


def leg_warnings(settings: Settings, root: Value, found: Findings) -> None:
    """Note listeners, addresses and names that are rarely meant."""
    for key, leg in (("teams", settings.teams), ("operator", settings.operator)):
        for listener in leg.listen:
            if not listener.address.is_loopback:
                problem = "can be reached from other machines"
                expected = "a loopback address, or a firewall in front"
                found.warn(at(root, key, "listen"), problem, expected, "LISTEN", str(listener))
        for network in leg.addresses:
            if network.prefixlen < WIDE[network.version]:
                problem = "lets in a good part of the Internet"
                place = at(root, key, "addresses")
                found.warn(place, problem, "the networks of the peers alone", "ADDRESS", str(network))
    without = [listener for listener in settings.teams.listen if listener.transport != "tls"]
    if without:
        problem = "is not TLS: Teams does not call on it, and who calls on it shows no certificate"
        found.warn(at(root, "teams", "listen"), problem, "tls: listeners", "LISTEN", str(without[0]))
    if len(settings.teams.fqdn) > LONGEST:
        expected = f"at most {LONGEST} characters"
        found.warn(at(root, "teams", "fqdn"), "is longer than Teams takes", expected, "FQDN")


def book_warnings(directory: Directory, root: Value, now: int, found: Findings) -> None:
    """Note a book by which no call is an emergency call."""
    deck = directory.book.deck
    day = int(directory.book.zone.days(np.array([now]))[0])
    in_force = (deck.valid_from <= day) & (day < deck.valid_to)
    if not np.isin(deck.klass[in_force], deck.codes_of(deck.classes, [CLASS_EMERGENCY])).any():
        problem = "has no row of class emergency in force: calls to 112 are like any others"
        found.warn(at(root, "tariffs"), problem, "a rate deck with the emergency numbers", "EMERGENCY")


def trunk_warnings(
    directory: Directory, root: Value, certified: list[str] | None, now: int, found: Findings
) -> None:
    """Note trunks that no call can use.

    Parameters
    ----------
    certified : names of the gateway's certificate, None where it is not known
    now : instant that channels are looked at [ns]
    """
    settings, accounts = directory.settings, directory.accounts
    document, nodes = load(settings.accounts, str(settings.accounts), "ACCOUNTS")
    if nodes is None:
        raise AccountsError(document.faults)
    entries = trunk_entries(accounts, nodes)
    for entry in entries:
        _name(entry, certified, found)
        _channels(entry, directory, now, found)
        source = entry.trunk.rating_source
        if source is not None and source != settings.name:
            problem = (
                f"of trunk '{entry.trunk.id}' is not '{settings.name}': the gateway's CDRs are not rated"
            )
            found.warn(entry.found["rating_source"], problem, "the gateway's name, or null", "SOURCE")
    _ways_in(entries, found)
    known = {trunk.id for trunk in accounts.trunks}
    for name in sorted({*settings.trunk_refusals, *settings.trunk_spend}):
        if name not in known:
            place = at(root, "trunks", name)
            expected = "the id of a trunk of accounts" + close_names(known, name)
            found.warn(Value(place.doc, place.node, "trunks"), "is no trunk", expected, "TRUNK", name)


def _name(entry: TrunkEntry, certified: list[str] | None, found: Findings) -> None:
    """An FQDN by which calls from Teams find the trunk, and under which Teams takes calls."""
    trunk, fqdn = entry.trunk, entry.trunk.fqdn
    if not fqdn:
        problem = "has no fqdn: no call from Teams is known to be its"
        found.warn(entry.found["id"], problem, "the FQDN of the customer's voice route", "FQDN")
        return
    place = entry.found["fqdn"]
    if not is_fqdn(fqdn) or len(fqdn) > LONGEST:
        problem = f"of trunk '{trunk.id}' is no name that Teams takes"
        expected = f"a full host name of at most {LONGEST} characters, as sbc1.trunk.example"
        found.warn(place, problem, expected, "FQDN")
    elif certified is not None and not any(covers(name, fqdn) for name in certified):
        problem = f"of trunk '{trunk.id}' is not among the certificate's names: Teams refuses its calls"
        expected = "a name of it, or one below a name with a star: " + ", ".join(certified[:5])
        found.warn(place, problem, expected, "TLS")


def _channels(entry: TrunkEntry, directory: Directory, now: int, found: Findings) -> None:
    """Trunks and sites without a channel: only emergency calls pass."""
    if not directory.channels(entry.trunk, now):
        problem = f"of trunk '{entry.trunk.id}' are 0 now: only emergency calls pass"
        found.warn(entry.found["channels"], problem, "channels in force", "CHANNELS")
    for site, item in zip(entry.trunk.sites, _items(entry, "sites"), strict=True):
        if not site.channels:
            problem = f"of trunk '{entry.trunk.id}' has no channels: only emergency calls of its numbers pass"
            found.warn(item, problem, "channels of the site", "CHANNELS", site.id)


def _items(entry: TrunkEntry, key: str) -> list[Value]:
    return entry.found[key].items() if key in entry.found else []


def _ways_in(entries: list[TrunkEntry], found: Findings) -> None:
    """Calls from the public network to a customer with several trunks find the one that lists the number."""
    of_customer: dict[int, list[TrunkEntry]] = defaultdict(list)
    for entry in entries:
        of_customer[entry.trunk.customer].append(entry)
    for several in of_customer.values():
        for entry in several if len(several) > 1 else []:
            if not entry.trunk.numbers:
                problem = "lists no numbers, and its customer has other trunks: no call comes in on it"
                found.warn(entry.found["id"], problem, "the numbers that come in on each", "NUMBERS")
        for one, other in combinations(several, 2):
            if _share_a_number(one.trunk, other.trunk):
                problem = f"lists a number that trunk '{one.trunk.id}' lists too: it is refused on both"
                found.warn(other.found["id"], problem, "each number on one trunk", "NUMBERS")


def _share_a_number(one: Trunk, other: Trunk) -> bool:
    return any(
        other.lists(low) or one.lists(first) for low in one.numbers[::2] for first in other.numbers[::2]
    )

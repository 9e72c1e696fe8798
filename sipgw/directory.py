"""What admission looks up: trunks, owners of numbers, channels, destinations.

A directory never changes; a new accounts file makes a new one, and `Reloader` holds the one in force.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from rating.accounts import Accounts, Site, Suspension, Trunk
from rating.accounts_file import load_accounts
from rating.errors import AccountsError
from rating.numbering import SHORT, span_of_prefix
from rating.reasons import CLASS_EMERGENCY
from rating.tariffs.book import TariffBook, load_book
from sipgw.destinations import Destination, Destinations
from sipgw.names import plain
from sipgw.numbers import Number, NumberReader
from sipgw.owners import Owners
from sipgw.settings import Settings


class Directory:
    """Settings, accounts and tariff book that belong together.

    Instants are ns since 1970-01-01T00:00Z; numbers are keys (rating.numbering), 0 for none. All that a call
    looks up is laid out here, once: a decision is made of dictionaries and binary searches.
    """

    def __init__(
        self, settings: Settings, accounts: Accounts, book: TariffBook, tables: BookTables | None = None
    ) -> None:
        self.settings = settings
        self.accounts = accounts
        self.book = book
        self._tables = tables or BookTables(book)
        self._owners = Owners(accounts)
        self._by_fqdn = {plain(trunk.fqdn): trunk for trunk in accounts.trunks if trunk.fqdn}
        self._of_customer: dict[int, list[Trunk]] = {}
        for trunk in accounts.trunks:
            self._of_customer.setdefault(trunk.customer, []).append(trunk)
        self._by_id = {trunk.id: trunk for trunk in accounts.trunks}
        self._shared = [trunk for trunk in accounts.trunks if trunk.shared]

    def with_accounts(self, accounts: Accounts) -> Directory:
        """The same with another accounts file."""
        return Directory(self.settings, accounts, self.book, self._tables)

    # --- numbers

    def read(self, dialled: str, bare_international: bool = False) -> Number:
        """Read a dialled text; bare_international : whether 33199000110 is +33199000110."""
        return self._tables.numbers.read(dialled, bare_international)

    def owner(self, number: int, now: int) -> int:
        """The customer that has a number at an instant, -1 for nobody."""
        return self._owners.of(number, now)

    def may_use(self, trunk: Trunk, number: int, now: int) -> bool:
        """Whether a number is an active one of the trunk's customer; of any customer's on a shared trunk.

        References
        ----------
        .. [1] Conditions particulières 09.2022, art. 6.4; SPEC 11, check 4.
        """
        owner = self.owner(number, now)
        return owner == trunk.customer or (owner >= 0 and trunk.shared)

    # --- trunks

    def trunk(self, name: str) -> Trunk | None:
        """The trunk of an id."""
        return self._by_id.get(name)

    def trunk_of_host(self, host: str) -> Trunk | None:
        """The trunk whose FQDN is the Request-URI's host."""
        return self._by_fqdn.get(plain(host))

    def trunk_of_number(self, number: int, now: int) -> Trunk | None:
        """The trunk on which a called number comes in, None where none or several could be.

        It is the owner's only trunk, else the only one of his that lists the number, as for CDRs that do not
        name a trunk. Calls to an owner without a trunk come in on a shared one, only where it lists the
        number: nobody else's tenant gets them by chance.
        """
        owner = self.owner(number, now)
        if owner < 0:
            return None
        found = self._of_customer.get(owner, [])
        if len(found) != 1:
            found = found or self._shared
            found = [trunk for trunk in found if trunk.lists(number)]
        return found[0] if len(found) == 1 else None

    def channels(self, trunk: Trunk, now: int) -> int:
        """Channels in force, 0 where no entry covers the instant."""
        return next((int(span.value) for span in trunk.channels if span.holds(now)), 0)

    def site_of(self, trunk: Trunk, number: int) -> Site | None:
        """The site that a number of the customer belongs to."""
        for site in trunk.sites:
            runs = zip(site.numbers[::2], site.numbers[1::2], strict=True)
            if number and any(low <= number <= high for low, high in runs):
                return site
        return None

    def suspensions(self, trunk: Trunk, now: int) -> list[Suspension]:
        """The trunk's suspensions that hold (art. 10)."""
        return [one for one in trunk.suspensions if one.start <= now < one.end]

    # --- destinations

    def destination(self, number: int, now: int) -> Destination:
        """Name and class of a number by the longest prefix in force on the local day."""
        return self._tables.destinations.find(number, now)

    def is_emergency(self, number: int, now: int) -> bool:
        """Whether a number is one of the book's emergency numbers."""
        return self.destination(number, now).klass == CLASS_EMERGENCY

    def row(self, number: int, now: int) -> int:
        """Row of the rate deck that `destination` tells of, -1 for none."""
        return self._tables.destinations.row(number, now)

    def named(self, row: int) -> Destination:
        """Name and class of a row of the rate deck, -1 for none."""
        return self._tables.destinations.named(row)

    def dearest_minute(self, row: int) -> int:
        """The most that the first minute of a row's prefix costs at any time, with its fees. [micros]"""
        return self._tables.destinations.dearest_minute(row)

    def day(self, now: int) -> int:
        """Local day of the book, counted from 1970-01-01."""
        return self._tables.destinations.days.of(now)

    def is_international(self, number: int, destination: Destination) -> bool:
        """Whether a call leaves the country: another country code, but for the country's own overseas.

        Those are its classes (`fr_overseas_fixed`), as they are for order forms.
        """
        home_low, home_high = self._tables.home
        is_home = home_low <= number < home_high or destination.klass.startswith(self._tables.home_classes)
        return 0 < number < SHORT and not is_home


class BookTables:
    """What a tariff book says, laid out for calls that come one by one; accounts come and go beside it.

    home : keys [low, high) of the country's own numbers; home_classes : how its classes begin
    """

    def __init__(self, book: TariffBook) -> None:
        self.numbers = NumberReader(book.numbering)
        self.destinations = Destinations(book)
        self.home = span_of_prefix(str(book.numbering.country_code)) or (0, 0)
        self.home_classes = f"{book.country.lower()}_"


def load_directory(settings: Settings) -> Directory:
    """Read the tariff book and the accounts file that gateway.yaml names.

    Raises
    ------
    TariffError, AccountsError
    """
    book = load_book(settings.tariffs)
    return Directory(settings, load_accounts(settings.accounts, book), book)


class Reload(NamedTuple):
    """What became of a new accounts file, in words for the log."""

    is_taken: bool
    text: str


Signature = tuple[int, int, int] | None
"""Time of change, size and inode of a file; None where there is none."""


class Reloader:
    """Holds the directory in force and takes up a new accounts file without touching a call.

    Calls and their channels are counted elsewhere (sipgw.channels). A file with faults is refused whole,
    and the accounts in force stay. The tariff book and gateway.yaml are read once, at the start.

    Parameters
    ----------
    every_s : how long `look` leaves the file alone after a look [s]

    Raises
    ------
    TariffError, AccountsError
        The files are wrong at the start.
    """

    def __init__(
        self, settings: Settings, every_s: float = 5.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = settings.accounts
        self._every_s = every_s
        self._clock = clock
        self._lock = threading.Lock()
        self._judged: Signature = _signature(self._path)
        self._seen = self._judged
        self._current = load_directory(settings)
        self._next = clock() + every_s

    @property
    def current(self) -> Directory:
        """The directory in force: ask once per call, so that one call sees one."""
        return self._current

    def look(self) -> Reload | None:
        """Take up the accounts file if it changed; None where there is nothing to tell.

        A changed file is taken at the second look that finds it the same: at the first it may still be
        written. What was refused is not told again until it changes. A look during another does nothing.
        """
        if not self._lock.acquire(blocking=False):
            return None
        try:
            now = self._clock()
            if now < self._next:
                return None
            self._next = now + self._every_s
            before, self._seen = self._seen, _signature(self._path)
            is_settled = self._seen == before
            return self._take() if is_settled and self._seen != self._judged else None
        finally:
            self._lock.release()

    def reload(self) -> Reload:
        """Read the accounts file now, changed or not: somebody asked for it."""
        with self._lock:
            self._seen = _signature(self._path)
            return self._take()

    def _take(self) -> Reload:
        self._judged = self._seen
        try:
            accounts = load_accounts(self._path, self._current.book)
        except AccountsError as error:
            return Reload(False, error.told(KEPT))
        except OSError as error:
            return Reload(False, f"{self._path}: cannot be read ({error.strerror}). {KEPT} [ACCOUNTS-FILE]")
        if _signature(self._path) != self._seen:
            self._judged = _NEVER
            return Reload(False, f"{self._path}: changed while it was read. {KEPT} [ACCOUNTS-FILE]")
        self._current = self._current.with_accounts(accounts)
        counts = f"{len(accounts.customers)} customers, {len(accounts.trunks)} trunks"
        return Reload(True, f"{self._path}: taken up, {counts}.")


KEPT = "The accounts in force stay."
_NEVER = (-1, -1, -1)


def _signature(path: Path) -> Signature:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino

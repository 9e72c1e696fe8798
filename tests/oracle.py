"""A slow reference rater for trunkrate: one call at a time, exact fractions.

Written from the rules alone (SPEC 2-8 and 12, docs/choices.md); it shares no code with the rater that it
checks. It trusts the tariff book and the accounts, and judges the rows of the CDR files only.

    result = rate(rows, "tariffs/contract", "accounts.yaml", month="2026-10")
"""

import csv
import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from pathlib import Path
from zoneinfo import ZoneInfo

import holidays
import yaml

SECOND = 1_000_000_000  # instants are whole nanoseconds since the epoch
EPOCH = datetime(1970, 1, 1)
UTC = ZoneInfo("UTC")
FRENCH_PLAN = Path(__file__).resolve().parent.parent / "tariffs" / "numbering" / "FR.csv"

FILLED_FIELDS = ("call_id", "trunk_id", "direction", "setup_time", "release_time", "sip_code")
FORWARD_TYPES = ("", "unconditional", "busy", "no_answer", "unknown")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class SourceError(Exception):
    """A trunk has CDRs from two sources, and its accounts do not say which is rated."""


@dataclass
class Result:
    category: dict = field(default_factory=dict)  # row -> rated, unrated, rejected, duplicate, other_...
    rejects: dict = field(default_factory=dict)  # row -> code
    rated: list = field(default_factory=list)
    unrated: list = field(default_factory=list)
    findings: list = field(default_factory=list)
    limits: list = field(default_factory=list)
    usage: list = field(default_factory=list)
    occupancy: list = field(default_factory=list)


# ---------------------------------------------------------------------------------------------- files


def is_blank(value):
    """YAML is read as text, so a null comes as one of its spellings."""
    return value is None or (isinstance(value, str) and value in ("", "~", "null", "Null", "NULL"))


def as_list(value):
    if is_blank(value):
        return []
    return value if isinstance(value, list) else [value]


def load_yaml(path):
    return yaml.load(Path(path).read_text(encoding="utf-8"), Loader=yaml.BaseLoader) or {}


def seconds_of(text):
    """SPEC 12: lengths of time are a number and a unit: 90 s, 60 min, 2 h. [s]"""
    number, unit = re.fullmatch(r"([0-9.]+)\s*(s|min|h)", text.strip()).groups()
    return int(Fraction(number) * {"s": 1, "min": 60, "h": 3600}[unit])


@dataclass(eq=False)
class DeckRow:
    """One row of rate_deck.csv; SPEC 12 gives what a missing or empty column means."""

    prefix: str
    destination: str
    destination_class: str
    price_per_minute: Fraction
    connect_fee: Fraction
    price_per_call: Fraction
    first_s: int
    following_s: int
    min_charge: Fraction | None
    max_charge: Fraction | None
    valid_from: date | None
    valid_to: date | None
    window: str
    from_second: int


def read_deck_row(cells):
    def text(name):
        return (cells.get(name) or "").strip()

    def amount(name):
        return Fraction(text(name)) if text(name) else None

    def day(name):
        return date.fromisoformat(text(name)) if text(name) else None

    return DeckRow(
        prefix=text("prefix"),
        destination=text("destination"),
        destination_class=text("class"),
        price_per_minute=amount("price_per_minute") or Fraction(0),
        connect_fee=amount("connect_fee") or Fraction(0),
        price_per_call=amount("price_per_call") or Fraction(0),
        first_s=int(text("first_s") or 60),
        following_s=int(text("following_s") or 60),
        min_charge=amount("min_charge"),
        max_charge=amount("max_charge"),
        valid_from=day("valid_from"),
        valid_to=day("valid_to"),
        window=text("window"),
        from_second=int(text("from_second") or 0),
    )


@dataclass
class Limit:
    """One limit of a plan's fair use (SPEC 6.4)."""

    reason: str
    measure: str
    per: str
    limit: int  # seconds, or distinct numbers
    scope: str
    types: list
    on_breach: str


@dataclass
class Plan:
    name: str
    classes: list = field(default_factory=list)
    destinations: list = field(default_factory=list)
    order_form: bool = False
    increments: str = "60/60"
    limit_channels: str = "max"
    occupancy_from: str = "setup"
    on_over_cap: str = "flag"
    fair_use: list = field(default_factory=list)


def read_plan_file(path):
    raw = load_yaml(path)
    includes = raw.get("includes")
    includes = {} if is_blank(includes) else includes
    plan = Plan(
        name=raw["plan"],
        classes=as_list(includes.get("classes")),
        destinations=as_list(includes.get("destinations")),
        order_form=includes.get("order_form", "false").lower() == "true",
        increments=raw.get("increments", "60/60"),
        limit_channels=raw.get("limit_channels", "max"),
        occupancy_from=raw.get("occupancy_from", "setup"),
        on_over_cap=raw.get("on_over_cap", "flag"),
    )
    for entry in as_list(raw.get("fair_use")):
        is_count = entry["measure"] == "distinct_numbers"
        plan.fair_use.append(
            Limit(
                reason=entry["reason"],
                measure=entry["measure"],
                per=entry["per"],
                limit=int(entry["limit"]) if is_count else seconds_of(entry["limit"]),
                scope=entry.get("scope", "outbound"),
                types=as_list(entry.get("types", "unconditional")),
                on_breach=entry.get("on_breach", "excess"),
            )
        )
    return plan


class Book:
    """A tariff book folder (SPEC 12)."""

    def __init__(self, folder):
        folder = Path(folder)
        raw = load_yaml(folder / "book.yaml")
        self.currency = raw.get("currency", "EUR")
        self.zone = ZoneInfo(raw.get("timezone", "Europe/Paris"))
        self.amount_decimals = int(raw.get("amount_decimals", "4"))
        self.deck_increments = as_list(raw.get("deck_increments", ["fr_premium", "fr_short"]))

        self.plans = {}
        for path in sorted((folder / "plans").glob("*.yaml")):
            plan = read_plan_file(path)
            self.plans[plan.name] = plan
        # choices.md, Accounts: without a plan of that name, metered is 60/60 and includes nothing.
        self.plans.setdefault("metered", Plan(name="metered"))

        self.deck = {}  # prefix text -> its rows
        with open(folder / "rate_deck.csv", encoding="utf-8-sig", newline="") as file:
            for cells in csv.DictReader(file):
                row = read_deck_row(cells)
                self.deck.setdefault(row.prefix, []).append(row)

        self.windows = {}
        self.holidays = []
        self.holidays_of_year = {}
        if (folder / "windows.yaml").exists():
            raw = load_yaml(folder / "windows.yaml")
            self.windows = raw.get("windows") or {}
            self.holidays = raw.get("holidays", [])

    # SPEC 3: the provider's one billing time zone.

    def local_time(self, instant):
        """Wall clock of the instant's whole second."""
        whole = EPOCH.replace(tzinfo=UTC) + timedelta(seconds=instant // SECOND)
        return whole.astimezone(self.zone).replace(tzinfo=None)

    def local_midnight(self, day):
        midnight = datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC)
        return whole_seconds(midnight.replace(tzinfo=None)) * SECOND

    def month_of(self, instant):
        return self.local_time(instant).strftime("%Y-%m")

    def bounds_of_month(self, month):
        """Its first instant, and that of the next month."""
        year, number = (int(part) for part in month.split("-"))
        begin = self.local_midnight(date(year, number, 1))
        return begin, self.local_midnight(date(year + number // 12, number % 12 + 1, 1))

    # SPEC 7: windows.

    def is_holiday(self, day):
        if is_blank(self.holidays):
            return False
        if isinstance(self.holidays, list):
            return day.isoformat() in self.holidays
        if day.year not in self.holidays_of_year:
            try:
                calendar = holidays.country_holidays(self.holidays, years=day.year)
            except NotImplementedError:
                calendar = holidays.financial_holidays(self.holidays, years=day.year)
            self.holidays_of_year[day.year] = set(calendar)
        return day in self.holidays_of_year[day.year]

    def kind_of_day(self, day):
        return "holiday" if self.is_holiday(day) else WEEKDAYS[day.weekday()]

    def in_window(self, name, instant):
        """A window that runs past midnight belongs to the day on which it begins."""
        local = self.local_time(instant)
        today, yesterday = local.date(), local.date() - timedelta(days=1)
        minute = local.hour * 60 + local.minute
        for part in as_list(self.windows[name]):
            days = as_list(part["days"])
            begin, end = minutes_of(part["from"]), minutes_of(part["to"])
            if begin < end:
                if begin <= minute < end and self.kind_of_day(today) in days:
                    return True
            else:
                if begin <= minute and self.kind_of_day(today) in days:
                    return True
                if minute < end and self.kind_of_day(yesterday) in days:
                    return True
        return False


def minutes_of(clock):
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def whole_seconds(naive_utc):
    return (naive_utc - EPOCH) // timedelta(seconds=1)


# --------------------------------------------------------------------------------------------- instants

INSTANT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?"
    r"(Z|z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)


def read_instant(text, zone, ambiguous):
    """choices.md, Reading CDRs: Instants, Local times. ValueError is CDR-TIME. [ns]"""
    match = INSTANT.fullmatch(text)
    if not match:
        raise ValueError("not an instant")
    year, month, day, hour, minute = (int(part) for part in match.groups()[:5])
    second = int(match[6] or 0)
    nanoseconds = int((match[7] or "").ljust(9, "0"))
    offset = match[8]
    if not 1970 <= year <= 2199:
        raise ValueError("year out of range")
    wall = datetime(year, month, day, hour, minute, second)  # ValueError for 24:00, 23:59:60, 30 February
    if offset is None:
        return local_instant(wall, zone, ambiguous) * SECOND + nanoseconds
    if offset in ("Z", "z"):
        ahead = 0
    else:
        digits = offset[1:].replace(":", "").ljust(4, "0")
        if int(digits[:2]) > 23 or int(digits[2:]) > 59:
            raise ValueError("offset out of range")
        ahead = int(digits[:2]) * 3600 + int(digits[2:]) * 60
        if offset[0] == "-":
            ahead = -ahead
    return (whole_seconds(wall) - ahead) * SECOND + nanoseconds


def local_instant(wall, zone, ambiguous):
    """Every instant at which the zone's clocks show this time: none in spring, two in autumn. [s]"""
    found = set()
    for fold in (0, 1):
        utc = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        if utc.astimezone(zone).replace(tzinfo=None) == wall:
            found.add(whole_seconds(utc.replace(tzinfo=None)))
    if not found:
        raise ValueError("this local time does not exist")
    if len(found) == 2 and ambiguous == "reject":
        raise ValueError("this local time occurs twice")
    return max(found) if ambiguous == "second" else min(found)


def read_account_instant(text, book):
    """choices.md, Accounts: a date is its local midnight in the book's zone. [ns or None]"""
    if is_blank(text):
        return None
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return book.local_midnight(date.fromisoformat(text))
    return read_instant(text, book.zone, "first")


# ---------------------------------------------------------------------------------------------- numbers


@dataclass(frozen=True)
class Number:
    """What a text reads as: kind is e164, short, masked or unreadable."""

    kind: str
    text: str  # as results write it
    digits: str = ""  # a masked number after steps 1 and 2 of choices.md, stars and all

    @property
    def is_plain(self):
        return self.kind in ("e164", "short")


class NumberingPlan:
    """SPEC 4 and choices.md, Numbers (France)."""

    def __init__(self, path):
        self.rows = {}
        with open(path, encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                if row["national_prefix"].startswith("0"):
                    self.rows[row["national_prefix"]] = row

    def longest_row(self, national):
        start = national
        while start:
            if start in self.rows:
                return self.rows[start]
            start = start[:-1]
        return None

    def read(self, text, bare_numbers="national"):
        """Steps 1 to 3, then 4 to 6 for the digits."""
        unreadable = Number("unreadable", text)
        rest = text.strip()
        for scheme in ("tel:", "sip:", "sips:"):
            if rest.lower().startswith(scheme):
                rest = rest[len(scheme) :]
                break
        rest = rest.split("@")[0].split(";")[0]
        for dropped in (" ", "\u00a0", "\u202f", ".", "-", "/", "(", ")"):
            rest = rest.replace(dropped, "")
        if not re.fullmatch(r"\+?[0-9]*\**", rest):
            return unreadable

        if "*" not in rest:
            return self.read_digits(rest, bare_numbers) or unreadable
        for digit in "09":
            filled = self.read_digits(rest.replace("*", digit), bare_numbers)
            if filled is None or filled.kind == "short":
                return unreadable
        return Number("masked", text, rest)

    def read_digits(self, digits, bare_numbers):
        """Steps 4 to 6: a Number, or None where a step fails."""
        if digits.startswith("+"):
            return self.read_international(digits[1:])
        if digits.startswith("00"):
            return self.read_international(digits[2:])
        if digits.startswith("0"):
            return self.read_national(digits)
        if 2 <= len(digits) <= 6:
            return Number("short", digits)
        if len(digits) >= 7 and bare_numbers == "international":
            return self.read_international(digits)
        return None

    def read_international(self, digits):
        """Step 4."""
        if digits.startswith("0"):
            return None
        if digits.startswith("33"):
            rest = digits[2:]
            if 2 <= len(rest) <= 6 and not rest.startswith("0"):
                return Number("short", rest)
            if len(rest) < 2:
                return None
            return self.read_national("0" + rest.removeprefix("0"))
        if 7 <= len(digits) <= 15:
            return Number("e164", "+" + digits)
        return None

    def read_national(self, national):
        """Step 5."""
        if national.startswith("00"):
            return None
        row = self.longest_row(national)
        if row is None or len(national) != int(row["length"] or 10):
            return None
        return Number("e164", "+" + self.national_to_e164(national, row))

    def national_to_e164(self, national, row):
        if row["e164_prefix"]:
            return row["e164_prefix"] + national[len(row["national_prefix"]) :]
        return "33" + national[1:]


# ----------------------------------------------------------------------------------------- destinations


def rows_in_force(rows, day):
    """SPEC 12: valid_from inclusive, valid_to exclusive local dates."""
    return [
        row
        for row in rows
        if (row.valid_from is None or row.valid_from <= day) and (row.valid_to is None or day < row.valid_to)
    ]


class Destinations:
    """SPEC 4: the longest matching prefix of the rate deck in force."""

    def __init__(self, book, plan, bare_numbers):
        self.book = book
        self.plan = plan
        self.bare_numbers = bare_numbers

    def find(self, number, instant):
        """The deck rows in force of the number's prefix; none where no prefix matches."""
        day = self.book.local_time(instant).date()
        if number.kind == "short":
            return self.find_short(number.text, day)
        if number.kind == "e164":
            return self.find_e164(number.text[1:], day)
        if number.kind == "masked":
            return self.find_masked(number.digits, day)
        return []

    def find_e164(self, digits, day):
        while digits:
            rows = rows_in_force(self.book.deck.get(digits, []), day)
            if rows:
                return rows
            digits = digits[:-1]
        return []

    def find_short(self, digits, day):
        """Whole numbers win, then the longest start."""
        rows = rows_in_force(self.book.deck.get("FR:" + digits, []), day)
        if rows:
            return rows
        for length in range(len(digits), -1, -1):
            rows = rows_in_force(self.book.deck.get("FR:" + digits[:length] + "*", []), day)
            if rows:
                return rows
        return []

    def find_masked(self, digits, day):
        """choices.md: the deck row that all 0, all 9, and everything between, match."""
        head = digits.rstrip("*")
        stars = len(digits) - len(head)
        if stars == 0 or not self.may_branch(head, day):
            number = self.plan.read_digits(head + "0" * stars, self.bare_numbers)
            if number is None or number.kind != "e164":
                return []
            return self.find_e164(number.text[1:], day)
        common = None
        for digit in "0123456789":
            rows = self.find_masked(head + digit + "*" * (stars - 1), day)
            if not rows or (common is not None and rows[0].prefix != common[0].prefix):
                return []
            common = rows
        return common

    def may_branch(self, head, day):
        """Whether two numbers that begin with these digits may have different deck rows."""
        if head.startswith("+"):
            international = head[1:]
        elif head.startswith("00"):
            international = head[2:]
        elif head.startswith("0") and len(head) > 1:
            return self.national_may_branch(head, day)
        elif head in ("", "0"):
            return True
        else:
            international = head
        if international in ("", "3", "33", "330"):
            return True
        if international.startswith("33"):
            return self.national_may_branch("0" + international[2:].removeprefix("0"), day)
        return self.deck_may_branch(international, day)

    def national_may_branch(self, national, day):
        if any(longer.startswith(national) and longer != national for longer in self.plan.rows):
            return True
        row = self.plan.longest_row(national)
        return row is not None and self.deck_may_branch(self.plan.national_to_e164(national, row), day)

    def deck_may_branch(self, digits, day):
        return any(
            prefix.startswith(digits) and prefix != digits and rows_in_force(rows, day)
            for prefix, rows in self.book.deck.items()
        )


# --------------------------------------------------------------------------------------------- accounts


class Interval:
    """choices.md, Accounts: inclusive from, exclusive to; null or missing is open."""

    def __init__(self, entry, book):
        self.begin = read_account_instant(entry.get("from"), book)
        self.end = read_account_instant(entry.get("to"), book)

    def covers(self, instant):
        return (self.begin is None or self.begin <= instant) and (self.end is None or instant < self.end)


def read_history(value, key, book):
    """A plain value, or a list of {from, to, key: value}: [(interval, value)]."""
    if is_blank(value):
        return []
    if isinstance(value, list):
        return [(Interval(entry, book), entry[key]) for entry in value]
    return [(Interval({}, book), value)]


def read_number_entries(entries, plan, book):
    """Numbers, ranges `first..last` and {numbers, from, to}: [(interval, first, last)]."""
    found = []
    for entry in as_list(entries):
        dated = entry if isinstance(entry, dict) else {"numbers": entry}
        for text in as_list(dated["numbers"]):
            ends = [plan.read(end).text for end in text.split("..")]
            found.append((Interval(dated, book), ends[0], ends[-1]))
    return found


def holds_number(entries, number, instant):
    """Whether a number is one of the entries at an instant. A masked number is nobody's."""
    if number is None or not number.is_plain:
        return False
    for interval, first, last in entries:
        same_form = len(first) == len(number.text) and first.startswith("+") == number.text.startswith("+")
        if same_form and int(first) <= int(number.text) <= int(last) and interval.covers(instant):
            return True
    return False


def name_key(text):
    """choices.md, Accounts: names with @ compare, and are written, in lower case."""
    return text.lower() if "@" in text else text


class Customer:
    def __init__(self, raw, plan, book):
        self.id = raw["id"]
        self.numbers = read_number_entries(raw.get("numbers"), plan, book)
        users = raw.get("users")
        users = {} if is_blank(users) else users
        self.users = {name_key(name): plan.read(number) for name, number in users.items()}
        self.professional_use = [Interval(entry, book) for entry in as_list(raw.get("professional_use"))]
        self.plan_suspensions = [Interval(entry, book) for entry in as_list(raw.get("plan_suspensions"))]


@dataclass
class Site:
    id: str
    channels: int | None  # None: no cap of its own
    numbers: list


class Trunk:
    def __init__(self, raw, customers, plan, book):
        self.id = raw["id"]
        self.fqdn = raw.get("fqdn", "").lower()
        self.customer = customers[raw["customer"]]
        self.channels = [
            (interval, int(count)) for interval, count in read_history(raw.get("channels"), "channels", book)
        ]
        self.plans = read_history(raw.get("plan"), "plan", book)
        self.international = []
        for entry in as_list(raw.get("international")):
            dated = entry if isinstance(entry, dict) else {"destination": entry}
            self.international.append((Interval(dated, book), dated["destination"]))
        self.shared = raw.get("shared", "false").lower() == "true"
        self.rating_source = None if is_blank(raw.get("rating_source")) else raw["rating_source"]
        self.sites = [
            Site(
                site["id"],
                None if is_blank(site.get("channels")) else int(site["channels"]),
                read_number_entries(site.get("numbers"), plan, book),
            )
            for site in as_list(raw.get("sites"))
        ]
        self.plan_suspensions = [Interval(entry, book) for entry in as_list(raw.get("plan_suspensions"))]
        self.fraud = [Interval(entry, book) for entry in as_list(raw.get("fraud"))]
        self.decisions = as_list(raw.get("decisions"))

    def plan_name_at(self, instant):
        """SPEC 5: none in force is metered."""
        for interval, name in self.plans:
            if interval.covers(instant) and not is_blank(name):
                return name
        return "metered"

    def channels_at(self, instant):
        """SPEC 6.5: 0 where no entry covers it."""
        for interval, count in self.channels:
            if interval.covers(instant):
                return count
        return 0

    def decided_mode(self, month, reason, book):
        """SPEC 6.6: a recorded decision for one trunk and month; the latest `when` wins."""
        latest, mode = None, None
        for decision in self.decisions:
            if decision["month"] == month and decision["reason"] == reason:
                when = read_account_instant(decision["when"], book)
                if latest is None or when > latest:
                    latest, mode = when, decision["mode"]
        return mode


class Accounts:
    def __init__(self, path, plan, book):
        raw = load_yaml(path)
        self.customers = {entry["id"]: Customer(entry, plan, book) for entry in as_list(raw.get("customers"))}
        self.trunks = [Trunk(entry, self.customers, plan, book) for entry in as_list(raw.get("trunks"))]

    def find_trunk(self, text):
        """SPEC 2: trunk id, or the trunk's FQDN; FQDNs compare without case."""
        for trunk in self.trunks:
            if trunk.id == text:
                return trunk
        for trunk in self.trunks:
            if trunk.fqdn and trunk.fqdn == text.lower():
                return trunk
        return None


# ------------------------------------------------------------------------------------------------- calls


@dataclass
class Call:
    """One CDR without fault, and what rating makes of it."""

    row: int
    fields: dict  # column -> text, "" for empty
    source: str
    call_id: str
    trunk: Trunk
    direction: str
    setup_time: int
    answer_time: int | None
    release_time: int
    alert_time: int | None
    a_number: Number
    b_number: Number
    sip_code: int

    month: str = ""
    own_number: Number | None = None
    site_id: str = ""
    deck_rows: list = field(default_factory=list)  # outbound: of the destination's prefix
    plan: Plan | None = None  # inbound ones too
    eligible: bool = False  # answered outbound: the plan includes the destination
    held_from: int | None = None  # the instant from which it holds a channel; None: it holds none
    over_trunk_cap: bool = False
    over_site_cap: bool = False
    reason: str = ""
    included_s: int = 0
    billed_s: int = 0
    first_limit: Limit | None = None  # the first limit that billed any of it
    billable_s: int = 0
    price_per_minute: Fraction | None = None
    amount: Fraction = Fraction(0)

    @property
    def answered(self):
        return self.answer_time is not None

    @property
    def answered_outbound(self):
        return self.answered and self.direction == "outbound"

    @property
    def begin(self):
        """SPEC 3: the answer, or the setup of a call that was not answered."""
        return self.answer_time if self.answered else self.setup_time

    @property
    def duration_s(self):
        """SPEC 2: rounded up to a whole second, at least 1 s when answered, 0 when not."""
        if not self.answered:
            return 0
        return max(1, -((self.answer_time - self.release_time) // SECOND))

    @property
    def over_cap(self):
        return self.over_trunk_cap or self.over_site_cap

    @property
    def destination_class(self):
        return self.deck_rows[0].destination_class if self.deck_rows else ""

    @property
    def content(self):
        """choices.md, Reading CDRs: Same content."""
        written = ("a_number", "b_number", "user_id", "forwarded_by", "forward_type", "end_reason")
        instants = (self.setup_time, self.answer_time, self.release_time, self.alert_time)
        texts = tuple(self.fields[name] for name in written)
        return (self.trunk.id, self.direction, self.sip_code, instants, texts)


class Reject(Exception):
    """A row that is no CDR; its text is the code."""


CDR_COLUMNS = (
    "source",
    "call_id",
    "trunk_id",
    "direction",
    "a_number",
    "b_number",
    "setup_time",
    "answer_time",
    "release_time",
    "sip_code",
    "alert_time",
    "user_id",
    "forwarded_by",
    "forward_type",
    "end_reason",
)


def read_call(index, row, accounts, numbering, zone, ambiguous, bare_numbers):
    """SPEC 2, and the order of faults of choices.md: FIELD, TIME, TIME-ORDER, TRUNK, NUMBER."""
    fields = {name: row.get(name) or "" for name in CDR_COLUMNS}

    if any(fields[name] == "" for name in FILLED_FIELDS) or any("\0" in text for text in fields.values()):
        raise Reject("CDR-FIELD")
    if fields["direction"] not in ("outbound", "inbound") or fields["forward_type"] not in FORWARD_TYPES:
        raise Reject("CDR-FIELD")
    if not re.fullmatch(r"[0-9]{1,3}", fields["sip_code"]):
        raise Reject("CDR-FIELD")

    times = {}
    for name in ("setup_time", "answer_time", "release_time", "alert_time"):
        try:
            times[name] = read_instant(fields[name], zone, ambiguous) if fields[name] else None
        except ValueError:
            raise Reject("CDR-TIME") from None
    setup, answer, release = times["setup_time"], times["answer_time"], times["release_time"]
    if release - setup > 366 * 86_400 * SECOND:
        raise Reject("CDR-TIME")
    if setup > release or (answer is not None and not setup <= answer <= release):
        raise Reject("CDR-TIME-ORDER")

    trunk = accounts.find_trunk(fields["trunk_id"])
    if trunk is None:
        raise Reject("CDR-TRUNK")

    call = Call(
        row=index,
        fields=fields,
        source=fields["source"] or "canonical",
        call_id=fields["call_id"],
        trunk=trunk,
        direction=fields["direction"],
        a_number=numbering.read(fields["a_number"], bare_numbers),
        b_number=numbering.read(fields["b_number"], bare_numbers),
        sip_code=int(fields["sip_code"]),
        **times,
    )
    if call.answered_outbound and call.b_number.kind == "unreadable":
        raise Reject("CDR-NUMBER")
    return call


def accept_calls(calls, result, month):
    """SPEC 2: duplicates and conflicts, then other months, then other sources (choices.md).

    Gives the calls that are rated, and those of other months that come from the source that is rated.
    """
    by_id = {}
    for call in calls:
        by_id.setdefault((call.source, call.call_id), []).append(call)

    accepted, of_other_months = [], []
    for same_id in by_id.values():
        if any(call.content != same_id[0].content for call in same_id):
            for call in same_id:
                result.category[call.row] = "rejected"
                result.rejects[call.row] = "CDR-CONFLICT"
            continue
        for call in same_id[1:]:
            result.category[call.row] = "duplicate"
        if month is not None and same_id[0].month != month:
            result.category[same_id[0].row] = "other_month"
            of_other_months.append(same_id[0])
        else:
            accepted.append(same_id[0])

    sources = {}
    for call in accepted:
        sources.setdefault(call.trunk.id, set()).add(call.source)
    rated = []
    for call in accepted:
        wanted = call.trunk.rating_source
        if wanted is None and len(sources[call.trunk.id]) > 1:
            raise SourceError(f"trunk {call.trunk.id} has sources {sorted(sources[call.trunk.id])}")
        if wanted is not None and call.source != wanted:
            result.category[call.row] = "other_source"
        else:
            rated.append(call)

    rated_sources = {(call.trunk.id, call.source) for call in rated}
    return rated, [call for call in of_other_months if (call.trunk.id, call.source) in rated_sources]


# ----------------------------------------------------------------------------------------- own numbers


class Subjects:
    """choices.md, Accounts: whose call it is."""

    def __init__(self, numbering, bare_numbers):
        self.numbering = numbering
        self.bare_numbers = bare_numbers

    def number_of_name(self, call, text):
        """By the customer's users, else read as a number; None where it is neither."""
        users = call.trunk.customer.users
        if name_key(text) in users:
            return users[name_key(text)]
        number = self.numbering.read(text, self.bare_numbers)
        return number if number.is_plain else None

    def own_number(self, call):
        if call.fields["forwarded_by"]:
            return self.number_of_name(call, call.fields["forwarded_by"])
        number = call.a_number if call.direction == "outbound" else call.b_number
        return number if number.is_plain else None

    def of_limit(self, call, per):
        """SPEC 6.4: the subject of a limit that is per user or number; else there is one, unnamed."""
        party = call.fields["a_number"] if call.direction == "outbound" else call.fields["b_number"]
        if per == "user":
            text = call.fields["forwarded_by"] or call.fields["user_id"] or party
            number = self.number_of_name(call, text)
        elif per == "number":
            text = call.fields["forwarded_by"] or party
            number = call.own_number
        else:
            return ""
        return number.text if number is not None else name_key(text)


# ---------------------------------------------------------------------------------------------- reasons


def plan_includes(plan, call):
    """SPEC 5 and 12: classes, destinations by name, and the trunk's order form."""
    if plan.name == "metered":
        return False
    destination = call.deck_rows[0].destination
    if call.destination_class in plan.classes or destination in plan.destinations:
        return True
    return plan.order_form and any(
        name == destination and interval.covers(call.answer_time)
        for interval, name in call.trunk.international
    )


def belongs_to_another(call, accounts):
    """SPEC 6, rule 8: a number that belongs to nobody does not count."""
    owners = [
        customer.id
        for customer in accounts.customers.values()
        if holds_number(customer.numbers, call.own_number, call.answer_time)
    ]
    return bool(owners) and call.trunk.customer.id not in owners


def early_reason(call, shared_months, book):
    """SPEC 6 and 8: the first of the reasons before the limits; "" where the limits have the word."""
    trunk, customer, at = call.trunk, call.trunk.customer, call.answer_time

    def inside(intervals):
        return any(interval.covers(at) for interval in intervals)

    def waived(reason):
        return trunk.decided_mode(call.month, reason, book) == "waive"

    if not call.answered:
        return "not_answered"
    if call.direction == "inbound":
        return "inbound"
    if call.destination_class == "emergency":
        return "emergency"
    if call.destination_class == "fr_free":
        return "free"
    if not call.deck_rows:
        return "no_rate"
    if not call.eligible:
        return "out_of_plan"
    if inside(customer.professional_use) and not waived("professional_use"):
        return "professional_use"
    if (trunk.shared or (trunk.id, call.month) in shared_months) and not waived("shared_trunk"):
        return "shared_trunk"
    if inside(trunk.fraud) and not waived("fraudulent_use"):
        return "fraudulent_use"
    if inside(trunk.plan_suspensions + customer.plan_suspensions) and not waived("plan_suspended"):
        return "plan_suspended"
    if call.over_cap and call.plan.on_over_cap == "bill" and not waived("over_cap"):
        return "over_cap"
    return ""


# --------------------------------------------------------------------------------------------- fair use


def channel_changes(trunk, begin, end):
    """The instants between two at which the trunk's channels may change."""
    edges = [edge for interval, _count in trunk.channels for edge in (interval.begin, interval.end)]
    return [edge for edge in edges if edge is not None and begin < edge < end]


def channels_of_month(trunk, month, how, book):
    """SPEC 6.5: max, min, or time-weighted average rounded up; 0 where no entry covers."""
    begin, end = book.bounds_of_month(month)
    pieces = []  # (length, channels)
    for piece_begin, piece_end in pairwise(sorted({begin, end, *channel_changes(trunk, begin, end)})):
        pieces.append((piece_end - piece_begin, trunk.channels_at(piece_begin)))

    if how == "average":
        return ceil(Fraction(sum(length * count for length, count in pieces), end - begin))
    counts = [count for _length, count in pieces]
    return min(counts) if how == "min" else max(counts)


def bill_beyond(call, limit, included_s):
    """SPEC 6.4: a limit leaves the call's first seconds; the first that billed any gives the reason."""
    if included_s < call.included_s:
        call.included_s = included_s
        call.billed_s = call.duration_s - included_s
        if call.first_limit is None:
            call.first_limit = limit
            call.reason = limit.reason


def counted_number(call, limit, destinations):
    """SPEC 6.2: the number that a call adds to the set, or None."""
    if call.direction == "inbound":
        number = call.a_number
        rows = destinations.find(number, call.answer_time)
        if limit.scope != "both_directions" or (rows and rows[0].destination_class == "emergency"):
            return None
    else:
        number = call.b_number
        if call.destination_class in ("emergency", "fr_free"):
            return None
        if limit.scope == "eligible" and not call.eligible:
            return None
    return number.text if number.is_plain else None


class Breach:
    """The crossing of one limit by one subject."""

    def __init__(self, call, instant):
        self.call = call
        self.instant = instant


def apply_distinct_numbers(calls, limit, allowed, mode, destinations):
    """SPEC 6.2: one subject's calls in order. Gives (measured, breach)."""
    seen, breach = set(), None
    for call in calls:
        number = counted_number(call, limit, destinations)
        if number is not None and number not in seen:
            if len(seen) >= allowed and breach is None:
                breach = Breach(call, call.answer_time)
            seen.add(number)
        if breach is not None and mode == "excess":
            bill_beyond(call, limit, 0)
    if breach is not None and mode == "retroactive":
        for call in calls:
            bill_beyond(call, limit, 0)
    return len(seen), breach


def apply_time(calls, limit, allowed, mode):
    """SPEC 6.1 and 6.3: one subject's calls in order; the crossing call is split."""
    if limit.measure == "forwarded_time":
        calls = [call for call in calls if call.fields["forward_type"] in limit.types]
    used, breach = 0, None
    for call in calls:
        reaching = call.included_s
        left = max(0, allowed - used)
        if reaching > left:
            if breach is None:
                breach = Breach(call, call.answer_time + left * SECOND)
            if mode == "excess":
                bill_beyond(call, limit, left)
        used += reaching
    if breach is not None and mode == "retroactive":
        for call in calls:
            bill_beyond(call, limit, 0)
    return used, breach


def apply_call_time(calls, limit, allowed, mode):
    """choices.md, Limits: per call; measured is the longest call's seconds."""
    longest, breach = 0, None
    for call in calls:
        reaching = call.included_s
        longest = max(longest, reaching)
        if reaching > allowed:
            if breach is None:
                breach = Breach(call, call.answer_time + allowed * SECOND)
            if mode == "excess":
                bill_beyond(call, limit, allowed)
            elif mode == "retroactive":
                bill_beyond(call, limit, 0)
    return longest, breach


def share_text(measured, limit):
    """choices.md, Limits: 4 decimals, half-up; empty where the limit is 0."""
    if limit == 0:
        return ""
    parts = floor(Fraction(measured * 10_000, limit) + Fraction(1, 2))
    return f"{parts // 10_000}.{parts % 10_000:04d}"


def apply_fair_use(calls, result, subjects, destinations, book):
    """SPEC 6.4: each limit over the whole month, then the next, on what the earlier ones left included.

    SPEC 5: each plan counts its own calls of the month against its own limits. Gives the findings with
    the calls whose amounts they sum.
    """
    groups = {}
    for call in sorted(calls, key=lambda call: (call.begin, call.source, call.call_id)):
        if call.answered:
            groups.setdefault((call.trunk.id, call.month, call.plan.name), []).append(call)

    findings = []
    for trunk_id, month, plan_name in sorted(groups):
        group = groups[trunk_id, month, plan_name]
        trunk, plan = group[0].trunk, group[0].plan
        channels = channels_of_month(trunk, month, plan.limit_channels, book)
        for limit in plan.fair_use:
            allowed = limit.limit * channels if limit.per == "channel" else limit.limit
            mode = trunk.decided_mode(month, limit.reason, book) or limit.on_breach
            by_subject = {}
            for call in group:
                by_subject.setdefault(subjects.of_limit(call, limit.per), []).append(call)
            for subject in sorted(by_subject):
                own_calls = by_subject[subject]
                if limit.measure == "distinct_numbers":
                    measured, breach = apply_distinct_numbers(own_calls, limit, allowed, mode, destinations)
                elif limit.measure == "call_time":
                    measured, breach = apply_call_time(own_calls, limit, allowed, mode)
                else:
                    measured, breach = apply_time(own_calls, limit, allowed, mode)
                if measured == 0:
                    continue
                result.limits.append(
                    {
                        "trunk_id": trunk_id,
                        "month": month,
                        "plan": plan_name,
                        "reason": limit.reason,
                        "subject": subject,
                        "limit": allowed,
                        "measured": measured,
                        "share": share_text(measured, allowed),
                        "breached": breach is not None,
                    }
                )
                if breach is not None:
                    finding = {
                        "trunk_id": trunk_id,
                        "month": month,
                        "reason": limit.reason,
                        "subject": subject,
                        "limit": allowed,
                        "measured": measured,
                        "call_id": breach.call.call_id,
                        "at": breach.instant,
                        "mode": mode,
                        "amount": None,
                    }
                    findings.append((finding, limit, own_calls))
    return findings


# --------------------------------------------------------------------------------------------- channels


def channel_held_from(call):
    """choices.md, Channels: the setup, or the answer where the plan says so; None for no channel."""
    if call.fields["end_reason"] in ("no_channel", "refused"):
        return None
    begin = call.answer_time if call.plan.occupancy_from == "answer" else call.setup_time
    return begin if begin is not None and begin < call.release_time else None


def mark_over_cap(calls):
    """SPEC 8: for each call, the others that hold a channel when it begins to hold one."""
    holding = [call for call in calls if call.held_from is not None]
    for call in holding:
        if call.destination_class == "emergency":
            continue
        at = (call.held_from, call.setup_time, call.call_id)
        on_trunk = [
            other
            for other in holding
            if other.trunk is call.trunk
            and (other.held_from, other.setup_time, other.call_id) < at
            and other.release_time > call.held_from
        ]
        call.over_trunk_cap = len(on_trunk) >= call.trunk.channels_at(call.setup_time)
        for site in call.trunk.sites:
            if site.id == call.site_id and site.channels is not None:
                on_site = [other for other in on_trunk if other.site_id == site.id]
                call.over_site_cap = len(on_site) >= site.channels


def occupancy_row(trunk, site, month, calls, holding, book):
    """choices.md, Channels: a month of a trunk or site: its calls, and all that hold a channel there.

    From each instant of change to the next as many channels are held, and as many are in force.
    """
    begin, end = book.bounds_of_month(month)
    instants = {begin, end, *channel_changes(trunk, begin, end)}
    for call in holding:
        instants |= {at for at in (call.held_from, call.release_time) if begin < at < end}

    peak, peak_at, at_cap, above_cap = 0, None, 0, 0
    for here, following in pairwise(sorted(instants)):
        held = sum(1 for call in holding if call.held_from <= here < call.release_time)
        cap = trunk.channels_at(here) if site is None else site.channels
        if held > peak:
            peak, peak_at = held, here
        if cap is not None and held == cap and held > 0:
            at_cap += following - here
        if cap is not None and held > cap:
            above_cap += following - here

    over_cap = [call.over_cap if site is None else call.over_site_cap for call in calls]
    return {
        "trunk_id": trunk.id,
        "site_id": "" if site is None else site.id,
        "month": month,
        "channels": channels_of_month(trunk, month, "max", book) if site is None else site.channels,
        "calls": len(calls),
        "blocked_calls": sum(1 for call in calls if call.fields["end_reason"] == "no_channel"),
        "over_cap_calls": sum(over_cap),
        "peak_channels": peak,
        "peak_at": peak_at,
        "at_cap_s": ceil(Fraction(at_cap, SECOND)),
        "above_cap_s": ceil(Fraction(above_cap, SECOND)),
    }


def occupancy_rows(calls, of_other_months, book):
    """SPEC 8: each trunk and month that has calls, then each site of the trunk."""
    groups = {}
    for call in calls:
        groups.setdefault((call.trunk.id, call.month), []).append(call)

    rows = []
    for trunk_id, month in sorted(groups):
        group = groups[trunk_id, month]
        trunk = group[0].trunk
        holding = [
            call for call in calls + of_other_months if call.trunk is trunk and call.held_from is not None
        ]
        rows.append(occupancy_row(trunk, None, month, group, holding, book))
        for site in trunk.sites:
            own_calls, own_holding = (
                [call for call in some if call.site_id == site.id] for some in (group, holding)
            )
            rows.append(occupancy_row(trunk, site, month, own_calls, own_holding, book))
    return rows


# ------------------------------------------------------------------------------------------------ price


def rate_row(rows, answer_time, second, book):
    """SPEC 7: the row of the increment that starts `second` seconds after the answer.

    A row with a window wins over one without, then the greater from_second.
    """
    if len(rows) == 1:
        return rows[0]
    instant = answer_time + second * SECOND
    inside = {row.window: book.in_window(row.window, instant) for row in rows if row.window}
    best = None
    for row in rows:
        if row.from_second > second or (row.window and not inside[row.window]):
            continue
        if best is None or (bool(row.window), row.from_second) > (bool(best.window), best.from_second):
            best = row
    return best


def round_half_up(amount, decimals):
    """Away from zero on a tie."""
    scaled = floor(abs(amount) * 10**decimals + Fraction(1, 2))
    return Fraction(scaled if amount >= 0 else -scaled, 10**decimals)


def price_call(call, book):
    """SPEC 7: increments, windows and steps, fees, minimum and maximum, one rounding."""
    if not call.answered_outbound or not call.deck_rows:
        return
    rows = call.deck_rows
    first_billed = call.included_s if call.billed_s else 0
    call.price_per_minute = rate_row(rows, call.answer_time, first_billed, book).price_per_minute
    if call.billed_s == 0:
        return

    # The row in force at answer time with from_second 0.
    at_start = [row for row in rows if row.from_second == 0]
    base = rate_row(at_start, call.answer_time, 0, book)

    if call.plan.increments == "deck" or call.destination_class in book.deck_increments:
        first_s, following_s = base.first_s, base.following_s
    else:
        first_s, following_s = (int(part) for part in call.plan.increments.split("/"))

    seconds_at = {}  # price per minute -> seconds
    increment_s = first_s
    while call.billable_s < call.billed_s:
        row = rate_row(rows, call.answer_time, call.included_s + call.billable_s, book)
        seconds_at[row.price_per_minute] = seconds_at.get(row.price_per_minute, 0) + increment_s
        call.billable_s += increment_s
        increment_s = following_s

    amount = Fraction(0)
    for price_per_minute, seconds in seconds_at.items():
        amount += price_per_minute * seconds / 60
    whole = call.billed_s == call.duration_s
    if whole:
        amount += base.connect_fee + base.price_per_call
        if base.min_charge is not None:
            amount = max(amount, base.min_charge)
    if base.max_charge is not None:
        amount = min(amount, base.max_charge)
    call.amount = round_half_up(amount, book.amount_decimals)


# ----------------------------------------------------------------------------------------------- output


def output_order(call):
    """SPEC 12: (trunk_id, answer or setup time, call_id)."""
    return (call.trunk.id, call.begin, call.call_id, call.source)


def rated_row(call, book):
    """SPEC 12: rated_calls, without tariff_version."""
    outbound = call.answered_outbound
    first_row = call.deck_rows[0] if outbound else None
    return {
        "row": call.row,
        "source": call.source,
        "call_id": call.call_id,
        "trunk_id": call.trunk.id,
        "customer_id": call.trunk.customer.id,
        "site_id": call.site_id,
        "month": call.month,
        "direction": call.direction,
        "a_number": call.a_number.text,
        "b_number": call.b_number.text,
        "b_dialled": call.fields["b_number"],
        "setup_time": call.setup_time,
        "answer_time": call.answer_time,
        "release_time": call.release_time,
        "duration_s": call.duration_s,
        "prefix": first_row.prefix if outbound else "",
        "destination": first_row.destination if outbound else "",
        "destination_class": first_row.destination_class if outbound else "",
        "plan": call.plan.name if outbound else "",
        "reason": call.reason,
        "included_s": call.included_s,
        "billed_s": call.billed_s,
        "billable_s": call.billable_s,
        "price_per_minute": call.price_per_minute,
        "amount": call.amount,
        "currency": book.currency,
        "over_cap": call.over_cap,
        "user_id": call.fields["user_id"],
        "forwarded_by": call.fields["forwarded_by"],
        "forward_type": call.fields["forward_type"],
        "sip_code": call.sip_code,
        "end_reason": call.fields["end_reason"],
    }


def usage_rows(calls, occupancy):
    """SPEC 12: one per trunk and month. choices.md, Usage: unrated calls count too."""
    of_trunk = {(row["trunk_id"], row["month"]): row for row in occupancy if row["site_id"] == ""}
    names = ("channels", "peak_channels", "peak_at", "at_cap_s", "above_cap_s", "over_cap_calls")
    groups = {}
    for call in calls:
        groups.setdefault((call.trunk.id, call.month), []).append(call)
    rows = []
    for trunk_id, month in sorted(groups):
        group = groups[trunk_id, month]
        rows.append(
            {
                "trunk_id": trunk_id,
                "customer_id": group[0].trunk.customer.id,
                "month": month,
                "calls": len(group),
                "answered": sum(1 for call in group if call.answered),
                "inbound_s": sum(call.duration_s for call in group if call.direction == "inbound"),
                "outbound_s": sum(call.duration_s for call in group if call.direction == "outbound"),
                "included_s": sum(call.included_s for call in group),
                "billed_s": sum(call.billed_s for call in group),
                "amount": sum((call.amount for call in group), Fraction(0)),
                **{name: of_trunk[trunk_id, month][name] for name in names},
            }
        )
    return rows


# ------------------------------------------------------------------------------------------------- rate


def rate(
    rows,
    book_dir,
    accounts_path,
    *,
    month=None,
    timezone=None,
    ambiguous="reject",
    bare_numbers="national",
    plan_path=FRENCH_PLAN,
):
    """Rate CDR rows (dicts column -> text) by a tariff book folder and an accounts file."""
    book = Book(book_dir)
    numbering = NumberingPlan(plan_path)
    accounts = Accounts(accounts_path, numbering, book)
    destinations = Destinations(book, numbering, bare_numbers)
    subjects = Subjects(numbering, bare_numbers)
    zone = ZoneInfo(timezone) if timezone else book.zone
    result = Result()

    calls = []
    for index, row in enumerate(rows):
        try:
            calls.append(read_call(index, row, accounts, numbering, zone, ambiguous, bare_numbers))
        except Reject as reject:
            result.category[index] = "rejected"
            result.rejects[index] = str(reject)
    for call in calls:
        call.month = book.month_of(call.begin)
    calls, of_other_months = accept_calls(calls, result, month)

    for call in calls + of_other_months:
        call.own_number = subjects.own_number(call)
        for site in call.trunk.sites:
            if holds_number(site.numbers, call.own_number, call.begin):
                call.site_id = site.id
        call.plan = book.plans[call.trunk.plan_name_at(call.begin)]
        if call.direction == "outbound":
            call.deck_rows = destinations.find(call.b_number, call.begin)
        call.held_from = channel_held_from(call)
    mark_over_cap(calls + of_other_months)

    shared_months = set()
    for call in calls:
        if call.answered_outbound:
            call.eligible = bool(call.deck_rows) and plan_includes(call.plan, call)
            if belongs_to_another(call, accounts):
                shared_months.add((call.trunk.id, call.month))

    for call in calls:
        call.reason = early_reason(call, shared_months, book)
        if call.reason == "":
            call.reason = "included"
            call.included_s = call.duration_s
        elif call.reason not in ("not_answered", "inbound", "emergency", "free", "no_rate"):
            call.billed_s = call.duration_s

    findings = apply_fair_use(calls, result, subjects, destinations, book)
    for call in calls:
        price_call(call, book)
    for finding, limit, own_calls in findings:
        billed_here = [call.amount for call in own_calls if call.first_limit is limit]
        finding["amount"] = sum(billed_here, Fraction(0))
        result.findings.append(finding)

    for call in sorted(calls, key=output_order):
        if call.reason == "no_rate":
            result.category[call.row] = "unrated"
            result.unrated.append(call.row)
        else:
            result.category[call.row] = "rated"
            result.rated.append(rated_row(call, book))
    result.occupancy = occupancy_rows(calls, of_other_months, book)
    result.usage = usage_rows(calls, result.occupancy)
    return result

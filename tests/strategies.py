"""Hypothesis strategies: small tariff books, accounts and CDRs in which everything collides.

Alphabets are small on purpose: few numbers, prefixes nested in each other, instants on and beside every edge
(months, clock changes, windows, validity), lengths on and beside every increment and limit.
"""

import csv
import io
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

SECOND = 1_000_000_000
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
OPTIONAL_COLUMNS = ("source", "alert_time", "end_reason")
DECK_COLUMNS = (
    "prefix",
    "destination",
    "class",
    "country",
    "price_per_minute",
    "connect_fee",
    "price_per_call",
    "first_s",
    "following_s",
    "min_charge",
    "max_charge",
    "valid_from",
    "valid_to",
    "window",
    "from_second",
)


def oneof(*values):
    """One of a few values; those written more often come more often."""
    return st.sampled_from(values)


def rarely(one_in=8):
    """True once in a while, False when shrunk."""
    return st.integers(0, one_in - 1).map(lambda value: value == one_in - 1)


# ------------------------------------------------------------------------------------------------ numbers

OWN_NUMBERS = ("33199000110", "33199000111", "33199000112", "33199000113", "33639980001")
FRENCH = (
    "33140000001",
    "33140000002",
    "33199000110",
    "33199000113",
    "33639980001",
    "33639980002",
    "33612345678",
    "33800000001",
    "337000001234567",
)
OVERSEAS = ("0262000001", "0639000001", "0590000001", "0690000001", "+33590000001", "+33 2 62 00 00 01")
FOREIGN = ("12125550100", "1212555", "442012345678", "4420123", "442012300", "590590000001", "262262000001")
SHORT = ("15", "3639", "36", "112", "118712", "3600", "150", "39", "3", "363900")
MASKED = (
    "+3363998****",
    "063998****",
    "06 39 98 ** **",
    "+33 6 39 98 00 **",
    "0199000***",
    "01********",
    "+331********",
    "+336*******",
    "0033199****00",
    "0**********",
    "+33*********",
    "+44201234****",
    "+4420123*",
    "+1212*******",
    "36**",
    "+**********",
    "0262******",
    "026*******",
    "+33639******",
)
MISDIALS = (
    "",
    "anonymous",
    "00",
    "0",
    "+",
    "+33",
    "+330",
    "0199",
    "12345678",
    "+3300199000110",
    "+12",
    "0010",
)
FUSSY = ("٠١٩٩", "+33\t199000110", "tel:tel:15", "1" * 40, "sip:@gw", "é", 'a,"b"', "+0033199000110")


@st.composite
def spelled(draw, digits):
    """One of the ways to write an E.164 number (French ones can be dialled nationally)."""
    if not digits.startswith("33"):
        return draw(oneof(f"+{digits}", f"00{digits}", f"+{digits[:3]} {digits[3:]}", digits))
    rest = digits[2:]
    pairs = " ".join([f"0{rest[0]}", *(rest[i : i + 2] for i in range(1, len(rest), 2))])
    return draw(
        oneof(
            f"0{rest}",
            f"+33{rest}",
            f"0033{rest}",
            f"+33 0{rest}",
            f"+33 (0){rest}",
            f"00330{rest}",
            pairs,
            pairs.replace(" ", "."),
            pairs.replace(" ", "\u202f"),
            f"tel:+33{rest}",
            f"SIP:+33{rest}@gw.example;user=phone",
            f"0{rest};ext=12",
            f" 0{rest} ",
            digits,
        )
    )


@st.composite
def short_spelled(draw, digits):
    return draw(
        oneof(digits, digits, f"+33{digits}", f"0033{digits}", f"tel:{digits}", f"{digits[0]} {digits[1:]}")
    )


def own_number_texts():
    return st.one_of(
        *[st.sampled_from(OWN_NUMBERS[:3]).flatmap(spelled)] * 8,
        st.sampled_from(OWN_NUMBERS).flatmap(spelled),
        st.sampled_from(MASKED + MISDIALS),
        st.sampled_from(MASKED + MISDIALS),
        short_spelled("3639"),
    )


def called_number_texts():
    return st.one_of(
        st.sampled_from(FRENCH).flatmap(spelled),
        st.sampled_from(FRENCH[:4]).flatmap(spelled),
        st.sampled_from(FRENCH[:2]).map(lambda digits: f"0{digits[2:]}"),
        st.sampled_from(FOREIGN).flatmap(spelled),
        st.sampled_from(SHORT).flatmap(short_spelled),
        st.sampled_from(OVERSEAS),
        st.sampled_from(MASKED),
        rarely(3).flatmap(lambda odd: st.sampled_from(MISDIALS + FUSSY if odd else ("0140000003",))),
    )


def wild_number_texts():
    """Texts made of what numbers are made of, for the reader alone."""
    piece = st.one_of(
        oneof(
            "0", "00", "+", "+33", "0033", "33", "+330", "tel:", "sip:", "SIPS:", "@gw", ";ext=1", "*", "**"
        ),
        oneof(" ", ".", "-", "/", "(", ")", "\u00a0", "\u202f", "\t", "x", "٣"),
        oneof(
            "0700",
            "07005",
            "0901",
            "0262",
            "0639",
            "26261",
            "03610",
            "09475",
            "0",
            "1",
            "5",
            "9",
            "36",
            "118",
        ),
        st.text("0123456789", max_size=10),
        st.text("0123456789", min_size=6, max_size=9),
    )
    joined = st.lists(piece, max_size=5).map("".join)
    known = st.sampled_from(FRENCH + FOREIGN).flatmap(spelled)
    masked = st.builds(
        lambda text, stars: text[:-stars] + "*" * stars,
        known.filter(lambda t: t[-9:].isdigit()),
        st.integers(1, 9),
    )
    return st.one_of(
        joined, known, masked, st.sampled_from(MASKED + MISDIALS + FUSSY + OVERSEAS), st.text(max_size=6)
    )


# ----------------------------------------------------------------------------------------------- instants

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
CLOCKS = ("00:00", "02:00", "02:30", "03:00", "06:00", "08:00", "12:00", "19:00", "22:00", "23:59")


def nanoseconds(moment):
    """An aware datetime as an instant. [ns]"""
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000


def paris(text):
    """Instant of a Paris wall clock (the first where there are two). [ns]"""
    return nanoseconds(datetime.fromisoformat(text).replace(tzinfo=PARIS))


MONTH_EDGES = tuple(paris(day) for day in ("2026-10-01", "2026-11-01", "2026-10-31T23:59:30"))
CLOCK_CHANGES = tuple(
    nanoseconds(datetime.fromisoformat(text + "+00:00"))
    for text in (
        "2026-10-25T00:00",
        "2026-10-25T00:30",
        "2026-10-25T01:00",
        "2026-03-29T00:30",
        "2026-03-29T01:00",
    )
)
ORDINARY = tuple(paris(f"2026-10-{day}T{clock}") for day in ("05", "15", "24", "25") for clock in CLOCKS)
NEARBY = (
    0,
    0,
    0,
    1,
    -1,
    1_000_000,
    -1_000_000,
    SECOND,
    -SECOND,
    500_000_000,
    30 * SECOND,
    90 * SECOND,
    -61 * SECOND,
)
LENGTHS = (
    *(
        whole * SECOND
        for whole in (0, 1, 6, 29, 30, 31, 36, 59, 60, 61, 66, 119, 120, 121, 150, 299, 300, 301)
    ),
    *(whole * SECOND for whole in (600, 601, 3_600, 5 * 3_600, 26 * 3_600)),
    *(
        1,
        1_000_000,
        999_999_999,
        29_999_000_000,
        30_000_000_001,
        60_000_000_001,
        59_999_999_999,
        123_456_000_000,
    ),
)
BEFORE = (0, 0, 1, 1_000_000, 5 * SECOND, 61 * SECOND)


@st.composite
def written(draw, instant, zone, local_one_in=3):
    """One of the ways to write an instant; without offset it is local in the zone."""
    seconds, rest = divmod(instant, SECOND)
    utc = EPOCH + timedelta(seconds=seconds)
    if draw(rarely(local_one_in)):
        moment, offset = utc.astimezone(zone), ""
    else:
        minutes = draw(oneof(0, 0, 120, 60, -330))
        moment = utc + timedelta(minutes=minutes)
        sign, (hours, left) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
        offset = draw(oneof("Z", "z", "+00:00")) if not minutes else None
        if offset is None:
            forms = [f"{sign}{hours:02d}:{left:02d}", f"{sign}{hours:02d}{left:02d}"]
            offset = draw(st.sampled_from(forms + ([] if left else [f"{sign}{hours:02d}"])))
    between = draw(oneof("T", "T", " "))
    if moment.second == 0 and rest == 0 and draw(st.booleans()):
        return moment.strftime(f"%Y-%m-%d{between}%H:%M") + offset
    text = moment.strftime(f"%Y-%m-%d{between}%H:%M:%S")
    fraction = f"{rest:09d}".rstrip("0")
    if draw(rarely(4)):
        fraction = fraction.ljust(draw(st.integers(max(1, len(fraction)), 9)), "0")
    mark = draw(oneof(".", ".", ","))
    return text + (mark + fraction if fraction else "") + offset


BAD_INSTANTS = (
    "2026-10-05T24:00:00Z",
    "2026-02-29T10:00:00Z",
    "2026-10-05T10:00:60Z",
    "2026-10-05",
    "2026-10-05T10:00:00.Z",
    "2026-10-05T10:00:00.1234567891Z",
    "2026-10-05T10:00.5Z",
    "1969-12-31T23:59:59Z",
    "2200-01-01T00:00:00Z",
    "2026-10-05T10:00:00+24:00",
    "2026-10-05T10:00:00+01:60",
    "2026-10-05t10:00:00Z",
    " 2026-10-05T10:00:00Z",
    "2026-10-5T10:00:00Z",
    "now",
    "٢٠٢٦-10-05T10:00:00Z",
)


@st.composite
def instant_texts(draw, zone):
    """Texts that are instants, nearly so, or not at all."""
    if draw(rarely(6)):
        return draw(st.sampled_from(("", *BAD_INSTANTS)))
    anywhere = st.integers(-3_600, 7_258_118_400 + 3_600).map(lambda seconds: seconds * SECOND)
    near = st.builds(
        lambda at, by: at + by, st.sampled_from(CLOCK_CHANGES), st.integers(-7_200, 7_200).map(SECOND.__mul__)
    )
    moment = draw(st.one_of(anywhere, near)) + draw(oneof(0, 1, 500_000_000, 999_999_999))
    text = draw(written(moment, zone, 2))
    if draw(rarely(4)) and text:
        at = draw(st.integers(0, len(text) - 1))
        text = text[:at] + draw(oneof("", "0", "9", "-", ":", ".", "Z", "x", "é", " ")) + text[at + 1 :]
    return text


# ------------------------------------------------------------------------------------------------- books

PREFIXES = (
    *("33", "331", "3319900", "331990001", "336", "3363998", "33639980", "338", "337000", "3314"),
    *("1", "12", "1212555", "12125550", "44", "4420", "442012300", "262", "262639", "590"),
    *("FR:15", "FR:150*", "FR:1*", "FR:112", "FR:3639", "FR:36*", "FR:3*", "FR:360*", "FR:3600", "FR:118*"),
)
DESTINATIONS = ("Paris", "France", "Mobile", "Belgique", "Outre-mer", "Service é")
CLASSES = (
    *(
        "fr_fixed",
        "fr_fixed",
        "fr_fixed",
        "fr_mobile",
        "fr_mobile",
        "international",
        "fr_premium",
        "fr_short",
    ),
    *("fr_free", "emergency", "fr_overseas_mobile", "own_class"),
)
PRICES = (
    "0.0200",
    "0",
    "0.0001",
    "0.0005",
    "0.0010",
    "0.0100",
    "0.0125",
    "0.015",
    "0.033333",
    "0.000001",
    "1.5",
    "7",
)
FEES = ("", "", "", "0", "0.0005", "0.00005", "0.05", "0.1", "0.000001", "0.5")
INCREMENTS = (("", ""), ("60", "60"), ("30", "6"), ("1", "1"), ("60", "1"), ("7", "11"), ("90", "45"))
CHARGES = (
    ("", ""),
    ("", ""),
    ("", ""),
    ("0.05", ""),
    ("", "0.05"),
    ("0.0005", "0.0005"),
    ("0", "0"),
    ("0.1", "1.5"),
)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday")
VALIDITY_DATES = ("2026-03-29", "2026-10-01", "2026-10-15", "2026-10-25", "2026-10-26", "2026-11-01")
STEPS = ("1", "6", "30", "45", "59", "60", "61", "120", "299", "3600")
PLANS = ("basic", "big", "metered")
REASONS = ("forwarding", "fair_use_numbers", "fair_use_hours")
WAIVABLE = ("professional_use", "shared_trunk", "fraudulent_use", "plan_suspended", "over_cap", "over_cap")
MODES = ("excess", "excess", "retroactive", "waive")
ZONES = (*["Europe/Paris"] * 12, "America/New_York", "America/Havana", "Indian/Reunion", "UTC")


@dataclass(frozen=True)
class Book:
    """Files of a tariff book, and the names that accounts may use."""

    files: dict[str, str]
    zone: str
    plans: tuple[str, ...]
    destinations: tuple[str, ...]

    def write(self, folder):
        for name, text in self.files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


@st.composite
def windows(draw):
    """Time windows of which no two ever hold together, whatever the day."""
    first, second, third = sorted(
        draw(st.lists(st.sampled_from(CLOCKS), min_size=3, max_size=3, unique=True))
    )
    day_sets = st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True)
    day_spans = [(first, second), (second, third if draw(st.booleans()) else "24:00")]
    night = (third, first) if day_spans[1][1] == third else None
    one, other = [], []
    for begin, end in day_spans:
        days = draw(day_sets)
        one.append({"days": days, "from": begin, "to": end})
        other.append({"days": [day for day in DAYS if day not in days], "from": begin, "to": end})
    found = {"peak": one, "calm": other}
    if night:
        days = draw(day_sets)
        found["night"] = [{"days": days, "from": night[0], "to": night[1]}]
        found["late"] = [{"days": [day for day in DAYS if day not in days], "from": night[0], "to": night[1]}]
    found = {name: found[name] for name in draw(st.permutations(list(found)))}
    holidays = draw(
        st.one_of(st.none(), st.just("FR"), st.lists(st.sampled_from(VALIDITY_DATES), max_size=2))
    )
    return {"holidays": holidays, "windows": found} if holidays is not None else {"windows": found}


@st.composite
def deck_rows(draw, prefix, window_names, klass=None, destination=None, plain=False):
    """Rows of one prefix: one or two stretches of validity, each with windows and steps.

    A class that is given holds for all rows; plain: a price at any time, in many windows and small steps.
    """
    edges = [""]
    if draw(rarely(6 if plain else 3)):
        edges += sorted(draw(st.lists(st.sampled_from(VALIDITY_DATES), min_size=1, max_size=2, unique=True)))
    stretches = list(zip(edges, [*edges[1:], ""], strict=True))
    if len(stretches) > 1 and not plain and draw(rarely(3)):
        stretches.pop(draw(st.integers(0, len(stretches) - 1)))
    rows = []
    for valid_from, valid_to in stretches:
        its_destination = destination or draw(st.sampled_from(DESTINATIONS))
        its_class = klass or draw(st.sampled_from(CLASSES))
        kinds = {("", "0")}
        if plain or draw(rarely(2)):
            steps = st.sampled_from(("0", *STEPS))
            kinds |= draw(st.sets(st.tuples(st.sampled_from(("", *window_names)), steps), max_size=4))
        if plain:
            kinds |= {(name, "0") for name in window_names if draw(st.booleans())}
        for window, from_second in sorted(kinds):
            first_s, following_s = draw(st.sampled_from(INCREMENTS))
            min_charge, max_charge = draw(st.sampled_from(CHARGES))
            rows.append(
                {
                    "prefix": prefix,
                    "destination": its_destination,
                    "class": its_class,
                    "country": "",
                    "price_per_minute": draw(st.sampled_from(PRICES)),
                    "connect_fee": draw(st.sampled_from(FEES)),
                    "price_per_call": draw(st.sampled_from(FEES)),
                    "first_s": first_s,
                    "following_s": following_s,
                    "min_charge": min_charge,
                    "max_charge": max_charge,
                    "valid_from": valid_from,
                    "valid_to": valid_to,
                    "window": window,
                    "from_second": draw(oneof("0", "")) if from_second == "0" else from_second,
                }
            )
    return rows


@st.composite
def limits(draw):
    """One fair-use limit, small enough to be crossed."""
    measure = draw(
        oneof("time", "time", "distinct_numbers", "distinct_numbers", "forwarded_time", "call_time")
    )
    per = "call" if measure == "call_time" else draw(oneof("channel", "channel", "trunk", "user", "number"))
    found = {"reason": draw(st.sampled_from(REASONS)), "measure": measure, "per": per}
    if measure == "distinct_numbers":
        found["limit"] = draw(oneof("0", "1", "2", "2", "3", "5"))
        if draw(st.booleans()):
            found["scope"] = draw(oneof("outbound", "eligible", "both_directions"))
    else:
        found["limit"] = draw(
            oneof("0 s", "60 s", "1 min", "30 s", "2 min", "90 s", "299 s", "300 s", "0.1 h", "61s")
        )
        if measure == "forwarded_time" and draw(st.booleans()):
            found["types"] = draw(st.lists(st.sampled_from(FORWARD_TYPES[1:]), max_size=4, unique=True))
    if draw(st.booleans()):
        found["on_breach"] = draw(st.sampled_from(MODES))
    if draw(rarely(4)):
        found["suspend_plan"] = "true"
    return found


@st.composite
def channel_rules(draw, one_in=4):
    """A plan's keys on channels: mostly what holds without them."""
    found = {}
    if draw(st.booleans()):
        found["occupancy_from"] = "answer" if draw(rarely(one_in)) else "setup"
    if draw(st.booleans()):
        found["on_over_cap"] = "bill" if draw(rarely(one_in)) else "flag"
    return found


@st.composite
def plans(draw, name, classes, destinations):
    return {
        "plan": name,
        "includes": {
            "classes": [
                *draw(st.lists(st.sampled_from(classes), max_size=5)),
                *draw(oneof(["fr_fixed"], ["fr_fixed"], [])),
            ],
            "destinations": draw(st.lists(st.sampled_from(destinations), max_size=2, unique=True)),
            "order_form": draw(st.booleans()),
        },
        "increments": draw(oneof("60/60", "60/60", "30/6", "1/1", "deck", "7/11")),
        "limit_channels": draw(oneof("max", "min", "average")),
        **draw(channel_rules(2)),
        "fair_use": draw(st.lists(limits(), max_size=4)),
    }


@st.composite
def books(draw):
    """A tariff book that loads."""
    calendar = draw(st.one_of(st.none(), windows(), windows()))
    window_names = tuple(calendar["windows"]) if calendar else ()
    prefixes = draw(st.lists(st.sampled_from(PREFIXES), min_size=1, max_size=9, unique=True))
    prefixes += [prefix for prefix in ("33", "331") if prefix not in prefixes and not draw(rarely(5))]
    rows = []
    for prefix in prefixes:
        klass = "fr_fixed" if prefix in ("33", "331", "3314") and not draw(rarely(3)) else None
        rows += draw(deck_rows(prefix, window_names, klass))
    destinations = tuple(sorted({row["destination"] for row in rows}))
    classes = tuple(sorted({row["class"] for row in rows}))
    names = ("basic", *draw(st.lists(st.sampled_from(PLANS[1:]), max_size=2, unique=True)))
    zone = draw(st.sampled_from(ZONES))
    book = {
        "name": "small",
        "currency": "EUR",
        "timezone": zone,
        "country": "FR",
        "amount_decimals": str(draw(oneof(4, 4, 4, 0, 1, 2, 3, 5, 6))),
    }
    if draw(rarely(3)):
        book["deck_increments"] = draw(st.lists(st.sampled_from(classes), max_size=2, unique=True))
    rows = draw(st.permutations(rows))
    files = {"book.yaml": json.dumps(book), "rate_deck.csv": csv_text(DECK_COLUMNS, rows)}
    for name in names:
        files[f"plans/{name}.yaml"] = json.dumps(draw(plans(name, classes, destinations)))
    if calendar:
        files["windows.yaml"] = json.dumps(calendar)
    return Book(files, zone, names, destinations)


def csv_text(columns, rows):
    """CSV with a header; columns that a row lacks are empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


# ---------------------------------------------------------------------------------------------- accounts

# Ascending; none is ambiguous in any of ZONES.
ACCOUNT_INSTANTS = (
    "2026-03-29T01:00:00Z",
    "2026-09-30T23:59:59.999+02:00",
    "2026-10-01T12:00",
    "2026-10-05T08:00:00+02:00",
    "2026-10-05T10:00:00.001+0200",
    "2026-10-05T12:01:30+02",
    "2026-10-07",
    "2026-10-15 12:00:00",
    "2026-10-19",
    "2026-10-25T00:30:00Z",
    "2026-10-25T01:00:00Z",
    "2026-10-25T18:00:00Z",
    "2026-10-31T22:59:59,5Z",
    "2026-10-31T23:00:00Z",
    "2026-11-02",
)
USERS = ("alice@acme.example", "Bob@Acme.example", "carol", "Éric@acme.example")
MONTHS = ("2026-10", "2026-10", "2026-10", "2026-11", "2026-09", "2026-03")
FORWARD_TYPES = ("", "unconditional", "busy", "no_answer", "unknown")
SOURCES = ("", "", "", "canonical", "teams")


@st.composite
def intervals(draw, **extra):
    """{from, to} with either end open."""
    ends = sorted(
        draw(st.lists(st.integers(0, len(ACCOUNT_INSTANTS) - 1), min_size=2, max_size=2, unique=True))
    )
    found = {"from": ACCOUNT_INSTANTS[ends[0]], "to": ACCOUNT_INSTANTS[ends[1]]}
    for key in ("from", "to"):
        if draw(rarely(4)):
            found[key] = None
        elif draw(rarely(8)):
            found.pop(key)
    return found | extra


@st.composite
def histories(draw, key, values):
    """One value for ever, or entries that follow each other, with gaps."""
    if draw(st.booleans()):
        return draw(values)
    some = st.lists(st.integers(0, len(ACCOUNT_INSTANTS) - 1), min_size=1, max_size=3, unique=True)
    cuts = [None, *(ACCOUNT_INSTANTS[i] for i in sorted(draw(some))), None]
    found = [
        {"from": begin, "to": end, key: draw(values)} for begin, end in pairwise(cuts) if not draw(rarely(4))
    ]
    return draw(st.permutations(found))


@st.composite
def decisions(draw):
    found = {}
    for _ in range(draw(oneof(0, 0, 1, 2, 3))):
        waivable = draw(rarely(3))
        reason = draw(st.sampled_from(WAIVABLE if waivable else REASONS))
        month = draw(st.sampled_from(MONTHS))
        when = draw(oneof("2026-11-03", "2026-11-04T10:00:00Z", "2026-11-04T12:00:00+01:00", "2026-12-01"))
        found[month, reason, when] = {
            "month": month,
            "reason": reason,
            "mode": "waive" if waivable else draw(st.sampled_from(MODES)),
            "who": "billing",
            "when": when,
            "why": "asked",
        }
    return list(found.values())


@st.composite
def accounts(draw, book):
    """accounts.yaml as a mapping: one or two customers, one to three trunks."""
    ported = draw(rarely(3))
    moved = ACCOUNT_INSTANTS[draw(st.integers(0, len(ACCOUNT_INSTANTS) - 1))]
    acme = [draw(oneof("+33199000110..+33199000112", "0199000110..0199000112", "+33 1 99 00 01 10"))]
    beta = ["+33639980001"]
    if ported:
        acme.append({"numbers": ["+33199000113"], "to": moved})
        beta.append({"numbers": "+33199000113", "from": moved})
    else:
        beta.append("0199000113")
    if draw(rarely(4)):
        acme.append("3639")
    customers = []
    for name, numbers in (("acme", acme), ("beta", beta)):
        customer = {"id": name, "numbers": numbers}
        if draw(st.booleans()):
            users = draw(st.lists(st.sampled_from(USERS), max_size=3, unique=True))
            customer["users"] = {
                user: draw(st.sampled_from(OWN_NUMBERS).flatmap(plain_spelled)) for user in users
            }
        for key in ("professional_use", "plan_suspensions"):
            if draw(rarely(8)):
                customer[key] = [draw(intervals(why="so")) for _ in range(draw(st.integers(1, 2)))]
        customers.append(customer)
    trunks = []
    for index in range(draw(st.integers(1, 3))):
        trunk = {
            "id": ("t1", "t10", "É2")[index],
            "customer": draw(oneof("acme", "acme", "beta")),
            "channels": draw(histories("channels", st.integers(0, 3).map(str))),
            "plan": draw(histories("plan", st.sampled_from((*book.plans, book.plans[0], "metered")))),
            "decisions": draw(decisions()),
        }
        if draw(st.booleans()):
            trunk["fqdn"] = f"SBC{index}.Trunk.example"
        if draw(rarely(8)):
            del trunk["plan"]
        if draw(st.booleans()):
            names = st.sampled_from(book.destinations)
            one = st.one_of(names, names.flatmap(lambda name: intervals(destination=name)))
            trunk["international"] = draw(st.lists(one, max_size=3))
        if draw(rarely(12)):
            trunk["shared"] = "true"
        if not draw(rarely(3)):
            trunk["rating_source"] = draw(oneof(*["canonical"] * 8, "teams", None, "none"))
        if draw(rarely(3)):
            trunk["sites"] = [
                {
                    "id": "paris",
                    "channels": draw(oneof("1", "0", "2")),
                    "numbers": ["+33199000110", "+33199000111..+33199000113"],
                },
                {"id": "lyon", **draw(oneof({}, {"channels": "1"})), "numbers": ["0199000111"]},
            ]
        for key in ("plan_suspensions", "fraud"):
            if draw(rarely(6)):
                trunk[key] = [draw(intervals(why="so")) for _ in range(draw(st.integers(1, 2)))]
        trunks.append(trunk)
    return {"customers": customers, "trunks": draw(st.permutations(trunks))}


def plain_spelled(digits):
    """Ways to write a number that accounts always read."""
    return oneof(f"+{digits}", f"0{digits[2:]}", f"0033{digits[2:]}")


# ------------------------------------------------------------------------------------------------- CDRs


@dataclass(frozen=True)
class Case:
    """A book, accounts, rows and the options of a run."""

    book: Book
    accounts: dict
    rows: tuple[dict[str, str], ...]
    month: str | None = None
    timezone: str | None = None
    ambiguous: str = "reject"
    bare_international: bool = False
    columns: tuple[str, ...] = field(default=CDR_COLUMNS)

    @property
    def zone(self):
        return self.timezone or self.book.zone

    def with_rows(self, rows):
        return replace(self, rows=tuple(rows))

    def write(self, folder):
        """Write the book and accounts.yaml; gives their paths."""
        folder = Path(folder)
        self.book.write(folder / "book")
        path = folder / "accounts.yaml"
        path.write_text(json.dumps(self.accounts, ensure_ascii=False), encoding="utf-8")
        return folder / "book", path


@st.composite
def party_names(draw):
    """What forwarded_by and user_id hold: addresses in any case, names, numbers, strangers."""
    return draw(
        st.one_of(
            oneof(*USERS, "ALICE@acme.EXAMPLE", "alice@acme.example", "bob@acme.example", "carol", "Carol"),
            oneof(
                "éric@ACME.example",
                "zed@beta.example",
                "ZED@beta.example",
                "someone",
                "+3363998****",
                "ΑΣ@x.example",
                "İD@x.example",
            ),
            own_number_texts(),
        )
    )


@st.composite
def times(draw, anchors, zone):
    """setup, answer, release and alert of one call, as text."""
    answer = draw(st.sampled_from(anchors)) + draw(st.sampled_from(NEARBY))
    setup = answer - draw(st.sampled_from(BEFORE))
    release = answer + draw(st.sampled_from(LENGTHS))
    alert = draw(rarely(4))
    return {
        "setup_time": draw(written(setup, zone)),
        "answer_time": draw(written(answer, zone)) if not draw(rarely(10)) else "",
        "release_time": draw(written(release, zone)),
        "alert_time": draw(written(setup, zone)) if alert else "",
    }


@st.composite
def good_rows(draw, number, anchors, zone, trunk_names):
    """A row that is a CDR, nearly always."""
    forwarded = draw(rarely(3))
    inbound = draw(rarely(6))
    own, other = draw(own_number_texts()), draw(called_number_texts())
    prefix = draw(oneof("c", "c", "c", "C", "é", "\U0001f600", "\uffee", 'a,"b" '))
    return {
        "source": draw(st.sampled_from(SOURCES)) if draw(rarely(12)) else "",
        "call_id": f"{prefix}{number}",
        "trunk_id": draw(st.sampled_from(trunk_names)),
        "direction": "inbound" if inbound else "outbound",
        "a_number": other if inbound else own,
        "b_number": own if inbound else other,
        **draw(times(anchors, zone)),
        "sip_code": draw(oneof("200", "200", "0", "486", "999", "007")),
        "user_id": draw(party_names()) if draw(rarely(3)) else "",
        "forwarded_by": draw(party_names()) if forwarded else "",
        "forward_type": draw(st.sampled_from(FORWARD_TYPES))
        if forwarded
        else draw(oneof("", "", "unconditional")),
        "end_reason": draw(oneof("", "", "", "normal", "no_channel", "refused", "x,y")),
    }


FAULTS = (
    ("trunk_id", ("nobody", "", "T1", "sbc0")),
    ("direction", ("", "OUTBOUND", "out")),
    ("call_id", ("", " ")),
    ("sip_code", ("", "1000", "-1", "2x", "²", "20.0")),
    ("forward_type", ("always", "Busy")),
    ("setup_time", ("", *BAD_INSTANTS)),
    ("answer_time", BAD_INSTANTS),
    ("release_time", ("", *BAD_INSTANTS)),
    ("alert_time", BAD_INSTANTS),
    ("b_number", MISDIALS + FUSSY),
    ("a_number", FUSSY),
    ("release_time", ("2026-09-01T00:00:00Z", "2027-11-20T00:00:00Z", "2199-12-31T23:59:59.999999999Z")),
    ("setup_time", ("2025-10-04T22:00:00Z", "2026-12-01T00:00Z", "1970-01-01T00:00:00+05:00")),
    ("b_number", ("a\0b",)),
    ("answer_time", ("2026-10-05T10:00:00\0Z",)),
)


@st.composite
def spoiled(draw, row):
    """The row with one or two fields that are wrong, or odd."""
    found = dict(row)
    for _ in range(draw(oneof(1, 1, 2))):
        name, values = draw(st.sampled_from(FAULTS))
        found[name] = draw(st.sampled_from(values))
    return found


@st.composite
def repeats(draw, row, trunks):
    """The row again: the same, the same written otherwise, or with other content."""
    found = dict(row)
    kind = draw(oneof("same", "same", "trunk", "field"))
    if kind == "trunk":
        by_id = {trunk["id"]: trunk.get("fqdn", trunk["id"]) for trunk in trunks}
        found["trunk_id"] = by_id.get(row["trunk_id"], row["trunk_id"])
    elif kind == "field":
        name = draw(
            oneof("sip_code", "user_id", "b_number", "end_reason", "source", "answer_time", "alert_time")
        )
        found[name] = {"sip_code": "201", "source": "teams", "answer_time": ""}.get(name, row["setup_time"])
    return found


@st.composite
def cases(draw, max_rows=24):
    """A whole run."""
    book = draw(books())
    found = draw(accounts(book))
    timezone = draw(oneof(None, None, None, "Europe/Paris", "UTC", "America/New_York"))
    zone = ZoneInfo(timezone or book.zone)
    pools = st.one_of(
        st.sampled_from(ORDINARY),
        st.sampled_from(ORDINARY),
        st.sampled_from(MONTH_EDGES),
        st.sampled_from(CLOCK_CHANGES),
    )
    anchors = draw(st.lists(pools, min_size=1, max_size=5))
    trunk_names = [trunk["id"] for trunk in found["trunks"]]
    for trunk in found["trunks"]:
        if "fqdn" in trunk:
            trunk_names += [trunk["fqdn"], trunk["fqdn"].lower()]
    rows = []
    for number in range(draw(st.integers(0, max_rows))):
        row = draw(good_rows(number, anchors, zone, trunk_names))
        if draw(rarely(10)):
            row = draw(spoiled(row))
        rows.append(row)
        if draw(rarely(12)):
            rows.append(draw(repeats(draw(st.sampled_from(rows)), found["trunks"])))
    columns = tuple(
        name
        for name in draw(st.permutations(CDR_COLUMNS) if draw(rarely(6)) else st.just(CDR_COLUMNS))
        if name not in OPTIONAL_COLUMNS or any(row[name] for row in rows) or draw(st.booleans())
    )
    return Case(
        book=book,
        accounts=found,
        rows=tuple(rows),
        month=draw(oneof(*[None] * 14, *MONTHS)),
        timezone=timezone,
        ambiguous=draw(oneof("reject", "first", "second")),
        bare_international=draw(rarely(5)),
        columns=columns,
    )


# ---------------------------------------------------------------------------------- runs for the fair use

FAIR_DECK = (
    ("33", "fr_fixed", "France"),
    ("331", "fr_fixed", "Paris"),
    ("336", "fr_mobile", "Mobile"),
    ("44", "international", "Belgique"),
    ("338", "fr_free", "Service é"),
    ("3389", "fr_premium", "Service é"),
    ("1", "international", "Outre-mer"),
    ("FR:15", "emergency", "Urgence"),
    ("FR:36*", "fr_short", "Court"),
)
FAIR_CALLED = (
    *("0140000001", "0140000001", "+33140000001", "0140000002", "0140000003", "+33 1 40 00 00 04"),
    *("0240000001", "0033240000002", "0612345678", "+33612345678", "0612345679"),
    *("+442012345678", "00442012345678", "+442012345679"),
)
FAIR_OTHERS = ("15", "112", "0800000001", "0899000001", "3639", "+12125550100", "01400000**", "+3361234****")
FAIR_OWN = ("0199000110", "+33199000110", "0199000111", "+33199000112", "anonymous", "01990001**")
FAIR_PARTIES = (
    *("alice@acme.example", "ALICE@acme.EXAMPLE", "bob@acme.example", "carol"),
    *("0199000110", "+33199000111", "+331990001**"),
)
FAIR_SECONDS = (1, 29, 30, 31, 45, 59, 60, 61, 90, 119, 120, 121, 150, 200, 299, 300, 301, 420, 600, 900)
FAIR_ANCHORS = tuple(paris(f"2026-10-{day}T{clock}") for day in ("05", "15", "24", "25") for clock in CLOCKS)
FAIR_EDGES = (*MONTH_EDGES, *CLOCK_CHANGES[:3], *(paris(f"2026-11-{day}T06:00") for day in ("01", "11")))
TIGHT_LIMITS = {
    "time": (
        "5 min",
        "10 min",
        "15 min",
        "20 min",
        "25 min",
        "899 s",
        "1201 s",
        "0.5 h",
        "0.75 h",
        "1 h",
        "0 s",
    ),
    "distinct_numbers": ("2", "3", "4", "5", "5", "6", "6", "7", "8", "0"),
    "forwarded_time": ("60 s", "2 min", "4 min", "5 min", "299 s", "8 min", "10 min"),
    "call_time": ("60 s", "61 s", "90 s", "2 min", "150 s", "4 min", "299 s"),
}
REASON_OF_MEASURE = {
    "time": "fair_use_hours",
    "distinct_numbers": "fair_use_numbers",
    "forwarded_time": "forwarding",
    "call_time": "fair_use_hours",
}


def utc_text(instant):
    """An instant with Z."""
    seconds, rest = divmod(instant, SECOND)
    text = (EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{rest:09d}Z" if rest else f"{text}Z"


@st.composite
def tight_limits(draw, measure):
    """A limit that some of a trunk's calls stay within and others go beyond."""
    per = "call" if measure == "call_time" else draw(oneof("channel", "trunk", "user", "number"))
    if measure == "forwarded_time":
        per = draw(oneof("user", "user", per))
    reason = draw(oneof(*[REASON_OF_MEASURE[measure]] * 6, *REASONS))
    found = {"reason": reason, "measure": measure, "per": per}
    found["limit"] = draw(st.sampled_from(TIGHT_LIMITS[measure]))
    if measure == "distinct_numbers":
        found["scope"] = draw(oneof("outbound", "eligible", "both_directions"))
    if measure == "forwarded_time" and draw(rarely(3)):
        found["types"] = draw(st.lists(st.sampled_from(FORWARD_TYPES[1:]), max_size=3, unique=True))
    found["on_breach"] = draw(oneof(*["excess"] * 6, "retroactive", "waive"))
    return found


@st.composite
def fair_use_plans(draw, name):
    """The contract's three limits tightened, or any one to five."""
    measures = st.sampled_from(tuple(TIGHT_LIMITS))
    chosen = draw(
        st.one_of(
            st.just(["forwarded_time", "distinct_numbers", "time"]),
            st.just(["forwarded_time", "distinct_numbers", "time"]),
            st.just(["call_time", "forwarded_time", "distinct_numbers", "time"]),
            st.just(["time", "call_time", "distinct_numbers", "time"]),
            st.lists(measures, min_size=1, max_size=5),
        )
    )
    return {
        "plan": name,
        "includes": {
            "classes": draw(
                oneof(*[["fr_fixed", "fr_mobile", "international"]] * 2, ["fr_fixed", "fr_mobile"])
            ),
            "destinations": draw(oneof([], ["Belgique"], ["Court", "Mobile"])),
            "order_form": draw(oneof("true", "true", "false")),
        },
        "increments": draw(oneof("60/60", "60/60", "30/6", "1/1", "deck", "7/11")),
        "limit_channels": draw(oneof("max", "min", "average")),
        **draw(channel_rules()),
        "fair_use": [draw(tight_limits(measure)) for measure in chosen],
    }


@st.composite
def fair_use_books(draw):
    """A book in which nearly every call is priced, many by window and step."""
    calendar = draw(st.one_of(st.none(), windows(), windows(), windows()))
    window_names = tuple(calendar["windows"]) if calendar else ()
    rows = []
    for prefix, klass, destination in FAIR_DECK:
        rows += draw(deck_rows(prefix, window_names, klass, destination, plain=True))
    names = ("basic", *draw(oneof((), (), (), (), ("big",), ("big",), ("big",), ("metered",))))
    zone = draw(oneof(*["Europe/Paris"] * 8, "America/New_York", "UTC"))
    book = {"name": "small", "currency": "EUR", "timezone": zone, "country": "FR"}
    book["amount_decimals"] = str(draw(oneof(4, 4, 4, 2, 0, 6)))
    files = {"book.yaml": json.dumps(book), "rate_deck.csv": csv_text(DECK_COLUMNS, rows)}
    for name in names:
        files[f"plans/{name}.yaml"] = json.dumps(draw(fair_use_plans(name)))
    if calendar:
        files["windows.yaml"] = json.dumps(calendar)
    return Book(files, zone, names, tuple(sorted({row["destination"] for row in rows})))


@st.composite
def fair_use_accounts(draw, book):
    """One or two trunks of one customer whose calls nearly all reach the limits."""
    users = {"alice@acme.example": "+33199000110", "bob@acme.example": "0199000111"}
    customer = {"id": "acme", "numbers": ["+33199000110..+33199000119"], "users": draw(oneof({}, users))}
    other = {"id": "beta", "numbers": ["+33639980001"]}
    trunks = []
    for name in draw(oneof(("t1",), ("t1",), ("t1", "t2"))):
        found = [draw(fair_use_decisions()) for _ in range(draw(oneof(0, 0, 0, 1, 2, 3)))]
        trunk = {
            "id": name,
            "customer": "acme",
            "channels": draw(histories("channels", oneof("1", "1", "2", "3", "0"))),
            "plan": book.plans[0],
            "international": [draw(st.one_of(st.just("Belgique"), intervals(destination="Belgique")))],
            "decisions": list({(one["month"], one["reason"], one["when"]): one for one in found}.values()),
        }
        if draw(rarely(5)):
            trunk["plan"] = draw(histories("plan", st.sampled_from(book.plans)))
        for key in ("plan_suspensions", "fraud"):
            if draw(rarely(16)):
                trunk[key] = [draw(intervals(why="so"))]
        trunks.append(trunk)
    if draw(rarely(20)):
        customer["professional_use"] = [draw(intervals(why="so"))]
    return {"customers": [customer, other], "trunks": trunks}


@st.composite
def fair_use_decisions(draw):
    when = draw(oneof("2026-11-03", "2026-11-04T10:00:00Z", "2026-12-01"))
    waived = draw(rarely())
    found = {
        "month": "2026-10",
        "reason": "over_cap" if waived else draw(st.sampled_from(REASONS)),
        "mode": "waive" if waived else draw(st.sampled_from(MODES)),
    }
    return found | {"who": "billing", "when": when, "why": "asked"}


@st.composite
def fair_use_rows(draw, number, anchors, trunk_names):
    """A call that is answered, outbound and in the plan, nearly always."""
    odd = draw(st.integers(0, 63))
    answer = draw(st.sampled_from(anchors))
    answer += draw(oneof(0, 0, SECOND, -SECOND, -30 * SECOND, -59 * SECOND, -61 * SECOND, -500_000_000))
    seconds = draw(st.sampled_from(FAIR_SECONDS))
    length = seconds * SECOND + draw(oneof(0, 0, 0, 1, -1, 1_000_000, -500_000_000))
    inbound = odd >= 59
    own, called = draw(st.sampled_from(FAIR_OWN)), draw(st.sampled_from(FAIR_CALLED))
    if 53 <= odd < 59:
        called = draw(st.sampled_from(FAIR_OTHERS))
    forward_type = draw(oneof("", "", "", "unconditional", "unconditional", "busy"))
    forwarded_by = draw(st.sampled_from(FAIR_PARTIES)) if forward_type else ""
    if odd == 52 and forward_type:
        forwarded_by = ""
    return {
        "source": "",
        "call_id": f"{draw(oneof('c', 'c', 'b', 'd'))}{number}",
        "trunk_id": draw(st.sampled_from(trunk_names)),
        "direction": "inbound" if inbound else "outbound",
        "a_number": called if inbound else own,
        "b_number": own if inbound else called,
        "setup_time": utc_text(answer - draw(oneof(0, SECOND, 5 * SECOND))),
        "answer_time": "" if odd == 51 else utc_text(answer),
        "release_time": utc_text(answer + length),
        "sip_code": "200",
        "alert_time": "",
        "user_id": draw(oneof("", "", *FAIR_PARTIES[:4])),
        "forwarded_by": forwarded_by,
        "forward_type": forward_type,
        "end_reason": "",
    }


@st.composite
def fair_use_cases(draw):
    """A run of 5 to 40 calls a trunk, most of them beyond one limit or another."""
    book = draw(fair_use_books())
    found = draw(fair_use_accounts(book))
    pool = st.one_of(*[st.sampled_from(FAIR_ANCHORS)] * 4, st.sampled_from(FAIR_EDGES))
    anchors = draw(st.lists(pool, min_size=2, max_size=8))
    names = [trunk["id"] for trunk in found["trunks"]]
    count = len(names) * draw(oneof(5, 10, 16, 24, 40))
    rows = [draw(fair_use_rows(number, anchors, names)) for number in range(count)]
    month = draw(oneof(None, None, None, None, "2026-10"))
    return Case(book=book, accounts=found, rows=tuple(rows), month=month)

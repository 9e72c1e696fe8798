"""The calls of the demo month, without fault: who telephones whom, and what gets through.

    LINES          the trunks, their habits and their daily traffic
    extra_*        the named scenarios: forwarding, fraud, a press article, the DST night ...
    connect        channels: who gets through, who is refused, who tries again later

Every trunk draws from a random stream of its own: changing one scenario leaves the others as they were.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

SEED = 202610
PARIS = ZoneInfo("Europe/Paris")
DAYS = [date(2026, 10, day) for day in range(1, 32)]

# Ranges reserved for fiction: the last four (France), three (London) or two (Washington) digits are free.
FIXED_RANGES = ("+3319900", "+3326191", "+3335301", "+3346571", "+3353649")
MOBILE_RANGE, UK_RANGE, US_RANGE = "+3363998", "+442079460", "+120255501"
FREE, BANALISE, PREMIUM, REUNION = "+33800000000", "+33806000000", "+33899000000", "+262262000000"
UNALLOTTED = ("+9995550100", "+9995550101", "+9995550102")


# ---------------------------------------------------------------- time: milliseconds since 1970, UTC


def at(day: int, clock: str, fold: int = 0) -> int:
    """The instant of a Paris wall-clock time of October 2026; fold=1 is the second 02:xx of the 25th. [ms]"""
    hour, minute, second = ([int(part) for part in clock.split(":")] + [0])[:3]
    return to_ms(datetime(2026, 10, day, hour, minute, second, tzinfo=PARIS, fold=fold))


def to_ms(instant: datetime) -> int:
    return int(instant.timestamp()) * 1000


def utc_text(ms: int) -> str:
    """
    >>> utc_text(at(25, "02:30", fold=1))
    '2026-10-25T01:30:00.000Z'
    """
    instant = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def paris_text(ms: int) -> str:
    """
    >>> paris_text(at(25, "02:30", fold=1))
    '2026-10-25T02:30:00.000+01:00'
    """
    instant = datetime.fromtimestamp(ms // 1000, PARIS)
    offset = instant.utcoffset() // timedelta(hours=1)
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}+{offset:02d}:00"


# ---------------------------------------------------------------- the trunks and their habits

OFFICE = {8: 3, 9: 12, 10: 15, 11: 13, 12: 4, 13: 3, 14: 12, 15: 13, 16: 13, 17: 9, 18: 3}
SHOP = {6: 4, 7: 9, 8: 10, 9: 9, 10: 9, 11: 9, 12: 5, 15: 4, 16: 8, 17: 9, 18: 7}
WORKSHOP = {8: 9, 9: 12, 10: 12, 11: 11, 12: 3, 13: 5, 14: 11, 15: 11, 16: 11, 17: 10, 18: 3}
CLINIC = {0: 0.4, 3: 0.3, 5: 0.4, 6: 1, 7: 4, 8: 11, 9: 14, 10: 13, 11: 10, 12: 6, 13: 8, 14: 11, 15: 10}
CLINIC |= {16: 9, 17: 7, 18: 4, 19: 2, 20: 1.5, 21: 1, 22: 0.7, 23: 0.5}
CALL_CENTRE = {10: 13, 11: 14, 12: 8, 13: 6, 14: 13, 15: 12, 16: 12, 17: 14, 18: 15, 19: 10}
LESSONS = {9: 5, 10: 7, 11: 6, 12: 3, 13: 4, 14: 8, 15: 8, 16: 12, 17: 14, 18: 12, 19: 6}
#            mon   tue   wed   thu   fri   sat   sun
WEEKDAYS = (1.15, 1.05, 0.95, 1.00, 0.85, 0.00, 0.00)

DIALLED = {"plain": 4, "spaces": 5, "dots": 1, "plus": 6, "00": 1.5, "tel": 1.5, "sip": 2, "(0)": 0.3}
E164 = {"plus": 8, "sip": 4, "tel": 1, "plain": 0.5}
NATIONAL = {"spaces": 5, "plain": 8, "plus": 2, "00": 0.5}


@dataclass(frozen=True)
class Own:
    """A number of the customer, the user behind it and the site where it rings."""

    number: str
    user: str = ""
    site: str = ""


@dataclass(frozen=True)
class Attempt:
    """A call that somebody tries to make: not yet a CDR, the trunk may be full."""

    setup: int  # [ms]
    inbound: bool
    own: Own
    far: str
    ring: int  # setup -> answer, or -> end when nobody answers [ms]
    talk: int | None  # None: not answered [ms]
    sip_code: int = 200
    end_reason: str = "normal"
    forward_to: str = ""
    forward_type: str = ""
    far_text: str = ""  # as written, where the trunk's habits do not decide
    barred: bool = False  # the gateway refuses it
    no_limit: bool = False  # passes although the trunk is full: emergency calls


@dataclass
class Line:
    trunk: str
    source: str
    own: list[Own]
    per_day: float  # attempts on an ordinary day
    hours: dict[int, float]
    called: dict[str, float]  # kinds of called number and their weights
    channels: list[tuple[int, int]]  # from day of the month, as the gateway applies them
    sites: dict[str, int] = field(default_factory=dict)
    inbound: float = 0.45
    regulars: int = 150
    new_numbers: float = 0.10
    mean_talk: float = 180  # [s]
    weekdays: tuple[float, ...] = WEEKDAYS
    home: str = FIXED_RANGES[0]
    written: dict[str, float] = field(default_factory=lambda: E164)
    trunk_text: tuple[str, ...] = ()  # how trunk_id is written; default: the id
    quiet_from: int = 32  # day from which holidays divide the traffic by four
    extra: Callable[[Line, Random], Iterator[Attempt]] | None = None

    def capacity(self, ms: int) -> int:
        day = datetime.fromtimestamp(ms // 1000, PARIS).day
        return [count for first, count in self.channels if first <= day][-1]


def numbers(first: str, count: int, site: str = "") -> list[Own]:
    return [Own(f"+{int(first) + i}", site=site) for i in range(count)]


def people(domain: str, first: str, names: str, site: str = "") -> list[Own]:
    return [Own(f"+{int(first) + i}", f"{name}@{domain}", site) for i, name in enumerate(names.split())]


CHIFFRELIN = [
    *numbers("+33199001000", 1, "paris"),
    *people(
        "chiffrelin.example",
        "+33199001001",
        "alice.marchal bruno.lefort camille.huet denis.roche elsa.vidal marc.delorme hugo.perrin",
        "paris",
    ),
    *numbers("+33465711000", 1, "lyon"),
    *people("chiffrelin.example", "+33465711001", "ines.garnier jules.colin karim.benali lea.masson", "lyon"),
]
DELORME, MASSON = CHIFFRELIN[6], CHIFFRELIN[12]
VAL_ORANGE = [
    *numbers("+33261914000", 4),
    *people(
        "val-orange.example",
        "+33261914004",
        "accueil.jour accueil.nuit pharmacie radiologie bloc consultations direction comptabilite",
    ),
]
MIRABELLE = numbers("+33465715000", 10)
PARCHEMAIN = people(
    "parchemain.example", "+33199006000", "etude y.parchemain o.tissier n.faure r.blin s.aubry"
)
ALLOVOIX = people("allovoix.example", "+33353017000", " ".join(f"poste{n:02d}" for n in range(1, 13)))


# ---------------------------------------------------------------- what people do


def talk_time(rng: Random, mean_s: float) -> int:
    """Log-normal, sigma 0.9, below an hour and a half. [ms]"""
    while (seconds := rng.lognormvariate(math.log(mean_s) - 0.405, 0.9)) > 5400:
        pass
    return 1 + int(1000 * seconds)


def unanswered(rng: Random, attempt: Attempt) -> Attempt:
    weights = (10, 35, 50, 5) if attempt.inbound else (34, 34, 25, 7)
    code = rng.choices((486, 480, 487, 603), weights)[0]
    reason = {486: "busy", 480: "no_answer", 487: "cancelled", 603: "declined"}[code]
    shortest, longest = {486: (800, 3000), 480: (25000, 45000), 487: (4000, 32000), 603: (3000, 15000)}[code]
    return replace(attempt, ring=rng.randint(shortest, longest), talk=None, sip_code=code, end_reason=reason)


def stranger(rng: Random, kind: str, home: str) -> str:
    """A number of a fiction range that none of the eight customers owns."""
    while True:
        if kind == "fixed":
            start = home if rng.random() < 0.6 else rng.choice(FIXED_RANGES)
            number = f"{start}{rng.randrange(10_000):04d}"
        elif kind == "mobile":
            number = f"{MOBILE_RANGE}{rng.randrange(10_000):04d}"
        elif kind == "uk":
            number = f"{UK_RANGE}{rng.randrange(1000):03d}"
        else:
            number = f"{US_RANGE}{rng.randrange(100):02d}"
        if number not in OWN_NUMBERS:
            return number


class AddressBook:
    """Regular correspondents, the first of them called most, and some new numbers every day."""

    def __init__(self, line: Line, rng: Random):
        self.line, self.rng = line, rng
        self.known: dict[str, list[str]] = {}
        for kind, share in (("fixed", 0.65), ("mobile", 0.3), ("uk", 0.04), ("us", 0.02)):
            size = max(2, int(line.regulars * share))
            self.known[kind] = [stranger(rng, kind, line.home) for _ in range(size)]

    def number(self, kind: str) -> str:
        fixed_price = {"free": FREE, "banalise": BANALISE, "premium": PREMIUM, "reunion": REUNION}
        if kind not in self.known:
            return fixed_price.get(kind, kind)  # else a short number
        if self.rng.random() < self.line.new_numbers:
            return stranger(self.rng, kind, self.line.home)
        regulars = self.known[kind]
        return regulars[int(len(regulars) * self.rng.random() ** 1.7)]


def daily_traffic(line: Line, rng: Random) -> Iterator[Attempt]:
    book = AddressBook(line, rng)
    for day in DAYS:
        mean = line.per_day * line.weekdays[day.weekday()] / (4 if day.day >= line.quiet_from else 1)
        for _ in range(max(0, round(rng.gauss(mean, math.sqrt(mean))))):
            hour = rng.choices(list(line.hours), list(line.hours.values()))[0]
            setup = at(day.day, f"{hour:02d}:00") + rng.randrange(3_600_000)
            inbound = rng.random() < line.inbound
            kinds = {"fixed": 45, "mobile": 50, "uk": 2, "us": 1} if inbound else line.called
            far = book.number(rng.choices(list(kinds), list(kinds.values()))[0])
            ring = int(1000 * min(2 + rng.lognormvariate(1.7, 0.6), 40))
            own = line.own[0] if inbound and rng.random() < 0.3 else rng.choice(line.own)
            attempt = Attempt(setup, inbound, own, far, ring, talk_time(rng, line.mean_talk))
            if inbound and rng.random() < 0.015:
                attempt = replace(
                    attempt, far_text=rng.choice(("anonymous", "sip:anonymous@anonymous.invalid"))
                )
            if far in ("15", "17", "18", "112"):
                attempt = replace(attempt, no_limit=True)
            elif rng.random() < 0.12:
                attempt = unanswered(rng, attempt)
            yield attempt


# ---------------------------------------------------------------- the named scenarios


def extra_chiffrelin(line: Line, rng: Random) -> Iterator[Attempt]:
    """Forwarding, fraud on the DST night, odd dialling, the midnights that matter."""
    # Marc Delorme is on leave, 12 to 16 October: everything is sent on to his mobile, five to six hours.
    for day in range(12, 17):
        for _ in range(14):
            hour = rng.choices(list(OFFICE), list(OFFICE.values()))[0]
            setup = at(day, f"{hour:02d}:00") + rng.randrange(3_600_000)
            caller = stranger(rng, rng.choice(("fixed", "mobile")), line.home)
            yield Attempt(
                setup, True, DELORME, caller, rng.randint(4000, 15000), talk_time(rng, 215),
                forward_to="+33639981740", forward_type="unconditional",
            )  # fmt: skip
    # Ordinary forwarding: within anybody's fair use, whatever its length.
    for _ in range(24):
        day, own = rng.choice((5, 6, 7, 8, 9, 19, 20, 21, 22, 23, 26)), rng.choice(CHIFFRELIN[1:6])
        caller = stranger(rng, "mobile", line.home)
        yield Attempt(
            at(day, "09:00") + rng.randrange(30_000_000), True, own, caller, rng.randint(18000, 30000),
            talk_time(rng, 150), forward_to="+33199001000", forward_type=rng.choice(("busy", "no_answer")),
        )  # fmt: skip
    # A stolen password, Saturday 24 October 23:00 to Sunday 05:00 (seven hours): London and Washington.
    begin, end = at(24, "23:12"), at(25, "04:35")
    for number in range(74):
        setup = begin + (end - begin) * number // 74 + rng.randrange(120_000)
        far = stranger(rng, "us" if number % 5 == 4 else "uk", line.home)
        yield Attempt(setup, False, MASSON, far, rng.randint(2500, 9000), talk_time(rng, 420))
    # From 02:49 summer time to 02:08 winter time: nineteen minutes.
    yield Attempt(at(25, "02:49:12"), False, MASSON, "+442079460958", 5300, 1_139_700)
    # From 23:41 on the 15th to 00:12 on the 16th.
    yield Attempt(at(15, "23:41:07"), False, CHIFFRELIN[1], "+12025550143", 8120, 1_859_400)
    # Under a second; a voice-mail code and an unallotted country code, which no deck knows.
    yield Attempt(at(6, "10:20:31"), False, CHIFFRELIN[2], "+33261910011", 3010, 700)
    for number, far in enumerate(UNALLOTTED * 2 + ("888", "888", "888")):
        talk = 20_000 + 4321 * number
        yield Attempt(at(2 + 3 * number, "15:12:40"), False, CHIFFRELIN[1 + number % 5], far, 4200, talk)
    # Barred by the gateway; misdialled.
    for day in (7, 13, 21, 28):
        yield Attempt(
            at(day, "11:31:09"), False, CHIFFRELIN[3], PREMIUM, 60, None, 603, "refused", barred=True
        )
    for day, text in ((8, "01 99 00 51"), (22, "019900512345")):
        yield Attempt(at(day, "16:40:51"), False, CHIFFRELIN[4], "", 310, None, 484, "failed", far_text=text)


def extra_val_orange(line: Line, rng: Random) -> Iterator[Attempt]:
    """A press article fills the trunk; night calls across the DST change and the end of the month."""
    # 13 October: four channels, many refusals. 14 October: the gateway already lets six through, although
    # the order counts from the 15th: calls above the cap.
    for day, count in ((13, 26), (14, 26)):
        for _ in range(count):
            setup = at(day, "09:30") + rng.randrange(900_000)
            far = stranger(rng, "mobile", line.home)
            yield Attempt(setup, True, line.own[0], far, rng.randint(3000, 12000), talk_time(rng, 210))
    night = VAL_ORANGE[5]
    yield Attempt(at(25, "01:52:20"), False, night, "+33261919907", 6100, 4_530_250)  # to 02:08 winter time
    yield Attempt(at(25, "02:41:00"), False, night, "15", 2100, 312_000, no_limit=True)
    yield Attempt(at(25, "02:20:30", fold=1), True, night, "+33639985512", 7300, 405_010)
    yield Attempt(at(31, "23:47:55"), False, night, "+33261915120", 9050, 1_530_000)  # ends in November
    # The night desk's telephone rings out: sent on by number, not by name.
    for day in (3, 9, 17, 23, 30):
        caller = stranger(rng, "mobile", line.home)
        yield Attempt(
            at(day, "22:10") + rng.randrange(5_000_000), True, VAL_ORANGE[1], caller, 24_000,
            talk_time(rng, 120), forward_to="+33639980909", forward_type="no_answer",
        )  # fmt: skip


def extra_parchemain(line: Line, rng: Random) -> Iterator[Attempt]:
    """The estate agency next door telephones over the notary's trunk, with its own numbers."""
    for _ in range(48):
        day = rng.choice((6, 7, 8, 9, 13, 14, 15, 16, 20, 21, 22))
        far = stranger(rng, rng.choice(("fixed", "fixed", "mobile")), FIXED_RANGES[3])
        setup = at(day, "09:30") + rng.randrange(28_000_000)
        yield Attempt(setup, False, rng.choice(MIRABELLE[:3]), far, 7000, talk_time(rng, 180))


def extra_diese(line: Line, rng: Random) -> Iterator[Attempt]:
    """A burst pipe on 8 and 9 October: every family is called, one after the other."""
    for day in (8, 9):
        for call in range(84):
            far = stranger(rng, rng.choice(("mobile", "mobile", "fixed")), line.home)
            setup = at(day, "09:05") + call * 420_000 + rng.randrange(60_000)
            attempt = Attempt(setup, False, line.own[0], far, rng.randint(5000, 20000), talk_time(rng, 75))
            yield unanswered(rng, attempt) if rng.random() < 0.15 else attempt


LINES = [
    Line(
        "chiffrelin", "gw1", CHIFFRELIN, 128, OFFICE,
        {"fixed": 54, "mobile": 36, "uk": 4, "us": 2, "free": 1.2, "banalise": 0.8, "premium": 0.4,
         "3639": 0.5, "118000": 0.3, "reunion": 0.4, "17": 0.06},
        [(1, 10)], sites={"paris": 6, "lyon": 4}, regulars=420, written=DIALLED, extra=extra_chiffrelin,
    ),
    Line(
        "mie-cornue", "gw1", [Own("+33353012000")], 10, SHOP,
        {"fixed": 45, "mobile": 50, "free": 3, "3639": 2},
        [(1, 1)], inbound=0.55, regulars=40, mean_talk=95, weekdays=(0, 1, 1, 1, 1.2, 1.5, 1.1),
        home=FIXED_RANGES[2], written=DIALLED,
    ),
    Line(
        "pistonnac", "gw1", numbers("+33536493000", 2), 50, WORKSHOP,
        {"fixed": 92, "mobile": 6, "premium": 0.4, "banalise": 1, "118000": 0.3, "112": 0.2},
        [(1, 1)], inbound=0.36, regulars=190, new_numbers=0.04, mean_talk=290,
        weekdays=(1.1, 1.05, 1, 1, 1, 0.45, 0), home=FIXED_RANGES[4], written=DIALLED,
    ),
    Line(
        "val-orange", "gw2", VAL_ORANGE, 68, CLINIC,
        {"fixed": 60, "mobile": 34, "free": 2, "15": 1.2, "17": 0.2, "112": 0.3, "118000": 0.4, "us": 0.4,
         "reunion": 0.3},
        [(1, 4), (14, 6)], inbound=0.52, regulars=300, mean_talk=170,
        weekdays=(1.1, 1, 1, 1, 1, 0.35, 0.25), home=FIXED_RANGES[1], extra=extra_val_orange,
    ),
    Line(
        "mirabelle", "gw2", MIRABELLE, 73, OFFICE,
        {"fixed": 93, "mobile": 4, "us": 0.5, "uk": 0.5, "free": 1, "banalise": 1},
        [(1, 2)], inbound=0.38, regulars=180, new_numbers=0.66, mean_talk=150,
        weekdays=(1, 1.05, 1, 1, 0.9, 0.4, 0), home=FIXED_RANGES[3],
    ),
    Line(
        "parchemain", "gw2", PARCHEMAIN, 31, OFFICE,
        {"fixed": 66, "mobile": 30, "uk": 2, "free": 1, "3639": 1},
        [(1, 4)], inbound=0.5, regulars=160, mean_talk=240, extra=extra_parchemain,
    ),
    Line(
        "allovoix", "gw3", ALLOVOIX, 38, CALL_CENTRE,
        {"fixed": 60, "mobile": 39, "free": 0.6},
        [(1, 4)], inbound=0.12, regulars=60, new_numbers=0.6, mean_talk=160,
        weekdays=(1, 1.1, 1, 1.1, 1, 0.5, 0), home=FIXED_RANGES[2], written=NATIONAL,
        trunk_text=("sbc.allovoix.trunk.example", "SBC.Allovoix.Trunk.example"),
    ),
    Line(
        "diese", "gw3", numbers("+33536498000", 2), 25, LESSONS,
        {"fixed": 36, "mobile": 61, "free": 1, "15": 0.7, "uk": 0.5},
        [(1, 1)], inbound=0.4, regulars=110, new_numbers=0.6, mean_talk=120,
        weekdays=(0.9, 1, 1.5, 0.9, 0.9, 1.1, 0), home=FIXED_RANGES[4], written=NATIONAL, quiet_from=17,
        extra=extra_diese,
    ),
]  # fmt: skip
OWN_NUMBERS = {own.number for line in LINES for own in line.own} | {"+33639981740", "+33639980909"}


# ---------------------------------------------------------------- from attempts to CDRs


def written(rng: Random, number: str, habits: dict[str, float]) -> str:
    """A number as a user, a telephone or a network may write it.

    >>> written(Random(1), "+33199001234", {"spaces": 1}), written(Random(1), "+12025550143", {"00": 1})
    ('01 99 00 12 34', '0012025550143')
    """
    habit = rng.choices(list(habits), list(habits.values()))[0]
    if not number.startswith("+"):
        return f"sip:{number}@trunk.example" if habit == "sip" else number
    if habit == "tel":
        return f"tel:{number}"
    if habit == "sip":
        return f"sip:{number}@trunk.example;user=phone"
    if habit == "00":
        return f"00{number[1:]}"
    national = f"0{number[3:]}" if number.startswith(("+33", "+262")) else ""
    if national and number.startswith("+262"):
        national = f"0{number[4:]}"
    if not national or habit == "plus":
        return number
    pairs = [national[i : i + 2] for i in range(0, 10, 2)]
    if habit == "spaces":
        return f"{national[:4]} {national[4:7]} {national[7:]}" if national[1] == "8" else " ".join(pairs)
    if habit == "(0)" and number.startswith("+33"):
        return f"+33 (0){' '.join(pairs)[1:]}"
    return ".".join(pairs) if habit == "dots" else national


Row = dict[str, str | int]


def legs(line: Line, rng: Random, attempt: Attempt, refused: str = "") -> Iterator[Row]:
    """The CDRs of an attempt: one, or two where it is forwarded back to the public network."""
    setup, own = attempt.setup, attempt.own
    answer = alert = ""
    if refused:
        release, code, reason = setup + rng.randint(20, 180), 486 if refused == "no_channel" else 603, refused
    else:
        code, reason = attempt.sip_code, attempt.end_reason
        release = setup + attempt.ring + (attempt.talk or 0)
        answer = setup + attempt.ring if attempt.talk else ""
        alert = setup + min(rng.randint(180, 1600), attempt.ring // 2) if attempt.ring > 2500 else ""
    far = attempt.far_text or written(rng, attempt.far, E164 if attempt.inbound else line.written)
    mine = written(rng, own.number, {"plus": 9, "sip": 1})
    row: Row = {
        "source": line.source,
        "call_id": f"{rng.getrandbits(48):012x}@{line.source}",
        "trunk_id": rng.choices(line.trunk_text, (9, 1))[0] if line.trunk_text else line.trunk,
        "direction": "inbound" if attempt.inbound else "outbound",
        "a_number": far if attempt.inbound else mine,
        "b_number": mine if attempt.inbound else far,
        "setup_time": setup, "alert_time": alert, "answer_time": answer, "release_time": release,
        "sip_code": code, "user_id": own.user, "forwarded_by": "", "forward_type": "",
        "end_reason": reason,
    }  # fmt: skip
    yield row
    if attempt.forward_to and not refused:
        yield row | {
            "call_id": f"{rng.getrandbits(48):012x}@{line.source}",
            "direction": "outbound",
            "b_number": written(rng, attempt.forward_to, E164),
            "setup_time": setup + rng.randint(60, 140),
            "forwarded_by": own.user or own.number,
            "forward_type": attempt.forward_type,
        }


def connect(line: Line, rng: Random, attempts: Iterator[Attempt]) -> list[Row]:
    """Let every attempt through that finds a channel; of the others, some give up and some try again."""
    waiting = [(attempt.setup, order, attempt) for order, attempt in enumerate(attempts)]
    heapq.heapify(waiting)
    order, up, rows = len(waiting), [], []
    while waiting:
        setup, _, attempt = heapq.heappop(waiting)
        up = [(release, site) for release, site in up if release > setup]
        site, wanted = attempt.own.site, 2 if attempt.forward_to else 1
        at_site = sum(1 for _, other in up if other == site)
        full = len(up) + wanted > line.capacity(setup) or at_site + wanted > line.sites.get(site, 1000)
        if attempt.barred:
            rows += legs(line, rng, attempt, "refused")
        elif full and not attempt.no_limit and not attempt.forward_to and rng.random() < 0.2:
            rows += legs(line, rng, attempt, "no_channel")
        elif full and not attempt.no_limit:
            order += 1
            later = min(release for release, _ in up) + rng.randint(5_000, 400_000)
            heapq.heappush(waiting, (later, order, replace(attempt, setup=later)))
        else:
            made = list(legs(line, rng, attempt))
            up += [(leg["release_time"], site) for leg in made]
            rows += made
    return rows


def month_of_calls() -> dict[str, list[Row]]:
    """Every CDR without fault, by source, in the order in which the calls ended."""
    by_source: dict[str, list[Row]] = {"gw1": [], "gw2": [], "gw3": []}
    for line in LINES:
        rng = Random(f"{SEED} {line.trunk}")
        attempts = list(daily_traffic(line, rng))
        if line.extra:
            attempts += line.extra(line, rng)
        by_source[line.source] += connect(line, rng, iter(attempts))
    for rows in by_source.values():
        rows.sort(key=lambda row: (row["release_time"], row["call_id"]))
    return by_source

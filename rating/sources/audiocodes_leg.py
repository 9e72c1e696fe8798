"""A leg in AudioCodes' syslog: its columns, its two sides, its times and how it ended."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from rating.sources.block import BadLine, not_utf8
from rating.sources.sip_status import end_reason
from rating.sources.teams import from_teams
from rating.zone import FIRST_YEAR, LAST_YEAR

DEFAULT = """
SBCReportType EPTyp SIPCallId SessionId Orig SourceIp SourcePort DestIp DestPort TransportType SrcURI
SrcURIBeforeMap DstURI DstURIBeforeMap Durat TrmSd TrmReason TrmReasonCategory SetupTime ConnectTime
ReleaseTime RedirectReason RedirectURINum RedirectURINumBeforeMap TxSigIPDiffServ IPGroup SrdId
SIPInterfaceId ProxySetId IpProfileId MediaRealmId DirectMedia SIPTrmReason SIPTermDesc Caller Callee
Trigger LegId VoiceAIConnectorName
"""
UNUSED = """
SBCReportType SourcePort DestPort TransportType TrmSd TxSigIPDiffServ SrdId SIPInterfaceId ProxySetId
IpProfileId MediaRealmId DirectMedia Caller Callee VoiceAIConnectorName
"""
TITLES = DEFAULT.split()
"""Columns where a file has no header line."""
USED = frozenset(TITLES).difference(UNUSED.split())
FEWEST, MOST = 34, 40
"""Fields of a line where a file has no header line."""
NEEDED = ("SBCReportType", "SessionId", "SrcURI", "DstURI", "SetupTime", "ConnectTime", "ReleaseTime")
_SPELLING = {title.lower(): title for title in TITLES} | {"duration": "Durat"}

TIME = re.compile(
    r"((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?)\s+(?:(\S.*?)\s+)?(\w+)\s+(\w+)\s+(\d\d?)\s+(\d{4})",
    re.ASCII,
)
LONGEST_TIME = 80
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
TIME_RULE = "a time as 09:20:01.200  UTC Thu Jan 15 2026"
_NAME = re.compile(
    r"(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]", re.IGNORECASE
)
_CAUSE_34 = re.compile(r"Q\.850\s*;.*?\bcause\s*=\s*34\b", re.IGNORECASE)

FORWARD_TYPES = {"1": "busy", "2": "no_answer", "15": "unconditional"}
"""RedirectReason, as the Mediant manuals list it; the others have no word of their own."""

FAILURES = {
    "NO_ANSWER": "no_answer",
    "BUSY": "busy",
    "NO_RESOURCES": "no_channel",
    "FORWARDED": "cancelled",
    "NO_MATCH": "failed",
    "GENERAL_FAILED": "",
}
"""TrmReasonCategory of a call that was not answered -> end reason; empty where the SIP status tells."""
OTHER_CATEGORIES = frozenset(("NORMAL_CALL_CLEAR", "ABNORMALLY_TERMINATED", "UNKNOWN", ""))
SIP_WORDS = {"BYE": "200", "CANCEL": "487"}


@dataclass(frozen=True)
class Problem:
    field: str
    value: str | None
    problem: str
    expected: str

    def at(self, line: int) -> BadLine:
        return BadLine(line, "CDR-FIELD", self.field, self.value, self.problem, self.expected)


def fields_of(text: str, found: re.Match[str]) -> list[str]:
    """Fields of a CDR or header without the syslog's own; an empty one more where a bar ends the line."""
    return [value.strip() for value in text[found.start(1) :].split("|")]


@dataclass
class Leg:
    """A CALL_END."""

    line: int
    values: dict[str, str]

    def __getitem__(self, title: str) -> str:
        return self.values.get(title, "")

    @property
    def key(self) -> str:
        """What tells it from the other legs of its session; old firmware has no LegId."""
        return self["LegId"] or self["SIPCallId"]

    @property
    def is_sent(self) -> bool:
        return self["Orig"] == "LCL"

    @property
    def is_teams(self) -> bool:
        """Whether its far end is Teams."""
        far_address = self["DestIp"] if self.is_sent else self["SourceIp"]
        far_host = _split(self["DstURI"] if self.is_sent else self["SrcURIBeforeMap"] or self["SrcURI"])[1]
        return "TEAMS" in self["IPGroup"].upper() or from_teams(far_address) or _is_microsoft_host(far_host)

    @property
    def trunk(self) -> str:
        """Host name of the customer in a leg of Teams: neither an address nor Microsoft's."""
        titles = ["SrcURI", "SrcURIBeforeMap", "DstURI", "DstURIBeforeMap"]
        if not self.is_sent:
            titles = ["SrcURIBeforeMap", "SrcURI", "DstURIBeforeMap", "DstURI"]
        hosts = [_split(self[title])[1] for title in titles]
        return next((host for host in hosts if _NAME.fullmatch(host) and not _is_microsoft_host(host)), "")

    @property
    def teams_number(self) -> str:
        """Number of the Teams user in a leg of Teams."""
        return self.number("DstURI" if self.is_sent else "SrcURI")

    def number(self, title: str, other: Leg | None = None) -> str:
        """Number of an URI, after manipulation; one with a plus is taken before one without.

        Examples
        --------
        >>> leg = Leg(1, {"DstURI": "0261910011@c.example", "DstURIBeforeMap": "+33261910011@a.example"})
        >>> leg.number("DstURI")
        '+33261910011'
        """
        legs = [self, other] if other else [self]
        found = [_split(leg[name])[0] for leg in legs for name in (title, f"{title}BeforeMap")]
        return next((number for number in found if number.startswith("+")), found[0])


def _is_microsoft_host(host: str) -> bool:
    return f".{host.lower()}".endswith((".microsoft.com", ".invalid"))


def _split(uri: str) -> tuple[str, str]:
    """User and host of an URI.

    Examples
    --------
    >>> _split("+33199000110@sbc1.example:5061;user=phone")
    ('+33199000110', 'sbc1.example')
    """
    user, _, host = re.sub(r"^<?(?:sips?:|tel:)?", "", uri).partition("@")
    return user.split(";")[0].strip("<>"), host.split(";")[0].split(":")[0].strip("<>")


@dataclass
class Layout:
    """Where the columns are: those of the last header line, else the default."""

    titles: list[str] = field(default_factory=lambda: TITLES)
    is_default: bool = True
    unknown: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, header: list[str]) -> Layout:
        if not header[-1]:
            header = header[:-1]
        plain = [re.sub(r"\s*\(name\)$", "", title) for title in header]
        titles = [_SPELLING.get(title.lower(), title) for title in plain]
        return cls(titles, False, [title for title in titles if title and title not in TITLES])

    def leg(self, line: int, values: list[str], octets: bytes, encoding: str) -> Leg | BadLine:
        """A line as a leg."""
        missing = [title for title in NEEDED if title not in self.titles]
        if missing:
            what = f"header has no column {', '.join(missing)}"
            return BadLine(line, "CDR-FIELD", "line", None, f"cannot be read: {what}", "the columns of a CDR")
        size, count = len(self.titles), len(values) - (not values[-1])
        known = (
            FEWEST <= len(values) <= MOST + 1
            if self.is_default
            else len(values) - size in (0, not values[-1])
        )
        if not known:
            named = f"{FEWEST} to {MOST}" if self.is_default else f"{size}, as the header has"
            return Problem("line", None, f"has {count} fields", named).at(line)
        try:
            octets.decode(encoding)
        except UnicodeDecodeError:
            return not_utf8(line)
        leg = Leg(line, {})
        for title, value in zip(self.titles, values, strict=False):
            if title in USED:
                leg.values.setdefault(title, value)
        if not leg["SessionId"]:
            return Problem("SessionId", "", "is empty", "a value").at(line)
        if leg["EPTyp"] not in ("SBC", ""):
            return Problem("EPTyp", leg["EPTyp"], "is not the SBC", "SBC").at(line)
        return leg


@lru_cache(maxsize=1000)
def iso_date(weekday: str, month: str, day: str, year: str) -> str | None:
    """A date as ISO text; None where there is no such day, or it is another day of the week.

    Examples
    --------
    >>> iso_date("Thu", "Jan", "15", "2026"), iso_date("Fri", "Jan", "15", "2026")
    ('2026-01-15', None)
    """
    if month not in MONTHS or not FIRST_YEAR <= int(year) <= LAST_YEAR:
        return None
    try:
        found = date(int(year), MONTHS.index(month) + 1, int(day))
    except ValueError:
        return None
    return found.isoformat() if WEEKDAYS[found.weekday()] == weekday else None


def leg_end_reason(leg: Leg, answered: bool, sip_code: str) -> str:
    """How a call ended. One that was answered held a channel, whatever ended it."""
    reason, category = leg["TrmReason"].upper(), leg["TrmReasonCategory"]
    if answered:
        if "TIMEOUT" in reason or "EXPIRED" in reason:
            return "timeout"
        return "failed" if category == "ABNORMALLY_TERMINATED" else "normal"
    if category == "NO_RESOURCES" or "NO_CIRCUIT" in reason or _CAUSE_34.search(leg["SIPTermDesc"]):
        return "no_channel"
    if sip_code == "487":
        return "cancelled"
    return FAILURES.get(category) or end_reason(False, sip_code)

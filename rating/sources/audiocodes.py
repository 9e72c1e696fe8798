"""AudioCodes Mediant: signalling CDRs of the SBC in a syslog file.

An SBC session has one CALL_END per leg. The legs towards the carrier are the calls, those towards Teams are
none; a leg is Teams' by the name of its IP group, by Microsoft's addresses or by Microsoft's host names:

    1 Teams, 2 carrier                          outbound: leg 2
    1 carrier, 2 Teams                          inbound: leg 1
    1 Teams, 2 carrier, 3 carrier (transfer)    two outbound calls: legs 2 and 3
    1 carrier, 2 Teams, 3 carrier (forwarded)   inbound leg 1 and outbound leg 3
    neither side told                           the legs that the SBC sent; the numbers tell the direction
    one leg alone                               that leg

The SBC sent a leg of Orig LCL and received one of RMT. `UTC` in a time is a label that the operator may
change: any other label is local time of `--timezone`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from rating.arrays import NONE, SECOND, Ints
from rating.instants import parse
from rating.sources import canonical_csv
from rating.sources.audiocodes_leg import (
    FAILURES,
    FEWEST,
    FORWARD_TYPES,
    LONGEST_TIME,
    OTHER_CATEGORIES,
    SIP_WORDS,
    TIME,
    TIME_RULE,
    Layout,
    Leg,
    Problem,
    fields_of,
    iso_date,
    leg_end_reason,
)
from rating.sources.block import (
    TOLD_BY_ACCOUNTS,
    BadLine,
    Block,
    FileNotes,
    Format,
    Options,
    rows_block,
)
from rating.sources.files import CdrFile
from rating.sources.stamps import TOLERANCE, UNKNOWN, column, spans_of

ROWS = 20_000
SESSIONS = 100_000
"""Sessions that are remembered: the legs of a call end together, so that this is hours of traffic."""

_REPORT = re.compile(r"(?:^|\|)[ \t]*((?:CALL|MEDIA|DIALOG)_\w*|(?:SBC|Media)ReportType)[ \t]*(?:\||$)")
_JSON = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\{|\[\s*[\[{])")
_HEAD = re.compile(
    rb"\|[ \t]*SBCReportType[ \t]*\|[ \t]*EPTyp[ \t]*\||(?:^|\|)[ \t]*CALL_(?:START|CONNECT|END)[ \t]*"
    rb"\|[ \t]*SBC[ \t]*\||\|[ \t]*MediaReportType[ \t]*\|[ \t]*SIPCallId[ \t]*\|",
    re.MULTILINE,
)


def read(file: CdrFile, options: Options, notes: FileNotes) -> Iterator[Block]:
    """Read the CALL_END lines; sessions are put together, and closed when their legs are all there."""
    part = _Part(file.name, options)
    sessions = _Sessions(part)
    layout = Layout()
    holds_cdrs = False
    with file.open() as stream:
        for line, octets in enumerate(stream, 1):
            text = octets.decode(options.encoding, "replace").strip().removeprefix("\ufeff")
            if not text.strip("\0"):
                continue
            found = _REPORT.search(text)
            holds_cdrs |= found is not None
            problem = _faulty(found, text)
            if problem:
                part.bad.append(problem.at(line))
            elif not found or found[1] != "CALL_END":
                part.not_a_call += 1
                if found and found[1] == "SBCReportType":
                    layout = Layout.of(fields_of(text, found))
                    notes.ignored_columns = sorted({*notes.ignored_columns, *layout.unknown})
            else:
                leg = layout.leg(line, fields_of(text, found), octets, options.encoding)
                if isinstance(leg, BadLine):
                    part.bad.append(leg)
                else:
                    sessions.add(leg)
            if part.size >= ROWS:
                yield part.block()
    sessions.flush()
    yield part.block()
    if not holds_cdrs:
        notes.warnings.append(
            f"{file.name}: file holds no CDR; expected lines with CALL_END of an AudioCodes SBC. "
            "No call was found. [CDR-HEADER]"
        )
    notes.warnings += part.warnings()


def _faulty(found: re.Match[str] | None, text: str) -> Problem | None:
    """What is wrong with a line as one of a syslog: it is a CDR of no known kind."""
    if found is None:
        bars = text.count("|")
        if bars < FEWEST - 1:
            return None
        return Problem("line", None, f"has {bars} bars and no report type", "CALL_END or another after a bar")
    kind = found[1]
    if kind.startswith("CALL_") and kind not in ("CALL_START", "CALL_CONNECT", "CALL_END"):
        return Problem("SBCReportType", kind, "is unknown", "CALL_START, CALL_CONNECT or CALL_END")
    return None


@dataclass
class _Known:
    """What is kept of a session that was closed, for legs that end later.

    is_told : whether Teams' side is told from the carrier's
    sole_key : the leg that is kept where the SBC sent none
    """

    is_told: bool
    trunk: str
    teams_number: str
    sole_key: str = ""


class _Sessions:
    """Legs by session, until all of one are there."""

    def __init__(self, part: _Part) -> None:
        self._part = part
        self._open: dict[str, list[Leg]] = {}
        self._closed: dict[str, _Known] = {}
        self._teams_seen = False

    def add(self, leg: Leg) -> None:
        session = leg["SessionId"]
        self._teams_seen |= leg.is_teams
        if session in self._closed:
            self._decide([leg], self._closed[session], None)
            return
        legs = self._open.setdefault(session, [])
        legs.append(leg)
        if _is_whole(legs):
            self._close(session)
        elif len(self._open) > SESSIONS:
            self._close(next(iter(self._open)))

    def flush(self) -> None:
        """Close what is still open: a leg whose other ones are not in the file."""
        for session in list(self._open):
            self._close(session)

    def _close(self, session: str) -> None:
        legs = self._open.pop(session)
        keys = {leg.key for leg in legs}
        if len(keys) == 1:
            for leg in legs:
                self._alone(leg)
            return
        teams = next((leg for leg in legs if leg.is_teams), None)
        is_told = teams is not None and not all(leg.is_teams for leg in legs)
        sole = "" if any(leg.is_sent for leg in legs) else legs[0].key
        known = _Known(is_told, teams.trunk if teams else "", teams.teams_number if teams else "", sole)
        self._closed[session] = known
        if len(self._closed) > SESSIONS:
            del self._closed[next(iter(self._closed))]
        self._decide(legs, known, teams if len(keys) == 2 else None)

    def _decide(self, legs: list[Leg], known: _Known, teams: Leg | None) -> None:
        """Tell calls from the other legs."""
        for leg in legs:
            is_call = not leg.is_teams if known.is_told else leg.is_sent or leg.key == known.sole_key
            if not is_call:
                self._part.not_a_call += 1
                continue
            direction = {"LCL": "outbound", "RMT": "inbound"}.get(leg["Orig"], "") if known.is_told else ""
            self._part.open_legs += not known.is_told
            self._part.add(leg, direction, known, teams)

    def _alone(self, leg: Leg) -> None:
        """A leg without others: which side it is, its own name tells if names of the file tell at all."""
        direction = ""
        if self._teams_seen and leg["Orig"] in ("LCL", "RMT"):
            direction = "outbound" if leg.is_sent != leg.is_teams else "inbound"
        known = _Known(leg.is_teams, leg.trunk if leg.is_teams else "", "")
        self._part.alone += bool(leg["ConnectTime"])
        self._part.add(leg, direction, known, None)


def _is_whole(legs: list[Leg]) -> bool:
    """Whether all legs up to the highest LegId have ended, two at least."""
    keys = {leg.key for leg in legs}
    numbers = [int(key) for key in keys if re.fullmatch(r"[0-9]{1,4}", key)]
    return len(keys) >= max([2, *numbers])


@dataclass
class _Part:
    """Rows since the last block, and what is said of the file at its end."""

    name: str
    options: Options
    cdrs: list[dict[str, str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    talk: list[int] = field(default_factory=list)
    bad: list[BadLine] = field(default_factory=list)
    not_a_call: int = 0
    alone: int = 0
    open_legs: int = 0
    apart: int = 0
    unconnected: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    unknown: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def size(self) -> int:
        return len(self.lines) + len(self.bad)

    def add(self, leg: Leg, direction: str, known: _Known, teams: Leg | None) -> None:
        """A leg as a CDR, its times as ISO text."""
        other = teams if teams is not leg else None
        category, duration = leg["TrmReasonCategory"], leg["Durat"]
        seconds = int(duration) if re.fullmatch(r"[0-9]{1,9}", duration) else None
        failed = seconds == 0 and category in FAILURES
        answered = bool(leg["ConnectTime"]) and not failed
        self.unconnected += not leg["ConnectTime"] and bool(seconds)
        times = {}
        for title in ("SetupTime", "ConnectTime", "ReleaseTime"):
            text = self._instant(leg[title])
            if text is None or (not text and title == "ReleaseTime" and not (answered and seconds)):
                problem = "is empty" if text == "" else "is no time"
                self.bad.append(BadLine(leg.line, "CDR-TIME", title, leg[title], problem, TIME_RULE))
                return
            times[title] = text
        sip_code = self._sip_code(leg["SIPTrmReason"], answered)
        if category not in FAILURES and category not in OTHER_CATEGORIES:
            self.unknown["TrmReasonCategory", category] += 1
        diverted = leg.number("RedirectURINum") or (other.number("RedirectURINum") if other else "")
        if not diverted and leg["Trigger"].upper() in ("FORWARD", "REFER") and direction == "outbound":
            diverted = known.teams_number
        answer = times["ConnectTime"] if answered else ""
        self.lines.append(leg.line)
        self.talk.append(UNKNOWN if seconds is None else seconds * SECOND)
        self.cdrs.append(
            {
                "source": "",
                "call_id": f"{leg['SessionId']}/{leg.key}",
                "trunk_id": known.trunk,
                "direction": direction,
                "a_number": leg.number("SrcURI", other),
                "b_number": leg.number("DstURI", other),
                "setup_time": times["SetupTime"] or answer or times["ReleaseTime"],
                "answer_time": answer,
                "release_time": times["ReleaseTime"],
                "sip_code": sip_code,
                "alert_time": "",
                "user_id": "",
                "forwarded_by": diverted,
                "forward_type": FORWARD_TYPES.get(leg["RedirectReason"], "unknown") if diverted else "",
                "end_reason": leg_end_reason(leg, answered, sip_code),
            }
        )

    def _instant(self, text: str) -> str | None:
        """A time as ISO text, without offset unless its label is UTC; None where it is none."""
        if not text:
            return ""
        found = TIME.fullmatch(text) if len(text) <= LONGEST_TIME else None
        day = iso_date(*found.group(3, 4, 5, 6)) if found else None
        if found is None or day is None:
            return None
        label = found[2] or ""
        if label.upper() == "UTC":
            return f"{day}T{found[1]}Z"
        self.labels[label] += 1
        return f"{day}T{found[1]}"

    def _sip_code(self, text: str, answered: bool) -> str:
        if re.fullmatch(r"[0-9]+", text):
            return text
        if text and text.upper() not in SIP_WORDS:
            self.unknown["SIPTrmReason", text] += 1
        return SIP_WORDS.get(text.upper(), "200" if answered else "0")

    def block(self) -> Block:
        """The rows so far; those whose times are no instants become bad lines."""
        texts = {name: pa.array([cdr[name] for cdr in self.cdrs], pa.string()) for name in TIMES}
        setup, answer, release = (texts[name] for name in TIMES)
        talk = np.array(self.talk, np.int64)
        spans = spans_of(setup, answer, release, talk, np.full(len(talk), UNKNOWN), self.options)
        ends = _nearest(release, spans.release, self.options)
        starts = _nearest(setup, spans.setup, self.options)
        both = (spans.answer != NONE) & (talk != UNKNOWN)
        self.apart += int((np.abs(ends - spans.answer - talk)[both] > TOLERANCE).sum())
        wrong = spans.unread | spans.missing | spans.twice
        zone = self.options.zone.name
        for row in np.flatnonzero(wrong).tolist():
            problem, rule = "is no time", TIME_RULE
            if spans.missing[row]:
                problem, rule = f"does not exist in {zone} (clock change)", "a time, or the right --timezone"
            elif spans.twice[row]:
                problem = "occurs twice on a clock-change night"
                rule = f"a Durat that tells which, UTC, or --ambiguous first|second (time zone {zone})"
            cdr = self.cdrs[row]
            stamps = ", ".join(cdr[name] for name in TIMES if cdr[name])
            self.bad.append(BadLine(self.lines[row], "CDR-TIME", "times", stamps, problem, rule))
        good = np.flatnonzero(~wrong)
        cdrs, lines = [self.cdrs[i] for i in good.tolist()], [self.lines[i] for i in good.tolist()]
        found = rows_block(cdrs, lines, self.bad, self.not_a_call, TOLD_BY_ACCOUNTS)
        for name, instants in zip(TIMES, (starts, spans.answer, ends), strict=True):
            found.columns[name] = column(instants[good])
        self.cdrs, self.lines, self.talk, self.bad, self.not_a_call = [], [], [], [], 0
        return found

    def warnings(self) -> list[str]:
        """What is said of the file at its end."""
        said = []
        if self.labels:
            names = ", ".join(f"'{label}'" for label in sorted(self.labels)[:5])
            said.append(
                f"times are labelled {names}; expected UTC. "
                f"They are read as local time of {self.options.zone.name}. [CDR-ZONE]"
            )
        if self.apart:
            said.append(
                f"Durat of {self.apart} rows differs from ReleaseTime - ConnectTime by more than "
                f"{TOLERANCE // SECOND} s; expected the same in seconds. The times are rated. [CDR-DURATION]"
            )
        if self.unconnected:
            said.append(
                f"{self.unconnected} rows have a Durat and no ConnectTime; expected both or neither. "
                "They are read as not answered. [CDR-DURATION]"
            )
        if self.alone:
            said.append(
                f"{self.alone} answered sessions have one leg; expected the legs of a call in one file. "
                "The leg is rated; if the other one stands in another file, the call is rated twice: "
                "join the files. [CDR-LEG]"
            )
        if self.open_legs:
            said.append(
                f"{self.open_legs} legs are of sessions whose IP groups do not tell Teams from the "
                "carrier; expected TEAMS in the name of one. The legs that the SBC sent are kept, their "
                "direction is read from the numbers. [CDR-LEG]"
            )
        for (title, value), count in sorted(self.unknown.items())[:20]:
            said.append(
                f"{title} '{value}' of {count} rows is unknown; expected a known one. "
                "The rows are kept. [CDR-FIELD]"
            )
        return [f"{self.name}: {text}" for text in said]


TIMES = ("setup_time", "answer_time", "release_time")


def _nearest(texts: pa.Array, to: Ints, options: Options) -> Ints:
    """What a stamp means, to the millisecond: the nearest of its instants; `to` where it is empty."""
    wall, offset_given, _ = parse(texts)
    found = np.where(wall == NONE, to, wall)
    local = np.flatnonzero(~offset_given & (wall != NONE))
    if len(local):
        first, second, _ = options.zone.from_local(wall[local])
        nearer = np.abs(second - to[local]) < np.abs(first - to[local])
        found[local] = np.where(nearer, second, first)
    return found


FORMATS = (
    Format(
        "audiocodes",
        "syslog",
        read,
        canonical_csv.raw,
        lambda head, name: not _JSON.match(head) and _HEAD.search(head) is not None,
        "AudioCodes Mediant SBC: a syslog file with signalling CDRs (CALL_END)",
    ),
)

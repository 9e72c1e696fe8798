"""The gateway's status as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST = 20
"""Lines of one kind, unless all are asked for."""

Found = Mapping[str, Any]


def lines(found: Found, show_all: bool = False) -> list[str]:
    """A status, without trunks that have nothing to tell unless all are asked for.

    Text of others (numbers as dialled, reasons) is shown without control characters.
    """
    if "error" in found:
        return [_plain(found["error"])]
    shown = [*_head(found), *_trunks(found, show_all), *_calls(found, show_all), *_decisions(found)]
    shown += _options(found)
    return [_plain(line) for line in [*shown, *found["faults"]]]


def _head(found: Found) -> list[str]:
    trunks = found["trunks"]
    used, channels = (sum(one[key] for one in trunks) for key in ("used", "channels"))
    head = f"{found['gateway']}, process {found['process']}, since {found['started']}"
    return [head, f"{len(trunks)} trunks, {used} of {channels} channels used, {len(found['calls'])} calls up"]


def _trunks(found: Found, show_all: bool) -> list[str]:
    told = [one for one in found["trunks"] if show_all or one["used"] or one["suspended"] or one["tripped"]]
    told.sort(key=lambda one: (not (one["suspended"] or one["tripped"]), -one["used"], one["trunk_id"]))
    shown = ["", "trunk             used   free  spent today"] if told else []
    for one in told if show_all else told[:MOST]:
        spent = one["spent_today"]
        money = f"{spent} of {one['spend_per_day']} {found['currency']}" if spent is not None else "-"
        shown.append(f"{one['trunk_id']:<16}{one['used']:>6}{one['free']:>7}  {money}")
        sites = [f"{site['site_id']} {site['used']}/{site['channels']}" for site in one["sites"]]
        if sites:
            shown.append("  sites      " + ", ".join(sites))
        for held in one["suspended"]:
            by = f"since {held['since']} by {held['who']}" if "who" in held else "by the accounts file"
            shown.append(f"  suspended  {held['scope']} {by}: {held['why']}")
        for guard in one["tripped"]:
            shown.append(f"  tripped    {guard['guard']} since {guard['since']}: {guard['why']}")
    return shown + _rest(told, show_all, "trunks")


def _calls(found: Found, show_all: bool) -> list[str]:
    calls = found["calls"]
    shown = ["", "call up           direction  called             age      talk"] if calls else []
    for call in calls if show_all else calls[:MOST]:
        talk = _length(call["talk_s"]) if call["talk_s"] is not None else "ringing"
        place = f"{call['trunk_id']:<18}{call['direction']:<11}{call['b_number']:<17}"
        shown.append(f"{place}{_length(call['age_s']):>6}{talk:>10}")
    return shown + _rest(calls, show_all, "calls")


def _decisions(found: Found) -> list[str]:
    counts = found["decisions"]
    shown = ["", "decisions since the start"] if counts else []
    return shown + [f"  {rule:<18}{count:>8}" for rule, count in counts.items()]


def _options(found: Found) -> list[str]:
    shown = ["", "last OPTIONS"] if found["options"] else []
    for one in found["options"]:
        answer = f"answered {one['code']}" if one["code"] else "not answered"
        shown.append(f"  {one['peer']:<30}{one['way']:<10}{_length(one['age_s'])} ago, {answer}")
    return shown


def _rest(items: list[Any], show_all: bool, what: str) -> list[str]:
    left = 0 if show_all else len(items) - MOST
    return [f"and {left} more {what} (--all)"] if left > 0 else []


def _length(seconds: int) -> str:
    """Seconds as h:mm:ss.

    Examples
    --------
    >>> _length(61), _length(36_000)
    ('0:01:01', '10:00:00')
    """
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)

"""SPEC 11 again, as tables: slow, by hand, and without a line of sipgw's or rating's rules.

It knows the numbers of files/ by heart instead of reading them, and time as text in one zone (UTC).
"""

from __future__ import annotations

from dataclasses import dataclass

from sipgw.attempt import Attempt

TEAMS_TRUNKS = {
    "sbc1.alpha.trunk.example": "t1",
    "sbc1.beta.trunk.example": "t2",
    "sbc1.delta.trunk.example": "t3",
    "sbc2.delta.trunk.example": "t4",
    "shared.trunk.example": "t5",
}
CUSTOMER = {"t1": "alpha", "t2": "beta", "t3": "delta", "t4": "delta", "t5": "gamma"}

CALLED = {
    "112": "emergency",
    "+112": "emergency",
    "+33112": "emergency",
    "15": "emergency",
    "0033 15": "emergency",
    "+15": "emergency",
    "196": "national",
    "3639": "national",
    "118218": "national",
    "0353019999": "national",
    "+33 6 39 98 01 23": "national",
    "tel:+33199000110": "national",
    "+33899700000": "premium",
    "0262199000": "overseas",
    "0262 00 00 00": "overseas",
    "+262262000000": "overseas",
    "+442079460000": "abroad",
    "0044 20 7946 0000": "abroad",
    "+999999999999": "abroad",
    "+881612345678": "satellite",
    "0836000000": "barred",
    "alice": "unreadable",
    "": "unreadable",
    "+": "unreadable",
    "+3636": "unreadable",
    "+3319900****": "unreadable",
    "33199000110": "unreadable",
    "+33199000110#": "unreadable",
    "１１２": "unreadable",
    "1" * 40: "unreadable",
}
"""What calls from Teams dial, and what it is."""

OWNED = {
    "+33199000110": ("alpha", "paris"),
    "0199000111": ("alpha", "paris"),
    "33199000112": ("alpha", "paris"),
    "+33199000113": ("alpha", "lyon"),
    "sip:+33199000114@trunk.example;user=phone": ("alpha", "cave"),
    "+33199000115": ("alpha", ""),
    "+33199000116": ("alpha", ""),
    "+33353010210": ("beta", ""),
    "+33465711000": ("gamma", ""),
    "+33536490000": ("delta", ""),
    "+33536490004": ("delta", ""),
    "+33536490008": ("delta", ""),
    "+33536490009": ("delta", ""),
    "+33261910000": ("epsilon", ""),
    "+33261910001": ("epsilon", ""),
    "+33199000117": ("", ""),
    "anonymous": ("", ""),
    "112": ("", ""),
    "": ("", ""),
}
"""Numbers that pay or are called from outside: whose they are (while they are), and of which site."""

WAY_IN = {
    "+33536490000": "t3",
    "+33536490004": "",
    "+33536490008": "t4",
    "+33536490009": "",
    "+33261910000": "t5",
    "+33261910001": "",
}
"""Trunks of calls from outside to customers who have not just one."""

HOLDS_FROM, HOLDS_TO = {"+33199000116": "2026-10-14T22:00"}, {"+33199000115": "2026-10-14T22:00"}

SUSPENSIONS = {
    "t2": [
        ("2026-10-09T22:00", "2026-10-10T22:00", "international"),
        ("2026-10-11T22:00", "2026-10-12T22:00", "outbound"),
        ("2026-10-13T22:00", "2026-10-14T22:00", "all"),
        ("2026-10-25T00:30", "2026-10-25T01:30", "all"),
    ]
}
SITES = {("t1", "paris"): 2, ("t1", "lyon"): 1, ("t1", "cave"): 0}


def channels(trunk: str, now: str) -> int:
    if trunk == "t1":
        return 3 if now < "2026-10-31T23:00" else 1 if now < "2026-11-30T23:00" else 0
    return {"t2": 2, "t3": 1, "t4": 1, "t5": 1}[trunk]


@dataclass(frozen=True)
class Verdict:
    rule: str
    code: int = 0
    trunk: str = ""
    site: str = ""
    silent: bool = False


def verdict(attempt: Attempt, in_use: dict[tuple[str, str], int], now: str, guards: list[bool]) -> Verdict:
    """now : UTC as YYYY-MM-DDTHH:MM; guards : whether each has tripped."""
    networks = {"teams": ("52.112.", "52.115.", "52.120.", "::ffff:52.112."), "operator": ("127.0.0.1",)}
    if not attempt.address.startswith(networks[attempt.side]):
        return Verdict("unknown_peer", 403, silent=True)
    if attempt.side == "teams" and "sip.pstnhub.microsoft.com" not in attempt.tls_names:
        return Verdict("unknown_peer", 403)
    outbound = attempt.side == "teams"
    own = attempt.billed_number if outbound else attempt.b_number
    owner, site = OWNED[own]
    if now < HOLDS_FROM.get(own, "") or now >= HOLDS_TO.get(own, "9"):
        owner = ""
    called = CALLED[attempt.b_number] if outbound else "national"
    if outbound:
        trunk = TEAMS_TRUNKS.get(attempt.host, "")
    else:
        trunk = WAY_IN.get(own, {"alpha": "t1", "beta": "t2", "gamma": "t5"}.get(owner, ""))
    if not trunk:
        return Verdict("unknown_trunk", 403) if outbound else Verdict("called_number", 404)
    if trunk != "t1":
        site = ""
    refused: list[tuple[bool, str, int]] = []
    held_scopes = [scope for start, end, scope in SUSPENSIONS.get(trunk, []) if start <= now < end]
    refused += [(scope == "all", "suspended", 403) for scope in held_scopes]
    refused += [(scope == "outbound" and outbound, "suspended", 403) for scope in held_scopes]
    is_abroad = called in ("abroad", "satellite")
    refused += [(scope == "international" and is_abroad, "suspended", 403) for scope in held_scopes]
    pays = owner == CUSTOMER[trunk] or (trunk == "t5" and owner != "")
    refused.append((outbound and not pays, "billed_number", 403))
    refused.append((called == "unreadable", "unreadable", 484))
    is_barred = called in ("barred", "satellite") or (called == "premium" and now >= "2026-10-31T23:00")
    refused.append((is_barred, "barred", 603))
    refused.append((attempt.hops > 5 or attempt.max_forwards < 1, "loop", 483))
    refused += [(tripped, "guard", 403) for tripped in guards]
    cap_code = 503 if trunk == "t2" else 486
    refused.append((in_use.get((trunk, ""), 0) >= channels(trunk, now), "trunk_full", cap_code))
    site_is_full = bool(site) and in_use.get((trunk, site), 0) >= SITES.get((trunk, site), 0)
    refused.append((site_is_full, "site_full", cap_code))
    if called == "emergency":
        return Verdict("emergency", 0, trunk, site)
    for applies, rule, code in refused:
        if applies:
            return Verdict(rule, code, trunk, site)
    return Verdict("admitted", 0, trunk, site)

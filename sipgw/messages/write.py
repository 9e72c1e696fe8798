"""Headers of the INVITE that the gateway sends on, from an attempt.

Tags, Via, Call-ID, CSeq and Contact towards the operator are the SIP engine's own.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from sipgw.attempt import Attempt
from sipgw.messages.forwarding import BUSY, NO_ANSWER, UNCONDITIONAL
from sipgw.messages.numbers import ANONYMOUS

_PHONE = re.compile(r"\+?[0-9*#]+")
_SAFE = "+*-_.!~'()"
_ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'

REASON_AND_CAUSE = {
    UNCONDITIONAL: ("unconditional", 302),
    BUSY: ("user-busy", 486),
    NO_ANSWER: ("no-answer", 408),
}
"""Diversion's reason and History-Info's cause (RFC 7544, 3.5) by forward type; others unknown and 404."""


def to_operator(attempt: Attempt, called: str, gateway: str, next_hop: str) -> dict[str, str]:
    """Request-URI and headers of an outbound call, by header name.

    An operator refuses a call without a number of his customer's: it stands in P-Asserted-Identity, and
    in Diversion and History-Info where the call was forwarded. A caller's own From is kept.

    Parameters
    ----------
    called : number as the decision has it
    gateway, next_hop : host, or host and port, of the gateway's operator leg and of the operator

    References
    ----------
    .. [1] RFC 3325, RFC 5806, RFC 7044, RFC 7544.

    Examples
    --------
    >>> attempt = Attempt("teams", "52.112.0.10", "1", "sbc1.trunk.example", "+33639980123", "+33639980456",
    ...     "+33199000110", "History-Info", forwarded_by="+33199000110", forward_type="busy", hops=1)
    >>> print(to_operator(attempt, "+33639980456", "198.51.100.10", "carrier.example")["Diversion"])
    <sip:+33199000110@198.51.100.10;user=phone>;reason=user-busy;counter=1;privacy=off;screen=no
    """
    target = _uri(called, next_hop)
    found = {"Request-URI": target, "From": _from(attempt, gateway), "To": f"<{target}>"}
    if attempt.billed_number:
        found["P-Asserted-Identity"] = f"<{_uri(attempt.billed_number, gateway)}>"
    if attempt.a_number == ANONYMOUS:
        found["Privacy"] = "id"
    diverter = attempt.forwarded_by if attempt.forwarded_by.startswith("+") else attempt.billed_number
    if attempt.forward_type and diverter:
        reason, cause = REASON_AND_CAUSE.get(attempt.forward_type, ("unknown", 404))
        by = f"<{_uri(diverter, gateway)}>"
        counter = max(attempt.hops, 1)
        found["Diversion"] = f"{by};reason={reason};counter={counter};privacy=off;screen=no"
        found["History-Info"] = f"{by};index=1,<{target};cause={cause}>;index=1.1;mp=1"
    return found


def to_teams(attempt: Attempt, called: str, trunk: str, proxy: str, transport: str = "tls") -> dict[str, str]:
    """Request-URI and headers of an inbound call, by header name.

    Parameters
    ----------
    called : the customer's number, E.164 with +
    trunk : FQDN and port of the customer's trunk: in Contact it selects the tenant, never an address
    proxy : FQDN and port of the Teams SIP proxy
    transport : tls; of a test program or a softphone another

    References
    ----------
    .. [1] Microsoft, "Direct Routing - SIP protocol": Contact, From, Request-URI of incoming calls.
    """
    target = _uri(called, proxy)
    is_number = bool(_PHONE.fullmatch(attempt.a_number))
    contact = _uri(attempt.a_number, trunk) if is_number else f"sip:{trunk}"
    return {
        "Request-URI": f"{target};transport={transport}",
        "From": _from(attempt, trunk),
        "To": f"<{target}>",
        "Contact": f"<{contact};transport={transport}>",
    }


def _from(attempt: Attempt, host: str) -> str:
    return _ANONYMOUS if attempt.a_number == ANONYMOUS else f"<{_uri(attempt.a_number, host)}>"


def _uri(user: str, host: str) -> str:
    """A SIP URI; whatever the user part is, it stays one."""
    kind = ";user=phone" if _PHONE.fullmatch(user) else ""
    return f"sip:{quote(user, safe=_SAFE)}@{host}{kind}"

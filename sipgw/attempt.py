"""What admission knows of a call that begins."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Attempt:
    """One INVITE, as far as admission and the CDR need it."""

    side: str  # "teams" or "operator": on which leg of the gateway it came in
    address: str  # source IP of the peer
    call_id: str  # SIP Call-ID
    host: str  # host of the Request-URI, lower case (from Teams: the customer's trunk FQDN)
    a_number: str  # caller as written for the CDR ("+33..." where it reads, "anonymous" or text otherwise)
    b_number: str  # called, as dialled
    billed_number: str  # outbound: the number of the customer that pays; "" where none was told
    billed_by: str  # header: "P-Asserted-Identity", "History-Info", "Diversion", "Referred-By", "From", ""
    user_id: str = ""  # Teams user (UPN or object id) where a header names one
    forwarded_by: str = ""  # number or user whose forwarding made this leg
    forward_type: str = ""  # "", unconditional, busy, no_answer, unknown (SPEC 2)
    forward_is_probable: bool = False  # only From tells it
    tls_names: tuple[str, ...] = ()  # names of the peer's certificate (CN, SAN), lower case; () without TLS
    hops: int = 0  # forwarding hops told by History-Info or Diversion
    max_forwards: int = 70

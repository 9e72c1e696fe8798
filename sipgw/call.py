"""A call with what the directory knows of it: whose it is, and where it goes."""

from __future__ import annotations

from dataclasses import dataclass

from rating.accounts import Trunk
from rating.numbering import SHORT
from rating.reasons import CLASS_EMERGENCY
from sipgw.attempt import Attempt
from sipgw.channels import Claim
from sipgw.destinations import NOWHERE, Destination
from sipgw.directory import Directory
from sipgw.numbers import Number
from sipgw.settings import TEAMS

OUTBOUND, INBOUND = "outbound", "inbound"


@dataclass(frozen=True)
class Call:
    """An attempt of a known peer at an instant.

    trunk : of outbound calls by the Request-URI's host, of inbound ones by the called number; None for none
    own_number : key of the customer's number: billed when outbound, called when inbound; 0 for none
    called : number as dialled, read
    destination : of an outbound call, by the rate deck
    """

    attempt: Attempt
    now: int
    direction: str
    trunk: Trunk | None
    own_number: int
    called: Number
    destination: Destination

    @property
    def is_emergency(self) -> bool:
        """Only calls to the public network are: nobody answers 112 behind Teams."""
        return self.destination.klass == CLASS_EMERGENCY

    def claim(self, directory: Directory, trunk: Trunk) -> Claim:
        """The channel that the call asks for."""
        channels = directory.channels(trunk, self.now)
        site = directory.site_of(trunk, self.own_number)
        if site is None:
            return Claim(trunk.id, channels, emergency=self.is_emergency)
        return Claim(trunk.id, channels, site.id, site.channels, self.is_emergency)


def place(directory: Directory, attempt: Attempt, now: int) -> Call:
    """Look up a call of a known peer.

    The customer's own numbers may come without `+` (33199000110): they are compared with what he has. A
    called number that leaves must say which country it is of.
    """
    if attempt.side == TEAMS:
        called = directory.read(attempt.b_number)
        if not called.key:
            called = _emergency_with_plus(directory, attempt.b_number, now) or called
        own = directory.read(attempt.billed_number, bare_international=True).key
        trunk = directory.trunk_of_host(attempt.host)
        destination = directory.destination(called.key, now)
        return Call(attempt, now, OUTBOUND, trunk, own, called, destination)
    called = directory.read(attempt.b_number, bare_international=True)
    trunk = directory.trunk_of_number(called.key, now)
    return Call(attempt, now, INBOUND, trunk, called.key, called, NOWHERE)


def _emergency_with_plus(directory: Directory, dialled: str, now: int) -> Number | None:
    """An emergency number that Teams writes as +112 (Microsoft, "Manage emergency call routing policies")."""
    number = directory.read(dialled.replace("+", "", 1))
    is_one = number.key > SHORT and directory.destination(number.key, now).klass == CLASS_EMERGENCY
    return number if is_one else None

"""An INVITE to what admission and the CDR need of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

from rating.numbering import NumberingPlan
from sipgw.attempt import Attempt
from sipgw.messages.bad import BadMessage
from sipgw.messages.forwarding import UNKNOWN, Forwarding, forwarding_of
from sipgw.messages.history import diversions_of, history_of, readable_addresses
from sipgw.messages.message import INVITE, Message
from sipgw.messages.numbers import ANONYMOUS, Numbers, is_anonymous, shown, user_of
from sipgw.messages.uri import Uri

TEAMS, OPERATOR = "teams", "operator"
PAI, HISTORY, DIVERSION, REFERRED_BY, FROM = (
    "P-Asserted-Identity",
    "History-Info",
    "Diversion",
    "Referred-By",
    "From",
)


class _Identities(NamedTuple):
    """URIs of an INVITE from Teams that name somebody."""

    caller: Uri
    asserted: list[Uri]
    referred: list[Uri]


def attempt_of(
    message: Message,
    side: str,
    address: str,
    tls_names: Iterable[str],
    is_own: Callable[[str, str], bool],
    plan: NumberingPlan,
) -> Attempt:
    """Read an INVITE that begins a call.

    From Teams, who pays is the first number that is the customer's own of P-Asserted-Identity, the latest
    entry of History-Info, the first Diversion, Referred-By and From. A From that is not his own makes the
    call a forwarded one, a probable one where no other header names a number of his.

    Parameters
    ----------
    side : "teams" or "operator", where it came in
    address, tls_names : source IP of the peer and names of its certificate
    is_own : whether a number (E.164 with +) is one of the customer's whose trunk has this host; asked only
        of calls from Teams
    plan : numbering plan of the trunk's country

    Raises
    ------
    BadMessage
        400: it is no INVITE. One that is in a dialog already begins no call either: ask before.

    References
    ----------
    .. [1] SPEC 2, 4 and 11; Microsoft, "Issues with outbound calls" (Direct Routing); RFC 3325, RFC 3892.
    """
    if side not in (TEAMS, OPERATOR):
        raise ValueError(f"side {side!r} is neither {TEAMS} nor {OPERATOR}")
    if message.method != INVITE or message.uri is None:
        raise BadMessage.of("method", message.method, "begins no call", INVITE)
    uri, caller = message.uri, message.from_address.uri
    history, diversions = history_of(message), diversions_of(message)
    asserted, referred = (
        [one.uri for one in readable_addresses(message, name)] for name in (PAI, REFERRED_BY)
    )
    diverters = [entry.uri for entry in history] + [diversion.uri for diversion in diversions]
    numbers = Numbers([uri, caller, *asserted, *referred, *diverters], plan)
    forwarding = forwarding_of(uri, history, diversions, numbers)
    attempt = Attempt(
        side=side,
        address=address,
        call_id=message.call_id,
        host=uri.host,
        a_number=_caller(caller, numbers),
        b_number=shown(uri.dialled) or (shown(uri.text) if not uri.host else ""),
        billed_number="",
        billed_by="",
        tls_names=tuple(name.lower() for name in tls_names),
        hops=forwarding.hops,
        max_forwards=message.max_forwards,
    )
    if side == OPERATOR:
        return attempt
    identities = _Identities(caller, asserted, referred)
    return _outbound(attempt, identities, forwarding, numbers, lambda number: is_own(uri.host, number))


def _caller(uri: Uri, numbers: Numbers) -> str:
    if is_anonymous(uri):
        return ANONYMOUS
    return numbers.of(uri) or shown(uri.subscriber or uri.host or uri.text)


def _outbound(
    attempt: Attempt,
    identities: _Identities,
    forwarding: Forwarding,
    numbers: Numbers,
    is_own: Callable[[str], bool],
) -> Attempt:
    """The attempt with who pays and who forwarded."""
    told = (
        (PAI, identities.asserted),
        (HISTORY, [forwarding.by_history]),
        (DIVERSION, [forwarding.by_diversion]),
        (REFERRED_BY, identities.referred),
        (FROM, [identities.caller]),
    )
    billed_number, billed_by = next(
        (
            (number, header)
            for header, uris in told
            for uri in uris
            if uri is not None and (number := numbers.own(uri, is_own))
        ),
        ("", ""),
    )
    by = forwarding.by_history or forwarding.by_diversion
    caller = numbers.of(identities.caller)
    is_foreign = caller.startswith("+") and not numbers.own(identities.caller, is_own)
    forwarded_by = (numbers.own(by, is_own) or numbers.of(by) or user_of(by)) if by else ""
    if not forwarded_by and (forwarding.type or is_foreign) and billed_by != FROM:
        forwarded_by = billed_number
    # who transferred is told by Referred-By, who forwarded by the other headers
    named = identities.asserted if by else [*identities.asserted, *identities.referred]
    return replace(
        attempt,
        billed_number=billed_number,
        billed_by=billed_by,
        user_id=next((user for uri in named if (user := user_of(uri))), ""),
        forwarded_by=forwarded_by,
        forward_type=forwarding.type or (UNKNOWN if is_foreign else ""),
        forward_is_probable=is_foreign and not forwarding.type and not billed_number,
    )

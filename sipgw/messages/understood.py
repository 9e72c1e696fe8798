"""What a well-formed request may ask that a gateway cannot do."""

from __future__ import annotations

from collections.abc import Sequence

from sipgw.messages.bad import BadMessage, Unreadable
from sipgw.messages.message import ACK, CANCEL, INVITE, Message
from sipgw.messages.parse import METHODS
from sipgw.messages.text import close, is_token, parameters
from sipgw.messages.uri import SIP, TEL

SDP = "application/sdp"
_SDP_RANGES = (SDP, "application/*", "*/*")


def check_understood(message: Message, methods: Sequence[str], extensions: Sequence[str]) -> None:
    """Refuse a request that cannot be served whoever sends it; responses and ACK pass.

    Whether anything at all is answered to its sender is another question, to be asked before.

    Parameters
    ----------
    methods, extensions : what the SIP engine can do: method names, and option tags in lower case

    Raises
    ------
    BadMessage
        501 or 405 (method), 416 (Request-URI), 420 (Require), 415 (body), 406 (Accept).

    References
    ----------
    .. [1] RFC 3261, 8.2.1 to 8.2.3, 21.4.

    Examples
    --------
    >>> from sipgw.messages.parse import parse
    >>> head = "OPTIONS sip:h SIP/2.0|v:SIP/2.0/TLS h|f:<sip:h>;tag=1|t:<sip:h>|i:1|CSeq:1 OPTIONS"
    >>> request = parse((head + "|Require: timer, x||").replace("|", "\\r\\n").encode())
    >>> check_understood(request, ["OPTIONS"], ["timer"])
    Traceback (most recent call last):
    sipgw.messages.bad.BadMessage: Require 'x' is not supported; expected timer. Answered 420. [SIP-420]
    """
    if message.uri is None or message.method == ACK:
        return
    if message.method not in methods:
        status = 405 if message.method in METHODS else 501
        allowed = ", ".join(methods)
        raise BadMessage.of("method", message.method, "is not supported", allowed, status, ("Allow", allowed))
    if message.uri.scheme not in (*SIP, TEL):
        raise BadMessage.of("Request-URI", message.uri.text, "has another scheme", "sip, sips or tel", 416)
    if message.method != CANCEL:
        _check_extensions(message, extensions)
    if message.method == INVITE:
        _check_body(message)
        _check_accept(message)


def _check_extensions(message: Message, extensions: Sequence[str]) -> None:
    needed = dict.fromkeys(message.items("Require") + message.items("Proxy-Require"))
    for tag in needed:
        if not is_token(tag):
            raise BadMessage.of("Require", tag, "is no option tag", "one word")
    unknown = ", ".join(tag for tag in needed if tag.lower() not in extensions)
    if unknown:
        expected = ", ".join(extensions) or "none"
        header = ("Unsupported", unknown)
        raise BadMessage.of("Require", unknown, "is not supported", expected, 420, header)


def _check_body(message: Message) -> None:
    """A body must be SDP, or of parts one of which may be; one that may be ignored is."""
    kind, optional = _media(message.first("Content-Type"))[0], message.first("Content-Disposition").lower()
    good = not kind or kind == SDP or kind.startswith("multipart/") or "handling=optional" in optional
    if message.body and not good:
        header = ("Accept", f"{SDP}, multipart/mixed")
        raise BadMessage.of("Content-Type", kind, "is not understood", header[1], 415, header)


def _check_accept(message: Message) -> None:
    """The answer is SDP (RFC 3261, 20.1: so it is too where nothing is said)."""
    ranges = [_media(item) for item in message.items("Accept")]
    refused = {kind for kind, quality in ranges if quality in ("0", "0.0", "0.00", "0.000")}
    taken = {kind for kind, _ in ranges} - refused
    if message.values("Accept") and (SDP in refused or not taken.intersection(_SDP_RANGES)):
        raise BadMessage.of(
            "Accept", ", ".join(message.values("Accept")), "leaves out what is answered", SDP, 406
        )


def _media(text: str) -> tuple[str, str]:
    """A media type in lower case, and its q."""
    kind, semicolon, told = text.partition(";")
    try:
        quality = parameters(semicolon + told).get("q", "")
    except Unreadable:
        quality = ""
    return close(kind, "/").lower(), quality

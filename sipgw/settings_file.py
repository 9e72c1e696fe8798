"""Reads gateway.yaml, with everything that is wrong in it (SPEC 13)."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from rating.errors import GatewayError
from rating.shipped_data import shipped_books
from rating.yamlfile import Value, load, optional
from sipgw.answers import Refusal
from sipgw.limits_file import read_limits, read_spend
from sipgw.names import is_fqdn, plain
from sipgw.next_hop import read_next_hop
from sipgw.settings import (
    CAP_REFUSAL,
    TRANSPORTS,
    Limits,
    Listener,
    Network,
    OperatorLeg,
    Settings,
    State,
    TeamsLeg,
    Tls,
)

SCHEMES = {"dialogs": ("postgresql", "postgres"), "channels": ("redis", "rediss")}

_LISTENER = re.compile(r"([a-z]+):(\[[^\]]*\]|[^:\[\]]*):([0-9]{1,5})")
_REASON = re.compile(r'(?:Q\.850|SIP);cause=[0-9]{1,3}(?:;text="[ !#-\[\]-~]*")?')


def load_settings(path: str | Path) -> Settings:
    """Read gateway.yaml; nothing that it names is opened.

    Raises
    ------
    GatewayError
        With every fault found in one pass.
    """
    return read_settings(path)[0]


def read_settings(path: str | Path) -> tuple[Settings, Value]:
    """As `load_settings`, with the file's nodes for the lines of what is found later."""
    path = Path(path)
    document, root = load(path, str(path), "GATEWAY")
    if root is None:
        raise GatewayError(document.faults)
    settings = _settings(root, path)
    if document.faults:
        raise GatewayError(document.faults)
    return settings, root


def _settings(root: Value, path: Path) -> Settings:
    required = ("name", "accounts", "tariffs", "spool", "teams", "operator")
    found = root.mapping(
        (*required, "cap_refusal", "limits", "state", "trunks", "metrics"), required=required
    )
    folder = path.parent
    teams = optional(found, "teams", lambda value: _teams(value, folder), _NO_TEAMS)
    operator = optional(found, "operator", lambda value: _operator(value, folder), _NO_OPERATOR)
    metrics = optional(found, "metrics", _metrics, None)
    _check_listeners(found, teams, operator, metrics)
    trunks: dict[str, _OfTrunk] = optional(found, "trunks", _trunks, {})
    return Settings(
        file=str(path),
        name=optional(found, "name", _text, ""),
        accounts=folder / optional(found, "accounts", _text, ""),
        tariffs=optional(found, "tariffs", lambda value: _book(value, folder), ""),
        spool=folder / optional(found, "spool", _text, ""),
        teams=teams,
        operator=operator,
        cap_refusal=optional(found, "cap_refusal", _refusal, CAP_REFUSAL),
        limits=optional(found, "limits", read_limits, Limits()),
        state=optional(found, "state", _state, State()),
        trunk_refusals={name: one.refusal for name, one in trunks.items() if one.refusal},
        trunk_spend={name: one.spend[0] for name, one in trunks.items() if one.spend},
        metrics=metrics,
    )


_NO_TEAMS, _NO_OPERATOR = TeamsLeg((), "", (), ()), OperatorLeg((), "", ())


def _text(value: Value) -> str:
    """A text of one line; a fault where it is empty or has control characters."""
    text = value.text()
    is_scalar = not (value.is_list or value.is_mapping or value.is_null)
    if is_scalar and (not text.strip() or text != text.strip() or not text.isprintable()):
        value.fault("is no plain text", "a text of one line, without spaces around it", "VALUE")
        return ""
    return text


def _book(value: Value, folder: Path) -> str:
    """A folder beside the file, or else a shipped name."""
    name = _text(value)
    beside = folder / name
    return name if name in shipped_books() and not beside.exists() else str(beside)


# --- legs


def _teams(value: Value, folder: Path) -> TeamsLeg:
    required = ("listen", "fqdn", "peers", "addresses")
    found = value.mapping((*required, "tls", "next_hops"), required=required)
    leg = TeamsLeg(
        listen=optional(found, "listen", _listeners, ()),
        fqdn=optional(found, "fqdn", _fqdn, ""),
        peers=optional(found, "peers", lambda listed: tuple(_fqdn(item) for item in _some(listed)), ()),
        addresses=optional(found, "addresses", _networks, ()),
        tls=optional(found, "tls", lambda inner: _tls(inner, folder), None),
        next_hops=optional(found, "next_hops", _next_hops, ()),
    )
    _check_tls(value, found, leg.listen)
    if leg.next_hops:
        _check_ways_out(found["next_hops"].items(), found, leg.listen)
    return leg


def _operator(value: Value, folder: Path) -> OperatorLeg:
    required = ("listen", "next_hop", "addresses")
    found = value.mapping((*required, "tls"), required=required)
    leg = OperatorLeg(
        listen=optional(found, "listen", _listeners, ()),
        next_hop=optional(found, "next_hop", _next_hop, ""),
        addresses=optional(found, "addresses", _networks, ()),
        tls=optional(found, "tls", lambda inner: _tls(inner, folder), None),
    )
    _check_tls(value, found, leg.listen)
    if leg.next_hop:
        _check_ways_out([found["next_hop"]], found, leg.listen)
    return leg


def _check_tls(value: Value, found: dict[str, Value], listeners: tuple[Listener, ...]) -> None:
    """A leg with a tls: listener has its certificate."""
    if "tls" not in found and any(listener.transport == "tls" for listener in listeners):
        value.doc.fault(
            value.line, "key", "tls", "is missing", "certificate, key and ca of a tls: listener", "TLS"
        )


def _check_ways_out(hops: list[Value], found: dict[str, Value], listeners: tuple[Listener, ...]) -> None:
    """Each next hop is reached by a listener of its leg, where all of them could be read."""
    if not listeners or len(found["listen"].items()) > len(listeners):
        return
    for value in hops:
        hop = read_next_hop(value.raw)
        if hop is not None and not any(hop.is_reached_by(listener) for listener in listeners):
            version = f" with an IPv{hop.address.version} address" if hop.address else ""
            expected = f"a {hop.transport}: listener{version} there"
            value.fault("is reached by no listener of its leg", expected, "HOP")


def _some(value: Value) -> list[Value]:
    """The values of a list that may not be empty."""
    items = value.items()
    if value.is_list and not items:
        value.fault("is empty", "one entry or more", "VALUE")
    return items


def _listeners(value: Value) -> tuple[Listener, ...]:
    read = [_listener(item) for item in _some(value)]
    return tuple(listener for listener in read if listener is not None)


def _listener(value: Value) -> Listener | None:
    text = value.text()
    match = _LISTENER.fullmatch(text)
    if match and match[1] in TRANSPORTS and 0 < int(match[3]) < 65_536:
        try:
            return Listener(match[1], ip_address(match[2].strip("[]")), int(match[3]))
        except ValueError:
            pass
    if text:
        shown = " or ".join(f"{transport}:" for transport in TRANSPORTS)
        expected = f"{shown} with IP address and port, as udp:127.0.0.1:5060"
        value.fault("is no listener", expected, "LISTEN")
    return None


def _metrics(value: Value) -> Listener | None:
    """Where Prometheus reads: plain HTTP, which only this machine may reach."""
    text = value.text()
    match = _LISTENER.fullmatch(f"tcp:{text}")
    if match and 0 < int(match[3]) < 65_536:
        try:
            found = Listener("tcp", ip_address(match[2].strip("[]")), int(match[3]))
        except ValueError:
            pass
        else:
            if not found.address.is_loopback:
                value.fault("can be reached from other machines", "a loopback address and port", "METRICS")
            return found
    if text:
        value.fault("is no address and port", "a loopback address and port, as 127.0.0.1:9464", "METRICS")
    return None


def _check_listeners(
    found: dict[str, Value], teams: TeamsLeg, operator: OperatorLeg, metrics: Listener | None
) -> None:
    """No listener may be in another's way, and calls to the public network may not come back at once."""
    seen: list[Listener] = []
    for key, listeners in (("teams", teams.listen), ("operator", operator.listen)):
        for listener in listeners:
            other = next((one for one in seen if listener.takes_place_of(one)), None)
            if other is not None:
                value = found[key].pairs()["listen"]
                problem = f"cannot listen beside {other}"
                expected = "another port or address for each listener"
                value.doc.fault(value.line, "listen", str(listener), problem, expected, "LISTEN")
            seen.append(listener)
    if metrics is not None and any(one.takes_place_of(metrics) for one in seen):
        found["metrics"].fault("is where SIP is heard", "a port of its own", "METRICS")
    hop = read_next_hop(operator.next_hop)
    if hop is not None and any(hop.is_at(listener) for listener in seen):
        value = found["operator"].pairs()["next_hop"]
        value.fault("is a listener of this gateway", "where the operator hears SIP", "HOP")


def _networks(value: Value) -> tuple[Network, ...]:
    read = [_network(item) for item in _some(value)]
    return tuple(network for network in read if network is not None)


def _network(value: Value) -> Network | None:
    text = value.text()
    try:
        return ip_network(text)
    except ValueError as error:
        if text:
            problem = "has bits beyond its prefix" if "host bits" in str(error) else "is no network"
            value.fault(problem, "addresses as 52.112.0.0/14 or 127.0.0.1", "ADDRESS")
    return None


def _fqdn(value: Value) -> str:
    text = value.text()
    if text and not is_fqdn(text):
        value.fault("is no FQDN", "a full host name as sbc1.trunk.example", "FQDN")
    return plain(text)


def _next_hops(value: Value) -> tuple[str, ...]:
    return tuple(_next_hop(item) for item in _some(value))


def _next_hop(value: Value) -> str:
    text = value.text()
    if text and read_next_hop(text) is None:
        expected = "sip: with host and port, as sip:127.0.0.1:5080 or sip:sbc.operator.example;transport=tcp"
        value.fault("is no SIP URI", expected, "HOP")
    return text


def _tls(value: Value, folder: Path) -> Tls:
    keys = ("certificate", "key", "ca")
    found = value.mapping(keys, required=keys)
    certificate, key, ca = (folder / optional(found, name, _text, "") for name in keys)
    return Tls(certificate, key, ca)


# --- answers, trunks, state


def _refusal(value: Value) -> Refusal:
    found = value.mapping(("code", "reason"), required=("code", "reason"))
    code = optional(found, "code", lambda number: number.integer(400, 699, "REFUSAL"), CAP_REFUSAL.code)
    reason = optional(found, "reason", _text, CAP_REFUSAL.reason)
    if reason and not (_REASON.fullmatch(reason) and len(reason) <= 200):
        expected = f"a Reason header as {CAP_REFUSAL.reason}, in ASCII"
        found["reason"].fault("is no Reason header", expected, "REFUSAL")
    return Refusal(code, reason)


class _OfTrunk(NamedTuple):
    """Settings of one trunk; spend : a tuple of one, None where there is no such key."""

    refusal: Refusal | None
    spend: tuple[int | None] | None


def _trunks(value: Value) -> dict[str, _OfTrunk]:
    """Settings of single trunks, by their ids in accounts."""
    read = {}
    for trunk, inner in value.pairs().items():
        found = inner.mapping(("cap_refusal", "spend_per_day"))
        read[trunk] = _OfTrunk(
            _refusal(found["cap_refusal"]) if "cap_refusal" in found else None,
            (read_spend(found["spend_per_day"]),) if "spend_per_day" in found else None,
        )
    return read


def _state(value: Value) -> State:
    found = value.mapping(tuple(SCHEMES))
    return State(**{key: _url(found[key], key) for key in found})


def _url(value: Value, key: str) -> str:
    """A URL of a known scheme; no message shows what stands in it, for it may hold a password."""
    text = value.text()
    try:
        parts = urlsplit(text)
        good = parts.scheme in SCHEMES[key] and bool(parts.hostname or parts.path.strip("/"))
        good = good and (parts.port is None or parts.port > 0) and text.isprintable() and " " not in text
    except ValueError:
        good = False
    if text and not good:
        expected = f"{SCHEMES[key][0]}:// with a host"
        value.doc.fault(value.line, key, None, "is no URL of its kind", expected, "STATE")
    return text

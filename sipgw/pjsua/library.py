"""What pjsua2 cannot be asked by its own interface, asked of the PJSIP that is inside.

PJSIP's C functions are called by name. Three of its public structures are read: the transport of a received
message (the second pointer of `pjsip_rx_data`), the lists that Allow and Supported are made of
(`pjsip_generic_array_hdr`), and the Max-Forwards of its requests (`pjsip_generic_int_hdr`). What is read is
compared with what is known, so that another layout is noticed and not believed.
"""

from __future__ import annotations

import ctypes
import re
import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pjsua2 as pj

from rating.errors import Fault, GatewayError
from sipgw.settings import Listener

METHODS = ("INVITE", "ACK", "BYE", "CANCEL", "UPDATE", "INFO", "PRACK", "OPTIONS")
"""What a bridged call is made of. Without REFER in Allow, Teams transfers calls by itself."""

EXTENSIONS = ("timer", "100rel")

MAX_FORWARDS = 70
"""Of a request that begins here (RFC 3261, 8.1.1.6)."""

PLACES = 64
"""PJ_IOQUEUE_MAX_HANDLES, where a build does not tell its own: PJSIP's default."""

_LONGEST_LIST = 32
_TRANSPORT_BYTES = 320
_WORD = ctypes.sizeof(ctypes.c_void_p)
_CONFIG_LEVEL = 3
_PLACES = re.compile(r"PJ_IOQUEUE_MAX_HANDLES\s*: (\d+)")
_LOGGED = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_int)


class _Text(ctypes.Structure):
    _fields_ = (("at", ctypes.c_void_p), ("length", ctypes.c_ssize_t))

    def read(self) -> str:
        fits = self.at and 0 <= self.length <= 64
        return ctypes.string_at(self.at, self.length).decode("ascii", "replace") if fits else ""


class _List(ctypes.Structure):
    _fields_ = (
        ("previous", ctypes.c_void_p),
        ("next", ctypes.c_void_p),
        ("type", ctypes.c_int),
        ("name", _Text),
        ("short_name", _Text),
        ("functions", ctypes.c_void_p),
        ("count", ctypes.c_uint),
        ("values", _Text * _LONGEST_LIST),
    )


class _Number(ctypes.Structure):
    _fields_ = (*_List._fields_[:6], ("value", ctypes.c_uint))


class Library:
    """The functions of the PJSIP that pjsua2 carries.

    c : the loaded library itself

    Raises
    ------
    GatewayError
        This build of pjsua2 does not show them.
    """

    def __init__(self) -> None:
        self.c = ctypes.CDLL(pj._pjsua2.__file__)
        try:
            self.c.pj_log_set_level.argtypes = [ctypes.c_int]
            self.c.pj_log_get_log_func.restype = ctypes.c_void_p
            self.c.pj_log_set_log_func.argtypes = [ctypes.c_void_p]
            self.c.pj_dump_config.restype = None
            self.c.pjsua_call_get_max_count.restype = ctypes.c_uint
            self._read_received = self.c._ZN2pj9SipRxData6fromPjER13pjsip_rx_data
            self._read_received.argtypes = [ctypes.c_void_p] * 2
            self.c.pjsua_enum_calls.argtypes = [ctypes.c_void_p] * 2
            self.c.pjsip_tsx_set_timers.argtypes = [ctypes.c_uint] * 4
            self.c.pjsua_get_pjsip_endpt.restype = ctypes.c_void_p
            self.c.pjmedia_sdp_parse.argtypes = [ctypes.c_void_p] * 2 + [ctypes.c_size_t, ctypes.c_void_p]
            self.c.pjmedia_sdp_validate.argtypes = [ctypes.c_void_p]
            self.c.pjsip_endpt_get_request_headers.restype = ctypes.c_void_p
            self.c.pjsip_endpt_get_request_headers.argtypes = [ctypes.c_void_p]
            self.c.pjsip_endpt_get_capability.restype = ctypes.c_void_p
            self.c.pjsip_endpt_get_capability.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
        except AttributeError as error:
            problem, expected = (
                f"hides PJSIP's functions ({error})",
                "pjsua2-python of PyPI, or one that shows them",
            )
            fault = Fault("pjsua2", 0, "build", pj.__file__, problem, expected, "GATEWAY-PJSUA")
            raise GatewayError([fault]) from None

    def silence(self) -> None:
        """Print nothing, from before the endpoint is made: standard output is the caller's."""
        self.c.pj_log_set_level(0)

    def places(self) -> int:
        """Sockets of sound that this build has room for, once the endpoint is there.

        PJSIP says with what it was built in its log alone, which is taken for that moment.
        """
        told: list[str] = []
        log = _LOGGED(
            lambda level, text, length: told.append(ctypes.string_at(text, length).decode("ascii", "replace"))
        )
        level, before = self.c.pj_log_get_level(), self.c.pj_log_get_log_func()
        self.c.pj_log_set_log_func(ctypes.cast(log, ctypes.c_void_p))
        self.c.pj_log_set_level(_CONFIG_LEVEL)
        self.c.pj_dump_config()
        self.c.pj_log_set_level(level)
        self.c.pj_log_set_log_func(before)
        found = _PLACES.search("".join(told))
        return int(found[1]) if found else PLACES

    def leg_limit(self) -> int:
        """The call legs that are held, once the endpoint is there: as asked for, if the build has them."""
        return int(self.c.pjsua_call_get_max_count())

    def legs_in_use(self, coming: int) -> int:
        """Places that are taken: of legs that are up, of those whose peer has not confirmed their end, and of
        the INVITE that is coming: PJSIP counts one with SDP after it was looked at, and one without before.

        Parameters
        ----------
        coming : number of its leg; PJSUA_INVALID_ID where there is none
        """
        limit = self.leg_limit()
        numbers, count = (ctypes.c_int * limit)(), ctypes.c_uint(limit)
        self.c.pjsua_enum_calls(numbers, ctypes.byref(count))
        return len({*numbers[: count.value], coming} - {pj.PJSUA_INVALID_ID})

    def give_up_after(self, seconds: float) -> None:
        """How long a request without any answer is repeated, and what belongs to an answered one kept."""
        self.c.pjsip_tsx_set_timers(0, 0, 0, int(seconds * 1000))

    def received(self, data: int) -> Any:
        """A `pjsip_rx_data` as pjsua2 tells it: by its own function, which Python is not shown."""
        found = pj.SipRxData()
        self._read_received(int(found.this), data)
        return found

    def reads_sdp(self, body: bytes) -> bool:
        """Whether PJSIP can read SDP."""
        pool = self.c.pjsua_pool_create(b"sdp", 4000, 4000)
        try:
            text, found = ctypes.create_string_buffer(body), ctypes.c_void_p()
            if self.c.pjmedia_sdp_parse(pool, text, len(body), ctypes.byref(found)):
                return False
            return not self.c.pjmedia_sdp_validate(found)
        finally:
            self.c.pj_pool_release(pool)

    def finds_max_forwards(self) -> bool:
        """Look where the Max-Forwards of requests is kept; whether it was found, once the endpoint is
        initialised."""
        headers = self.c.pjsip_endpt_get_request_headers(self.c.pjsua_get_pjsip_endpt())
        at = _Number.from_address(headers).next if headers else None
        while at and at != headers:
            found = _Number.from_address(at)
            if found.name.read() == "Max-Forwards" and found.value == MAX_FORWARDS:
                self._forwards = found
                return True
            at = found.next
        return False

    @contextmanager
    def max_forwards(self, count: int) -> Iterator[None]:
        """Requests that are made meanwhile carry this Max-Forwards: a header told with them is another."""
        self._forwards.value = count
        try:
            yield
        finally:
            self._forwards.value = MAX_FORWARDS

    def tell_only(self, methods: Iterable[str], extensions: Iterable[str]) -> bool:
        """Have Allow and Supported name nothing else, in all messages; whether the lists were found."""
        kept = (
            (pj.PJSIP_H_ALLOW, "Allow", "INVITE", methods),
            (pj.PJSIP_H_SUPPORTED, "Supported", "timer", extensions),
            (pj.PJSIP_H_ACCEPT, "Accept", "application/sdp", ("application/sdp",)),
        )
        return all([self._keep(*one) for one in kept])

    def _keep(self, kind: int, name: str, known: str, kept: Iterable[str]) -> bool:
        at = self.c.pjsip_endpt_get_capability(self.c.pjsua_get_pjsip_endpt(), kind, None)
        found = _List.from_address(at) if at else None
        if found is None or found.name.read() != name or not 0 < found.count <= _LONGEST_LIST:
            return False
        values = [(one.at, one.length, one.read()) for one in found.values[: found.count]]
        if known not in [value for _, _, value in values]:
            return False
        wanted = set(kept)
        left = [(start, length) for start, length, value in values if value in wanted]
        for place, (start, length) in enumerate(left):
            found.values[place].at, found.values[place].length = start, length
        found.count = len(left)
        return True


def transport_of(rdata: Any) -> int:
    """The transport on which a message came, as a number that `onTransportState` tells too."""
    (transport,) = struct.unpack("P", ctypes.string_at(int(rdata.pjRxData) + _WORD, _WORD))
    return int(transport)


def listener_of(transport: int, listeners: Iterable[Listener]) -> Listener | None:
    """The listener whose address a transport has as its own; None where it has none of theirs."""
    kind = ctypes.string_at(transport, 3)
    found = ctypes.string_at(transport, _TRANSPORT_BYTES)
    for listener in listeners:
        if kind == listener.transport.encode() and _socket_address(listener) in found:
            return listener
    return None


def _socket_address(listener: Listener) -> bytes:
    """A listener's address as the system has it."""
    if listener.address.version == 4:
        return struct.pack("=H", socket.AF_INET) + struct.pack("!H", listener.port) + listener.address.packed
    family = struct.pack("=H", socket.AF_INET6) + struct.pack("!H", listener.port)
    return family + bytes(4) + listener.address.packed

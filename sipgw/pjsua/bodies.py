"""Answers before the 200 that bring no sound go without SDP.

PJSIP puts SDP into every 18x but 180, and into each answer from there on. To Teams that is sound to come: it
stops its own ringing tone, and the caller would hear nothing. The message of a `pjsip_tx_data` is read by its
known layout; what does not look as known is left alone.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_POINTER = ctypes.c_void_p
_RESPONSE = 1


class _Text(ctypes.Structure):
    _fields_ = (("at", _POINTER), ("length", ctypes.c_ssize_t))

    def read(self) -> bytes:
        return ctypes.string_at(self.at, self.length) if self.at and 0 <= self.length <= 64 else b""


class _Body(ctypes.Structure):
    """The begin of `pjsip_msg_body`."""

    _fields_ = (("type", _Text), ("subtype", _Text))

    def kind(self) -> tuple[bytes, bytes]:
        return self.type.read(), self.subtype.read()


class _Line(ctypes.Structure):
    """The start line of a response, with the room of a request's."""

    _fields_ = (("code", ctypes.c_int), ("phrase", _Text), ("more", _POINTER))


class _Message(ctypes.Structure):
    """`pjsip_msg`; its headers begin with the links of their list."""

    _fields_ = (
        ("kind", ctypes.c_int),
        ("line", _Line),
        ("headers", _POINTER * 8),
        ("body", _POINTER),
    )

    @property
    def first_header(self) -> int:
        """The first header, before which another may be put."""
        return int(self.headers[1])


def as_message(at: int) -> _Message:
    """The message at an address."""
    return _Message.from_address(at)


class _Sent(ctypes.Structure):
    """The begin of `pjsip_tx_data`: a list's links, pool, name, text, time, manager, key of the I/O queue."""

    _fields_ = (
        ("links", _POINTER * 2),
        ("pool", _POINTER),
        ("name", ctypes.c_char * 32),
        ("text", ctypes.c_char_p),
        ("time", ctypes.c_long * 2),
        ("manager", _POINTER),
        ("key", _POINTER * 37),
        ("lock", _POINTER),
        ("message", ctypes.POINTER(_Message)),
    )


class Bodies:
    """Leaves out the SDP of answers, when it is asked to.

    Parameters
    ----------
    library : PJSIP's functions
    """

    def __init__(self, library: Any) -> None:
        self._c, self._code = library, 0
        self._taken: list[tuple[int, int]] = []
        for count in (library.pjsip_tx_data_add_ref, library.pjsip_tx_data_dec_ref):
            count.argtypes = [_POINTER]

    @contextmanager
    def left_out(self, code: int) -> Iterator[None]:
        """Answers of this status that are sent meanwhile have no body; the next of the same INVITE may."""
        self._code = code
        try:
            yield
        finally:
            self._code = 0
            while self._taken:
                data, body = self._taken.pop()
                # PJSIP makes all answers of an INVITE of one message, and its SDP once
                _Sent.from_address(data).message[0].body = body
                self._c.pjsip_tx_data_dec_ref(data)

    def answers(self, data: int) -> None:
        """An answer is about to be sent; data : its `pjsip_tx_data`."""
        if not self._code:
            return
        message = _Sent.from_address(data).message
        if not message or (message[0].kind, message[0].line.code) != (_RESPONSE, self._code):
            return
        body = message[0].body
        if body and _Body.from_address(body).kind() == (b"application", b"sdp"):
            self._c.pjsip_tx_data_add_ref(data)
            self._taken.append((data, body))
            message[0].body = None

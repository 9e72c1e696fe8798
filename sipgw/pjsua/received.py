"""A message that has come, as PJSIP holds it, changed before PJSIP goes on with it.

Of `pjsip_rx_data` three fields are read that stand together: where the text is, its length, and the message
made of it. They are found by the length and the place of the text, and compared each time.
"""

from __future__ import annotations

import ctypes
from typing import Any

import pjsua2 as pj

from sipgw.pjsua.bodies import as_message

_WORD = ctypes.sizeof(ctypes.c_void_p)
_BEFORE_TEXT, _AFTER_TEXT = 1024, 8192
"""At most so many bytes lie before the text, and between the longest text and the fields. [bytes]"""
_LEAST = 2000
"""Bytes that the room for a text has at least (PJSIP_MAX_PKT_LEN)."""


class _Text(ctypes.Structure):
    _fields_ = (("at", ctypes.c_char_p), ("length", ctypes.c_ssize_t))


class Received:
    """Changes messages that have come.

    Parameters
    ----------
    library : PJSIP's functions
    """

    def __init__(self, library: Any) -> None:
        self._c, self._fields_at = library, 0
        self._c.pj_pool_alloc.restype = ctypes.c_void_p
        self._c.pj_pool_alloc.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        self._c.pjsip_msg_find_hdr.restype = ctypes.c_void_p
        self._c.pjsip_msg_find_hdr.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
        self._c.pjsip_parse_hdr.restype = ctypes.c_void_p
        self._c.pjsip_parse_hdr.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_size_t, ctypes.c_void_p]
        self._c.pj_list_insert_before.argtypes = [ctypes.c_void_p] * 2
        self._c.pj_list_erase.argtypes = [ctypes.c_void_p]

    def without_body(self, data: int, length: int) -> bool:
        """Take the body out; whether the message was found.

        Parameters
        ----------
        data : a `pjsip_rx_data`
        length : of its text
        """
        message = self._message(data, length)
        if message:
            as_message(message).body = None
        return bool(message)

    def answered_from(self, data: int, length: int, contact: str) -> bool:
        """Have what follows an answer go to a Contact, by no other way; whether the message was found."""
        message = self._message(data, length)
        if not message:
            return False
        for kind in (pj.PJSIP_H_RECORD_ROUTE, pj.PJSIP_H_CONTACT):
            while found := self._c.pjsip_msg_find_hdr(message, kind, None):
                self._c.pj_list_erase(found)
        pool, text = _word(data), contact.encode()
        room = self._c.pj_pool_alloc(pool, len(text) + 1)
        ctypes.memmove(room, text + b"\0", len(text) + 1)
        name = _Text(b"Contact", len(b"Contact"))
        header = self._c.pjsip_parse_hdr(pool, ctypes.addressof(name), room, len(text), None)
        if header:
            self._c.pj_list_insert_before(as_message(message).first_header, header)
        return bool(header)

    def _message(self, data: int, length: int) -> int:
        """The `pjsip_msg`; 0 where this build keeps it elsewhere."""
        if not self._fields_at or not self._is_at(data, self._fields_at, length):
            places = range(_LEAST, _LEAST + _AFTER_TEXT, _WORD)
            self._fields_at = next((at for at in places if self._is_at(data, at, length)), 0)
        return _word(data + self._fields_at + 2 * _WORD) if self._fields_at else 0

    def _is_at(self, data: int, at: int, length: int) -> bool:
        is_text = data < _word(data + at) < data + _BEFORE_TEXT
        return is_text and ctypes.c_int.from_address(data + at + _WORD).value == length


def _word(at: int) -> int:
    return ctypes.c_void_p.from_address(at).value or 0

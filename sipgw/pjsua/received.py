"""A message that has come, as PJSIP holds it, changed before PJSIP goes on with it.

Of `pjsip_rx_data` three fields are read that stand together: where the text is, its length, and the message
made of it. They are found by the length and the place of the text, and compared each time.
"""

from __future__ import annotations

import ctypes
from typing import Any

from sipgw.pjsua.bodies import as_message
from sipgw.pjsua.headers import Headers

_WORD = ctypes.sizeof(ctypes.c_void_p)
_BEFORE_TEXT, _AFTER_TEXT = 1024, 8192
"""At most so many bytes lie before the first text, and between the room for texts and the fields."""
_LEAST, _MOST = 2000, 70_000
"""Bytes that the room for texts has (PJSIP_MAX_PKT_LEN): a stream brings several messages in it."""
_SAME = 32
"""Bytes of a text that are compared."""


class Received:
    """Changes messages that have come.

    Parameters
    ----------
    library : PJSIP's functions
    """

    def __init__(self, library: Any) -> None:
        self._c, self._fields_at = library, 0
        self._headers = Headers(library)
        self._c.pjsip_msg_find_hdr.restype = ctypes.c_void_p
        self._c.pjsip_msg_find_hdr.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
        self._c.pj_list_erase.argtypes = [ctypes.c_void_p]

    def without_body(self, data: int, raw: bytes) -> bool:
        """Take the body out; whether the message was found.

        Parameters
        ----------
        data : a `pjsip_rx_data`
        raw : its text
        """
        message = self._message(data, raw)
        if message:
            as_message(message).body = None
        return bool(message)

    def replaced(self, data: int, raw: bytes, kind: int, name: str, values: list[str]) -> bool:
        """Put others in the place of all headers of a kind; whether that was done."""
        message = self._message(data, raw)
        if not message:
            return False
        while found := self._c.pjsip_msg_find_hdr(message, kind, None):
            self._c.pj_list_erase(found)
        pool, first = _word(data), as_message(message).first_header
        return all(self._headers.put(pool, first, name, value) for value in values)

    def _message(self, data: int, raw: bytes) -> int:
        """The `pjsip_msg`; 0 where this build keeps it elsewhere."""
        if not self._fields_at:
            places = range(_LEAST, _LEAST + _AFTER_TEXT, _WORD)
            self._fields_at = next((at for at in places if self._is_at(data, at, raw, _BEFORE_TEXT)), 0)
        is_there = self._fields_at and self._is_at(data, self._fields_at, raw, _BEFORE_TEXT + _MOST)
        return _word(data + self._fields_at + 2 * _WORD) if is_there else 0

    def _is_at(self, data: int, at: int, raw: bytes, most: int) -> bool:
        text = _word(data + at)
        is_text = data < text < data + most and ctypes.c_int.from_address(data + at + _WORD).value == len(raw)
        return is_text and ctypes.string_at(text, min(len(raw), _SAME)) == raw[:_SAME]


def _word(at: int) -> int:
    return ctypes.c_void_p.from_address(at).value or 0

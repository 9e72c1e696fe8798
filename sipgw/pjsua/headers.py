"""Headers of PJSIP's own kind, made of text."""

from __future__ import annotations

import ctypes
from typing import Any


class _Text(ctypes.Structure):
    _fields_ = (("at", ctypes.c_char_p), ("length", ctypes.c_ssize_t))


class Headers:
    """Puts headers into lists of them.

    Parameters
    ----------
    library : PJSIP's functions
    """

    def __init__(self, library: Any) -> None:
        self._c = library
        self._c.pj_pool_alloc.restype = ctypes.c_void_p
        self._c.pj_pool_alloc.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        self._c.pjsip_parse_hdr.restype = ctypes.c_void_p
        self._c.pjsip_parse_hdr.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_size_t, ctypes.c_void_p]
        self._c.pj_list_insert_before.argtypes = [ctypes.c_void_p] * 2

    def put(self, pool: int, before: int, name: str, value: str) -> bool:
        """Put a header before another, or at the end of the list that begins there; whether it can be read.

        Parameters
        ----------
        pool : `pj_pool_t` that lives as long as the list
        """
        text, told = value.encode(), _Text(name.encode(), len(name))
        room = self._c.pj_pool_alloc(pool, len(text) + 1)  # the header points into its text
        ctypes.memmove(room, text + b"\0", len(text) + 1)
        header = self._c.pjsip_parse_hdr(pool, ctypes.addressof(told), room, len(text), None)
        if header:
            self._c.pj_list_insert_before(before, header)
        return bool(header)

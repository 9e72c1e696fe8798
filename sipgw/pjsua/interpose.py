"""Functions of the system that a loaded library calls, replaced while it runs.

A library finds them by a table of addresses, one for each name that it does not have itself (ELF: the slots
of DT_JMPREL). The loader's own record of the library says where the table is.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Callable, Mapping
from typing import Any

_LINK_MAP = 2  # RTLD_DI_LINKMAP
_END, _RELOCATIONS_SIZE, _TEXTS, _SYMBOLS, _RELOCATIONS = 0, 2, 5, 6, 23  # DT_NULL and others
_DYNAMIC, _RELOCATION = struct.Struct("=qQ"), struct.Struct("=QQq")
_SYMBOL_BYTES = 24
_READ_AND_WRITE = 1 | 2


class _LinkMap(ctypes.Structure):
    _fields_ = (("base", ctypes.c_size_t), ("name", ctypes.c_char_p), ("dynamic", ctypes.c_size_t))


def replaced(library: Any, functions: Mapping[str, Any]) -> Callable[[], None] | None:
    """Have a library call others in place of the system's functions.

    Parameters
    ----------
    library : as ctypes loaded it
    functions : name -> what is called instead, a ctypes callback that must be kept

    Returns
    -------
    What puts the system's back; None, and nothing is replaced, where one of the names is not found.
    """
    slots = _slots(library)
    if not all(name in slots for name in functions):
        return None
    before = {name: _address_at(slots[name]).value for name in functions}
    for name, function in functions.items():
        _set(slots[name], ctypes.cast(function, ctypes.c_void_p).value)

    def put_back() -> None:
        for name, address in before.items():
            _set(slots[name], address)

    return put_back


def _slots(library: Any) -> dict[str, int]:
    """Where a library keeps the address of each function of others; nothing where that is not told."""
    system = ctypes.CDLL(None)
    if not hasattr(system, "dlinfo") or ctypes.sizeof(ctypes.c_void_p) != 8:
        return {}
    found = ctypes.POINTER(_LinkMap)()
    system.dlinfo.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
    if system.dlinfo(library._handle, _LINK_MAP, ctypes.byref(found)):
        return {}
    base, told = found[0].base, _dynamic(found[0].dynamic)
    if not told.keys() >= {_TEXTS, _SYMBOLS, _RELOCATIONS, _RELOCATIONS_SIZE}:
        return {}
    texts, symbols, relocations = (
        value if value > base else base + value  # the loader leaves some as they are in the file
        for value in (told[_TEXTS], told[_SYMBOLS], told[_RELOCATIONS])
    )
    slots = {}
    listed = ctypes.string_at(relocations, told[_RELOCATIONS_SIZE])
    for offset, kind, _ in _RELOCATION.iter_unpack(listed):
        name = ctypes.c_uint32.from_address(symbols + (kind >> 32) * _SYMBOL_BYTES).value
        slots[ctypes.string_at(texts + name).decode("ascii", "replace")] = base + offset
    return slots


def _dynamic(at: int) -> dict[int, int]:
    found: dict[int, int] = {}
    while True:
        tag, value = _DYNAMIC.unpack(ctypes.string_at(at, _DYNAMIC.size))
        if tag == _END:
            return found
        found[tag] = value
        at += _DYNAMIC.size


def _address_at(slot: int) -> ctypes.c_void_p:
    return ctypes.c_void_p.from_address(slot)


def _set(slot: int, address: int | None) -> None:
    page = slot & -mmap.PAGESIZE
    system = ctypes.CDLL(None, use_errno=True)
    system.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    if system.mprotect(page, mmap.PAGESIZE, _READ_AND_WRITE):
        raise OSError(ctypes.get_errno(), "a table of the library cannot be written")
    _address_at(slot).value = address

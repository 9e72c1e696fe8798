"""A module of PJSIP's own kind: what it sees of the messages that come and go."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

_BEFORE_PJSUA = 63
_CALLED = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)


class _Layout(ctypes.Structure):
    """`pjsip_module`."""

    _fields_ = (
        ("previous", ctypes.c_void_p),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("name_length", ctypes.c_ssize_t),
        ("id", ctypes.c_int),
        ("priority", ctypes.c_int),
        ("load", ctypes.c_void_p),
        ("start", ctypes.c_void_p),
        ("stop", ctypes.c_void_p),
        ("unload", ctypes.c_void_p),
        ("on_rx_request", _CALLED),
        ("on_rx_response", ctypes.c_void_p),
        ("on_tx_request", ctypes.c_void_p),
        ("on_tx_response", _CALLED),
        ("on_tsx_state", ctypes.c_void_p),
    )


class Module:
    """Sees requests before pjsua does, and answers before they are sent, while it is kept.

    Parameters
    ----------
    library : PJSIP's functions, its endpoint made
    received : given a `pjsip_rx_data`, says whether the request is dealt with
    answers : given a `pjsip_tx_data`
    """

    def __init__(self, library: Any, received: Callable[[int], bool], answers: Callable[[int], None]) -> None:
        self._received, self._answers = _CALLED(_told(received)), _CALLED(_told(answers))
        name = b"trunkrate"
        self._layout = _Layout(
            name=name,
            name_length=len(name),
            id=-1,
            priority=_BEFORE_PJSUA,
            on_rx_request=self._received,
            on_tx_response=self._answers,
        )
        library.pjsip_endpt_register_module.argtypes = [ctypes.c_void_p] * 2
        library.pjsip_endpt_register_module(library.pjsua_get_pjsip_endpt(), ctypes.addressof(self._layout))


def _told(call: Callable[[int], bool | None]) -> Callable[[int], int]:
    """A callback of PJSIP's; nothing may be raised into it."""

    def called(data: int) -> int:
        try:
            return 1 if call(data) else 0
        except Exception:
            return 0

    return called

"""A module of PJSIP's own kind: what it sees of the messages that come and go."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

BEFORE_TRANSACTIONS, BEFORE_DIALOGS, BEFORE_PJSUA = 12, 24, 63
"""Where a module stands among those of PJSIP: messages that come pass them upwards."""

Sees = Callable[[int], bool | None]
"""Given a `pjsip_rx_data` or `pjsip_tx_data`, says whether a message that came is dealt with."""

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
        ("on_rx_response", _CALLED),
        ("on_tx_request", ctypes.c_void_p),
        ("on_tx_response", _CALLED),
        ("on_tsx_state", ctypes.c_void_p),
    )


class Module:
    """Sees messages at its place among PJSIP's modules, while it is kept.

    Parameters
    ----------
    library : PJSIP's functions, its endpoint made
    name : unlike that of any other
    requests, responses : of what comes
    answers : that are about to be sent
    """

    def __init__(
        self,
        library: Any,
        name: str,
        priority: int,
        requests: Sees | None = None,
        responses: Sees | None = None,
        answers: Sees | None = None,
    ) -> None:
        told = name.encode()
        self._kept = [_told(call) for call in (requests, responses, answers)]
        self._layout = _Layout(
            name=told,
            name_length=len(told),
            id=-1,
            priority=priority,
            on_rx_request=self._kept[0],
            on_rx_response=self._kept[1],
            on_tx_response=self._kept[2],
        )
        library.pjsip_endpt_register_module.argtypes = [ctypes.c_void_p] * 2
        library.pjsip_endpt_register_module(library.pjsua_get_pjsip_endpt(), ctypes.addressof(self._layout))


def _told(call: Sees | None) -> Any:
    """A callback of PJSIP's; nothing may be raised into it."""
    if call is None:
        return _CALLED()

    def called(data: int) -> int:
        try:
            return 1 if call(data) else 0
        except Exception:
            return 0

    return _CALLED(called)

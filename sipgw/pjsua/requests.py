"""Requests outside of calls, seen before pjsua sees them.

OPTIONS are answered here, for the library's own answer has no Contact: Teams asks every minute and looks for
`Contact` (by name) and `Allow`. An INVITE is refused where legs are scarce.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

from sipgw.pjsua.headers import Headers

Answer = tuple[int, Sequence[tuple[str, str]]]
"""A status and headers."""

_WORD = ctypes.sizeof(ctypes.c_void_p)


class Requests:
    """Answers OPTIONS, and INVITEs that are to be refused at once.

    Parameters
    ----------
    library : PJSIP's functions, its endpoint made
    headers : of the answer to OPTIONS that came on a transport; None leaves it to pjsua
    before_invite : given a `pjsip_rx_data` before pjsua takes up an INVITE; a status and headers refuse it
    """

    def __init__(
        self,
        library: Any,
        headers: Callable[[int], Sequence[tuple[str, str]] | None],
        before_invite: Callable[[int], Answer | None],
    ) -> None:
        self._c, self._headers, self._before_invite = library, headers, before_invite
        self._c.pjsua_get_pjsip_endpt.restype = ctypes.c_void_p
        self._c.pjsua_pool_create.restype = ctypes.c_void_p
        self._c.pjsua_pool_create.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t]
        self._c.pj_pool_release.argtypes = [ctypes.c_void_p]
        self._c.pjsip_rx_data_get_info.restype = ctypes.c_char_p
        self._c.pjsip_rx_data_get_info.argtypes = [ctypes.c_void_p]
        self._headers_of = Headers(library)
        self._c.pjsip_endpt_respond.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_int] + [ctypes.c_void_p] * 4
        self._endpoint = self._c.pjsua_get_pjsip_endpt()

    def received(self, rdata: int) -> bool:
        """A request has come, as a `pjsip_rx_data`; whether it is answered."""
        request = self._c.pjsip_rx_data_get_info(rdata).removeprefix(b"Request msg ")
        answer: Answer | None = None
        if request.startswith(b"INVITE/"):
            answer = self._before_invite(rdata)
        elif request.startswith(b"OPTIONS/"):
            transport = ctypes.c_void_p.from_address(rdata + _WORD).value
            headers = self._headers(transport or 0)
            answer = (200, headers) if headers is not None else None
        if answer is not None:
            self.answer(rdata, *answer)
        return answer is not None

    def answer(self, rdata: int, code: int, headers: Sequence[tuple[str, str]]) -> None:
        """Answer a request, given as a `pjsip_rx_data`; an ACK has no answer."""
        if self._c.pjsip_rx_data_get_info(rdata).upper().startswith(b"REQUEST MSG ACK/"):
            return
        pool = self._c.pjsua_pool_create(b"answer", 1000, 1000)
        try:
            head = (ctypes.c_void_p * 2)()
            head[0] = head[1] = ctypes.addressof(head)
            for name, value in headers:
                self._headers_of.put(pool, ctypes.addressof(head), name, value)
            # a transaction of its own answers what is sent again, and takes the ACK
            self._c.pjsip_endpt_respond(
                self._endpoint, None, rdata, code, None, ctypes.addressof(head), None, None
            )
        finally:
            self._c.pj_pool_release(pool)

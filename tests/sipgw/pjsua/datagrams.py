"""Peers that send what no SIP program would: over UDP, message by message."""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Callable

from running import Running
from sipp import SDP as SIPP_SDP

SDP = SIPP_SDP.replace("[auto_media_port]", "6000").replace("\r\n", "\n")
CALLED, CALLER = "+33146000001", "+33199000110"
_opened: list[socket.socket] = []
_number = itertools.count(time.time_ns() % 10**9 * 1000)


def close_all() -> None:
    """Close the sockets of all peers."""
    while _opened:
        _opened.pop().close()


class Come:
    """A message that came."""

    def __init__(self, data: bytes, place: tuple[str, int]) -> None:
        self.place = place
        head, _, self.body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        self.start, *self.lines = head.split("\r\n")
        words = self.start.split(" ")
        self.status = int(words[1]) if words[0] == "SIP/2.0" else 0
        self.method = "" if self.status else words[0]

    def all(self, name: str) -> list[str]:
        found = [line.partition(":") for line in self.lines]
        return [value.strip() for key, _, value in found if key.strip().lower() == name.lower()]

    def first(self, name: str) -> str:
        return next(iter(self.all(name)), "")


class Peer:
    """A socket; what comes is kept in `seen`."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        _opened.append(self._socket)
        self._socket.bind((host, port))
        self.host, self.port = self._socket.getsockname()
        self.seen: list[Come] = []

    def send(self, lines: list[str], port: int, body: str = "", length: int | None = None) -> None:
        """Send a message; length : Content-Length where it is a lie."""
        octets = body.replace("\n", "\r\n").encode()
        head = [
            *(line for line in lines if line),
            f"Content-Length: {len(octets) if length is None else length}",
        ]
        text = "\r\n".join(head).encode() + b"\r\n\r\n" + octets
        self._socket.sendto(text, ("127.0.0.1", port))

    def until(self, is_wanted: Callable[[Come], bool], seconds: float = 5) -> Come:
        """The next message of a kind."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                come = Come(*self._socket.recvfrom(65_536))
            except TimeoutError:
                break
            self.seen.append(come)
            if is_wanted(come):
                return come
        raise AssertionError([one.start for one in self.seen])

    def request(self, method: str) -> Come:
        return self.until(lambda come: come.method == method)

    def final(self, method: str = "INVITE", seconds: float = 5) -> Come:
        """The final answer to a request."""
        return self.until(lambda come: come.status >= 200 and come.first("CSeq").endswith(method), seconds)

    def answer(
        self,
        asked: Come,
        status: int,
        *extra: str,
        body: str = "",
        contact: str | None = None,
        kind: str = "application/sdp",
        length: int | None = None,
    ) -> None:
        """Answer a request; contact : the header's line, "" for none."""
        to = asked.first("To")
        lines = [f"SIP/2.0 {status} x", *(f"Via: {via}" for via in asked.all("Via")), *extra]
        lines += [f"From: {asked.first('From')}", f"To: {to if 'tag=' in to else f'{to};tag=op'}"]
        lines += [f"Call-ID: {asked.first('Call-ID')}", f"CSeq: {asked.first('CSeq')}"]
        lines.append(f"Contact: <sip:op@{self.host}:{self.port}>" if contact is None else contact)
        self.send([*lines, f"Content-Type: {kind}" if body else ""], asked.place[1], body, length)


class Caller:
    """The caller's side of a dialog; `port` is the gateway's."""

    def __init__(
        self, peer: Peer, port: int, called: str = CALLED, caller: str = CALLER, host: str = ""
    ) -> None:
        self.peer, self.port, self._count = peer, port, 0
        self.call_id, self._tag = f"c{next(_number)}", f"t{next(_number)}"
        self._caller = caller
        self.to = f"<sip:{called}@{host or 'sbc1.alpha.trunk.example'}>"
        self.target = self.to.strip("<>")

    def send(
        self,
        method: str,
        *extra: str,
        body: str = "",
        kind: str = "application/sdp",
        length: int | None = None,
    ) -> None:
        """A request of the dialog, or the one that begins it."""
        self._count += method.upper() not in ("ACK", "CANCEL")
        place = f"{self.peer.host}:{self.peer.port}"
        count = 1 if method.upper() == "ACK" else self._count
        lines = [f"{method} {self.target} SIP/2.0", f"Via: SIP/2.0/UDP {place};branch=z9hG4bK{next(_number)}"]
        lines += ["Max-Forwards: 70", f"From: <sip:{self._caller}@{self.peer.host}>;tag={self._tag}"]
        lines += [f"To: {self.to}", f"Call-ID: {self.call_id}", f"CSeq: {count} {method}", *extra]
        lines += [f"Contact: <sip:{self._caller}@{place}>", f"Content-Type: {kind}" if body else ""]
        self.peer.send(lines, self.port, body, length)

    def took(self, answer: Come) -> Come:
        """Take up the dialog of an answer."""
        self.to = answer.first("To")
        contact = answer.first("Contact").partition("<")[2].partition(">")[0]
        self.target = contact or self.target
        return answer


class Call:
    """A call from Teams that the operator answers, up to the ACKs."""

    def __init__(self, running: Running, contact: str | None = None, *extra: str) -> None:
        self.teams, self.operator = Peer(), Peer(port=running.next_hop)
        self.caller = Caller(self.teams, running.teams)
        self.caller.send("INVITE", body=SDP)
        self.invite = self.operator.request("INVITE")
        self.operator.answer(self.invite, 200, *extra, body=SDP, contact=contact)
        self.ack = self.operator.request("ACK")
        self.caller.took(self.teams.final())
        self.caller.send("ACK")

    def of_called(self, method: str, body: str = "", kind: str = "application/sdp") -> None:
        """A request of the operator's in the dialog."""
        to, place = f"{self.invite.first('To')};tag=op", f"{self.operator.host}:{self.operator.port}"
        target = self.invite.first("Contact").partition("<")[2].partition(">")[0]
        lines = [f"{method} {target} SIP/2.0", f"Via: SIP/2.0/UDP {place};branch=z9hG4bK{next(_number)}"]
        lines += ["Max-Forwards: 70", f"From: {to}", f"To: {self.invite.first('From')}"]
        lines += [f"Call-ID: {self.invite.first('Call-ID')}", f"CSeq: 1 {method}"]
        lines += [f"Contact: <sip:op@{place}>", f"Content-Type: {kind}" if body else ""]
        self.operator.send(lines, self.invite.place[1], body)

    def hang_up(self) -> None:
        """The caller's BYE goes through."""
        self.caller.send("BYE")
        self.operator.answer(self.operator.request("BYE"), 200)
        assert self.teams.final("BYE").status == 200

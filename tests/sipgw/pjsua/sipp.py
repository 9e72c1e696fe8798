"""SIPp, an independent program, as Teams or as the operator."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from xml.sax.saxutils import escape

SDP = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio [auto_media_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
"""
TELEPHONE = "+33199000110"
"""The customer's."""
CALLED = "+33146000001"
"""A fixed line in France."""


def send(text: str, body: str = "", **options: object) -> str:
    """A message; `body` is SDP."""
    lines = text.strip().split("\n")
    if body:
        lines += ["Content-Type: application/sdp"]
    whole = "\n".join([*lines, "Content-Length: [len]", "", body])
    return f"<send{_attributes(options)}><![CDATA[\n{whole}\n]]></send>"


def receive(what: str | int, inside: str = "", **options: object) -> str:
    kind = "response" if isinstance(what, int) else "request"
    return f'<recv {kind}="{what}"{_attributes(options)}>{inside}</recv>'


def pause(ms: int) -> str:
    return f'<pause milliseconds="{ms}"/>'


def _attributes(options: dict[str, object]) -> str:
    return "".join(f' {name}="{escape(str(value))}"' for name, value in options.items())


def request(
    method: str, extra: str = "", body: str = "", target: str = "", caller: str = TELEPHONE, **options: object
) -> str:
    """A request of the caller's side; inside a call where a remote tag is known."""
    uri = target or "sip:[service]@sbc1.alpha.trunk.example;user=phone"
    tail = "" if method in ("INVITE", "CANCEL") else "[peer_tag_param]"
    number = {"INVITE": 1, "ACK": 1, "CANCEL": 1}.get(method, 2)
    branch = "z9hG4bK-[pid]-[call_number]-0" if method == "CANCEL" else "[branch]"
    return send(
        f"""{method} {uri} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch}
From: <sip:{caller}@[local_ip]:[local_port]>;tag=[pid]T[call_number]
To: <{uri}>{tail}
Call-ID: [call_id]
CSeq: {number} {method}
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
{extra}""".strip(),
        body,
        **options,
    )


def caller(*after: str, invite: str = "", **options: str) -> list[str]:
    """Steps of who calls and is answered, then some."""
    return [
        request("INVITE", invite, body=SDP, retrans=500, **options),
        receive(100, optional="true"),
        receive(180, optional="true"),
        receive(200, rrs="true"),
        request("ACK", **options),
        *after,
    ]


def called(*after: str, extra: str = "") -> list[str]:
    """Steps of who is called and answers, then some."""
    answer = reply(200, extra=extra, body=SDP)
    return [receive("INVITE", KEEP), reply(180), answer, receive("ACK"), *after, KEPT]


def failing(code: int, *before: str, invite: str = "", **options: str) -> list[str]:
    """Steps of who calls and is refused."""
    return [
        request("INVITE", invite, body=SDP, retrans=500, **options),
        receive(100, optional="true"),
        *before,
        receive(code),
        request("ACK", **options),
    ]


def reply(code: int, phrase: str = "x", extra: str = "", body: str = "", **options: object) -> str:
    """An answer to the last request."""
    return send(
        f"""SIP/2.0 {code} {phrase}
[last_Via:]
[last_From:]
[last_To:];tag=[pid]S[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
{extra}""".strip(),
        body,
        **options,
    )


BYE_OK = send(
    """SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]"""
)
"""To a BYE: the tag is there already."""
TERMINATED = send(
    """SIP/2.0 487 Request Terminated
[last_Via:]
[last_From:]
[last_To:];tag=[pid]S[call_number]
[last_Call-ID:]
CSeq:[$number] INVITE"""
)
"""To the INVITE of a CANCEL, which came last."""
KEEP = (
    '<action><ereg regexp=".*" search_in="hdr" header="From:" assign_to="caller"/>'
    '<ereg regexp=" *[0-9]+" search_in="hdr" header="CSeq:" assign_to="number"/></action>'
)
"""What the called side needs of an INVITE later."""
KEPT = '<Reference variables="caller,number"/>'


def from_called(method: str, number: int, extra: str = "", body: str = "") -> str:
    """A request of the side that was called."""
    options = {} if method == "ACK" else {"retrans": 500}
    return send(
        f"""{method} sip:gateway@[local_ip] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:called@[local_ip]>;tag=[pid]S[call_number]
To:[$caller]
Call-ID: [call_id]
CSeq: {number} {method}
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
{extra}""".strip(),
        body,
        **options,
    )


def version(number: int, direction: str) -> str:
    """The caller's SDP, changed."""
    return SDP.replace("o=- 1 1", f"o=- 1 {number}") + f"a={direction}\n"


def reinvite(number: int, body: str, ack_body: str = "") -> list[str]:
    """Steps of the caller, who changes the call and is answered; number : of the CSeq."""
    invite = request("INVITE", body=body, retrans=500).replace("CSeq: 1", f"CSeq: {number}")
    within = invite.replace("user=phone>\nCall-ID", "user=phone>[peer_tag_param]\nCall-ID")
    acked = request("ACK", body=ack_body).replace("CSeq: 1", f"CSeq: {number}")
    return [within, receive(100, optional="true"), receive(200), acked]


def reinvite_of_called(number: int, body: str) -> list[str]:
    """Steps of who is called and changes the call."""
    return [
        from_called("INVITE", number, body=body),
        receive(100, optional="true"),
        receive(200),
        from_called("ACK", number),
    ]


def is_reinvited(direction: str) -> list[str]:
    """Steps of who is told that the call changes, and agrees."""
    return [receive("INVITE"), within(reply(200, body=version(9, direction))), receive("ACK")]


def within(answer: str) -> str:
    """An answer to a request inside a call: the tag is there already."""
    return answer.replace("[last_To:];tag=[pid]S[call_number]", "[last_To:]")


def asked_too(steps: list[str]) -> list[str]:
    """Steps of a Teams proxy, for two calls: one is OPTIONS, and the other the steps."""
    answer = ['<label id="9"/>', BYE_OK]
    return [
        receive("OPTIONS", optional="true", next="9"),
        *steps,
        '<nop next="8"/>',
        *answer,
        '<label id="8"/>',
    ]


HANGS_UP = [request("BYE"), receive(200)]
IS_HUNG_UP = [receive("BYE"), BYE_OK]


class Sipp:
    """A scenario that runs.

    Parameters
    ----------
    steps : of the scenario
    target : "host:port" of whom it calls; none for who is called
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        steps: list[str],
        port: int,
        target: str = "",
        transport: str = "u1",
        calls: int = 1,
        options: tuple[str, ...] = (),
        address: str = "127.0.0.1",
    ) -> None:
        self.port = port
        self._messages = folder / f"{name}.messages"
        self._errors = folder / f"{name}.errors"
        scenario = folder / f"{name}.xml"
        inside = "\n".join(steps)
        scenario.write_text(f'<?xml version="1.0"?>\n<scenario name="{name}">\n{inside}\n</scenario>\n')
        command = ["sipp", *([target] if target else []), "-sf", str(scenario), "-i", address]
        command += ["-p", str(port), "-m", str(calls), "-t", transport, "-nostdin"]
        command += ["-trace_msg", "-message_file", str(self._messages), "-message_overwrite", "true"]
        command += ["-trace_err", "-error_file", str(self._errors), "-timeout_error", *options]
        if "-timeout" not in options:
            command += ["-timeout", "12s"]
        self._process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if not target:
            self._wait_until_it_listens(transport[0])

    def _wait_until_it_listens(self, transport: str) -> None:
        table = Path("/proc/net/tcp" if transport == "t" else "/proc/net/udp")
        place = f" 0100007F:{self.port:04X} "
        until = time.monotonic() + 10
        while place not in table.read_text() and self._process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)

    def wait(self, timeout: float = 30) -> None:
        """Let the scenario end; all its calls must have gone as it says."""
        output, _ = self._process.communicate(timeout=timeout)
        assert self._process.returncode == 0, f"{output[-2000:]}\n{self.errors}"

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    @property
    def errors(self) -> str:
        return self._errors.read_text(errors="replace") if self._errors.exists() else ""

    @property
    def messages(self) -> str:
        """All that was sent and received, as SIPp saw it."""
        return self._messages.read_text(errors="replace") if self._messages.exists() else ""

    def received(self, start: str) -> list[str]:
        """Received messages whose first line begins so."""
        found = []
        for part in self.messages.split("message received [")[1:]:
            message = part.partition("\n\n")[2].partition("-----------------")[0]
            if message.startswith(start):
                found.append(message.replace("\r\n", "\n"))
        return found

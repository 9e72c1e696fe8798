"""Messages for tests: the samples, and small ones made of a few lines."""

from pathlib import Path

from rating.numbering import load_plan
from sipgw.attempt import Attempt
from sipgw.messages import attempt_of, parse

HERE = Path(__file__).parent
SAMPLES = HERE / "samples"
RFC4475 = HERE / "rfc4475"
FRANCE = load_plan("FR")
TRUNK = "sbc1.cabinet-exemple.trunk.example"
OWN = {(TRUNK, "+33199000110"), (TRUNK, "+33199000111")}


def sample(number: int) -> bytes:
    """A sample by its number."""
    (path,) = SAMPLES.glob(f"{number:02d}_*.sip")
    return path.read_bytes()


def rfc4475(name: str) -> bytes:
    """A message of RFC 4475 by its name."""
    return (RFC4475 / f"{name}.dat").read_bytes()


def is_own(host: str, number: str) -> bool:
    """Whose numbers these are in tests."""
    return (host, number) in OWN


def request(
    *headers: str,
    method: str = "INVITE",
    uri: str = f"sip:+33261910011@{TRUNK}:5061;user=phone;transport=tls",
    caller: str = "<sip:+33199000110@sip.pstnhub.microsoft.com:5061;user=phone>;tag=a1",
    body: bytes = b"",
) -> bytes:
    """A request with the headers that each must have, and others."""
    lines = [
        f"{method} {uri} SIP/2.0",
        "VIA: SIP/2.0/TLS 52.112.0.10:5061;branch=z9hG4bK1",
        "MAX-FORWARDS: 70",
        f"FROM: {caller}",
        f"TO: <sip:+33261910011@{TRUNK}:5061;user=phone>",
        "CALL-ID: 0001",
        f"CSEQ: 1 {method}",
        *headers,
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body


def read(raw: bytes, side: str = "teams") -> Attempt:
    """The attempt of an INVITE, without its certificate."""
    return attempt_of(parse(raw), side, "52.112.0.10", (), is_own, FRANCE)

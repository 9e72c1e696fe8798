"""What is wrong with a message: for its sender, in one sentence."""

from __future__ import annotations

from rating.errors import quoted


class Unreadable(ValueError):
    """A text that is against its grammar, without the name of the header it stands in."""

    def __init__(self, problem: str, expected: str) -> None:
        super().__init__(problem, expected)
        self.problem, self.expected = problem, expected


class BadMessage(Exception):
    """A message that cannot be served.

    status : what answers it; reason : why, fit for a reason phrase; header : name and value that the answer
    carries besides (RFC 3261, 21.4.13: Unsupported, and its like), both empty for none; is_answered : False
    of responses and ACK, which are dropped (RFC 3261, 8.1.3 and 17.1.1.3)

    Examples
    --------
    >>> print(BadMessage.of("CSeq", "1 BYE", "has another method than the request", "the same"))
    CSeq '1 BYE' has another method than the request; expected the same. Answered 400. [SIP-400]
    """

    def __init__(
        self, status: int, reason: str, header: tuple[str, str] = ("", ""), is_answered: bool = True
    ) -> None:
        super().__init__(status, reason, header, is_answered)
        self.status, self.reason, self.header, self.is_answered = status, reason, header, is_answered

    @classmethod
    def of(
        cls,
        field: str,
        value: str | None,
        problem: str,
        expected: str,
        status: int = 400,
        header: tuple[str, str] = ("", ""),
    ) -> BadMessage:
        """A message with one field that is wrong."""
        words = " ".join(word for word in (field, quoted(value), problem) if word)
        return cls(status, f"{words}; expected {expected}.", header)

    def __str__(self) -> str:
        end = f"Answered {self.status}." if self.is_answered else "Dropped."
        return f"{self.reason} {end} [SIP-{self.status}]"

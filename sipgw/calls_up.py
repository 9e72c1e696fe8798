"""What guards, status and control need to know of the calls that are up."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol


class UpCall(Protocol):
    """What the guards, the status and the control need to know of a call that is up.

    leg : what names it, and no other that is up; direction : outbound or inbound
    b_number : as the CDR has it; setup_time, answer_time : [ns], None until it is answered
    """

    @property
    def leg(self) -> str: ...
    @property
    def trunk_id(self) -> str: ...
    @property
    def direction(self) -> str: ...
    @property
    def b_number(self) -> str: ...
    @property
    def setup_time(self) -> int: ...
    @property
    def answer_time(self) -> int | None: ...


class Up(NamedTuple):
    """A call that is up, at one instant."""

    leg: str
    trunk_id: str
    direction: str
    b_number: str
    setup_time: int
    answer_time: int | None = None


class Calls(Protocol):
    """The calls of the gateway that runs."""

    def up(self) -> Sequence[UpCall]:
        """The calls that hold a channel, at one instant, for any thread."""

    def hang_up(self, legs: Collection[str]) -> None:
        """End some of them, each with a BYE or CANCEL and its CDR; those that are gone already are left.

        It is called by the thread that calls `Orders.tick`.
        """

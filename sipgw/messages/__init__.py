"""SIP messages as Teams and operators send them: bytes to messages, messages to calls, calls to headers.

The parser is our own. Who pays hangs on which URI is read from a header, and no library at hand reads them
all: `sipmessage` 0.7 takes `"a" <sip:x@h>, "b" <sip:y@h>` for one address, that of y, and refuses URIs with
headers, which History-Info has; `aiosipua` 0.7 takes the URI inside the quotes of `"<sip:x@h>" <sip:y@h>` and
tel: for a host; `sippy` 2.5 and Twisted 26 know no tel:; `sip-parser` says that it fails at some of RFC 4475;
the `pysip` of PyPI is something else. This one does with the messages of RFC 4475 what that asks.
"""

from sipgw.messages.bad import BadMessage
from sipgw.messages.invite import attempt_of
from sipgw.messages.message import Message
from sipgw.messages.parse import parse
from sipgw.messages.reasons import Reason, is_completed_elsewhere, reasons_of
from sipgw.messages.refer import Refer, refer_of
from sipgw.messages.understood import check_understood
from sipgw.messages.write import to_operator, to_teams

__all__ = [
    "BadMessage",
    "Message",
    "Reason",
    "Refer",
    "attempt_of",
    "check_understood",
    "is_completed_elsewhere",
    "parse",
    "reasons_of",
    "refer_of",
    "to_operator",
    "to_teams",
]

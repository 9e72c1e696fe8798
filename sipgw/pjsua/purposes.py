"""Which certificates of callers are taken: those of Teams hold for servers only from 2026 on.

OpenSSL refuses such a certificate of whoever connects, as it wants the purpose Client Authentication there
(Microsoft: message centre MC1213773). Names and authority are verified as before. The rule is OpenSSL's for
the whole process, so it holds for callers on the operator's leg too.
"""

from __future__ import annotations

import ctypes
from typing import Any

_ANY_PURPOSE, _TRUSTED_CLIENT = 7, 2


def take_server_certificates(library: Any) -> bool:
    """Let whoever connects show a certificate of any purpose; whether this OpenSSL can be told so.

    Parameters
    ----------
    library : pjsua2, through which its OpenSSL's functions are found
    """
    try:
        library.X509_VERIFY_PARAM_new.restype = ctypes.c_void_p
        library.X509_VERIFY_PARAM_set1_name.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        library.X509_VERIFY_PARAM_set_purpose.argtypes = [ctypes.c_void_p, ctypes.c_int]
        library.X509_VERIFY_PARAM_set_trust.argtypes = [ctypes.c_void_p, ctypes.c_int]
        library.X509_VERIFY_PARAM_add0_table.argtypes = [ctypes.c_void_p]
    except AttributeError:
        return False
    rules = library.X509_VERIFY_PARAM_new()
    named = library.X509_VERIFY_PARAM_set1_name(rules, b"ssl_client")
    library.X509_VERIFY_PARAM_set_purpose(rules, _ANY_PURPOSE)
    library.X509_VERIFY_PARAM_set_trust(rules, _TRUSTED_CLIENT)
    return bool(named and library.X509_VERIFY_PARAM_add0_table(rules))

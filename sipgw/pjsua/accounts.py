"""The gateway's listeners as pjsua2 has them, and what is sent from each."""

from __future__ import annotations

from typing import Any

import pjsua2 as pj

from rating.errors import Fault, GatewayError
from sipgw.settings import TEAMS, Listener, Settings, Tls

TRANSPORTS = {
    ("udp", 4): pj.PJSIP_TRANSPORT_UDP,
    ("tcp", 4): pj.PJSIP_TRANSPORT_TCP,
    ("tls", 4): pj.PJSIP_TRANSPORT_TLS,
    ("udp", 6): pj.PJSIP_TRANSPORT_UDP6,
    ("tcp", 6): pj.PJSIP_TRANSPORT_TCP6,
    ("tls", 6): pj.PJSIP_TRANSPORT_TLS6,
}
SESSION_S, MIN_SESSION_S = 1800, 90
"""Session timer that is asked for, and the shortest that is taken: a lost BYE ends a call (RFC 4028). [s]"""

CIPHERS = (0xC030, 0xC02F, 0xC028, 0xC027)
"""ECDHE-RSA with AES 256 and 128, GCM and CBC: those of Teams."""

SUITES = (
    "AES_CM_128_HMAC_SHA1_80",
    "AES_CM_128_HMAC_SHA1_32",
    "AES_256_CM_HMAC_SHA1_80",
    "AES_256_CM_HMAC_SHA1_32",
)
"""Ciphers of SRTP as they are offered: first the one of Teams, which every peer must have (RFC 4568, 6.2)."""

CODECS = {"PCMA/8000": 255, "PCMU/8000": 254}


class Way:
    """A listener and the account that sends and receives over it.

    side : "teams" or "operator"
    place : its address and port as a URI has them
    """

    def __init__(
        self, side: str, listener: Listener, transport: int, account: Any, settings: Settings
    ) -> None:
        self.side, self.listener, self.account = side, listener, account
        self.place = str(listener).removeprefix(f"{listener.transport}:")
        self._config = _account(side, listener, transport, self.place, settings)
        account.create(self._config)
        if side == TEAMS:
            self.show(settings.teams.fqdn)

    @property
    def index(self) -> int:
        """The account's number in pjsua2."""
        return int(self.account.getId())

    def show(self, host: str) -> None:
        """Be known by a host's name in the Contact of what is sent next: Teams takes no address there."""
        self.contact(self.contact_of(host))

    def contact_of(self, host: str) -> str:
        """The Contact of a host's name at this listener."""
        return f"<sip:{host}:{self.listener.port};transport={self.listener.transport}>"

    def contact(self, contact: str) -> None:
        """Set the Contact of what is sent next."""
        if self._config.sipConfig.contactForced != contact:
            self._config.sipConfig.contactForced = contact
            self.account.modify(self._config)


def listen(endpoint: Any, listener: Listener, tls: Tls | None, file: str) -> int:
    """Open a listener; the number of its transport.

    Parameters
    ----------
    file : whose listener it is, for messages

    Raises
    ------
    GatewayError
        The address is taken or none of this machine's, or the certificate does not load; or it is IPv6,
        and this pjsua2 has none.
    """
    if listener.address.version == 6 and not has_ipv6():
        expected = "an IPv4 address, or a pjsua2 that is built with PJ_HAS_IPV6"
        problem = "is IPv6, which this pjsua2 is built without"
        raise GatewayError([Fault(file, 0, "listen", str(listener), problem, expected, "GATEWAY-PJSUA")])
    config = pj.TransportConfig()
    config.port, config.boundAddress = listener.port, str(listener.address)
    if listener.transport == "tls" and tls is not None:
        told = config.tlsConfig
        told.certFile, told.privKeyFile, told.CaListFile = map(str, (tls.certificate, tls.key, tls.ca))
        told.method, told.proto = pj.PJSIP_TLSV1_2_METHOD, pj.PJ_SSL_SOCK_PROTO_TLS1_2
        told.verifyServer = told.verifyClient = told.requireClientCert = True
        told.ciphers = pj.IntVector(list(CIPHERS))
    try:
        return int(endpoint.transportCreate(TRANSPORTS[listener.transport, listener.address.version], config))
    except pj.Error as error:
        expected = "a free address of this machine, and for tls: a certificate with its key"
        problem = f"cannot be opened ({error.reason})"
        fault = Fault(file, 0, "listen", str(listener), problem, expected, "GATEWAY-LISTEN")
        raise GatewayError([fault]) from None


def choose_codecs(endpoint: Any) -> None:
    """Offer and take those of `CODECS`, and no others."""
    codecs = endpoint.codecEnum2()
    for place in range(len(codecs)):
        name = codecs[place].codecId
        endpoint.codecSetPriority(name, CODECS.get(name.rpartition("/")[0], 0))


def has_ipv6() -> bool:
    """Whether this build of the library can use IPv6: without, it is off in every account."""
    return bool(pj.AccountConfig().mediaConfig.ipv6Use != pj.PJSUA_IPV6_DISABLED)


def _account(side: str, listener: Listener, transport: int, place: str, settings: Settings) -> Any:
    config = pj.AccountConfig()
    host = settings.teams.fqdn if side == TEAMS else place
    config.idUri = f"sip:{host}"
    config.regConfig.registerOnAdd = False
    config.sipConfig.transportId = transport
    nat = config.natConfig
    nat.contactRewriteUse = nat.viaRewriteUse = nat.sdpNatRewriteUse = nat.sipOutboundUse = 0
    calls = config.callConfig
    calls.timerUse = pj.PJSUA_SIP_TIMER_ALWAYS
    calls.timerSessExpiresSec, calls.timerMinSESec = SESSION_S, MIN_SESSION_S
    media = config.mediaConfig
    is_ipv6 = listener.address.version == 6
    only = pj.PJSUA_IPV6_ENABLED_USE_IPV6_ONLY if is_ipv6 else pj.PJSUA_IPV6_DISABLED
    config.sipConfig.ipv6Use = media.ipv6Use = only
    media.transportConfig.boundAddress = str(listener.address)
    media.transportConfig.randomizePort = True
    media.transportConfig.port, media.transportConfig.portRange = 20_000, 20_000
    media.lockCodecEnabled = False
    is_secure = listener.transport == "tls"
    media.srtpUse = pj.PJMEDIA_SRTP_MANDATORY if is_secure else pj.PJMEDIA_SRTP_DISABLED
    media.srtpSecureSignaling = 0
    keyings = pj.IntVector()
    keyings.append(pj.PJMEDIA_SRTP_KEYING_SDES)
    media.srtpOpt.keyings = keyings
    suites = pj.SrtpCryptoVector()
    for name in SUITES:
        suite = pj.SrtpCrypto()
        suite.name = name
        suites.append(suite)
    media.srtpOpt.cryptos = suites
    return config

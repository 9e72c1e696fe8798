"""A telephone on pjsua2 in a process of its own: calls or answers, sends a tone, records what it hears.

    python phone.py '{"listen": "tls:5070", "call": "sip:...", ...}'

Prints a line when it is ready, one for each key that it hears, and how the call ended.
"""

from __future__ import annotations

import ctypes
import json
import math
import sys
import time
from typing import Any

import pjsua2 as pj

from sipgw.pjsua.purposes import take_server_certificates

KINDS = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP, "tls": pj.PJSIP_TRANSPORT_TLS}


class Call(pj.Call):
    def __init__(self, account: Any, told: dict[str, Any], number: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(account, number)
        self.told, self.is_over, self.since, self.begun = told, False, 0.0, time.monotonic()
        self.tone, self.recorder = pj.ToneGenerator(), pj.AudioMediaRecorder()
        self.tone.createToneGenerator(8000)
        self.recorder.createRecorder(told["record"])

    def say(self, code: int) -> None:
        answer = pj.CallOpParam(True)
        answer.statusCode = code
        self.answer(answer)

    def onCallState(self, prm: Any) -> None:
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.since = time.monotonic()
            print("answered", flush=True)
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.is_over = True
            print("over", info.lastStatusCode, info.lastReason, flush=True)

    def onCallMediaState(self, prm: Any) -> None:
        info = self.getInfo()
        listed = info.media
        if listed[0].status != pj.PJSUA_CALL_MEDIA_ACTIVE:
            return
        sound = self.getAudioMedia(0)
        tone = pj.ToneDesc()
        tone.freq1, tone.on_msec, tone.off_msec = self.told["tone"], 1000, 0
        tones = pj.ToneDescVector()
        tones.append(tone)
        self.tone.play(tones, True)
        self.tone.startTransmit(sound)
        sound.startTransmit(self.recorder)

    def onDtmfDigit(self, prm: Any) -> None:
        print("digit", prm.digit, flush=True)


class Account(pj.Account):
    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__()
        self.told, self.calls = told, []

    def onIncomingCall(self, prm: Any) -> None:
        call = Call(self, self.told, prm.callId)
        self.calls.append(call)
        call.say(183 if self.told.get("answers_after") else 200)


def run(told: dict[str, Any]) -> None:
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = told.get("log", 0)
    config.uaConfig.threadCnt, config.uaConfig.mainThreadOnly = 0, True
    config.medConfig.clockRate, config.medConfig.noVad, config.medConfig.ecTailLen = 8000, True, 0
    endpoint.libInit(config)
    take_server_certificates(ctypes.CDLL(pj._pjsua2.__file__))
    kind, _, port = told["listen"].partition(":")
    way = pj.TransportConfig()
    way.port, way.boundAddress = int(port), "127.0.0.1"
    if kind == "tls":
        tls = way.tlsConfig
        tls.certFile, tls.privKeyFile, tls.CaListFile = told["certificate"], told["key"], told["ca"]
        tls.method, tls.proto = told.get("method", pj.PJSIP_TLSV1_2_METHOD), 0
        tls.verifyServer = tls.verifyClient = tls.requireClientCert = True
    transport = endpoint.transportCreate(KINDS[kind], way)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()
    account = Account(told)
    mine = pj.AccountConfig()
    mine.idUri, mine.sipConfig.transportId = told["id"], transport
    mine.mediaConfig.srtpUse = pj.PJMEDIA_SRTP_MANDATORY if kind == "tls" else pj.PJMEDIA_SRTP_DISABLED
    mine.mediaConfig.srtpSecureSignaling = 0
    mine.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
    mine.mediaConfig.transportConfig.randomizePort = True
    mine.mediaConfig.transportConfig.port, mine.mediaConfig.transportConfig.portRange = 41_000, 20_000
    account.create(mine)
    print("ready", flush=True)
    if "call" in told:
        call = Call(account, told)
        account.calls.append(call)
        call.makeCall(told["call"], pj.CallOpParam(True))
    until, is_dialled = time.monotonic() + 12, False
    while time.monotonic() < until and not (account.calls and account.calls[0].is_over):
        endpoint.libHandleEvents(20)
        call = account.calls[0] if account.calls else None
        if call and not call.since and told.get("answers_after", 60) < time.monotonic() - call.begun:
            call.begun = math.inf
            call.say(told.get("answer", 200))
        lasts = time.monotonic() - call.since if call and call.since else 0
        if call and lasts > 0.3 and told.get("digits") and not is_dialled:
            is_dialled = True
            call.dialDtmf(told["digits"])
        if call and lasts > told.get("seconds", 60) and call.isActive() and not call.is_over:
            call.hangup(pj.CallOpParam())
    call = None
    account.calls.clear()
    account.shutdown()
    endpoint.libDestroy()


if __name__ == "__main__":
    run(json.loads(sys.argv[1]))

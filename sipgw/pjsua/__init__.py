"""The embedded gateway: a back-to-back user agent on pjsua2, for the lab, test calls and very small sites.

    serve.py      from gateway.yaml to SIGTERM
    agent.py      the endpoint and its one event loop: calls in, refusals, limits
    reader.py     what comes in: by which listener, from whom, what an INVITE asks for
    legless.py    INVITEs that are refused without a leg
    events.py     pjsua2's callbacks that belong to no call
    bridge.py     one call: two legs, what happens on one is told to the other
    leg.py        one leg: pjsua2's callbacks
    hold.py       whether the peer of a leg was told that the other side holds
    accounts.py   listeners and what is sent from them
    targets.py    where a call goes on to: the operator, the Teams proxies in order
    keepalive.py  OPTIONS to the Teams proxies
    legs_free.py  the legs that pjsua2 has, beside the channels of trunks
    places.py     places for sockets, which are few; interpose.py: functions of a library replaced
    module.py     PJSIP's own view of the messages that come and go
    sieve.py      keeps from PJSIP what it cannot stand: loose.py reads, unfit.py judges, received.py mends
    requests.py   answers before pjsua sees a request: OPTIONS, refusals; headers.py makes their headers
    bodies.py     which answers go without SDP
    library.py    what pjsua2 itself cannot be asked; purposes.py: its OpenSSL
    ladder.py     one call's messages as text

All of it runs in one thread, which handles the library's events between its own (threadCnt 0).
"""

"""The embedded gateway: a back-to-back user agent on pjsua2, for the lab, test calls and very small sites.

    serve.py      from gateway.yaml to SIGTERM
    agent.py      the endpoint and its one event loop: calls in, refusals, limits
    bridge.py     one call: two legs, what happens on one is told to the other
    leg.py        one leg: pjsua2's callbacks
    accounts.py   listeners and what is sent from them
    proxies.py    the Teams proxies: asked by OPTIONS, tried in order
    legs_free.py  the legs that pjsua2 has, beside the channels of trunks
    library.py    what pjsua2 itself cannot be asked: the only place that reads PJSIP's memory
    ladder.py     one call's messages as text

All of it runs in one thread, which handles the library's events between its own (threadCnt 0).
"""

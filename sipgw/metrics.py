"""The gateway's counts for Prometheus, on a loopback port."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from rating.errors import UsageError
from sipgw.call import INBOUND, OUTBOUND
from sipgw.settings import Listener

Family = CounterMetricFamily | GaugeMetricFamily


class Metrics:
    """Serves what `status` says at the instant it is asked; money stays out, for these are floats.

    Raises
    ------
    UsageError
        The port is taken.
    """

    def __init__(self, listener: Listener, status: Callable[[], Mapping[str, Any]]) -> None:
        registry = CollectorRegistry()
        registry.register(_Snapshot(status))
        try:
            server, self._thread = start_http_server(listener.port, str(listener.address), registry=registry)
        except OSError as error:
            problem = f"metrics '{listener.address}:{listener.port}' cannot be listened on ({error.strerror})"
            raise UsageError(f"{problem}; expected a free port.", "GATEWAY-METRICS") from None
        self._server: WSGIServer = server

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Snapshot(Collector):
    def __init__(self, status: Callable[[], Mapping[str, Any]]) -> None:
        self._status = status

    def describe(self) -> Iterator[Family]:
        """Nothing in advance: the gateway is asked when Prometheus reads, not before."""
        return iter(())

    def collect(self) -> Iterator[Family]:
        return iter(families(self._status()))


def families(found: Mapping[str, Any]) -> list[Family]:
    """A status as metrics; trunks without channels, calls and trouble are left out."""
    trunk = ["trunk"]
    channels = GaugeMetricFamily("trunkrate_channels", "Channels of a trunk in force", labels=trunk)
    used = GaugeMetricFamily("trunkrate_channels_used", "Channels held", labels=trunk)
    suspended = GaugeMetricFamily(
        "trunkrate_trunk_suspended", "1 while a suspension holds", labels=["trunk", "scope"]
    )
    tripped = GaugeMetricFamily(
        "trunkrate_guard_tripped", "1 until a person lifts the guard", labels=["trunk", "guard"]
    )
    for one in found["trunks"]:
        name = [one["trunk_id"]]
        if one["channels"] or one["used"]:
            channels.add_metric(name, one["channels"])
            used.add_metric(name, one["used"])
        for scope in {held["scope"] for held in one["suspended"]}:
            suspended.add_metric([*name, scope], 1)
        for guard in one["tripped"]:
            tripped.add_metric([*name, guard["guard"]], 1)
    calls = GaugeMetricFamily("trunkrate_calls_up", "Calls that hold a channel", labels=["direction"])
    for direction in (OUTBOUND, INBOUND):
        calls.add_metric([direction], sum(call["direction"] == direction for call in found["calls"]))
    oldest = GaugeMetricFamily("trunkrate_oldest_call_seconds", "Age of the call that is up longest")
    oldest.add_metric([], max((call["age_s"] for call in found["calls"]), default=0))
    decisions = CounterMetricFamily(
        "trunkrate_decisions", "Calls by the rule that decided them", labels=["rule"]
    )
    for rule, count in found["decisions"].items():
        decisions.add_metric([rule], count)
    options = GaugeMetricFamily(
        "trunkrate_options_age_seconds", "Since the last OPTIONS", labels=["peer", "way", "code"]
    )
    for one in found["options"]:
        options.add_metric([one["peer"], one["way"], str(one["code"])], one["age_s"])
    faults = GaugeMetricFamily("trunkrate_state_faults", "Faults of the suspensions file")
    faults.add_metric([], len(found["faults"]))
    return [channels, used, suspended, tripped, calls, oldest, decisions, options, faults]

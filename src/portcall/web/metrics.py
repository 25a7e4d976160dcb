"""/metrics for Prometheus, and /healthz."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from portcall.model import lifecycle
from portcall.model.event import TRACE, Event
from portcall.web.who import May, services

router = APIRouter(include_in_schema=False)


class Metrics:
    """One registry for each server. What can be read when asked is read then; starts are counted as they happen."""

    def __init__(self, here: Any) -> None:
        self._here = here
        self.registry = CollectorRegistry()
        self.starts = Counter("portcall_starts", "starts by outcome", ["outcome"], registry=self.registry)
        self.violations = Counter(
            "portcall_csp_reports", "reports of the content security policy", registry=self.registry
        )
        self.start_seconds = Histogram(
            "portcall_start_seconds", "from the request until the session runs", registry=self.registry,
            buckets=(0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
        )  # fmt: skip
        self.registry.register(self)
        here.bus.listen(self._happened)

    def _happened(self, event: Event) -> None:
        outcome = event.document.get("outcome")
        if event.kind == TRACE and outcome != "open":
            self.starts.labels(outcome).inc()
            if outcome == "started":
                self.start_seconds.observe(event.document["step"]["took"])

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        sessions = GaugeMetricFamily("portcall_sessions", "sessions by state", labels=["state"])
        for state in lifecycle.STATES:
            sessions.add_metric([state], sum(item.state == state for item in self._here.registry.all()))
        yield sessions
        connections = self._here.connections.all()
        yield GaugeMetricFamily("portcall_connections", "viewers connected", len(connections))
        yield GaugeMetricFamily(
            "portcall_viewer_bytes", "bytes sent to viewers connected now", sum(item.bytes_out for item in connections)
        )
        record = self._here.members.here()
        for name, text in (
            ("logins", "people logged in"),
            ("cpu", "per cent"),
            ("freemem", "bytes"),
            ("totalmem", "bytes"),
        ):
            yield GaugeMetricFamily(f"portcall_{name}", text, record[name])
        yield GaugeMetricFamily("portcall_links", "links connected", len(self._here.links.all()))
        questions = CounterMetricFamily("portcall_scheduler_questions", "questions to schedulers", labels=["launcher"])
        for launcher, count in self._here.jobs.questions.items():
            questions.add_metric([launcher], count)
        yield questions


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    here = services(request)
    if not here.config["metrics_public"]:
        await May("server/metrics")(request)
    return Response(generate_latest(here.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/healthz")
async def healthz(request: Request) -> Response:
    return Response("ok\n", media_type="text/plain")

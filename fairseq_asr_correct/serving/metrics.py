"""The service's counts, for Prometheus."""

from prometheus_client import (
    GC_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60)
PARTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Counts of one service; services in the same process have separate ones."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        for collector in (PROCESS_COLLECTOR, GC_COLLECTOR):  # memory, CPU, open files
            registry.register(collector)
        name = "asr_correct"
        self.requests = Counter(f"{name}_requests", "Requests to /correct, by status", ["status"], registry=registry)
        self.texts = Counter(f"{name}_texts", "Texts that were corrected and answered", registry=registry)
        self.words = Counter(f"{name}_words", "Words of these texts before correction", registry=registry)
        self.term_edits = Counter(f"{name}_term_edits", "Changes that wrote a term of the request", registry=registry)
        self.domain_texts = Counter(
            f"{name}_domain_texts", "Texts that were answered, by their domain", ["domain"], registry=registry
        )
        self.domain_loads = Counter(
            f"{name}_domain_loads", "How often a domain was loaded", ["domain"], registry=registry
        )
        self.domains = Gauge(f"{name}_domains_loaded", "Domains that are loaded", registry=registry)
        self.seconds = Histogram(
            f"{name}_request_seconds", "Time from a request's headers to its answer", buckets=SECONDS, registry=registry
        )
        self.batch_size = Histogram(f"{name}_batch_parts", "Parts in a batch", buckets=PARTS, registry=registry)
        self.batch_seconds = Histogram(
            f"{name}_batch_seconds", "Time of the model for a batch", buckets=SECONDS, registry=registry
        )
        self.queue = Gauge(f"{name}_queue_pieces", "Word pieces that wait", registry=registry)

    def text(self) -> bytes:
        """All counts in Prometheus' text format."""
        return generate_latest(self.registry)

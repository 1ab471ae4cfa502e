"""Cost of each stage of a study: wall seconds, CPU seconds, peak memory of the process so far."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class StageCost:
    """Cost of one stage; CPU seconds are those of the whole process, all threads."""

    stage: str
    seconds: float
    cpu_seconds: float
    peak_memory_mb: float


class Stages:
    """Measures stages one after the other."""

    def __init__(self) -> None:
        self._costs: dict[str, StageCost] = {}

    @property
    def costs(self) -> tuple[StageCost, ...]:
        """Measurements so far, in order."""
        return tuple(self._costs.values())

    @contextmanager
    def measured(self, stage: str) -> Iterator[None]:
        """Measures the body; a stage that raises is measured as well, and one that comes again adds to the first."""
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            before = self._costs.get(stage, StageCost(stage, 0.0, 0.0, 0.0))
            self._costs[stage] = StageCost(
                stage=stage,
                seconds=before.seconds + time.perf_counter() - wall,
                cpu_seconds=before.cpu_seconds + time.process_time() - cpu,
                peak_memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            )

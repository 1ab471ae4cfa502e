"""All benchmarks against the named peers, one after the other: `make bench`. About forty minutes."""

from __future__ import annotations

from tests.benchmarks import (
    bench_cohort,
    bench_command,
    bench_features,
    bench_n4,
    bench_omics,
    bench_reading,
    bench_records,
    bench_reports,
    bench_sparse,
)

if __name__ == "__main__":
    bench_features.main()
    bench_sparse.main()
    bench_n4.main()
    bench_reading.main()
    bench_reports.main()
    bench_cohort.main()
    bench_command.main()
    bench_omics.main()
    bench_records.main()

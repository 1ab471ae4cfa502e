"""All benchmarks against the named peers, one after the other: `make bench`. About forty minutes."""

from __future__ import annotations

from tests.benchmarks import bench_cohort, bench_command, bench_features, bench_n4, bench_reading, bench_reports

if __name__ == "__main__":
    bench_features.main()
    bench_n4.main()
    bench_reading.main()
    bench_reports.main()
    bench_cohort.main()
    bench_command.main()

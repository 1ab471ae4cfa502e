#!/bin/sh
# Installs our own packages, and makes what would otherwise be made at the first start or the first study.
set -eu
/opt/build/bin/pip wheel --quiet --no-deps --no-index --no-build-isolation --wheel-dir /build/own "$1"
/opt/build/bin/pip --python /opt/rdeepnet/bin/python install --quiet --no-deps --no-index --no-compile /build/own/*.whl
ORT_DISABLE_TELEMETRY=1 NUMBA_CPU_NAME=generic NUMBA_CACHE_DIR=/opt/rdeepnet/cache/numba MPLCONFIGDIR=/opt/rdeepnet/cache/matplotlib \
    /opt/rdeepnet/bin/python -B /build/prepare.py

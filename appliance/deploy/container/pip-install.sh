#!/bin/sh
# Fills /opt/rdeepnet with what a file of hashed requirements lists; what comes as source is built here.
# Index settings and certificates of the building machine may come as the build secrets pip.conf and ca.crt.
set -eu
requirements=$1
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1
export PIP_FIND_LINKS=/wheelhouse
if [ -s /run/secrets/pip.conf ]; then export PIP_CONFIG_FILE=/run/secrets/pip.conf; fi
if [ -s /run/secrets/ca.crt ]; then export PIP_CERT=/run/secrets/ca.crt; fi

python3 -m venv /opt/build
/opt/build/bin/pip install --quiet --no-deps --require-hashes --only-binary=:all: -r /build/requirements-build.txt
# PyRadiomics takes NumPy and setuptools from the environment it is built in.
/opt/build/bin/pip wheel --quiet --no-deps --require-hashes --no-build-isolation --wheel-dir /build/wheels -r "$requirements"
python3 -m venv --without-pip /opt/rdeepnet
/opt/build/bin/pip --python /opt/rdeepnet/bin/python install --quiet --no-deps --no-index --no-compile /build/wheels/*.whl
rm -rf /build/wheels
/opt/build/bin/pip --python /opt/rdeepnet/bin/python check

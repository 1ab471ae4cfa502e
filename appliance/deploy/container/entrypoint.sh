#!/bin/sh
# Gives Numba and Matplotlib their caches in a folder they can write to, then becomes rdeepnet.
if [ ! -e /tmp/rdeepnet ] && [ -w /tmp ]; then
    mkdir -m 0700 /tmp/rdeepnet && cp -R /opt/rdeepnet/cache/. /tmp/rdeepnet/
fi
# What orchestrators of MONAI Application Packages say: nothing but where the input is, or show, extract, help.
case "$*" in
    serve) if [ -n "${HOLOSCAN_INPUT_PATH:-}" ]; then set -- map run; fi ;;
    show | "show app" | "show pkg" | extract | help) set -- map "$@" ;;
esac
# A package runs in its own working directory, as any user; the service's state is closed to others.
if [ "${1:-}" = map ]; then cd "${HOLOSCAN_WORKDIR:-/var/holoscan}" || exit 3; fi
exec rdeepnet "$@"

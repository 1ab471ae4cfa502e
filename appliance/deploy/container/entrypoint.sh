#!/bin/sh
# Gives Numba and Matplotlib their caches in a folder they can write to and nobody else can, then becomes rdeepnet.
# Numba unpickles what it finds there. With a /tmp that is shared (Apptainer, --volume /tmp:/tmp) the folder may have been
# made by somebody else: it is used only if it is a folder, ours and closed to others; else a fresh one is.
caches=/tmp/rdeepnet
if [ -w /tmp ]; then
    if mkdir -m 0700 "$caches" 2>/dev/null; then
        cp -R /opt/rdeepnet/cache/. "$caches/"
    elif [ -L "$caches" ] || [ ! -d "$caches" ] || [ ! -O "$caches" ] || ! stat -c %a "$caches" | grep -qx '2\?700'; then
        echo "$caches is not a folder of this user alone; a fresh one is used" >&2
        caches=$(mktemp -d /tmp/rdeepnet.XXXXXXXXXX) || exit 3
        cp -R /opt/rdeepnet/cache/. "$caches/"
    fi
    export HOME="$caches" NUMBA_CACHE_DIR="$caches/numba" MPLCONFIGDIR="$caches/matplotlib"
fi
# What orchestrators of MONAI Application Packages say: nothing but where the input is, or show, extract, help.
case "$*" in
    serve) if [ -n "${HOLOSCAN_INPUT_PATH:-}" ]; then set -- map run; fi ;;
    show | "show app" | "show pkg" | extract | help) set -- map "$@" ;;
esac
# A package runs in its own working directory, as any user; the service's state is closed to others.
if [ "${1:-}" = map ]; then cd "${HOLOSCAN_WORKDIR:-/var/holoscan}" || exit 3; fi
exec rdeepnet "$@"

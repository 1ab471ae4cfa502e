#!/bin/sh
# Builds the container image with podman or docker: `make image`. Settings, all optional, from the environment:
#   FLAVOUR      cpu (default) or gpu
#   BASE         base image (debian:bookworm-slim); without a registry it is made from this machine's Debian packages
#   IMAGE        name of the image (localhost/rdeepnet:FLAVOUR)
#   WHEELHOUSE   folder of wheels that the indexes do not have (pip's find-links, where that is a folder)
#   TORCH_INDEX  index of PyTorch's CPU wheels, where neither pip's configuration nor the wheelhouse has them
#   ENGINE       podman or docker
# This machine's settings of pip and apt, and its certificates, reach the build as secrets and stay out of the image.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
flavour=${FLAVOUR:-cpu}
base=${BASE:-debian:bookworm-slim}
image=${IMAGE:-localhost/rdeepnet:$flavour}
engine=${ENGINE:-$(command -v podman || command -v docker || true)}
[ -n "$engine" ] || { echo "neither podman nor docker is installed: apt-get install podman runc mmdebstrap" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

if ! "$engine" image inspect "$base" >/dev/null 2>&1 && ! timeout 120 "$engine" pull "$base" >/dev/null 2>&1; then
    echo "No registry has $base: it is made from this machine's Debian packages."
    ENGINE=$engine sh "$here/stand_in_base.sh" "$base"
fi

pip() { "${PYTHON:-python3}" -m pip "$@"; }
{
    echo "[global]"
    # "global.index-url='https://…'" and ":env:.index-url='…'" to "index-url = …"
    pip config list 2>/dev/null |
        sed -n "s/^[a-z:]*\.\(index-url\|trusted-host\|proxy\|timeout\|default-timeout\)='\(.*\)'\$/\1 = \2/p"
    extra=$(pip config list 2>/dev/null | sed -n "s/^[a-z:]*\.extra-index-url='\(.*\)'\$/\1/p" | sed 's/\\n/ /g' | tr ' ' '\n' |
        grep -v '^file:' | tr '\n' ' ' || true)
    extra="$extra${TORCH_INDEX:-}"
    if [ -n "$extra" ]; then echo "extra-index-url = $extra"; fi
} >"$folder/pip.conf"
wheelhouse=${WHEELHOUSE:-$(pip config list 2>/dev/null | sed -n "s/^[a-z:]*\.find-links='\(.*\)'\$/\1/p" | head -n 1)}
if [ ! -d "$wheelhouse" ]; then wheelhouse=$folder/wheelhouse && mkdir "$wheelhouse"; fi
certificates=$(pip config list 2>/dev/null | sed -n "s/^[a-z:]*\.cert='\(.*\)'\$/\1/p" | head -n 1)
if [ ! -s "$certificates" ]; then certificates=/dev/null; fi
cat "$certificates" >"$folder/ca.crt"
: >"$folder/apt.sources" >"$folder/apt.conf"
if grep -q 'VERSION_CODENAME=bookworm' /etc/os-release 2>/dev/null; then
    cat /etc/apt/sources.list.d/debian.sources >"$folder/apt.sources" 2>/dev/null || cat /etc/apt/sources.list >"$folder/apt.sources" || true
    apt-config dump | grep -E '^Acquire::(http|https|Check-|Retries)' >"$folder/apt.conf" || true
fi

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/pyproject.toml")
revision=$(git -C "$root" rev-parse HEAD 2>/dev/null || echo unknown)
# Podman's own format has no HEALTHCHECK; it need not keep the layers of the builder, nor look for a newer base.
case $(basename "$engine") in podman) set -- --format docker --layers=false --pull=never ;; *) set -- ;; esac
"$engine" build "$@" --file "$root/Containerfile" --tag "$image" --network "${BUILD_NETWORK:-host}" \
    --build-arg BASE="$base" --build-arg FLAVOUR="$flavour" --build-arg VERSION="$version" \
    --build-arg REVISION="$revision" --build-context wheelhouse="$wheelhouse" \
    --secret id=pip.conf,src="$folder/pip.conf" --secret id=ca.crt,src="$folder/ca.crt" \
    --secret id=apt.sources,src="$folder/apt.sources" --secret id=apt.conf,src="$folder/apt.conf" "$root"

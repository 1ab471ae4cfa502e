#!/bin/sh
# Installs Debian packages while the image is built. Sources and settings of the building machine (mirror, proxy) may
# come as the build secrets apt.sources and apt.conf; they are used from a folder that goes when this ends.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder" /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb' EXIT
export APT_CONFIG="$folder/apt.conf" DEBIAN_FRONTEND=noninteractive
{
    echo 'APT::Install-Recommends "false";'
    echo 'Dpkg::Use-Pty "false";'
    if [ -s /run/secrets/apt.sources ]; then
        mkdir "$folder/sources"
        if grep -q '^Types:' /run/secrets/apt.sources; then suffix=sources; else suffix=list; fi
        cp /run/secrets/apt.sources "$folder/sources/build.$suffix"
        echo 'Dir::Etc::SourceList "/dev/null";'
        echo "Dir::Etc::SourceParts \"$folder/sources\";"
    fi
    if [ -s /run/secrets/apt.conf ]; then cat /run/secrets/apt.conf; fi
} >"$APT_CONFIG"
chmod -R a+rX "$folder" # apt fetches as a user of its own
apt-get -qq update
apt-get -qq -y install "$@" >/dev/null
rm -rf /var/log/apt /var/log/dpkg.log

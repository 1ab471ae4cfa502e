#!/bin/sh
# Where no container registry can be reached: makes the base image from this machine's own Debian packages.
#   stand_in_base.sh NAME    e.g. debian:bookworm-slim
# It holds what Debian's slim image holds: the essential packages and apt, without manuals and translations.
set -eu
name=$1
command -v mmdebstrap >/dev/null || { echo "mmdebstrap is needed to make $name: apt-get install mmdebstrap" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
sources=
for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
    if [ -s "$file" ] && grep -q bookworm "$file"; then sources=$file; break; fi
done
# dpkg waits for the disk after every file; what is made here may be lost in a power cut.
# shellcheck disable=SC2086,SC2016  # no sources: mmdebstrap's own; "$1" is for the hook's shell
mmdebstrap --quiet --variant=minbase --include=usr-is-merged \
    --dpkgopt=force-unsafe-io \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --customize-hook='rm -f "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/*' \
    --customize-hook='chroot "$1" apt-get -qq -y --auto-remove purge usrmerge perl perl-modules-5.36 libperl5.36 >/dev/null' \
    bookworm "$folder/base.tar" $sources
"${ENGINE:-podman}" import "$folder/base.tar" "$name" >/dev/null 2>&1

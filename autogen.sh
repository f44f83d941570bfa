#!/bin/sh
# Makes configure and its helpers, which are not kept in the repository.
set -eu
cd "$(dirname "$0")"
missing=
for package in autoconf automake libtool pkg-config; do
    case $package in
    libtool) program=libtoolize ;;
    *) program=$package ;;
    esac
    command -v "$program" >/dev/null 2>&1 || missing="$missing $package"
done
if [ -n "$missing" ]; then
    echo "autogen.sh: missing:$missing (apt-get install$missing)" >&2
    exit 1
fi
mkdir -p m4
exec autoreconf --install --force

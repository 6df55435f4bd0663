#!/usr/bin/env bash
# Fetches the chart library of the report (d3, Observable Plot) from npm: get.sh writes it here, get.sh --check compares what is here byte for byte.
# Users' machines need neither npm nor this script: the files are in the repository. Exit 0: equal or written; 1: not equal; 3: npm is absent or does not answer.
set -euo pipefail

# name@version, SHA-512 of the package, then pairs: file in the package, file here
packages=(
    "d3@7.9.0 7b5538ea354ffb0ec8badf09b7cae2d58b0f3af169838ea4f8af13a426f43fece30a48e43e757b5b37c3273307cb52e703ec23e692d3d708cef74d602d778484 dist/d3.min.js d3.min.js LICENSE d3.LICENSE"
    "@observablehq/plot@0.6.17 fea6973ffee67383144b4b3870f3c50120d18edb16a7ce7f4db7ec722a83814d47c188b16d26dbcad36e2270fc01c4d80b7c5ac400a0557d3a6a075f432f56fa dist/plot.umd.min.js plot.umd.min.js LICENSE plot.LICENSE"
)
here=$(cd "$(dirname "$0")" && pwd)

if ! command -v npm >/dev/null; then
    echo "chart library: skipped: 'npm' not found"
    exit 3
fi
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

for package in "${packages[@]}"; do
    read -r name sha512 files <<<"$package"
    if ! archive=$(npm pack "$name" --silent --cache "$temporary/npm" --pack-destination "$temporary" 2>"$temporary/log"); then
        echo "chart library: skipped: npm could not fetch $name: $(tail -n 1 "$temporary/log")"
        exit 3
    fi
    found=$(sha512sum "$temporary/$archive" | cut -d' ' -f1)
    if [[ $found != "$sha512" ]]; then
        echo "error: $name: expected SHA-512 $sha512, found $found" >&2
        exit 1
    fi
    set -- "${1-}" $files
    mode=$1
    shift
    while (($# > 0)); do
        if [[ $mode == --check ]]; then
            tar -xzOf "$temporary/$archive" "package/$1" | cmp - "$here/$2" || exit 1
        else
            tar -xzOf "$temporary/$archive" "package/$1" >"$here/$2"
        fi
        shift 2
    done
    set -- "$mode"
    echo "chart library: $name ${mode:+is what is here}"
done
[[ ${1-} == --check ]] || (cd "$here" && sha512sum -- *.js *.LICENSE >SHA512SUMS)

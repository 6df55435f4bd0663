#!/usr/bin/env bash
# Fetches ONNX Runtime 1.29.0 (C# binding as sources, Linux x64 library) from its npm package into the cache. Instant when it is there.
set -euo pipefail

package=com.github.asus4.onnxruntime
version=0.4.9
integrity=BkzxduSZ9IkeDP6Q8lz2TFU2ie7hSSvS7ZIfzMooExoq0CNzJnuuGaUJ7IsojBgqO4ouD1jXah8OYyJbCN29Fg==
cache=${XDG_CACHE_HOME:-$HOME/.cache}/mim
target=$cache/onnxruntime-$version

complete() {
    [[ -f $target/Plugins/Linux/x64/libonnxruntime.so && -f $target/Runtime/InferenceSession.shared.cs ]]
}

if complete; then
    exit 0
fi
for tool in npm tar; do
    if ! command -v "$tool" >/dev/null; then
        echo "error: '$tool' not found; it is needed to fetch ONNX Runtime. As root: apt-get install --no-install-recommends -y $tool" >&2
        exit 2
    fi
done

mkdir -p "$cache"
temporary=$(mktemp -d "$cache/onnxruntime.XXXXXX")
child=
# The child may have ended by itself: a kill that finds nobody is no failure.
trap '[[ -z $child ]] || kill "$child" 2>/dev/null || true; rm -rf "$temporary"' EXIT
trap 'exit 130' INT TERM

echo "ONNX Runtime: $package@$version (150 MB) -> $target" >&2
# npm's own bar shows nothing for a tarball, and its cache, which receives the bytes first, is the only place to watch them arrive.
npm pack "$package@$version" --silent --cache "$temporary/npm" --pack-destination "$temporary" >"$temporary/name" 2>"$temporary/npm.log" &
child=$!
start=$SECONDS
while kill -0 "$child" 2>/dev/null; do
    # Progress only: files vanish while npm works, and du says so by its exit code.
    megabytes=$(du -sm "$temporary" 2>/dev/null | cut -f1 || true)
    if [[ -t 2 ]]; then
        printf '\r  %4s MB  %3d s ' "${megabytes:-0}" $((SECONDS - start)) >&2
    elif (((SECONDS - start) % 10 == 9)); then
        printf '  %s MB  %d s\n' "${megabytes:-0}" $((SECONDS - start)) >&2
    fi
    sleep 1
done
if [[ -t 2 ]]; then
    printf '\n' >&2
fi
if ! wait "$child"; then
    child=
    cat "$temporary/npm.log" >&2
    echo "error: npm could not fetch $package@$version; run the same command again when the registry answers ('npm ping' tests it)" >&2
    exit 1
fi
child=

archive=$temporary/$package-$version.tgz
expected=$(base64 -d <<<"$integrity" | od -An -v -tx1 | tr -d ' \n')
found=$(sha512sum "$archive" | cut -d' ' -f1)
if [[ $found != "$expected" ]]; then
    echo "error: $package-$version.tgz: expected SHA-512 $expected, found $found; nothing was unpacked" >&2
    exit 1
fi

mkdir "$temporary/unpacked"
tar -xzf "$archive" -C "$temporary/unpacked" --strip-components=1 --no-same-owner package/Runtime package/Plugins/Linux/x64
rm -rf "$target"
# A rename in one file system: a reader sees all of it or none. Two at once: the loser finds the winner's.
mv -T "$temporary/unpacked" "$target" 2>/dev/null || complete
echo "ONNX Runtime: ready" >&2

#!/usr/bin/env bash
# build.sh CACHE OUT: compiles bridge.cpp against libtorch and copies libmimtorch.so to the folder OUT.
# MIM_LIBTORCH=DIR builds against another libtorch than the system's: a libtorch archive, a PyTorch wheel's torch/ folder, or a prefix
# with include/ and lib/. The result is cached under CACHE by the hash of source, flags and libtorch, so a fresh clone only copies it.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=$1 out=$2

fail() { echo "libmimtorch: error : $1" >&2; exit 1; }

if [[ -n ${MIM_LIBTORCH:-} ]]; then
  root=$MIM_LIBTORCH
  for sub in "" /torch; do [[ -e $root$sub/lib/libtorch.so ]] && root=$root$sub && break; done
  [[ -e $root/lib/libtorch.so && -e $root/include/torch ]] || [[ -e $root/lib/libtorch.so && -e $root/include/ATen ]] \
    || fail "MIM_LIBTORCH=$MIM_LIBTORCH: expected include/ATen and lib/libtorch.so, found neither there nor under torch/."
  include=$root/include lib=$root/lib
else
  include=/usr/include lib=
  for dir in "/usr/lib/$(uname -m)-linux-gnu" /usr/lib64 /usr/lib /usr/local/lib; do [[ -e $dir/libtorch.so ]] && lib=$dir && break; done
  [[ -n $lib && -e $include/ATen/ATen.h ]] \
    || fail "libtorch is not installed (expected /usr/include/ATen and libtorch.so). Run ./mim setup, or set MIM_LIBTORCH to a libtorch folder."
fi
command -v "${CXX:-g++}" >/dev/null || fail "no C++ compiler: expected ${CXX:-g++} on the PATH. Run ./mim setup."

flags=(-O2 -std=c++17 -fPIC -shared -fvisibility=default -Wno-deprecated-declarations)
for dir in "$include" "$include/torch/csrc/api/include"; do [[ $dir == /usr/include ]] || flags+=(-isystem "$dir"); done
# Wheels before 2.6 use the old string ABI; their own CMake file says which.
abi=${_GLIBCXX_USE_CXX11_ABI:-}
for config in "${include%/include}/share/cmake/Torch/TorchConfig.cmake" "$lib/cmake/Torch/TorchConfig.cmake"; do
  [[ -z $abi && -e $config ]] && abi=$(sed -n 's/.*_GLIBCXX_USE_CXX11_ABI=\([01]\).*/\1/p' "$config" | head -1)
done
flags+=("-D_GLIBCXX_USE_CXX11_ABI=${abi:-1}")

libraries=(-ltorch -ltorch_cpu -lc10)
if [[ -e $lib/libtorch_cuda.so ]]; then libraries=(-Wl,--no-as-needed -ltorch_cuda -lc10_cuda "${libraries[@]}"); fi
link=("-L$lib" "${libraries[@]}")
[[ -n ${MIM_LIBTORCH:-} ]] && link+=("-Wl,-rpath,$lib")
# The system's libtorch takes whatever libblas.so.3 the alternatives point at. OpenBLAS on its own threads fights with libtorch's OpenMP ones (a
# step on two busy cores took 7 times as long), so its OpenMP build, if installed, is loaded first, by path: no alternatives to set, no root.
openblas=$lib/openblas-openmp
if [[ -z ${MIM_LIBTORCH:-} && -e $openblas/libblas.so.3 && -e $openblas/liblapack.so.3 ]]; then
  link=(-Wl,--no-as-needed "$openblas/libblas.so.3" "$openblas/liblapack.so.3" "-Wl,-rpath,$openblas" "${link[@]}")
fi

identity=$(stat -Lc '%n %s %Y' "$lib/libtorch_cpu.so" "$lib/libc10.so")
key=$({ cat "$here/bridge.cpp" "$here/build.sh"; echo "${flags[*]} ${link[*]}"; echo "$identity"; "${CXX:-g++}" -dumpfullversion; } | sha256sum | cut -c1-16)
built=$cache/torch-bridge/$key/libmimtorch.so

if [[ ! -e $built ]]; then
  mkdir -p "$(dirname "$built")"
  temporary=$built.$$
  trap 'rm -f "$temporary"' EXIT
  echo "libmimtorch: compiling the bridge against $lib (under a minute, once per libtorch)"
  "${CXX:-g++}" "${flags[@]}" "$here/bridge.cpp" -o "$temporary" "${link[@]}" || fail "the bridge did not compile against $lib."
  mv "$temporary" "$built"
fi
mkdir -p "$out"
cmp -s "$built" "$out/libmimtorch.so" || { cp "$built" "$out/.libmimtorch.$$" && mv "$out/.libmimtorch.$$" "$out/libmimtorch.so"; }

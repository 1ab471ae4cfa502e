#!/bin/sh
# Removes from a virtual environment what the product does not run: headers, tests, sources of extensions, Arrow's
# network file systems, symbols. Libraries that are there several times become links.
set -eu
cd "$1"/lib/python3.*/site-packages

rm -rf torch/include torch/share torch/test torch/lib/*_test.so caffe2
rm -rf torch/testing/_internal/opinfo torch/testing/_internal/generated torch/testing/_internal/common_methods_invocations.py
find torch/bin -type f ! -name torch_shm_manager -delete # the package does not load without that one
rm -rf onnxruntime/transformers onnxruntime/quantization onnxruntime/tools onnx/backend/test
rm -f onnxruntime/capi/libonnxruntime.so.* # for programs in C; the Python module holds all of it itself
rm -rf pyarrow/include pyarrow/src pyarrow/libarrow_flight* pyarrow/_flight* pyarrow/libarrow_python_flight* \
    pyarrow/libarrow_s3* pyarrow/_s3fs* pyarrow/libarrow_substrait* pyarrow/_substrait*
rm -rf matplotlib/mpl-data/sample_data matplotlib/mpl-data/fonts/afm pywt/data/*.npz _gdcm/XML
find _gdcm -type f -name 'gdcm*' ! -name '*.*' -delete # its programs
find . -depth -type d -name tests -exec rm -rf {} +
find . -name 'py312_*.py' -delete # newer Python than Debian's: no byte code can be made of it
find . -regex '.*\.\(a\|c\|cpp\|h\|hpp\|pxd\|pxi\|pyi\|pyx\)' -delete

# DICOM's tables as highdicom holds them, without the white space: a third of 23 MB.
python3 - highdicom/_standard/*.json <<'PYTHON'
import json, pathlib, sys

for file in map(pathlib.Path, sys.argv[1:]):
    file.write_text(json.dumps(json.loads(file.read_text()), separators=(",", ":")))
PYTHON

# What auditwheel has moved to *.libs is left as it is: it has been rewritten, and strip is known to break such files.
find . -name '*.so*' -type f -not -path '*.libs/*' -exec strip --strip-unneeded {} +

# Wheels hold no links: libX.so, libX.so.3 and libX.so.3.2 are three copies of one file.
find . -name '*.so*' -type f -printf '%h %s %p\n' | sort | while read -r folder size file; do
    if [ "$folder $size" = "${last:-}" ] && cmp -s "$file" "$kept"; then
        ln -sf "$(basename "$kept")" "$file"
    else
        last="$folder $size" kept=$file
    fi
done

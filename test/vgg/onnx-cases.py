"""Writes ONNX's own operator test cases as files: onnx-cases.py OUT_DIR conv relu …  (needs Debian's python3-onnx)

For each case OUT_DIR/name/: model.onnx, input_N.pb, output_N.pb (TensorProto). The package carries the programs that
make its test data, one module per operator, and not the data.
"""
import importlib
import os
import sys

import numpy as np

# onnx 1.12 uses aliases that later numpy releases took away.
for alias, kind in (("float", float), ("int", int), ("bool", bool), ("object", object)):
    if alias not in np.__dict__:
        setattr(np, alias, kind)

import onnx.backend.test.case.node as node_cases
from onnx import numpy_helper

out, *modules = sys.argv[1:]
for module in modules:  # importing one registers its cases
    importlib.import_module(f"onnx.backend.test.case.node.{module}")
for case in node_cases._NodeTestCases:
    folder = os.path.join(out, case.name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "model.onnx"), "wb") as f:
        f.write(case.model.SerializeToString())
    inputs, outputs = case.data_sets[0]
    for kind, arrays in (("input", inputs), ("output", outputs)):
        for i, array in enumerate(arrays):
            with open(os.path.join(folder, f"{kind}_{i}.pb"), "wb") as f:
                f.write(numpy_helper.from_array(np.asarray(array)).SerializeToString())

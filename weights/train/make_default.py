"""Rebuilds the embedded network: weights/default.safetensors and weights/default.onnx.

    python3 weights/train/make_default.py [FOLDER]

About two minutes on one CPU core. The result is fixed by the seeds and by the formulas of procgen.py and
greedy.py, up to the rounding of the linear algebra library at hand (another BLAS, other last bits).
"""
import os
import sys

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[threads] = "1"  # the order of sums, and with it the last bits, must not depend on the machine's cores

import numpy as np
import torch

import export
import greedy
import procgen

WIDTHS = (32, 64, 96, 128, 128)
PICTURES, SIZE, FIRST = 400, 128, 100000
SOURCE = ("Filters learnt layer by layer from procedural pictures without labels, third-party pictures or third-party weights "
          "(PCA axes to conv3_4, spherical k-means above); see weights/train.")


def pictures():
    """The procedural pictures that filters and normalisation are learnt from: [n, 3, s, s] in 0..1."""
    a = np.stack([procgen.make(FIRST + i, 0, SIZE) for i in range(PICTURES)])
    return torch.from_numpy(a).permute(0, 3, 1, 2).float() / 255


def main():
    torch.set_num_threads(1)
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    images = pictures()
    net = greedy.learn(images, WIDTHS).normalise(images).half()
    export.write_safetensors(net, f"{folder}/default.safetensors", SOURCE)
    export.write_onnx(net, f"{folder}/default.onnx", SOURCE)
    again, _ = export.read_safetensors(f"{folder}/default.safetensors")
    assert all((again.w[n][k] == net.w[n][k]).all() for n in net.names for k in (0, 1)), "the file does not hold what was written"
    means = again.mean_activations(images)
    print(f"{net.parameters()} parameters; mean activation of a filter {min(m.min() for m in means.values()):.3f}"
          f" to {max(m.max() for m in means.values()):.3f} (0 = silenced, else 1)")


if __name__ == "__main__":
    main()

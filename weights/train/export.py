"""Writes a network as safetensors (what the library embeds) and as ONNX (what the importer's tests read).

Both hold the same float16 values. The safetensors writer is our own thirty lines: an 8-byte little-endian
header length, a JSON header padded with spaces to a multiple of 8, then the tensors one after another.
"""
import json
import struct

import numpy as np

from net import MEAN, STD, Net, starts_block


def walk(net):
    """The layer walk as the file states it: conv1_1, relu1_1, conv1_2, relu1_2, pool1, ... relu5_1."""
    out = []
    for n in net.names:
        if starts_block(n):
            out.append(f"pool{int(n[4]) - 1}")
        out += [n, "relu" + n[4:]]
    return out


def metadata(net, source):
    """safetensors allows only strings as values, so structured entries are JSON inside a string."""
    return {
        "format": "wgpu-style",
        "version": "1",
        "layout": "hwio",
        "topology": json.dumps(walk(net), separators=(",", ":")),
        "preprocessing": json.dumps({"order": "rgb", "scale": 1, "mean": [MEAN] * 3, "std": [STD] * 3}, separators=(",", ":")),
        "padding": "zero",
        "name": "wgpu-style default",
        "licence": "MIT",
        "source": source,
    }


def write_safetensors(net, path, source):
    """float16 tensors `convX_Y.weight` [3, 3, cin, cout] and `convX_Y.bias` [cout], in layer order."""
    header, data, at = {"__metadata__": metadata(net, source)}, [], 0
    for n in net.names:
        w, b = net.w[n]
        for key, t in ((n + ".weight", w.permute(2, 3, 1, 0)), (n + ".bias", b)):
            raw = t.contiguous().numpy().astype("<f2").tobytes()
            header[key] = {"dtype": "F16", "shape": list(t.shape), "data_offsets": [at, at + len(raw)]}
            data.append(raw)
            at += len(raw)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(data))


def read_safetensors(path):
    """(Net, metadata) from a file that `write_safetensors` wrote."""
    import torch

    with open(path, "rb") as f:
        size, = struct.unpack("<Q", f.read(8))
        header, data = json.loads(f.read(size)), f.read()
    meta, tensors = header.pop("__metadata__"), {}
    for key, t in header.items():
        a, b = t["data_offsets"]
        tensors[key] = torch.from_numpy(np.frombuffer(data[a:b], "<f2").reshape(t["shape"]).astype(np.float32))
    names = [k[:-7] for k in header if k.endswith(".weight")]
    return Net({n: (tensors[n + ".weight"].permute(3, 2, 0, 1).contiguous(), tensors[n + ".bias"]) for n in names}), meta


def write_onnx(net, path, source):
    """A plain Conv/Relu/MaxPool chain, NCHW, the whole graph in float16, outputs named by layer."""
    import onnx
    import onnx.numpy_helper as N
    from onnx import TensorProto as T, helper as H

    nodes, inits, x = [], [], "input"
    for n in net.names:
        if starts_block(n):
            p = f"pool{int(n[4]) - 1}"
            nodes.append(H.make_node("MaxPool", [x], [p], name=p, kernel_shape=[2, 2], strides=[2, 2]))
            x = p
        for key, t in zip((n + ".weight", n + ".bias"), net.w[n]):
            inits.append(N.from_array(t.numpy().astype(np.float16), key))
        nodes.append(H.make_node("Conv", [x, n + ".weight", n + ".bias"], [n], name=n,
                                 kernel_shape=[3, 3], pads=[1] * 4, strides=[1, 1]))
        x = "relu" + n[4:]
        nodes.append(H.make_node("Relu", [n], [x], name=x))
    last = net.w[net.names[-1]][0].shape[0]
    doc = f"{source} Input NCHW, (rgb - {MEAN}) / {STD}, RGB in 0..1."
    graph = H.make_graph(nodes, "wgpu_style_default",
                         [H.make_tensor_value_info("input", T.FLOAT16, [1, 3, "height", "width"])],
                         [H.make_tensor_value_info(x, T.FLOAT16, [1, last, "height16", "width16"])],
                         initializer=inits, doc_string=doc)
    model = H.make_model(graph, opset_imports=[H.make_opsetid("", 13)], producer_name="wgpu-style", doc_string=doc)
    model.ir_version = 7
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)

"""A Gatys bench: one optimiser, one set of losses, every feature extractor.

    python3 bench.py --judge DATA --pictures DATA --out OUT NET [NET ...] [--pairs CONTENT:STYLE ...]

NET is a .safetensors file of ours, or `vgg` / `slim` for the real VGG-19 (to conv3_4) and the distilled slim
VGG-19 in the folder DATA (ONNX files of other people's weights, used only to compare and to judge; DATA is not
part of this repository). Loss: mean over relu1_1 ... relu5_1 of |G - A|^2 / |A|^2, plus ALPHA |F - P|^2 / |P|^2 at
the content layer. The relative form makes ALPHA mean the same for every network.

The judge looks at the result through the real VGG-19: `style` is the geometric mean over relu1_1, relu2_1, relu3_1
of the relative Gram distance to the style picture, in per cent of the content picture's own distance; `content` the
relative feature distance to the content at relu3_2; `deep` as `style`, from relu4_1 and relu5_1 of the slim VGG.
"""
import argparse
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from export import read_safetensors
from net import LAYERS, Net

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
JUDGED, DEEP = STYLE_LAYERS[:3], STYLE_LAYERS[3:]


def load(path, size):
    """[1, 3, h, w] in 0..1, longest side `size`, sides multiples of 16."""
    im = Image.open(path).convert("RGB")
    im.thumbnail((size, size), Image.LANCZOS)
    im = im.resize((im.width // 16 * 16, im.height // 16 * 16), Image.LANCZOS)
    return (torch.from_numpy(np.array(im)).permute(2, 0, 1)[None].float() / 255).contiguous()


def save(x, path):
    Image.fromarray((x[0].clamp(0, 1) * 255 + .5).byte().permute(1, 2, 0).numpy()).save(path)


def network(spec, data=None):
    """A Net from a .safetensors file of ours, or `vgg` / `slim` from the ONNX files in `data`."""
    if spec.endswith(".safetensors"):
        return read_safetensors(spec)[0]
    import onnx
    import onnx.numpy_helper as N
    name = {"vgg": "vgg19-conv3_4", "slim": "vgg19-slim16x-conv5_1"}[spec]
    w = {i.name: N.to_array(i).copy() for i in onnx.load(f"{data}/{name}.onnx").graph.initializer}
    return Net({n: (w[n + ".weight"], w[n + ".bias"]) for n in LAYERS if n + ".weight" in w}, bgr255=True)


def gram(f):
    f = f.flatten(2)[0]
    return f @ f.T / f.shape[1]


def relative(a, b):
    return ((a - b) ** 2).sum() / (b ** 2).sum()


class Judge:
    """Distances of a picture to one content and one style, seen by the real networks (max pooling)."""

    def __init__(self, data, content, style):
        self.vgg, self.slim = network("vgg", data), network("slim", data)
        self.content, self.style = self.features(content), self.features(style)
        self.start = self.distances(content)

    @torch.no_grad()
    def features(self, x):
        return {**self.vgg(x, (*JUDGED, "conv3_2")), **self.slim(x, DEEP)}

    def distances(self, x):
        f = self.features(x)
        def mean(layers):
            return float(np.exp(np.mean([np.log(float(relative(gram(f[k]), gram(self.style[k])))) for k in layers])))
        return {"style": mean(JUDGED), "deep": mean(DEEP), "content": float(relative(f["conv3_2"], self.content["conv3_2"]))}

    def __call__(self, x):
        d = self.distances(x)
        return {"style": 100 * d["style"] / self.start["style"], "deep": 100 * d["deep"] / self.start["deep"], "content": d["content"]}


def transfer(net, content, style, alpha=.004, pool="avg", evals=200, content_layer="conv2_2", start=None):
    """Gatys' method with L-BFGS on the pixels; returns the picture [1, 3, h, w] in 0..1."""
    layers = [n for n in STYLE_LAYERS if n in net.names]
    with torch.no_grad():
        target = {k: gram(v) for k, v in net(style, layers, pool).items()}
        kept = net(content, [content_layer], pool)[content_layer]
    x = (content if start is None else start).clone().requires_grad_(True)
    opt = torch.optim.LBFGS([x], lr=1, max_iter=evals, max_eval=evals, history_size=30, tolerance_grad=0, tolerance_change=0)

    def closure():
        opt.zero_grad()
        f = net(x, {*layers, content_layer}, pool)
        loss = sum(relative(gram(f[k]), target[k]) for k in layers) / len(layers) + alpha * relative(f[content_layer], kept)
        loss = 1000 * (loss + 10 * ((x - x.clamp(0, 1)) ** 2).mean())  # a soft wall keeps pixels in 0..1
        loss.backward()
        return loss

    opt.step(closure)
    return x.detach().clamp(0, 1)


def ladder(net, content, style, sizes=((128, 150), (256, 150), (512, 120)), **options):
    """Coarse to fine: each (size, evaluations) starts from the enlarged result of the one before."""
    x = None
    for size, evals in sizes:
        c, s = load(content, size), load(style, size)
        if x is not None:
            x = F.interpolate(x, size=c.shape[2:], mode="bicubic", align_corners=False).clamp(0, 1)
        x = transfer(net, c, s, evals=evals, start=x, **options)
    return x


PAIRS = ("content-tuebingen:style-starry-night content-raccoon:style-great-wave content-hopper:style-scream "
         "content-tuebingen:style-udnie content-raccoon:style-shipwreck content-hopper:style-seaport-etching "
         "content-tuebingen:style-scream content-raccoon:style-udnie content-hopper:style-great-wave "
         "content-tuebingen:style-seaport-etching content-raccoon:style-starry-night content-hopper:style-shipwreck").split()


def compare(net, label, data, pictures, pairs, size=256, evals=200, out=None, **options):
    """One printed line and a list of the judge's dictionaries, one per pair."""
    began, rows = time.time(), []
    for p in pairs:
        c, s = (load(f"{pictures}/{n}.png", size) for n in p.split(":"))
        x = transfer(net, c, s, evals=evals, **options)
        rows.append(Judge(data, c, s)(x))
        if out:
            os.makedirs(out, exist_ok=True)
            save(x, f"{out}/{label}_{p.replace(':', '_')}.png")
    means = [float(np.exp(np.mean([np.log(r[k]) for r in rows]))) for k in ("style", "deep", "content")]
    print(f"{label:24s} style {means[0]:5.2f}  deep {means[1]:5.2f}  content {means[2]:.3f} |", " ".join(f"{r['style']:.2f}" for r in rows),
          "|", " ".join(f"{r['deep']:.2f}" for r in rows), f"| {time.time() - began:.0f} s", flush=True)
    return rows


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("nets", nargs="+")
    ap.add_argument("--judge", required=True, help="folder with the ONNX files of the real networks")
    ap.add_argument("--pictures", required=True)
    ap.add_argument("--pairs", nargs="+", default=PAIRS, help="CONTENT:STYLE, names of PNG files without .png")
    ap.add_argument("--out")
    ap.add_argument("--size", type=int, default=256)
    ap.add_argument("--evals", type=int, default=200)
    ap.add_argument("--alpha", type=float, default=.004)
    ap.add_argument("--pool", default="avg")
    a = ap.parse_args()
    torch.set_num_threads(1)
    for spec in a.nets:
        # the real VGG-19 ends at conv3_4 here; its own best settings, found by eye
        own = dict(alpha=a.alpha / 2, content_layer="conv3_2") if spec == "vgg" else dict(alpha=a.alpha)
        compare(network(spec, a.judge), os.path.basename(spec).split(".")[0], a.judge, a.pictures, a.pairs, a.size, a.evals, a.out, pool=a.pool, **own)


if __name__ == "__main__":
    main()

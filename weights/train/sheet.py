"""A contact sheet: every content in every style, coarse to fine, by a network of ours.

    python3 sheet.py NET.safetensors PICTURES OUT.jpg --contents A B --styles C D [--size 512]

Top row and left column show the pictures themselves. Meant for the repository's own example pictures.
"""
import argparse

import torch
from PIL import Image

from bench import ladder, load, network


def tile(x, width, height):
    """Picture [1, 3, h, w] scaled to fit and centred on white."""
    im = Image.fromarray((x[0].clamp(0, 1) * 255 + .5).byte().permute(1, 2, 0).numpy())
    im.thumbnail((width - 4, height - 4), Image.LANCZOS)
    out = Image.new("RGB", (width, height), "white")
    out.paste(im, ((width - im.width) // 2, (height - im.height) // 2))
    return out


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("net")
    ap.add_argument("pictures")
    ap.add_argument("out")
    ap.add_argument("--contents", nargs="+", required=True)
    ap.add_argument("--styles", nargs="+", required=True)
    ap.add_argument("--size", type=int, default=512)
    ap.add_argument("--alpha", type=float, default=.002)
    ap.add_argument("--tile", type=int, nargs=2, default=(384, 290))
    a = ap.parse_args()
    torch.set_num_threads(1)
    net, (w, h) = network(a.net), a.tile
    sheet = Image.new("RGB", (w * (1 + len(a.styles)), h * (1 + len(a.contents))), "white")
    for k, s in enumerate(a.styles):
        sheet.paste(tile(load(f"{a.pictures}/{s}.png", a.size), w, h), (w * (k + 1), 0))
    for r, c in enumerate(a.contents):
        sheet.paste(tile(load(f"{a.pictures}/{c}.png", a.size), w, h), (0, h * (r + 1)))
        for k, s in enumerate(a.styles):
            x = ladder(net, f"{a.pictures}/{c}.png", f"{a.pictures}/{s}.png",
                       ((a.size // 4, 150), (a.size // 2, 150), (a.size, 100)), alpha=a.alpha)
            sheet.paste(tile(x, w, h), (w * (k + 1), h * (r + 1)))
            print(c, s, flush=True)
    sheet.save(a.out, quality=85)


if __name__ == "__main__":
    main()

"""Procedural picture generator: every pixel comes from the formulas in this file.

No photograph, painting, font or downloaded data set is read.  A *recipe* is an
integer; it fixes a small random programme (fields, palettes, layers, lighting).
An *instance* is a second integer that only changes the noise seeds and
positions, so two instances of one recipe are "the same material" seen twice.

    img = make(recipe, instance, size=192)       # uint8 H x W x 3, deterministic

The embedded network is learnt from instance 0 of 400 recipes. Run as a script for a contact sheet:
`python3 procgen.py sheet.png`. Needs numpy, scipy and PIL (PIL only rasterises lines, ellipses, polygons).
"""
import numpy as np
from scipy import fft as sfft
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial import cKDTree
from PIL import Image, ImageDraw

F = np.float32


# ----------------------------------------------------------------- helpers
def unit(a):
    """Rank-free rescale to 0..1 with light clipping of outliers."""
    lo, hi = np.percentile(a, (1, 99))
    return np.clip((a - lo) / max(hi - lo, 1e-6), 0, 1).astype(F)


def grid(n):
    y, x = np.mgrid[0:n, 0:n].astype(F) / n
    return x, y


def spectral(n, r, alpha=1.5, band=None, angle=None, spread=0.3):
    """Gaussian noise with a chosen power spectrum (power law, ring and/or fan)."""
    fy = sfft.fftfreq(n).astype(F)[:, None] * n
    fx = sfft.rfftfreq(n).astype(F)[None] * n
    rad = np.sqrt(fx * fx + fy * fy)
    rad[0, 0] = 1
    amp = rad ** (-alpha)
    if band is not None:
        amp = np.exp(-0.5 * ((np.log(rad) - np.log(band)) / 0.28) ** 2).astype(F)
    if angle is not None:
        th = np.arctan2(fy, fx) - angle
        amp = amp * np.exp(-0.5 * (np.sin(th) / spread) ** 2)
    amp[0, 0] = 0
    spec = sfft.rfft2(r.standard_normal((n, n), dtype=F)) * amp
    a = sfft.irfft2(spec, s=(n, n)).astype(F)
    return a / (a.std() + 1e-6)


def warp(a, r, strength, scale=1.8):
    n = a.shape[0]
    dx = spectral(n, r, scale) * strength
    dy = spectral(n, r, scale) * strength
    yy, xx = np.mgrid[0:n, 0:n].astype(F)
    return map_coordinates(a, [yy + dy, xx + dx], order=1, mode="wrap").astype(F)


def flow(n, p, r):
    """Angle field: smooth noise, vortices, or a global direction with wobble."""
    x, y = grid(n)
    kind = p["flow"]
    base = p["angle"]
    if kind == 0:
        return base + 0.5 * spectral(n, r, 2.2)
    if kind == 1:
        return base + 1.6 * spectral(n, r, 2.0)
    k = 1 + int(p["k"] % 5)
    vx = np.full((n, n), 0.25 * np.cos(base), F)
    vy = np.full((n, n), 0.25 * np.sin(base), F)
    for _ in range(k):
        cx, cy = r.random(2)
        s = r.uniform(0.06, 0.3)
        sg = r.choice([-1, 1])
        w = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * s * s)) / s
        vx += -sg * (y - cy) * w
        vy += sg * (x - cx) * w
    return np.arctan2(vy, vx).astype(F)


# ----------------------------------------------------------------- scalar fields
def f_cloud(n, p, r):
    return unit(spectral(n, r, p["u"] * 1.4 + 0.9))


def f_band(n, p, r):
    a = spectral(n, r, band=3 * 9 ** p["u"], angle=p["angle"] if p["v"] < .5 else None,
                 spread=0.12 + 0.4 * p["w"])
    return unit(np.tanh(a * (0.6 + 3 * p["w"])))


def f_turb(n, p, r):
    a = np.zeros((n, n), F)
    for o in range(4):
        b = np.abs(spectral(n, r, band=2.5 * 2 ** o * (0.7 + p["u"])))
        a += (1 - b if p["v"] < .5 else b) / 1.8 ** o
    return unit(a)


def f_worley(n, p, r):
    m = int(12 * 25 ** p["u"])
    if p["w"] < .35:      # jittered lattice
        k = max(int(np.sqrt(m)), 2)
        gx, gy = np.meshgrid(np.arange(k), np.arange(k))
        pts = (np.stack([gx + .5 * (gy % 2), gy], -1).reshape(-1, 2) + r.normal(0, .22 * p["v"], (k * k, 2))) / k % 1
    else:
        pts = r.random((m, 2))
    t = cKDTree(np.concatenate([pts + [i, j] for i in (-1, 0, 1) for j in (-1, 0, 1)]))
    x, y = grid(n)
    s = 1 + 2 * (p["x"] > .7)
    d, _ = t.query(np.stack([x.ravel(), (y * s % 1).ravel()], 1).astype(np.float64), k=2)
    d = d.astype(F)
    sel = int(p["v"] * 3)
    a = d[:, 0] if sel == 0 else (d[:, 1] - d[:, 0] if sel == 1 else d[:, 0] / (d[:, 1] + 1e-6))
    return unit(a.reshape(n, n))


def f_stripes(n, p, r):
    x, y = grid(n)
    k = 3 * 10 ** p["u"]
    a = p["angle"]
    ph = (x * np.cos(a) + y * np.sin(a)) * k
    ph = ph + p["v"] ** 2 * 1.6 * spectral(n, r, 2.0) + r.random()
    t = ph % 1
    prof = int(p["w"] * 4)
    s = .5 - .5 * np.cos(2 * np.pi * ph) if prof == 0 else (t if prof == 1 else ((t < .2 + .6 * p["x"]).astype(F) if prof == 2 else np.abs(2 * t - 1)))
    if p["x"] > .66:
        ph2 = (-x * np.sin(a) + y * np.cos(a)) * k + r.random()
        s2 = .5 - .5 * np.cos(2 * np.pi * ph2)
        s = s * s2 if p["v"] < .5 else np.abs(s - s2)
    return s.astype(F)


def f_rings(n, p, r):
    x, y = grid(n)
    m = 1 + int(p["k"] % 7)
    pts = r.random((m, 2))
    d = np.min(np.stack([np.hypot(x - a, (y - b) * (1 + p["x"])) for a, b in pts]), 0)
    sp = 0
    if p["v"] > .6:
        a, b = pts[0]
        sp = np.arctan2(y - b, x - a) / (2 * np.pi) * (1 + int(p["k"] % 4))
    ph = d * (5 + 25 * p["u"]) + sp + .25 * p["w"] * spectral(n, r, 1.8)
    return unit(.5 - .5 * np.cos(2 * np.pi * ph)) if p["x"] < .6 else unit(ph % 1)


def f_lic(n, p, r):
    """Streaks along a flow field (line integral convolution of noise)."""
    th = flow(n, p, r)
    c, s = np.cos(th), np.sin(th)
    src = r.standard_normal((n, n), dtype=F)
    g = p["u"] * 1.6
    src = gaussian_filter(src, g, mode="wrap") if g > .3 else src
    acc = src.copy()
    L = 4 + int(14 * p["v"])
    yy0, xx0 = np.mgrid[0:n, 0:n].astype(F)
    for sg in (1, -1):
        xx, yy = xx0.copy(), yy0.copy()
        for _ in range(L):
            ix, iy = np.rint(xx).astype(np.int32) % n, np.rint(yy).astype(np.int32) % n
            xx += sg * c[iy, ix]
            yy += sg * s[iy, ix]
            acc += src[np.rint(yy).astype(np.int32) % n, np.rint(xx).astype(np.int32) % n]
    return unit(acc)


def f_turing(n, p, r):
    """Spots, labyrinths: repeated band-pass filtering and saturation."""
    fy = sfft.fftfreq(n).astype(F)[:, None] * n
    fx = sfft.rfftfreq(n).astype(F)[None] * n
    e = 1 + 1.5 * (p["x"] > .7)
    rad = np.sqrt(fx * fx + (fy * e) ** 2) + 1e-3
    k = 6 + 22 * p["u"]
    h = np.exp(-0.5 * (np.log(rad / k) / .25) ** 2).astype(F)
    a = r.standard_normal((n, n), dtype=F)
    bias = (p["v"] - .5) * .9
    for _ in range(7):
        a = sfft.irfft2(sfft.rfft2(a) * h, s=(n, n)).astype(F)
        a = np.tanh(2.5 * a / (a.std() + 1e-6) + bias)
    return unit(a) if p["w"] < .7 else unit(gaussian_filter(a, 1.5))


def f_ifs(n, p, r):
    """Affine iterated function system, drawn by a parallel chaos game."""
    q = np.random.default_rng(int(p["seed"]))
    m = q.integers(2, 5)
    A = q.uniform(-1, 1, (m, 2, 2))
    for i in range(m):
        u, s, v = np.linalg.svd(A[i])
        A[i] = u @ np.diag(np.clip(s, .3, .82)) @ v
    b = q.uniform(-1, 1, (m, 2))
    z = r.uniform(-1, 1, (1500, 2))
    pts = []
    for t in range(42):
        w = r.integers(0, m, 1500)
        z = np.einsum("nij,nj->ni", A[w], z) + b[w]
        if t > 8:
            pts.append(z)
    z = np.concatenate(pts)
    lo, hi = np.percentile(z, 1, 0), np.percentile(z, 99, 0)
    z = (z - lo) / np.maximum(hi - lo, 1e-3)
    rep = 1 + int(p["k"] % 3)
    z = (z * rep + r.random(2)) % rep / rep if p["v"] < .5 else z * .96 + .02
    if p["v"] < .5 and rep > 1:
        z = np.concatenate([(z + np.array([i, j]) / rep) % 1 for i in range(rep) for j in range(rep)])
    h, _, _ = np.histogram2d(z[:, 1], z[:, 0], bins=n, range=[[0, 1], [0, 1]])
    return unit(np.log1p(gaussian_filter(h.astype(F), .5 + .6 * p["w"], mode="wrap") * 3))


def f_tiles(n, p, r):
    """Bricks, checkers, Truchet arcs, dots and crosses in a lattice."""
    x, y = grid(n)
    k = 3 + int(p["u"] * 14)
    a = p["angle"] if p["x"] > .5 else 0
    X = (x * np.cos(a) + y * np.sin(a)) * k + r.random()
    Y = (-x * np.sin(a) + y * np.cos(a)) * k * (1 if p["k"] % 3 else 2) + r.random()
    iy = np.floor(Y)
    X = X + .5 * (iy % 2) * (p["k"] % 2)
    ix = np.floor(X)
    u, v = X - ix, Y - iy
    h = np.sin(ix * 12.9898 + iy * 78.233 + r.random() * 6) * 43758.5453
    h = h - np.floor(h)
    kind = int(p["v"] * 6)
    t = .06 + .2 * p["w"]
    if kind == 0:
        f = ((u > t) & (v > t)) * (.4 + .6 * h)
    elif kind == 1:
        f = (ix + iy) % 2 * .8 + .2 * h
    elif kind == 2:
        uu = np.where(h < .5, u, 1 - u)
        d = np.minimum(np.hypot(uu, v), np.hypot(uu - 1, v - 1))
        f = np.clip((t + .05 - np.abs(d - .5)) * 12, 0, 1)
    elif kind == 3:
        f = np.clip((.15 + .3 * (h if p["x"] < .5 else p["x"]) - np.hypot(u - .5, v - .5)) * 14, 0, 1)
    elif kind == 4:
        uu = np.where(h < .5, u, 1 - u)
        f = np.clip((t + .06 - np.abs(uu - v)) * 14, 0, 1)
    else:
        f = np.minimum(np.abs(u - .5), np.abs(v - .5)) * 2 * (.3 + .7 * h)
    f = gaussian_filter(f.astype(F), .4)
    return warp(f, r, 4 * p["w"], 1.9) if p["x"] < .4 else f


def f_glyphs(n, p, r):
    """Writing-like rows of short strokes (invented marks, no font)."""
    q = np.random.default_rng(int(p["seed"]))
    im = Image.new("L", (n, n), 0)
    d = ImageDraw.Draw(im)
    s = 5 + int(p["u"] * 14)
    alphabet = [[q.uniform(0, 1, (q.integers(2, 5), 2)) for _ in range(q.integers(1, 4))] for _ in range(8)]
    w = 1 + int(p["v"] * s / 5)
    y = -int(r.integers(0, s))
    while y < n:
        x = -int(r.integers(0, s))
        while x < n:
            if r.random() < .88:
                for st in alphabet[r.integers(0, 8)]:
                    d.line([(x + a * s * .8, y + b * s) for a, b in st], fill=255, width=w)
            x += s
        y += int(s * (1.25 + .6 * p["w"]))
    return gaussian_filter(np.asarray(im, F) / 255, .5)


def f_scribble(n, p, r):
    im = Image.new("L", (n, n), 0)
    d = ImageDraw.Draw(im)
    turn = .15 + p["u"]
    for _ in range(6 + int(40 * p["v"])):
        a = r.uniform(0, 6.28)
        x, y = r.random(2) * n
        w = int(1 + r.integers(0, 1 + int(4 * p["w"]) + 1))
        pts = []
        for _ in range(30):
            pts.append((x, y))
            a += r.normal(0, turn)
            x += 4 * np.cos(a)
            y += 4 * np.sin(a)
        d.line(pts, fill=int(r.integers(110, 256)), width=w)
    return gaussian_filter(np.asarray(im, F) / 255, .5)


def f_halftone(n, p, r):
    tone = unit(spectral(n, r, 2.2))
    x, y = grid(n)
    k = 10 + 18 * p["u"]
    a = p["angle"]
    X, Y = (x * np.cos(a) + y * np.sin(a)) * k, (-x * np.sin(a) + y * np.cos(a)) * k
    if p["v"] < .5:
        c = np.cos(2 * np.pi * X) * np.cos(2 * np.pi * Y)
    else:                                        # hatching
        c = np.cos(2 * np.pi * X) if p["x"] < .5 else np.maximum(np.cos(2 * np.pi * X), np.cos(2 * np.pi * Y) + (tone - .6))
    return np.clip((c - 1.8 * tone + .9) * 3 + .5, 0, 1).astype(F)


def f_scene(n, p, r):
    """Layered silhouettes and boxes under a sky gradient."""
    x, y = grid(n)
    f = .2 * (1 - y) + .1 * unit(spectral(n, r, 2.0))
    base = .25
    for i in range(3 + int(p["k"] % 3)):
        prof = spectral(n, r, 1.6 + .5 * p["u"])[0] * .07 * (1 + p["v"])
        if p["w"] > .5:
            st = 4 + int(p["x"] * 14)
            prof = np.repeat(r.normal(0, .09, n // st + 1), st)[:n]
        m = y > base + prof[None]
        f = np.where(m, .3 + .14 * i + .25 * (y - base) + .06 * spectral(n, r, 1.0), f)
        base += .17
    return np.clip(f, 0, 1).astype(F)


FIELDS = [f_cloud, f_band, f_turb, f_worley, f_stripes, f_rings, f_lic, f_lic, f_turing, f_ifs, f_tiles, f_glyphs,
          f_scribble, f_halftone, f_scene]


# ----------------------------------------------------------------- colour
def hsv(h, s, v):
    k = (np.array([5., 3., 1.]) + h * 6) % 6
    return v - v * s * np.clip(np.minimum(k, 4 - k), 0, 1)


def palette(q, m):
    """m colours: one of several harmonies, sorted by brightness half the time."""
    mode = q.integers(0, 5)
    h0 = q.random()
    out = []
    for i in range(m):
        if mode == 0:
            h, s = h0 + q.normal(0, .05), q.uniform(.2, 1)
        elif mode == 1:
            h, s = h0 + .5 * q.integers(0, 2) + q.normal(0, .04), q.uniform(.3, 1)
        elif mode == 2:
            h, s = q.random(), q.uniform(.4, 1)
        elif mode == 3:
            h, s = q.random(), q.uniform(0, .35)
        else:
            h, s = h0 + q.integers(0, 3) / 3 + q.normal(0, .04), q.uniform(.2, .9)
        out.append(hsv(h % 1, s, q.uniform(.08, 1)))
    out = np.array(out, F)
    if q.random() < .6:
        out = out[np.argsort(out @ np.array([.3, .6, .1]))]
    return np.clip(out, 0, 1).astype(F)


def colourise(f, pal, hard):
    m = len(pal)
    t = np.clip(f, 0, .9999) * (m - 1)
    if hard:
        return pal[np.rint(t).astype(int)]
    i = t.astype(int)
    w = (t - i)[..., None]
    return pal[i] * (1 - w) + pal[np.minimum(i + 1, m - 1)] * w


# ----------------------------------------------------------------- RGB layers
def field_params(q):
    p = dict(zip("uvwx", q.random(4)))
    p.update(angle=q.uniform(0, np.pi), flow=int(q.integers(0, 3)), k=int(q.integers(0, 1000)), seed=int(q.integers(0, 2 ** 31)))
    return p


def l_field(n, p, r):
    f = FIELDS[p["f"]](n, p["p"], r)
    if p["warp"] > .6:
        f = warp(f, r, 12 * (p["warp"] - .6) / .4)
    return colourise(f, p["pal"], p["hard"]), f


def l_two(n, p, r):
    """Colour from two independent fields: one picks hue along a palette, one the light."""
    f = FIELDS[p["f"]](n, p["p"], r)
    g = FIELDS[p["f2"]](n, p["p2"], r)
    c = colourise(g, p["pal"], p["hard"])
    return np.clip(c * (.35 + .95 * f[..., None]), 0, 1), f


def l_leaves(n, p, r):
    """Dead leaves: occluding shapes with power-law sizes, shading, outlines, texture."""
    im = Image.new("I", (n, n), 0)
    d = ImageDraw.Draw(im)
    rmin, rmax = 2 + 5 * p["u"], 14 + 50 * p["v"]
    cnt = int(np.clip(9 * n * n / (np.pi * (rmin * rmax)), 40, 500))
    kind = p["kind"]
    for i in range(1, cnt):
        t = r.random()
        rad = (rmin ** -1.5 * (1 - t) + rmax ** -1.5 * t) ** (-1 / 1.5)
        x, y = r.random(2) * n
        k = kind if kind < 4 else int(r.integers(0, 4))
        if k == 0:
            e = r.uniform(.5, 1)
            d.ellipse([x - rad, y - rad * e, x + rad, y + rad * e], fill=i)
        else:
            a = (p["angle"] if p["w"] < .4 else r.uniform(0, 6.28)) + r.normal(0, .1)
            if k == 1:
                e = r.uniform(.15, 1) * rad
                P = [(-rad, -e), (rad, -e), (rad, e), (-rad, e)]
            elif k == 2:
                m = r.integers(3, 8)
                th = np.sort(r.uniform(0, 6.28, m))
                P = [(rad * np.cos(t), rad * np.sin(t)) for t in th]
            else:
                m = 2 * r.integers(3, 8)
                P = [(rad * (1 if j % 2 else .5) * np.cos(6.283 * j / m), rad * (1 if j % 2 else .5) * np.sin(6.283 * j / m)) for j in range(m)]
            c, s = np.cos(a), np.sin(a)
            d.polygon([(x + c * q - s * v, y + s * q + c * v) for q, v in P], fill=i)
    ids = np.asarray(im).astype(np.int32)
    pal = p["pal"]
    col = pal[r.integers(0, len(pal), cnt)] + r.normal(0, .05, (cnt, 3)).astype(F)
    rgb = col[ids]
    if p["tex"] < .65:
        f = FIELDS[p["f"]](n, p["p"], r)
        amt = (r.random(cnt) * .9).astype(F)[ids]
        rgb = rgb * (1 - amt[..., None] * (1 - f[..., None]))
    if p["shade"] < .6:
        g = r.normal(0, 1, (cnt, 2)).astype(F)
        x, y = grid(n)
        rgb = rgb * (1 + .6 * np.tanh(3 * (g[ids, 0] * (x - .5) + g[ids, 1] * (y - .5))))[..., None]
    if p["line"] < .35:
        e = (ids != np.roll(ids, 1, 0)) | (ids != np.roll(ids, 1, 1))
        e = gaussian_filter(e.astype(F), .4 + p["x"])
        e = np.clip(e / (e.max() + 1e-6) * 1.4, 0, 1)[..., None]
        rgb = rgb * (1 - e) + p["pal"][0] * e
    f = np.clip(rgb, 0, 1).astype(F)
    return f, f.mean(-1)


def l_strokes(n, p, r):
    """Paint-like: thousands of strokes along a flow over a coarse colour plan."""
    th = flow(n, p["p"], r)
    plan = FIELDS[p["f"]](n, p["p2"], r)
    plan = gaussian_filter(plan, 1 + 5 * p["u"])
    base = colourise(unit(plan), p["pal"], p["hard"])
    im = Image.fromarray((np.clip(base, 0, 1) * 255).astype(np.uint8))
    d = ImageDraw.Draw(im)
    w = 1 + int(p["v"] * 6)
    ln = w * (2 + 5 * p["w"]) + 2
    cnt = int(min(1.8 * n * n / (w * ln), 2600))
    jit = .05 + .16 * p["x"]
    P = r.random((cnt, 2)) * n
    J = r.normal(0, jit, (cnt, 1)) + r.normal(0, jit * .5, (cnt, 3))
    A = r.normal(0, .12, cnt)
    for i in range(cnt):
        x, y = P[i]
        iy, ix = int(y), int(x)
        c = tuple(int(v) for v in np.clip((base[iy, ix] + J[i]) * 255, 0, 255))
        pts = [(x, y)]
        for _ in range(3):
            a = th[int(y) % n, int(x) % n] + A[i]
            x += np.cos(a) * ln / 3
            y += np.sin(a) * ln / 3
            pts.append((x, y))
        d.line(pts, fill=c, width=w)
    rgb = np.asarray(im, F) / 255
    return rgb, rgb.mean(-1)


def l_cells(n, p, r):
    """Mosaic / stained glass: one colour per Voronoi cell, optional leading."""
    m = int(15 * 20 ** p["u"])
    pts = r.random((m, 2))
    t = cKDTree(np.concatenate([pts + [i, j] for i in (-1, 0, 1) for j in (-1, 0, 1)]))
    x, y = grid(n)
    if p["w"] > .5:
        x = x + .02 * spectral(n, r, 1.7)
        y = y + .02 * spectral(n, r, 1.7)
    d, i = t.query(np.stack([x.ravel(), y.ravel()], 1).astype(np.float64), k=2)
    i = i[:, 0].reshape(n, n) % m
    e = (d[:, 1] - d[:, 0]).reshape(n, n).astype(F)
    plan = unit(spectral(n, r, 2.0))
    v = plan[(pts[:, 1] * n).astype(int), (pts[:, 0] * n).astype(int)] + r.normal(0, .12, m)
    rgb = colourise(v.astype(F), p["pal"], p["hard"])[i]
    if p["v"] < .6:
        k = np.clip(1 - e * (18 + 60 * p["x"]), 0, 1)[..., None]
        rgb = rgb * (1 - k) + p["pal"][0] * k
    if p["tex"] < .4:
        rgb = rgb * (.55 + .6 * FIELDS[p["f"]](n, p["p"], r)[..., None])
    return np.clip(rgb, 0, 1).astype(F), e


LAYERS = [l_field, l_two, l_leaves, l_strokes, l_cells]
LAYER_P = np.array([.34, .16, .24, .16, .10])


def layer_params(q):
    p = dict(zip(["u", "v", "w", "x", "warp", "tex", "shade", "line"], q.random(8)))
    p.update(kind=int(q.integers(0, 6)), angle=q.uniform(0, np.pi), f=int(q.integers(0, len(FIELDS))), f2=int(q.integers(0, len(FIELDS))),
             p=field_params(q), p2=field_params(q), hard=bool(q.random() < .25), pal=palette(q, int(q.integers(2, 7))),
             layer=int(q.choice(len(LAYERS), p=LAYER_P)))
    return p


# ----------------------------------------------------------------- whole pictures
def make(recipe, instance=0, size=192, seed=20261123):
    q = np.random.default_rng([seed, recipe])              # what the material is
    r = np.random.default_rng([seed, recipe, instance + 1])  # where its parts fall
    n = size
    p = layer_params(q)
    rgb, height = LAYERS[p["layer"]](n, p, r)
    extra = q.random()
    p2, pf, mix = layer_params(q), field_params(q), q.random(6)
    fm = int(q.integers(0, len(FIELDS)))
    if extra < .45:                                        # second layer through a mask
        rgb2, h2 = LAYERS[p2["layer"]](n, p2, r)
        m = FIELDS[fm](n, pf, r)
        m = np.clip((m - .25 - .5 * mix[0]) * (2 + 20 * mix[1] ** 2) + .5, 0, 1)[..., None]
        rgb = rgb * (1 - m) + rgb2 * m
        height = height * (1 - m[..., 0]) + h2 * m[..., 0]
    elif extra < .6:                                       # glaze: multiply or screen
        f = FIELDS[fm](n, pf, r)[..., None]
        rgb = rgb * (.4 + .6 * f) if mix[0] < .6 else 1 - (1 - rgb) * (1 - .5 * f)
    if mix[2] < .35:                                       # relief lighting
        h = gaussian_filter(height, .6 + mix[3])
        gy, gx = np.gradient(h)
        a = mix[4] * 6.283
        sh = gx * np.cos(a) + gy * np.sin(a)
        rgb = rgb * (1 + np.clip(sh / (3 * sh.std() + 1e-5), -1, 1)[..., None] * (.2 + .5 * mix[3]))
    if mix[5] < .3:                                        # slow illumination
        rgb = rgb * (1 + .25 * spectral(n, r, 2.4))[..., None]
    g = q.random()
    if g < .2:
        rgb = rgb + r.normal(0, .02 + .07 * q.random(), (n, n, 1)).astype(F)
    elif g < .3:
        rgb = gaussian_filter(rgb, (.5 + q.random(), .5 + 0, 0)) if q.random() < .3 else gaussian_filter(rgb, (.8, .8, 0))
    return (np.clip(rgb, 0, 1) * 255 + .5).astype(np.uint8)


def sheet(path, rows=6, cols=12, first=100000, size=96):
    """A contact sheet of pictures, one recipe each."""
    out = Image.new("RGB", (cols * size, rows * size))
    for i in range(rows * cols):
        tile = Image.fromarray(make(first + i)).resize((size, size), Image.BILINEAR)
        out.paste(tile, (i % cols * size, i // cols * size))
    out.save(path)


if __name__ == "__main__":
    import sys
    sheet(sys.argv[1] if len(sys.argv) > 1 else "procgen.png")

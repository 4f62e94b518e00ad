// A picture of float RGB values with polygon filling, and the arithmetic that all scripts share.
// Colours are arrays [r, g, b] in 0..1, as light or as sRGB: that is each picture's own choice.
import { mkdirSync, writeFileSync } from 'node:fs';
import UPNG from 'upng-js';

export const clamp = (x, low = 0, high = 1) => (x < low ? low : x > high ? high : x);
export const lerp = (a, b, t) => a + (b - a) * t;
export const smooth = (low, high, x) => {
  const t = clamp((x - low) / (high - low));
  return t * t * (3 - 2 * t);
};
export const mix = (a, b, t) => [lerp(a[0], b[0], t), lerp(a[1], b[1], t), lerp(a[2], b[2], t)];
export const scale = (a, s) => [a[0] * s, a[1] * s, a[2] * s];

/** '#rrggbb' as [r, g, b] in 0..1, sRGB. */
export const hex = (text) => [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16) / 255);
/** sRGB to light (the 2.2 power is close enough for pictures). */
export const toLight = (c) => c.map((v) => v ** 2.2);
export const light = (text) => toLight(hex(text));

/** Colour at t on evenly spaced stops. */
export function ramp(stops, t) {
  const x = clamp(t) * (stops.length - 1);
  const i = Math.min(Math.floor(x), stops.length - 2);
  return mix(stops[i], stops[i + 1], x - i);
}

export class Picture {
  constructor(width, height, colour = [0, 0, 0]) {
    this.width = width;
    this.height = height;
    this.data = new Float32Array(width * height * 3);
    for (let i = 0; i < this.data.length; i++) this.data[i] = colour[i % 3];
  }

  get(x, y) {
    const i = (clamp(y | 0, 0, this.height - 1) * this.width + clamp(x | 0, 0, this.width - 1)) * 3;
    return [this.data[i], this.data[i + 1], this.data[i + 2]];
  }

  set(x, y, colour, alpha = 1) {
    const i = (y * this.width + x) * 3;
    for (let k = 0; k < 3; k++) this.data[i + k] += (colour[k] - this.data[i + k]) * alpha;
  }

  /** Every pixel becomes paint(x, y, old colour). */
  each(paint) {
    for (let y = 0; y < this.height; y++) {
      for (let x = 0; x < this.width; x++) this.set(x, y, paint(x, y, this.get(x, y)));
    }
    return this;
  }

  /**
   * Fills a polygon of [x, y] points (non-zero winding rule) with a colour or a function
   * (x, y) => colour or [colour, alpha]. No antialiasing: draw large and call `shrink`.
   */
  fill(points, paint, alpha = 1) {
    const edges = [];
    let top = Infinity;
    let bottom = -Infinity;
    for (let i = 0; i < points.length; i++) {
      const [x0, y0] = points[i];
      const [x1, y1] = points[(i + 1) % points.length];
      if (y0 !== y1)
        edges.push(
          y0 < y1
            ? [y0, y1, x0, (x1 - x0) / (y1 - y0), 1]
            : [y1, y0, x1, (x1 - x0) / (y1 - y0), -1],
        );
      top = Math.min(top, y0);
      bottom = Math.max(bottom, y0);
    }
    edges.sort((a, b) => a[0] - b[0]);
    const first = Math.max(0, Math.ceil(top - 0.5));
    const last = Math.min(this.height - 1, Math.floor(bottom - 0.5));
    let active = [];
    let next = 0;
    for (let y = first; y <= last; y++) {
      const centre = y + 0.5;
      while (next < edges.length && edges[next][0] <= centre) active.push(edges[next++]);
      active = active.filter((e) => e[1] > centre);
      const crossings = active
        .map((e) => [e[2] + (centre - e[0]) * e[3], e[4]])
        .sort((a, b) => a[0] - b[0]);
      let winding = 0;
      for (let i = 0; i + 1 < crossings.length; i++) {
        winding += crossings[i][1];
        if (winding === 0) continue;
        const from = Math.max(0, Math.ceil(crossings[i][0] - 0.5));
        const to = Math.min(this.width - 1, Math.ceil(crossings[i + 1][0] - 0.5) - 1);
        for (let x = from; x <= to; x++) {
          this.set(x, y, typeof paint === 'function' ? paint(x, y) : paint, alpha);
        }
      }
    }
  }

  /** A line through points with a half-width for each (a number or a function of 0..1 along it). */
  line(points, halfWidth, paint, alpha = 1) {
    this.fill(ribbon(points, halfWidth), paint, alpha);
  }

  disc(x, y, radius, paint, alpha = 1) {
    const points = Array.from({ length: 48 }, (_, i) => {
      const a = (i / 48) * 2 * Math.PI;
      return [x + radius * Math.cos(a), y + radius * Math.sin(a)];
    });
    this.fill(points, paint, alpha);
  }

  /** Box average of n by n blocks: the antialiasing of everything drawn large. */
  shrink(n) {
    const small = new Picture(Math.floor(this.width / n), Math.floor(this.height / n));
    for (let y = 0; y < small.height * n; y++) {
      for (let x = 0; x < small.width * n; x++) {
        const from = (y * this.width + x) * 3;
        const to = (Math.floor(y / n) * small.width + Math.floor(x / n)) * 3;
        for (let k = 0; k < 3; k++) small.data[to + k] += this.data[from + k] / (n * n);
      }
    }
    return small;
  }

  /** Blurred copy: three box passes in each direction, close to a Gaussian of that radius. */
  blur(radius) {
    const out = new Picture(this.width, this.height);
    out.data.set(this.data);
    for (let pass = 0; pass < 3; pass++) {
      boxPass(out.data, this.height, this.width, this.width * 3, 3, radius);
      boxPass(out.data, this.width, this.height, 3, this.width * 3, radius);
    }
    return out;
  }

  /** Writes sRGB; `colours` > 0 makes a palette of so many, `bits` < 8 rounds: smaller files. */
  save(path, { colours = 0, bits = 8 } = {}) {
    const bytes = new Uint8Array(this.width * this.height * 4).fill(255);
    const top = 2 ** bits - 1;
    for (let i = 0, p = 0; i < bytes.length; i += 4) {
      for (let k = 0; k < 3; k++)
        bytes[i + k] = Math.round((Math.round(clamp(this.data[p++]) * top) / top) * 255);
    }
    const file = Buffer.from(UPNG.encode([bytes.buffer], this.width, this.height, colours));
    mkdirSync(new URL('.', path), { recursive: true });
    writeFileSync(path, file);
    const name = path.pathname.split('/').pop();
    console.log(`${name} ${this.width} x ${this.height}, ${Math.ceil(file.length / 1024)} KiB`);
  }
}

function boxPass(data, lines, length, lineStride, step, radius) {
  const row = new Float64Array(length);
  for (let line = 0; line < lines; line++) {
    for (let k = 0; k < 3; k++) {
      const base = line * lineStride + k;
      for (let i = 0; i < length; i++) row[i] = data[base + i * step];
      let sum = 0;
      for (let i = -radius; i <= radius; i++) sum += row[clamp(i, 0, length - 1)];
      for (let i = 0; i < length; i++) {
        data[base + i * step] = sum / (2 * radius + 1);
        sum += row[Math.min(i + radius + 1, length - 1)] - row[Math.max(i - radius, 0)];
      }
    }
  }
}

/** Outline polygon of a line with a half-width that may vary along it. */
export function ribbon(points, halfWidth) {
  const left = [];
  const right = [];
  const n = points.length;
  for (let i = 0; i < n; i++) {
    const [x0, y0] = points[Math.max(0, i - 1)];
    const [x1, y1] = points[Math.min(n - 1, i + 1)];
    const length = Math.hypot(x1 - x0, y1 - y0) || 1;
    const w = typeof halfWidth === 'function' ? halfWidth(i / (n - 1), i) : halfWidth;
    const nx = (-(y1 - y0) / length) * w;
    const ny = ((x1 - x0) / length) * w;
    left.push([points[i][0] + nx, points[i][1] + ny]);
    right.push([points[i][0] - nx, points[i][1] - ny]);
  }
  return left.concat(right.reverse());
}

/** Points of a Catmull-Rom curve through `knots`, `steps` per span. */
export function curve(knots, steps = 12, closed = false) {
  const n = knots.length;
  const at = (i) => (closed ? knots[(i + n) % n] : knots[clamp(i, 0, n - 1)]);
  const out = [];
  const spans = closed ? n : n - 1;
  for (let i = 0; i < spans; i++) {
    const [p0, p1, p2, p3] = [at(i - 1), at(i), at(i + 1), at(i + 2)];
    for (let s = 0; s < steps; s++) {
      const t = s / steps;
      out.push(
        [0, 1].map(
          (k) =>
            0.5 *
            (2 * p1[k] +
              (p2[k] - p0[k]) * t +
              (2 * p0[k] - 5 * p1[k] + 4 * p2[k] - p3[k]) * t * t +
              (3 * p1[k] - p0[k] - 3 * p2[k] + p3[k]) * t * t * t),
        ),
      );
    }
  }
  if (!closed) out.push(knots[n - 1]);
  return out;
}

/** Where a script's picture goes: beside the folder of scripts. */
export const output = (name) => new URL(`../${name}.png`, import.meta.url);

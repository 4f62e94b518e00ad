// Inks and shapes of the woodblock print: fills and lines, seigaiha scales, foam, swells.
import { Picture, clamp, curve, hex, lerp, mix, ramp, smooth } from './canvas.mjs';
import { noise, stream } from './noise.mjs';

const WIDTH = 768;
const HEIGHT = 576;
export const LARGE = 3;
export const S = HEIGHT * LARGE; // pixels per unit: x 0..1.333, y 0..1 downwards
export const KEY = hex('#15233f');
export const CREAM = hex('#f3e8cd');
export const INDIGO = hex('#1c3766');
export const BLUE = hex('#2f6493');
export const TEAL = hex('#6fa3b0');
export const PALE = hex('#b9d0c9');
export const OCHRE = hex('#dfa651');
export const RED = hex('#cf4a30');
export const ROSE = hex('#e9b690');

export const random = stream(21);
export const print = new Picture(WIDTH * LARGE, HEIGHT * LARGE);
export const px = (points) => points.map(([x, y]) => [x * S, y * S]);
export const fill = (points, paint, alpha) =>
  print.fill(
    px(points),
    typeof paint === 'function' ? (x, y) => paint(x / S, y / S) : paint,
    alpha,
  );
export const line = (points, width, colour = KEY, alpha = 1) =>
  print.line(
    px(points),
    typeof width === 'function' ? (t) => width(t) * S : width * S,
    colour,
    alpha,
  );
export const taper =
  (width, ends = 0.25) =>
  (t) =>
    width * (ends + (1 - ends) * Math.sin(Math.PI * clamp(t)) ** 0.6);
const dark = (d) => mix(BLUE, INDIGO, d);

export const ring = (cx, cy, r, n = 90) =>
  Array.from({ length: n }, (_, i) => [
    cx + r * Math.cos((i / n) * 2 * Math.PI),
    cy + r * Math.sin((i / n) * 2 * Math.PI),
  ]);

/** Rows of seigaiha scales between two heights, smaller with distance. */
export function scales(top, bottom) {
  fill(
    [
      [0, top],
      [1.34, top],
      [1.34, bottom],
      [0, bottom],
    ],
    (x, y) => mix(TEAL, BLUE, smooth(top, bottom, y)),
  );
  let y = top;
  for (let row = 0; y < bottom + 0.03; row++) {
    const r = lerp(0.016, 0.05, smooth(top, bottom, y));
    for (let x = -r + (row % 2) * r; x < 1.4; x += 2 * r) {
      const cy = y + r * 0.42;
      for (let k = 0; k < 4; k++) {
        const rr = r * (1 - k * 0.25);
        const shape = ring(0, 0, 1, 40).map(([a, b]) => [x + a * rr, cy + b * rr * 0.62]);
        fill(
          shape,
          [
            mix(PALE, CREAM, 0.5),
            dark(0.1 + 0.5 * smooth(top, bottom, y)),
            PALE,
            mix(BLUE, TEAL, 0.4),
          ][k],
        );
        if (k === 0) line(shape.concat([shape[0]]), 0.0009);
      }
    }
    y += r * 0.36;
  }
}

/** Foam: outlines of all lobes first, then all lobes: only the outer contour keeps its line. */
export class Foam {
  lobes = [];
  marks = [];

  lobe(x, y, r) {
    this.lobes.push([x, y, r]);
  }

  /** A hooked finger of shrinking lobes that leaves at `angle` and bends by `bend`. */
  claw(x, y, angle, size, bend, depth = 1) {
    let a = angle;
    const steps = 9;
    for (let i = 0; i < steps; i++) {
      const r = size * (1 - i / (steps + 0.5)) ** 0.8;
      this.lobe(x, y, r * 0.55);
      if (depth > 0 && i > 0 && i % 2 === 0)
        this.claw(x, y, a - Math.sign(bend) * 1.15, size * 0.5, bend * 1.1, depth - 1);
      x += Math.cos(a) * size * 0.44;
      y += Math.sin(a) * size * 0.44;
      a += (bend / steps) * (1 + i * 0.22);
    }
  }

  draw() {
    for (const [x, y, r] of this.lobes) print.disc(x * S, y * S, r * S + 0.0024 * S, KEY);
    for (const [x, y, r] of this.lobes) print.disc(x * S, y * S, r * S, CREAM);
    for (const [x, y, r] of this.lobes) {
      if (r < 0.0085) continue;
      const arc = Array.from({ length: 14 }, (_, i) => {
        const a = 0.5 + (i / 13) * 2.1;
        return [x + Math.cos(a) * r * 0.6, y + Math.sin(a) * r * 0.6];
      });
      line(arc, taper(0.0017, 0.1), mix(TEAL, PALE, 0.25));
    }
  }
}

/** A swell: a body with stripes that follow its crest, and foam along the crest. */
export function swell(knots, depth, stripes, colours, claws) {
  const crest = curve(knots, 20);
  const body = crest.concat([
    [1.36, 1.2],
    [-0.02, 1.2],
  ]);
  const heightAt = (x) => {
    let best = crest[0];
    for (const p of crest) if (Math.abs(p[0] - x) < Math.abs(best[0] - x)) best = p;
    return best[1];
  };
  const columns = Array.from({ length: 1400 }, (_, i) => heightAt((i / 1399) * 1.36));
  fill(body, (x, y) =>
    ramp(colours, (y - columns[clamp(Math.round((x / 1.36) * 1399), 0, 1399)]) / depth),
  );
  for (let k = 1; k <= stripes; k++) {
    const drop = (depth * k) / stripes;
    const flat = 1 - 0.5 * (k / stripes);
    const mean = knots.reduce((s, p) => s + p[1], 0) / knots.length;
    const path = crest.map(([x, y], i) => [
      x + 0.02 * k * 0.4 - 0.01,
      mean + (y - mean) * flat + drop + 0.004 * noise(i * 0.05, k * 3.3),
    ]);
    const colour = [PALE, INDIGO, CREAM, dark(0.7)][k % 4];
    let from = 0;
    while (from < path.length - 8) {
      const to = Math.min(path.length - 1, from + Math.floor(random.between(22, 70)));
      line(
        path.slice(from, to + 1),
        taper(random.between(0.0022, 0.0052) * (k % 2 ? 1 : 0.8), 0.05),
        colour,
      );
      from = to + Math.floor(random.between(1, 7));
    }
  }
  line(crest, 0.002);
  const foam = new Foam();
  for (const [at, count, size, lean] of claws) {
    for (let i = 0; i < count; i++) {
      const p = crest[clamp(Math.round(at + (i - count / 2) * 4), 0, crest.length - 1)];
      const q = crest[clamp(Math.round(at + (i - count / 2) * 4) + 1, 1, crest.length - 1)];
      const along = Math.atan2(q[1] - p[1], q[0] - p[0]);
      const middle = Math.sin(Math.PI * ((i + 0.6) / (count + 0.2)));
      const s = size * (0.4 + 0.6 * middle) * random.between(0.8, 1.15);
      foam.lobe(p[0], p[1] + s * 0.25, s * 0.75);
      foam.lobe(p[0] + s * 0.5, p[1] + s * 0.7, s * 0.55);
      foam.claw(p[0], p[1], along - 0.9 * lean, s, 1.9 * lean, 1);
    }
  }
  foam.draw();
}

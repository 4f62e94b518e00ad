// The engraver's plate: areas with a tone and a direction, and the lines and contours in ink.
import { Picture, clamp, hex } from './canvas.mjs';
import { noise, stream } from './noise.mjs';

export const WIDTH = 768;
export const HEIGHT = 576;
export const LARGE = 3;
const W = WIDTH * LARGE;
export const H = HEIGHT * LARGE;
export const INK = hex('#1d1a1c');
export const PAPER = hex('#f2e8d2');

// The scene, one value per large pixel.
const area = new Uint16Array(W * H);
const tone = new Float32Array(W * H);
const direction = new Float32Array(W * H);
const spacing = new Float32Array(W * H);
const stencil = new Picture(W, H);
let areas = 0;

/**
 * Lays an area over what was there: points in units of the height, `gap` between lines in pixels,
 * `look(x, y)` gives { tone, angle }; `joined` makes it part of the area before it.
 */
export function lay(points, gap, look, joined = false) {
  if (!joined) areas++;
  stencil.fill(
    points.map(([x, y]) => [x * H, y * H]),
    (px, py) => {
      const at = py * W + px;
      const here = look(px / H, py / H, at);
      area[at] = areas;
      tone[at] = here.tone;
      direction[at] = here.angle;
      spacing[at] = gap * LARGE;
      return INK;
    },
  );
}
export const ellipse = (cx, cy, rx, ry, n = 40) =>
  Array.from({ length: n }, (_, i) => {
    const a = (i / n) * 2 * Math.PI;
    return [cx + rx * Math.cos(a), cy + ry * Math.sin(a)];
  });
export const random = stream(77);

export const page = new Picture(W, H, PAPER);

/**
 * Grows evenly spaced lines (Jobard and Lefer 1997) wherever the tone exceeds `from`, turned by
 * `turn` from the area's direction; `weight` scales their width and `gapScale` their distance.
 */
export function hatch(turn, from, weight, gapScale) {
  const CELL = 6;
  const columns = Math.ceil(W / CELL);
  const cells = new Map();
  const crowded = (x, y, gap, id, skip) => {
    const reach = Math.ceil(gap / CELL);
    const ci = Math.floor(x / CELL);
    const cj = Math.floor(y / CELL);
    for (let j = cj - reach; j <= cj + reach; j++) {
      for (let i = ci - reach; i <= ci + reach; i++) {
        const list = cells.get(j * columns + i);
        if (!list) continue;
        for (let k = 0; k < list.length; k += 4) {
          if (
            list[k + 2] === id &&
            list[k + 3] !== skip &&
            (list[k] - x) ** 2 + (list[k + 1] - y) ** 2 < gap * gap
          )
            return true;
        }
      }
    }
    return false;
  };
  const at = (x, y) =>
    x < 0 || y < 0 || x >= W || y >= H ? -1 : Math.floor(y) * W + Math.floor(x);
  const STEP = 3;
  let lines = 0;
  const grow = (sx, sy) => {
    const start = at(sx, sy);
    if (start < 0 || tone[start] <= from) return null;
    const id = area[start];
    const gap = spacing[start] * gapScale;
    if (crowded(sx, sy, gap * 0.97, id, -1)) return null;
    const path = [];
    for (const way of [-1, 1]) {
      let x = sx;
      let y = sy;
      let angle = direction[start] + turn;
      for (let s = 0; s < 260; s++) {
        const here = at(x, y);
        if (here < 0 || area[here] !== id || tone[here] <= from * 0.8) break;
        if (s > 0 && crowded(x, y, gap * 0.55, id, -1)) break;
        let bend = direction[here] + turn - angle;
        bend -= Math.PI * Math.round(bend / Math.PI);
        angle += clamp(bend, -0.22, 0.22);
        if (way < 0) path.unshift([x, y]);
        else if (s > 0) path.push([x, y]);
        x += way * STEP * Math.cos(angle);
        y += way * STEP * Math.sin(angle);
      }
    }
    if (path.length < 3) return null;
    lines++;
    for (const [x, y] of path) {
      const key = Math.floor(y / CELL) * columns + Math.floor(x / CELL);
      if (!cells.has(key)) cells.set(key, []);
      cells.get(key).push(x, y, id, lines);
    }
    const number = lines;
    page.line(
      path,
      (u, i) => {
        const [x, y] = path[i];
        const t = (tone[at(x, y)] - from) / (1 - from);
        const hand = 1 + 0.22 * noise(x / 26 + number * 3.7, y / 26);
        const ends = Math.min(1, 0.25 + Math.min(i, path.length - 1 - i) * 0.16);
        return Math.max(0.42, gap * weight * (0.07 + 0.36 * t ** 0.9) * hand * ends);
      },
      INK,
    );
    return path;
  };
  const queue = [];
  for (let y = 4; y < H; y += 9) {
    for (let x = 4; x < W; x += 9) {
      const seeded = grow(x + random.between(-4, 4), y + random.between(-4, 4));
      if (seeded) queue.push(seeded);
      while (queue.length) {
        const path = queue.shift();
        for (let i = 1; i < path.length - 1; i += 2) {
          const [x0, y0] = path[i - 1];
          const [x1, y1] = path[i + 1];
          const n = Math.hypot(x1 - x0, y1 - y0) || 1;
          const gap = spacing[at(path[i][0], path[i][1])] * gapScale;
          for (const way of [-1, 1]) {
            const next = grow(
              path[i][0] - (way * gap * (y1 - y0)) / n,
              path[i][1] + (way * gap * (x1 - x0)) / n,
            );
            if (next) queue.push(next);
          }
        }
      }
    }
  }
}

// Contours where areas meet, heavier on the side away from the light.
export function contours() {
  const inked = new Uint8Array(W * H);
  for (let y = 2; y < H - 3; y++) {
    for (let x = 2; x < W - 3; x++) {
      const i = y * W + x;
      if (area[i] === 1 && area[i + 1] === 1 && area[i + W] === 1) continue;
      if (area[i] === area[i + 1] && area[i] === area[i + W]) continue;
      const other = area[i] !== area[i + 1] ? i + 1 : i + W;
      const both = Math.max(tone[i], tone[other]);
      const r = 0.45 + 1.25 * both + 0.5 * noise(x / 30, y / 30);
      for (let dy = -2; dy <= 2; dy++)
        for (let dx = -2; dx <= 2; dx++) if (dx * dx + dy * dy <= r * r) inked[i + dy * W + dx] = 1;
    }
  }
  page.each((x, y, c) => (inked[y * W + x] ? INK : c));
}

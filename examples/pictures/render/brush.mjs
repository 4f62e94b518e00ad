// brush.png: a starlit wheat field in thick oil strokes that follow one flowing vector field.
// A guide gives every point a direction and a palette; strokes laid over it leave colour and
// relief, and the relief is lit at the end, which is what makes it read as paint.
import { Picture, clamp, hex, lerp, mix, output, ramp, scale, smooth } from './canvas.mjs';
import { fbm, hash, noise, stream } from './noise.mjs';

const WIDTH = 768;
const HEIGHT = 576;
const LARGE = 2;
const W = WIDTH * LARGE;
const H = HEIGHT * LARGE;

const palette = (...texts) => texts.map(hex);
const NIGHT = palette(
  '#101d4e',
  '#18347f',
  '#2456a8',
  '#3f86c4',
  '#7fb9cf',
  '#2f62b0',
  '#1b2f78',
  '#4a93b8',
);
const HALO = palette(
  '#fff6c4',
  '#fde06a',
  '#f4b52c',
  '#e8c860',
  '#a9c79a',
  '#6faeb8',
  '#3f7fb8',
  '#2a5ca8',
);
const HILLS = palette('#14305a', '#1e4d73', '#2f7480', '#5b9a86', '#27557f', '#1a3a6b');
const WHEAT = palette('#7a4a12', '#b87a1c', '#dba32c', '#f3cf58', '#c98b1f', '#e8b83a', '#8f7a24');
const CYPRESS = palette('#0b1d1c', '#143a2a', '#22563a', '#3f7442', '#0e2a30', '#6b8238');
const POPPIES = palette('#c8321e', '#e0532a', '#a11f1c');

// Points are in units of the height: x 0..1.333, y 0..1 downwards.
const STARS = [
  { x: 1.07, y: 0.19, core: 0.058, reach: 0.19, turn: 1 },
  { x: 0.6, y: 0.12, core: 0.024, reach: 0.1, turn: -1 },
  { x: 0.83, y: 0.38, core: 0.018, reach: 0.075, turn: 1 },
  { x: 0.4, y: 0.28, core: 0.022, reach: 0.09, turn: 1 },
  { x: 0.07, y: 0.13, core: 0.026, reach: 0.105, turn: -1 },
  { x: 0.36, y: 0.05, core: 0.013, reach: 0.055, turn: -1 },
  { x: 1.27, y: 0.44, core: 0.015, reach: 0.065, turn: -1 },
];
const SWIRLS = [
  { x: 0.62, y: 0.33, reach: 0.15, turn: 1.7 },
  { x: 0.81, y: 0.235, reach: 0.1, turn: -1.4 },
  { x: 0.13, y: 0.4, reach: 0.12, turn: -1.2 },
];

const ridge = (x) =>
  0.6 + 0.035 * Math.sin(x * 5.2 + 0.6) + 0.022 * Math.sin(x * 11 + 2) - 0.05 * smooth(0.7, 1.3, x);
const field = (x) => 0.715 + 0.03 * Math.sin(x * 3.1 + 2.4) + 0.012 * Math.sin(x * 9);
/** Signed depth inside the cypress, positive inside; two flames on one root. */
function cypress(x, y) {
  const flame = (cx, top, bottom, half) => {
    const t = (y - top) / (bottom - top);
    if (t < 0 || t > 1) return -1;
    const sway = 0.018 * Math.sin(t * 9 + cx * 20) * (1 - t);
    const bulge =
      half *
      Math.sin(Math.min(1, t * 1.12 + 0.02) * Math.PI * 0.62) ** 1.2 *
      (1 + 0.16 * Math.sin(t * 24 + cx * 9));
    return bulge - Math.abs(x - cx - sway);
  };
  return Math.max(flame(0.235, 0.075, 1.12, 0.082), flame(0.332, 0.4, 1.12, 0.055));
}

/** What is at a point: kind, direction of the strokes, and the position 0..1 on its palette. */
function guide(x, y) {
  if (cypress(x, y) > 0) {
    const lean = (x - 0.26) * 2.4;
    return {
      stops: CYPRESS,
      angle: -Math.PI / 2 + lean + 0.5 * Math.sin(y * 22 + x * 16),
      tone: 0.46 + 0.55 * noise(x * 16, y * 5) + 0.3 * Math.sin(y * 22 + x * 40),
      size: 0.85,
    };
  }
  if (y > field(x)) {
    const depth = (y - field(x)) / 0.3;
    const wind = -1.15 + 0.75 * noise(x * 2.2 + 3, y * 3.2) + 0.25 * Math.sin(x * 8 + y * 13);
    const row = 0.5 + 0.5 * Math.sin((y * 26) / (0.5 + depth) + 5 * noise(x * 3, y * 5));
    return {
      stops: WHEAT,
      angle: wind,
      tone: 0.25 + 0.45 * row + 0.5 * fbm(x * 7, y * 9, 3),
      size: lerp(0.55, 1.15, clamp(depth)),
      poppy: depth,
    };
  }
  if (y > ridge(x)) {
    const slope = Math.atan((ridge(x + 0.01) - ridge(x - 0.01)) / 0.02) * 1.4;
    const band = (y - ridge(x)) / Math.max(0.02, field(x) - ridge(x));
    return {
      stops: HILLS,
      angle: slope + 0.35 * Math.sin(x * 14 + band * 3),
      tone: 0.25 + 0.6 * noise(x * 6, band * 2.5) + 0.45 * band,
      size: 0.62,
    };
  }
  // Sky: a broad wave, bent round the swirls and the stars.
  let vx = 1;
  let vy = 0.42 * Math.cos(x * 5.4 + y * 3) - 0.12;
  let stops = NIGHT;
  let band = y * 7.5 + 0.55 * Math.sin(x * 5.4 + y * 3) + 0.5 * fbm(x * 3, y * 3, 3);
  for (const s of SWIRLS) {
    const dx = x - s.x;
    const dy = y - s.y;
    const d = Math.hypot(dx, dy);
    const pull = 2.6 * s.turn * Math.exp(-((d / s.reach) ** 2));
    vx =
      lerp(vx, 0, clamp(Math.abs(pull) * 0.5)) +
      (-dy / (d + 0.01)) * pull +
      0.25 * (dx / (d + 0.01)) * Math.abs(pull);
    vy =
      lerp(vy, 0, clamp(Math.abs(pull) * 0.5)) +
      (dx / (d + 0.01)) * pull +
      0.25 * (dy / (d + 0.01)) * Math.abs(pull);
    const inside = Math.exp(-((d / s.reach) ** 4));
    band = lerp(
      band,
      (d / s.reach) * 4.2 - Math.atan2(dy, dx) * (s.turn > 0 ? 0.95 : -0.95) * 0.63,
      inside,
    );
  }
  let tone = 0.5 + 0.5 * Math.sin(band * Math.PI);
  for (const s of STARS) {
    const dx = x - s.x;
    const dy = y - s.y;
    const d = Math.hypot(dx, dy);
    if (d > s.reach * 1.25) continue;
    const near = smooth(s.reach * 1.25, s.reach * 0.85, d);
    vx = lerp(vx, (-dy / d) * s.turn, near);
    vy = lerp(vy, (dx / d) * s.turn, near);
    if (d < s.reach * (0.96 + 0.1 * noise(x * 11, y * 11))) {
      stops = HALO;
      const ring = 0.1 * Math.sin((d / s.reach) * 26) + 0.1 * noise(x * 14, y * 14);
      tone = d < s.core ? 0.02 : 0.12 + 0.88 * ((d - s.core) / (s.reach - s.core)) + ring;
      if (s.core > 0.05 && Math.hypot(dx - 0.028, dy + 0.018) > 0.055 && d < s.core * 1.05)
        tone = 0.3;
    }
  }
  if (stops === NIGHT)
    tone = 0.12 + 0.62 * tone + 0.2 * noise(x * 12, y * 12) + 0.3 * smooth(0.32, 0.62, y);
  return { stops, angle: Math.atan2(vy, vx), tone, size: stops === HALO ? 0.7 : 1, sky: true };
}

const colour = new Picture(W, H, hex('#3a3a40'));
const relief = new Float32Array(W * H);
const owner = new Uint32Array(W * H); // the stroke that wrote a pixel last: each writes it once

/** One stroke: follows the guide both ways from its middle, bristle by bristle. */
function stroke(px, py, halfWidth, length, seed) {
  const start = guide(px / H, py / H);
  const random = stream(seed);
  const half = halfWidth * start.size * random.between(0.75, 1.25);
  const reach = length * start.size * random.between(0.65, 1.25);
  const path = [];
  for (const way of [-1, 1]) {
    let x = px;
    let y = py;
    let angle = start.angle;
    for (let s = 0; s < reach / 2; s += 0.8) {
      const here = guide(x / H, y / H);
      if (here.stops !== start.stops) break;
      let turn = here.angle - angle;
      turn -= Math.PI * Math.round(turn / Math.PI);
      angle += clamp(turn, -0.06, 0.06);
      if (way < 0) path.unshift([x, y, angle]);
      else path.push([x, y, angle]);
      x += way * 0.8 * Math.cos(angle);
      y += way * 0.8 * Math.sin(angle);
    }
  }
  if (path.length < 4) return;
  const tone = start.tone + random.between(-0.19, 0.19);
  let main = shade(start.stops, tone);
  let other = shade(start.stops, tone + random.between(-0.3, 0.3));
  if (start.poppy > 0.12 && noise(px / 70, py / 50) > 0.32 && random() < 0.3)
    main = other = random.pick(POPPIES);
  const bright = random.between(0.86, 1.14);
  const offset = random.between(0, 1000);
  for (let i = 0; i < path.length; i++) {
    const [x, y, angle] = path[i];
    const u = i / (path.length - 1);
    const width = half * Math.min(1, 0.45 + 5 * u, 0.25 + 3.2 * (1 - u));
    const sin = Math.sin(angle);
    const cos = Math.cos(angle);
    for (let v = -width; v <= width; v += 0.6) {
      const across = v / half;
      const bristle = noise(offset + across * 5.5, u * 1.3 + offset) * 0.5 + 0.5;
      if (u > 0.72 && hash(Math.round(across * 9), seed, 3) < (u - 0.72) * 2.4) continue;
      const qx = Math.round(x - sin * v);
      const qy = Math.round(y + cos * v);
      if (qx < 0 || qy < 0 || qx >= W || qy >= H) continue;
      const at = qy * W + qx;
      if (owner[at] === seed) continue;
      owner[at] = seed;
      const edge = 1 - across * across;
      const rgb = mix(main, other, clamp(bristle * 1.3 - 0.15));
      const grey = bright * (0.9 + 0.2 * bristle);
      colour.set(qx, qy, scale(rgb, grey), 0.93);
      relief[at] =
        0.4 * relief[at] +
        half *
          (0.3 * Math.sqrt(Math.max(0, edge)) +
            0.26 * bristle +
            (Math.abs(across) > 0.8 ? 0.1 : 0));
    }
  }
}

function shade(stops, tone) {
  return ramp(stops, clamp(tone, 0.001, 0.999));
}

// Three layers: a broad ground, the body, and a few fine accents.
let seed = 1;
for (const [spacing, halfWidth, length] of [
  [15, 15, 90],
  [10.5, 9.2, 98],
  [9, 6.2, 80],
]) {
  const places = [];
  for (let y = -10; y < H + 10; y += spacing) {
    for (let x = -10; x < W + 10; x += spacing) {
      seed++;
      if (halfWidth < 6 && hash(seed, 1) < 0.4) continue;
      places.push([hash(seed, 2), x + spacing * hash(seed, 3), y + spacing * hash(seed, 4), seed]);
    }
  }
  places.sort((a, b) => a[0] - b[0]);
  for (const [, x, y, id] of places) stroke(x, y, halfWidth, length, id);
}

// Light from the upper left over the relief.
const lit = new Picture(W, H);
for (let y = 0; y < H; y++) {
  for (let x = 0; x < W; x++) {
    const at = (dx, dy) => relief[clamp(y + dy, 0, H - 1) * W + clamp(x + dx, 0, W - 1)];
    const weave = 0.12 * (Math.sin(x * 0.8) + Math.sin(y * 0.8));
    const gx = (at(1, 0) - at(-1, 0)) * 0.5 + 0.03 * weave;
    const gy = (at(0, 1) - at(0, -1)) * 0.5 + 0.03 * weave;
    const n = 1 / Math.sqrt(1 + gx * gx + gy * gy);
    const diffuse = (1 + 0.5 * gx + 0.62 * gy) * n;
    const gloss = clamp((0.42 * gx + 0.52 * gy + 0.74) * n) ** 24;
    const c = scale(colour.get(x, y), 0.2 + 0.8 * clamp(diffuse, 0.35, 1.5));
    lit.set(x, y, [c[0] + 0.13 * gloss, c[1] + 0.125 * gloss, c[2] + 0.11 * gloss]);
  }
}
lit.shrink(LARGE).save(output('brush'), { colours: 256 });

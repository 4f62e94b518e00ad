// glass.png: a stained-glass window: a rose sun, its rays across a graded sky, hills and water.
// Each pane is a cell of a drawn partition, not of a random one: every region gives a pane number
// and the distance to its nearest lead line; glass, shading and lead are made from those two.
import { Picture, clamp, light, mix, output, ramp, scale, smooth } from './canvas.mjs';
import { fbm, hash, noise } from './noise.mjs';

const WIDTH = 768;
const HEIGHT = 576;
const LARGE = 2;
const W = WIDTH * LARGE;
const H = HEIGHT * LARGE;
const TAU = 2 * Math.PI;
const CENTRE = [0.74, 0.4]; // of the rose; x 0..1.333, y 0..1 downwards
const lights = (...texts) => texts.map(light);

const GOLD = lights('#fff2a8', '#ffd23f', '#ffae1a', '#ff8a12');
const FIRE = lights('#ffb21e', '#ff7a14', '#f04a1c', '#d4203a');
const RAYS = lights(
  '#ff9d2e',
  '#f2553a',
  '#d62e5e',
  '#9a2a8c',
  '#5a30a4',
  '#2c3fb4',
  '#1c4fc0',
  '#1a3d96',
);
const SKY = lights(
  '#ffc94a',
  '#f58a6a',
  '#c864c8',
  '#6f70e8',
  '#2f92ec',
  '#1f6cdc',
  '#1a4fc0',
  '#163c98',
);
const GREENS = lights('#b8d83a', '#5cb338', '#1f8f4a', '#0f6b4c', '#0a5560');
const WATER = lights('#8fe8e0', '#35bfd4', '#1787c8', '#1457ac', '#123a86');
const LEAF = lights('#a6d838', '#4aa83a', '#1d7f3e');
const PETAL = lights('#ff5a6e', '#e6213f', '#b80f38', '#ff8f70');

const wrap = (a, period) => a - period * Math.floor(a / period);

/** Panes between rings: `count` sectors turned by `turn`, edges `r0` and `r1`. */
function sector(r, angle, r0, r1, count, turn, id) {
  const step = TAU / count;
  const a = wrap(angle + turn * step, TAU);
  const k = Math.floor(a / step);
  const side = Math.min(a - k * step, (k + 1) * step - a) * r;
  return {
    pane: id + k,
    edge: Math.min(side, r - r0, r1 - r),
    u: (r - r0) / (r1 - r0),
    v: (a - k * step) / step,
    k,
  };
}

/** The rose: boss, eight petals, sixteen lobed lights, and a rim of beads. */
function rose(r, angle) {
  if (r < 0.036)
    return {
      ...sector(r, angle, -1, 0.036, 1, 0, 1),
      edge: 0.036 - r,
      stops: GOLD,
      tone: 0.1 + 4 * r,
    };
  if (r < 0.052) return { ...sector(r, angle, 0.036, 0.052, 8, 0.5, 10), stops: FIRE, tone: 0.85 };
  // Petals: almond shapes whose tips reach 0.135; the gaps between them are blue.
  const petals = sector(r, angle, 0.052, 0.14, 8, 0, 30);
  if (r < 0.14) {
    const u = petals.u;
    const half = (TAU / 16) * r * Math.sin(Math.PI * clamp(0.2 + 0.8 * u) ** 0.9) ** 0.75 * 0.96;
    const off = Math.abs(petals.v - 0.5) * (TAU / 8) * r;
    const inside = half - off;
    if (inside > 0) {
      const vein = off;
      return {
        pane: petals.pane + (petals.v > 0.5 ? 8 : 0),
        edge: Math.min(inside * 0.85, u > 0.12 ? vein : 1, r - 0.052),
        stops: FIRE,
        tone: 0.15 + 0.75 * u,
      };
    }
    const gap = sector(r, angle, 0.052, 0.14, 8, 0.5, 60);
    return {
      pane: gap.pane,
      edge: Math.min(-inside * 0.85, 0.14 - r),
      stops: GEMS.blue,
      tone: 0.2 + 0.6 * u,
    };
  }
  if (r < 0.158)
    return {
      ...sector(r, angle, 0.14, 0.158, 32, 0, 80),
      stops: GOLD,
      tone: 0.35 + 0.5 * (Math.floor((angle / TAU) * 32) % 2 ? 1 : 0),
    };
  // Sixteen round-headed lights.
  if (r < 0.262) {
    const s = sector(r, angle, 0.158, 0.262, 16, 0.5, 120);
    const radius = 0.0405;
    const cx = 0.2155;
    const a = (s.v - 0.5) * (TAU / 16);
    const dx = r * Math.cos(a) - cx;
    const dy = r * Math.sin(a);
    const d = radius - Math.hypot(dx, dy);
    if (d > 0) {
      const inner = 0.019 - Math.hypot(dx, dy);
      if (inner > 0)
        return { pane: s.pane + 40, edge: inner, stops: GOLD, tone: 0.3 + 0.5 * (s.k % 2) };
      const quarter = Math.floor(wrap(Math.atan2(dy, dx) + TAU / 8, TAU) / (TAU / 4));
      const qa = wrap(Math.atan2(dy, dx) + TAU / 8, TAU / 4);
      const spoke = Math.min(qa, TAU / 4 - qa) * Math.hypot(dx, dy);
      return {
        pane: 200 + s.k * 4 + quarter,
        edge: Math.min(d, -inner, spoke),
        stops: s.k % 2 ? GEMS.violet : GEMS.ruby,
        tone: 0.2 + 0.2 * quarter,
      };
    }
    return {
      pane: s.pane + 80 + (dx > 0 ? 20 : 0),
      edge: Math.min(-d, r - 0.158, 0.262 - r, Math.abs(s.v - 0.5) < 0.2 ? 1 : s.edge),
      stops: GEMS.teal,
      tone: dx > 0 ? 0.6 : 0.2,
    };
  }
  return {
    ...sector(r, angle, 0.262, 0.285, 48, 0, 400),
    stops: FIRE,
    tone: (Math.floor((angle / TAU) * 48) % 3) * 0.35,
  };
}
const GEMS = {
  blue: lights('#3fa0f0', '#1c5fd0', '#123a9c'),
  violet: lights('#c48af0', '#8a3fd0', '#5a24a8', '#b060e8'),
  ruby: lights('#ff7a6a', '#e8283e', '#b0102e', '#f04a50'),
  teal: lights('#7fe8d0', '#22b0a8', '#107a8c'),
};

/** Rays beyond the rose: long and short wedges, cut by rings that are staggered from ray to ray. */
function rays(r, angle) {
  const count = 28;
  const step = TAU / count;
  const bent = angle + 0.1 * Math.sin(r * 5) * smooth(0.28, 0.6, r);
  const a = wrap(bent, TAU);
  const k = Math.floor(a / step);
  const wide = k % 2 === 0;
  const v = a / step - k;
  const side = Math.min(v, 1 - v) * step * r;
  // Rings grow with distance; every other ray is shifted by half a ring, and no pane is a sliver.
  const growth = 0.235;
  const s = Math.max(0, Math.log(r / 0.285) / growth - (wide ? 0 : 0.5) - 0.22 * hash(k, 4));
  const ring = Math.floor(s);
  const edgeAt = (n) =>
    n === 0 ? 0.285 : 0.285 * Math.exp((n + (wide ? 0 : 0.5) + 0.22 * hash(k, 4)) * growth);
  let edge = Math.min(
    side,
    ring === 0 ? 1 : Math.abs(r - edgeAt(ring)),
    Math.abs(edgeAt(ring + 1) - r),
  );
  let pane = 1000 + k * 20 + ring;
  // Far panes are cut once more, along the ray or as a bar with a jewel.
  if (ring >= 2 && hash(k, ring, 12) < 0.62) {
    const middle = (v - 0.5 - 0.12 * Math.sin(r * 14 + k)) * step * r;
    edge = Math.min(edge, Math.abs(middle));
    pane += middle > 0 ? 4000 : 0;
  }
  const tone = clamp((r - 0.3) / 0.62 + 0.2 * (hash(pane, ring, 6) - 0.5));
  return { pane: pane + 20000, edge, stops: wide ? RAYS : SKY, tone };
}

const HILLS = [
  (x) =>
    0.69 - 0.1 * Math.exp(-(((x - 0.22) / 0.3) ** 2)) - 0.06 * Math.exp(-(((x - 1.2) / 0.22) ** 2)),
  (x) => 0.765 - 0.075 * Math.exp(-(((x - 1.12) / 0.34) ** 2)) + 0.02 * Math.sin(x * 5 + 1),
  (x) => 0.815 + 0.022 * Math.sin(x * 5.2 + 2.2),
];

/** Bands below a hill line, cut across by leaning lines at uneven distances. */
function band(x, y, top, bottom, rows, width, lean, id, stops) {
  const t = (y - top) / (bottom - top);
  const row = clamp(Math.floor(t * rows), 0, rows - 1);
  const inRow = t * rows - row;
  const shifted = x + lean * (y - top) + 0.5 * width * (row % 2) + 0.02 * Math.sin(y * 30 + id);
  const k = Math.floor(shifted / width + 0.2 * Math.sin((shifted / width) * 1.7 + row));
  const f = shifted / width + 0.2 * Math.sin((shifted / width) * 1.7 + row) - k;
  const across = Math.min(f, 1 - f) * width * 0.8;
  const up = Math.min(inRow, 1 - inRow) * ((bottom - top) / rows) * 0.95;
  return {
    pane: id + row * 64 + k,
    edge: Math.min(across, up),
    stops,
    tone: clamp(t * 0.8 + 0.35 * (hash(k, row, id) - 0.5) + 0.08),
  };
}

// Lilies in front: stems, leaves and flowers as closed shapes, drawn into a map of panes.
const shapes = [];
function almond(x, y, length, width, angle, stops, tone) {
  shapes.push({ x, y, length, width, cos: Math.cos(angle), sin: Math.sin(angle), stops, tone });
}
for (const [x, y, s] of [
  [0.17, 0.66, 1.12],
  [0.335, 0.76, 0.86],
  [1.2, 0.71, 1.0],
  [1.06, 0.83, 0.7],
]) {
  for (let i = 0; i < 4; i++)
    almond(
      x + 0.012 * Math.sin(i * 2) + (i % 2 ? 0.004 : -0.004),
      y + (0.09 + 0.085 * i) * s,
      0.05 * s,
      0.011 * s,
      Math.PI / 2 + 0.12 * Math.sin(i * 2 + x * 9),
      LEAF,
      0.8,
    );
  almond(x - 0.062 * s, y + 0.19 * s, 0.1 * s, 0.026 * s, Math.PI / 2 + 0.75, LEAF, 0.35);
  almond(x + 0.066 * s, y + 0.23 * s, 0.1 * s, 0.026 * s, Math.PI / 2 - 0.7, LEAF, 0.1);
  almond(x - 0.04 * s, y - 0.02 * s, 0.08 * s, 0.03 * s, -Math.PI / 2 - 0.5, PETAL, 0.35);
  almond(x + 0.04 * s, y - 0.02 * s, 0.08 * s, 0.03 * s, -Math.PI / 2 + 0.5, PETAL, 0.7);
  almond(x, y - 0.025 * s, 0.09 * s, 0.034 * s, -Math.PI / 2, PETAL, 0.02);
  almond(x, y + 0.035 * s, 0.034 * s, 0.022 * s, -Math.PI / 2, GOLD, 0.5);
}
function flower(x, y) {
  let outside = 1;
  for (let i = shapes.length - 1; i >= 0; i--) {
    const s = shapes[i];
    const a = ((x - s.x) * s.cos + (y - s.y) * s.sin) / s.length;
    const b = -(x - s.x) * s.sin + (y - s.y) * s.cos;
    if (Math.abs(a) > 1.3) continue;
    const half = s.width * (1 - a * a) * (1 + 0.25 * a);
    const d = (half - Math.abs(b)) * 0.92;
    if (d > 0 && Math.abs(a) < 1)
      return {
        pane: 9000 + i * 2 + (b > 0 ? 1 : 0),
        edge: Math.min(d, outside, s.width > 0.024 ? Math.abs(b) + 0.0012 : 1),
        stops: s.stops,
        tone: clamp(s.tone + 0.25 * a + (b > 0 ? 0.15 : 0)),
        flower: true,
      };
    if (Math.abs(a) < 1.02) outside = Math.min(outside, -d);
  }
  return { edge: outside };
}

function pane(x, y) {
  const over = flower(x, y);
  if (over.flower) return over;
  const dx = x - CENTRE[0];
  const dy = y - CENTRE[1];
  const r = Math.hypot(dx, dy);
  const angle = Math.atan2(dy, dx) + Math.PI;
  let found;
  if (r < 0.285) {
    found = rose(r, angle);
    found.edge = Math.min(found.edge, 0.285 - r);
  } else {
    const [a, b, c] = HILLS.map((h) => h(x));
    if (y > c)
      found = {
        ...band(
          x,
          y + 0.012 * Math.sin(x * 16 + y * 22),
          c - 0.012,
          1.03,
          5,
          0.17,
          0.3,
          5000,
          WATER,
        ),
      };
    else if (y > b) found = band(x, y, b, c + 0.03, 2, 0.12, -0.7, 4000, GREENS);
    else if (y > a)
      found = band(x, y, a, Math.max(b, a + 0.1), 2, 0.13, 0.9, 3000, GREENS.slice(1));
    else found = rays(r, angle);
    for (const h of [a, b, c]) {
      if ((h === b && y < a) || (h === a && y > b)) continue;
      found.edge = Math.min(found.edge, Math.abs(y - h) * 0.95);
    }
    found.edge = Math.min(found.edge, r - 0.285);
  }
  found.edge = Math.min(found.edge, over.edge);
  return found;
}

const glass = new Picture(W, H);
const leadWidth = 0.0037;
const depth = new Float32Array(W * H);
for (let py = 0; py < H; py++) {
  for (let px = 0; px < W; px++) {
    // The hand that cut the panes was not a ruler.
    const x = px / H + 0.0018 * noise(px / 60, py / 60);
    const y = py / H + 0.0018 * noise(px / 60 + 40, py / 60);
    const p = pane(x, y);
    const id = p.pane;
    const turn = hash(id, 1) * TAU;
    const c = Math.cos(turn);
    const s = Math.sin(turn);
    const a = px * c + py * s;
    const b = -px * s + py * c;
    // Streaks of the blown sheet, seeds (small bubbles), and a slow change over the pane.
    const streak = fbm(a / 190 + id, b / 22 + id, 4);
    const wavy = noise(a / 46, b / 34 + id);
    const hammered = noise(px / 5.5, py / 5.5) * noise(px / 11 + 7, py / 11);
    const tone = p.tone + 0.16 * streak + 0.13 * Math.sin(turn * 3) + 0.05 * wavy;
    let colour = ramp(p.stops, clamp(tone, 0, 1));
    const strength =
      0.86 + 0.42 * (hash(id, 2) - 0.35) + 0.42 * streak + 0.2 * wavy + 0.22 * hammered;
    const sun = Math.hypot(x - CENTRE[0], y - CENTRE[1]);
    const daylight = 1.0 * Math.exp(-((sun / 0.5) ** 2)) + 0.72;
    const shade = smooth(0, 0.02, p.edge - leadWidth) * 0.5 + 0.5;
    colour = scale(colour, strength * daylight * shade);
    const bubble = noise(px / 3.1 + 91, py / 3.1);
    if (bubble > 0.86) colour = mix(colour, [1.2, 1.2, 1.1], 0.22);
    depth[py * W + px] = leadWidth - p.edge;
    glass.set(px, py, colour);
  }
}

// Light that spills over, then the lead in front of it: a rounded bar with a dull shine.
const small = glass.shrink(LARGE);
const glow = small.blur(9);
const window = new Picture(W, H);
for (let py = 0; py < H; py++) {
  for (let px = 0; px < W; px++) {
    const at = py * W + px;
    const spill = glow.get(px / LARGE, py / LARGE);
    const lead = clamp((depth[at] * H) / 1.2 + 0.5);
    let c = glass.get(px, py).map((v, k) => v * 0.97 + spill[k] * 0.06);
    if (lead > 0) {
      const t = clamp(depth[at] / leadWidth);
      const gx = (depth[at + (px < W - 1 ? 1 : 0)] - depth[at - (px > 0 ? 1 : 0)]) * H * 0.5;
      const gy = (depth[at + (py < H - 1 ? W : 0)] - depth[at - (py > 0 ? W : 0)]) * H * 0.5;
      const slope = clamp(-(0.6 * gx + 0.8 * gy) * (1 - t) * 0.9 + 0.12 * noise(px / 7, py / 7));
      const bar = [0.008 + 0.07 * slope, 0.008 + 0.07 * slope, 0.01 + 0.078 * slope].map(
        (v, k) => v + spill[k] * 0.03,
      );
      c = mix(c, bar, lead);
    }
    window.set(px, py, c);
  }
}
const film = (v) => clamp(1.12 * (1 - Math.exp(-1.35 * v))) ** (1 / 2.2);
window
  .shrink(LARGE)
  .each((x, y, c) => {
    const shown = c.map(film);
    const grey = 0.3 * shown[0] + 0.55 * shown[1] + 0.15 * shown[2];
    return shown.map((v) => {
      const rich = clamp(grey + 1.14 * (v - grey));
      return 0.35 * rich + 0.65 * smooth(0.04, 0.93, rich);
    });
  })
  .save(output('glass'), { bits: 6 });

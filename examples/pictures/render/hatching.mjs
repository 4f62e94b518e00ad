// hatching.png: rolling country with a windmill, engraved in ink on cream paper.
// First a scene is laid out back to front as areas with a tone and a direction that follows their form;
// then evenly spaced lines are grown along the directions (Jobard and Lefer 1997), swelling with the
// tone as a burin's line does, and second and third sets cross them where it is dark.
import { Picture, clamp, curve, hex, lerp, mix, output, smooth } from './canvas.mjs';
import { fbm, noise, stream } from './noise.mjs';

const WIDTH = 768;
const HEIGHT = 576;
const LARGE = 3;
const W = WIDTH * LARGE;
const H = HEIGHT * LARGE;
const INK = hex('#1d1a1c');
const PAPER = hex('#f2e8d2');
const LIGHT = [-0.62, -0.58, 0.53]; // towards the light; y down, z to the viewer

// The scene, one value per large pixel.
const area = new Uint16Array(W * H);
const tone = new Float32Array(W * H);
const direction = new Float32Array(W * H);
const spacing = new Float32Array(W * H);
const stencil = new Picture(W, H);
let areas = 0;

/** Lays an area: points in units of the height, `look(x, y)` gives { tone, angle }; `joined`: part of the area before it. */
function lay(points, gap, look, joined = false) {
  if (!joined) areas++;
  stencil.fill(points.map(([x, y]) => [x * H, y * H]), (px, py) => {
    const at = py * W + px;
    const here = look(px / H, py / H, at);
    area[at] = areas;
    tone[at] = here.tone;
    direction[at] = here.angle;
    spacing[at] = gap * LARGE;
    return INK;
  });
}
const ellipse = (cx, cy, rx, ry, n = 40) => Array.from({ length: n }, (_, i) => {
  const a = (i / n) * 2 * Math.PI;
  return [cx + rx * Math.cos(a), cy + ry * Math.sin(a)];
});
const random = stream(77);

// Sky: level lines, darker aloft, with beams from a low sun behind the clouds.
const SUN = [0.43, 0.5];
lay([[0, 0], [1.34, 0], [1.34, 0.75], [0, 0.75]], 3.6, (x, y) => {
  const a = Math.atan2(y - SUN[1], x - SUN[0]);
  const d = Math.hypot(x - SUN[0], y - SUN[1]);
  const beam = smooth(-0.2, 0.3, noise(a * 5.5, 3.3) + 0.35 * noise(a * 15, 1)) * smooth(0.04, 0.2, d) * smooth(1.1, 0.45, d);
  const depth = lerp(0.2, 0.72, smooth(0.5, -0.02, y)) + 0.1 * fbm(x * 3, y * 6, 3) + 0.12 * smooth(0.3, 0.9, Math.abs(x - 0.45));
  return { tone: clamp(Math.max(depth * (1 - 0.75 * beam), 0.115)) * smooth(0.045, 0.1, d), angle: 0.05 * Math.sin(x * 9 + y * 14) + 0.04 * noise(x * 6, y * 8) };
});
lay(ellipse(SUN[0], SUN[1], 0.052, 0.052), 3, () => ({ tone: 0, angle: 0 }));

/** A cumulus: towers of balls on a level foot, one area; each place takes the form of its front ball. */
function cloud(cx, cy, size, towers) {
  const balls = [];
  for (let t = -1.75; t <= 1.75; t += 0.34) balls.push([cx + (t + random.between(-0.1, 0.1)) * size, cy - 0.05 * size, size * random.between(0.17, 0.27)]);
  for (const [t, tall, wide] of towers) {
    for (let k = 0; k < 13; k++) {
      const up = (k + random()) / 13;
      const spread = wide * Math.sqrt(1 - up * up * 0.85);
      balls.push([cx + (t + spread * random.between(-1, 1)) * size, cy - up * tall * size, size * random.between(0.22, 0.36) * (1.05 - 0.35 * up)]);
    }
  }
  const look = (x, y) => {
    let front = balls[0];
    let most = -9;
    for (const b of balls) {
      const height = (1 - ((x - b[0]) ** 2 + (y - b[1]) ** 2) / (b[2] * b[2])) * (b[2] / size + 0.1) + (b[1] - cy) / size * 0.1;
      if (height > most) [front, most] = [b, height];
    }
    const nx = (x - front[0]) / front[2];
    const ny = (y - front[1]) / front[2];
    const nz = Math.sqrt(Math.max(0, 1 - nx * nx - ny * ny));
    const shade = -(nx * LIGHT[0] + ny * LIGHT[1] + nz * LIGHT[2]);
    const below = smooth(cy - size * 0.8, cy + size * 0.2, y) * (0.7 + 0.3 * smooth(-1.5, 1.5, (x - cx) / size));
    return { tone: clamp(0.2 + 0.5 * shade + 0.42 * below), angle: Math.atan2(ny, nx) + Math.PI / 2 };
  };
  balls.forEach(([bx, by, r], k) => {
    lay(ellipse(bx, by, r, r, 64).map(([x, y]) => [x + 0.06 * r * noise(x * 80, y * 80), Math.min(y, cy + size * 0.15 + 0.01 * noise(x * 22, 5))]), 3, look, k > 0);
  });
}
cloud(0.96, 0.225, 0.15, [[-0.75, 0.55, 0.4], [0.15, 1.15, 0.5], [0.95, 0.6, 0.35]]);
cloud(0.19, 0.29, 0.115, [[-0.6, 0.85, 0.45], [0.35, 0.6, 0.5], [1.1, 0.35, 0.3]]);
cloud(0.66, 0.385, 0.062, [[-0.4, 0.5, 0.5], [0.5, 0.9, 0.4]]);
cloud(1.27, 0.39, 0.07, [[-0.5, 0.9, 0.5], [0.5, 0.6, 0.5]]);

// Far range: facets left and right of a wandering ridge line.
function range(base, height, seed, gap, strength) {
  const crest = [];
  for (let x = -0.02; x <= 1.36; x += 0.004) crest.push([x, base - height * (0.5 + 0.9 * (1 - Math.abs(noise(x * 3.1, seed)) * 1.7) + 0.22 * fbm(x * 13, seed, 3))]);
  lay(crest.concat([[1.36, 0.9], [-0.02, 0.9]]), gap, (x, y) => {
    const fold = noise(x * 9 + 2.2 * (y - base), seed + 5 + y * 3) + 0.5 * noise(x * 24 + y * 8, y * 9);
    const lit = fold > 0;
    return { tone: clamp(strength * (lit ? 0.22 : 0.8) + 0.2 * Math.abs(fold) * strength) * smooth(base + 0.03, base - height * 0.5, y) , angle: lit ? 2.2 + 0.3 * fold : 0.95 - 0.3 * fold };
  });
}
range(0.53, 0.075, 2.2, 3.0, 0.62);

/** A hill: crest curve, slope shading, and furrows or grass along lines that fan down from the crest. */
function hill(knots, gap, options) {
  const crest = curve(knots, 24);
  const column = new Float32Array(1400);
  for (let i = 0; i < 1400; i++) {
    const x = (i / 1000);
    let k = 0;
    while (k < crest.length - 2 && crest[k + 1][0] < x) k++;
    const [x0, y0] = crest[k];
    const [x1, y1] = crest[k + 1];
    column[i] = lerp(y0, y1, clamp((x - x0) / (x1 - x0 || 1)));
  }
  const top = (x) => column[clamp(Math.round(x * 1000), 0, 1399)];
  const slope = (x) => (top(x + 0.025) - top(x - 0.025)) / 0.05;
  lay(crest.concat([[1.36, 1.05], [-0.02, 1.05]]), gap, (x, y) => {
    const down = y - top(x);
    const s = slope(x);
    const side = clamp(0.5 + 0.95 * s * options.turn); // right-hand slopes fall away from the light
    const roll = fbm(x * 4 + options.seed, y * 6, 3);
    let t = 0.13 + 0.66 * side ** 1.3 + 0.24 * roll;
    t += options.foot * smooth(0.02, options.drop, down);
    t *= lerp(0.45, 1, smooth(0, 0.03, down));
    if (options.rows) {
      const v = (x - options.rows[0]) / (0.12 + down * 2.2);
      const row = Math.sin(v * options.rows[1]);
      t = 0.12 + 0.3 * side + 0.42 * smooth(-0.1, 0.7, row) + 0.1 * roll;
      return { tone: clamp(t), angle: Math.atan2(0.12 + down * 2.2, (x - options.rows[0]) * 2.2) };
    }
    return { tone: clamp(t), angle: Math.atan(s * (1 - 0.5 * smooth(0, 0.3, down))) + options.lean * smooth(0, 0.16, down) + 0.2 * roll };
  });
  return top;
}

/** A broad-leaved tree: clumps of leaves over a trunk, with its shadow to the right. */
function tree(x, y, size) {
  lay(ellipse(x + size * 0.62, y + 0.012 * (size / 0.06), size * 0.75, size * 0.12), 2.6, (px) => ({ tone: 0.85 - 0.5 * clamp((px - x) / (size * 1.3)), angle: 0.06 }));
  lay([[x - size * 0.07, y + size * 0.14], [x - size * 0.045, y - size * 0.5], [x + size * 0.05, y - size * 0.5], [x + size * 0.09, y + size * 0.14]], 2.4, (px) => ({ tone: clamp(0.45 + (px - x) / (size * 0.12)), angle: 1.5 }));
  const clumps = [];
  for (let i = 0; i < 20; i++) {
    const a = random.between(0, 6.283);
    const d = Math.sqrt(random()) * 0.62;
    clumps.push([x + Math.cos(a) * d * size, y - size * 0.95 + Math.sin(a) * d * size * 0.9, size * random.between(0.26, 0.4)]);
  }
  clumps.sort((a, b) => b[1] - b[0] * 0.4 - (a[1] - a[0] * 0.4));
  for (const [cx, cy, r] of clumps) {
    const shape = ellipse(cx, cy, r, r * 0.9, 56).map(([px, py], i) => {
      const f = 1 + 0.13 * Math.sin(i * 2.4 + cx * 90) + 0.07 * noise(i * 0.9, cx * 50);
      return [cx + (px - cx) * f, cy + (py - cy) * f];
    });
    lay(shape, 2.5, (px, py) => {
      const nx = (px - cx) / r;
      const ny = (py - cy) / r;
      const nz = Math.sqrt(Math.max(0, 1 - nx * nx - ny * ny));
      const whole = ((px - x) * 0.55 + (py - (y - size * 0.95)) * 0.6) / size;
      const shade = -(nx * LIGHT[0] + ny * LIGHT[1] + nz * LIGHT[2]);
      return { tone: clamp(0.56 + 0.4 * shade + 0.62 * whole + 0.24 * noise(px * 120, py * 120)), angle: Math.atan2(ny, nx) + Math.PI / 2 + 0.5 * noise(px * 70, py * 70) };
    });
  }
}
function poplar(x, y, size) {
  const half = size * 0.16;
  const shape = curve([[x, y - size], [x + half * 0.7, y - size * 0.6], [x + half, y - size * 0.28], [x + half * 0.4, y], [x - half * 0.4, y], [x - half, y - size * 0.28], [x - half * 0.7, y - size * 0.6]], 10, true)
    .map(([px, py], i) => [px + half * 0.16 * Math.sin(i * 2.1), py]);
  lay(shape, 2.4, (px, py) => ({ tone: clamp(0.5 + 0.55 * ((px - x) / half) + 0.25 * noise(px * 90, py * 60)), angle: 1.45 - 0.5 * ((px - x) / half) + 0.4 * noise(px * 40, py * 40) }));
}

function house(x, y, w, h) {
  const side = w * 0.45;
  lay([[x, y], [x, y - h], [x + w, y - h], [x + w, y]], 2.6, (px, py) => ({ tone: 0.1 + 0.06 * Math.sin(py * 900), angle: 0 }));
  lay([[x + w, y], [x + w, y - h], [x + w + side / 2, y - h * 1.75], [x + w + side, y - h], [x + w + side, y]], 2.5, () => ({ tone: 0.72, angle: 1.57 }));
  lay([[x - w * 0.05, y - h * 0.95], [x + side * 0.42, y - h * 1.8], [x + w + side / 2, y - h * 1.8], [x + w, y - h * 0.95]], 2.5, () => ({ tone: 0.42, angle: 2.15 }));
  for (const f of [0.2, 0.6]) lay([[x + w * f, y - h * 0.35], [x + w * f, y - h * 0.7], [x + w * (f + 0.17), y - h * 0.7], [x + w * (f + 0.17), y - h * 0.35]], 2, () => ({ tone: 0.95, angle: 0.7 }));
}

hill([[-0.05, 0.535], [0.15, 0.5], [0.35, 0.53], [0.6, 0.56], [0.85, 0.52], [1.05, 0.475], [1.2, 0.5], [1.4, 0.53]], 3.0, { turn: 1.6, seed: 1, foot: 0.2, drop: 0.1, lean: 0.3 });
for (const x of [0.09, 0.115, 0.14, 0.62, 0.64, 0.665]) poplar(x, 0.535 + 0.03 * Math.sin(x * 3), 0.05 + 0.02 * random());
hill([[-0.05, 0.57], [0.12, 0.6], [0.3, 0.59], [0.5, 0.56], [0.68, 0.575], [0.9, 0.61], [1.1, 0.57], [1.25, 0.55], [1.4, 0.57]], 3.2, { turn: 1.5, seed: 4, foot: 0.05, drop: 0.1, lean: -0.4 });

// A village with its church in the valley.
for (const [x, y, w, h] of [[0.5, 0.612, 0.034, 0.02], [0.6, 0.608, 0.03, 0.019], [0.46, 0.628, 0.036, 0.022], [0.64, 0.626, 0.036, 0.022]]) house(x, y, w, h);
lay([[0.553, 0.63], [0.553, 0.54], [0.572, 0.54], [0.572, 0.63]], 2.5, () => ({ tone: 0.16, angle: 0 }));
lay([[0.572, 0.63], [0.572, 0.54], [0.584, 0.544], [0.584, 0.63]], 2.4, () => ({ tone: 0.75, angle: 1.57 }));
lay([[0.55, 0.542], [0.567, 0.455], [0.587, 0.546], [0.572, 0.542]], 2.4, (x) => ({ tone: x > 0.569 ? 0.92 : 0.5, angle: 1.4 }));
house(0.545, 0.637, 0.06, 0.026);
for (const [x, y, s] of [[0.44, 0.63, 0.022], [0.7, 0.63, 0.024], [0.74, 0.638, 0.028], [0.4, 0.636, 0.03], [0.79, 0.64, 0.026]]) tree(x, y, s);

hill([[-0.05, 0.74], [0.1, 0.69], [0.25, 0.645], [0.36, 0.635], [0.5, 0.66], [0.7, 0.7], [0.9, 0.69], [1.1, 0.64], [1.25, 0.62], [1.4, 0.65]], 3.5, { turn: 1.2, seed: 8, foot: 0.1, drop: 0.2, lean: 0.2, rows: [0.62, 34] });
for (const [x, y, s] of [[0.97, 0.7, 0.04], [1.04, 0.69, 0.048], [1.11, 0.675, 0.04], [0.06, 0.745, 0.045], [0.13, 0.72, 0.036]]) tree(x, y, s);
const near = hill([[-0.05, 0.86], [0.15, 0.83], [0.35, 0.8], [0.52, 0.815], [0.7, 0.83], [0.9, 0.775], [1.06, 0.735], [1.2, 0.74], [1.4, 0.79]], 3.9, { turn: 1.7, seed: 12, foot: 0.25, drop: 0.25, lean: 0.45 });

// The windmill on the near rise: tower, cap, gallery and four latticed sails.
{
  const [x, y] = [1.085, near(1.085) + 0.012];
  lay(ellipse(x + 0.11, y + 0.012, 0.13, 0.018), 2.8, (px) => ({ tone: 0.9 - 2.2 * Math.abs(px - x - 0.06), angle: 0.1 }));
  const tower = [[x - 0.062, y], [x - 0.04, y - 0.235], [x + 0.04, y - 0.235], [x + 0.062, y]];
  lay(tower, 2.7, (px, py) => {
    const u = (px - x) / lerp(0.062, 0.04, (y - py) / 0.235);
    const brick = Math.sin(py * 560) > 0.82 ? 0.12 : 0;
    return { tone: clamp(0.08 + 0.85 * smooth(-0.35, 0.85, u) - 0.14 * smooth(0.85, 1, u) + 0.2 * smooth(-0.75, -1, u) + brick), angle: 0.1 + 0.14 * u * u };
  });
  lay([[x - 0.014, y], [x - 0.014, y - 0.05], [x, y - 0.06], [x + 0.014, y - 0.05], [x + 0.014, y]], 2.2, () => ({ tone: 0.95, angle: 1.2 }));
  for (const [wx, wy] of [[-0.012, 0.115], [0.014, 0.175], [-0.01, 0.2]]) lay([[x + wx - 0.007, y - wy], [x + wx - 0.007, y - wy - 0.02], [x + wx + 0.007, y - wy - 0.02], [x + wx + 0.007, y - wy]], 2, () => ({ tone: 0.97, angle: 0.8 }));
  lay([[x - 0.078, y - 0.088], [x - 0.078, y - 0.096], [x + 0.078, y - 0.096], [x + 0.078, y - 0.088]], 2.2, (px) => ({ tone: px > x ? 0.9 : 0.5, angle: 0 }));
  lay(curve([[x - 0.047, y - 0.232], [x - 0.04, y - 0.265], [x - 0.005, y - 0.292], [x + 0.035, y - 0.27], [x + 0.05, y - 0.232]], 12), 2.4, (px) => ({ tone: clamp(0.35 + (px - x) * 11), angle: 1.57 + (px - x) * 9 }));
  const [hx, hy] = [x - 0.028, y - 0.25];
  for (let k = 0; k < 4; k++) {
    const a = 0.42 + (k * Math.PI) / 2;
    const [ux, uy] = [Math.cos(a), Math.sin(a)];
    const at = (along, across) => [hx + ux * along - uy * across, hy + uy * along + ux * across];
    lay([at(0, -0.0028), at(0.225, -0.0018), at(0.225, 0.0018), at(0, 0.0028)], 2, () => ({ tone: 1, angle: a }));
    lay([at(0.045, 0.003), at(0.222, 0.003), at(0.222, 0.043), at(0.045, 0.036)], 2.3, (px, py) => {
      const along = (px - hx) * ux + (py - hy) * uy;
      const across = -(px - hx) * uy + (py - hy) * ux;
      const frame = wrapNear(along - 0.045, 0.0197) < 0.0016 || wrapNear(across - 0.003, 0.0133) < 0.0014;
      return { tone: frame ? 1 : 0.14, angle: a + (frame ? 0 : 1.57) };
    });
  }
  lay(ellipse(hx, hy, 0.008, 0.008), 2, () => ({ tone: 1, angle: 0 }));
}
function wrapNear(v, period) {
  const m = v - period * Math.floor(v / period);
  return Math.min(m, period - m);
}
tree(0.2, 0.87, 0.135);
tree(0.055, 0.91, 0.1);
tree(0.79, 0.845, 0.05);

// A lane in the foreground and tall grass at the very edge.
lay(curve([[0.46, 1.03], [0.55, 0.93], [0.66, 0.875], [0.76, 0.85], [0.86, 0.815], [0.95, 0.785]], 16)
  .concat(curve([[0.965, 0.79], [0.89, 0.825], [0.82, 0.865], [0.75, 0.905], [0.72, 0.95], [0.76, 1.03]], 16)), 4, (x, y) => ({ tone: clamp(0.04 + 0.4 * smooth(0.2, 0.6, noise(x * 22, y * 40))), angle: -0.5 }));
for (let i = 0; i < 150; i++) {
  const x = random.between(-0.02, 1.35);
  if (x > 0.47 && x < 0.75) continue;
  const h = random.between(0.03, 0.1) * (1 - 0.6 * smooth(0.25, 0.45, x) * smooth(1.0, 0.8, x));
  const bend = random.between(-0.03, 0.035);
  const w = random.between(0.0022, 0.0045);
  const y = random.between(0.99, 1.04);
  const shade = random.pick([0.05, 0.5, 0.92, 1]);
  lay([[x - w, y], [x - w * 0.6 + bend * 0.35, y - h * 0.55], [x + bend, y - h], [x + w * 0.6 + bend * 0.35, y - h * 0.55], [x + w, y]], 2, () => ({ tone: shade, angle: 1.5 }));
}

// Growing the lines.
const page = new Picture(W, H, PAPER);
function hatch(turn, from, weight, gapScale) {
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
          if (list[k + 2] === id && list[k + 3] !== skip && (list[k] - x) ** 2 + (list[k + 1] - y) ** 2 < gap * gap) return true;
        }
      }
    }
    return false;
  };
  const at = (x, y) => (x < 0 || y < 0 || x >= W || y >= H ? -1 : Math.floor(y) * W + Math.floor(x));
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
    page.line(path, (u, i) => {
      const [x, y] = path[i];
      const t = (tone[at(x, y)] - from) / (1 - from);
      const hand = 1 + 0.22 * noise(x / 26 + number * 3.7, y / 26);
      const ends = Math.min(1, 0.25 + Math.min(i, path.length - 1 - i) * 0.16);
      return Math.max(0.42, gap * weight * (0.07 + 0.36 * t ** 0.9) * hand * ends);
    }, INK);
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
            const next = grow(path[i][0] - (way * gap * (y1 - y0)) / n, path[i][1] + (way * gap * (x1 - x0)) / n);
            if (next) queue.push(next);
          }
        }
      }
    }
  }
}
hatch(0, 0.07, 1, 1);
hatch(0.95, 0.46, 0.85, 1.12);
hatch(-0.75, 0.72, 0.85, 1.2);

// Contours where areas meet, heavier on the side away from the light.
const inked = new Uint8Array(W * H);
for (let y = 2; y < H - 3; y++) {
  for (let x = 2; x < W - 3; x++) {
    const i = y * W + x;
    if (area[i] === 1 && area[i + 1] === 1 && area[i + W] === 1) continue;
    if (area[i] === area[i + 1] && area[i] === area[i + W]) continue;
    const other = area[i] !== area[i + 1] ? i + 1 : i + W;
    const both = Math.max(tone[i], tone[other]);
    const r = 0.45 + 1.25 * both + 0.5 * noise(x / 30, y / 30);
    for (let dy = -2; dy <= 2; dy++) for (let dx = -2; dx <= 2; dx++) if (dx * dx + dy * dy <= r * r) inked[i + dy * W + dx] = 1;
  }
}
page.each((x, y, c) => (inked[y * W + x] ? INK : c));

// Plate tone, fibre, and ink that sits a little unevenly.
page.shrink(LARGE).each((x, y, c) => {
  const fibre = 0.018 * noise(x / 2.3, y / 1.7) + 0.02 * fbm(x / 90, y / 90, 4);
  const edge = 0.05 * smooth(0.36, 0.72, Math.hypot(x / WIDTH - 0.5, y / HEIGHT - 0.5));
  const uneven = 0.05 * (0.5 + 0.5 * noise(x / 40, y / 40));
  return mix(c.map((v, k) => v * (1 + fibre - edge * [0.6, 0.9, 1.5][k])), PAPER, uneven * (1 - c[0]));
}).save(output('hatching'), { colours: 64 });

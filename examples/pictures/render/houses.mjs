// houses.png: a row of gabled houses along a canal on a summer afternoon.
// Ray-marched signed distances with a soft-edged sun, ambient occlusion and a rippled canal that
// mirrors the row. Facade detail (windows, brick, doors) is part of the distance where it casts
// shadows and of the colour where it does not. All arithmetic is in light.
import { Picture, clamp, lerp, light, mix, output, ramp, scale, smooth } from './canvas.mjs';
import { fbm, hash, noise } from './noise.mjs';

const WIDTH = 768;
const HEIGHT = 576;

// Metres: x along the row, y up from the water, z away from the viewer; the facades stand at z = 0.
// Several times faster than Math.hypot, and nothing here overflows.
const length = (a, b, c = 0) => Math.sqrt(a * a + b * b + c * c);
const normalise = (v) => {
  const n = length(v[0], v[1], v[2]);
  return [v[0] / n, v[1] / n, v[2] / n];
};
const SUN = normalise([0.62, 0.6, -0.56]);
const SUNLIGHT = [3.0, 2.5, 1.85];
const SKYLIGHT = [0.5, 0.62, 0.86];
const QUAY = 1.7;
const EYE = [-10.5, 3.9, -26];
const LOOK = normalise([0.36, 0.085, 1]);

// Each house: left edge, width, wall height, gable kind, colours, storeys, windows per storey, setback.
const plaster = [light('#c8452f'), light('#e5b04a'), light('#3f6f8f'), light('#e8dcc0'), light('#a8543a'), light('#6f8f6a'), light('#d98a5a'), light('#b9c4cc'), light('#c23f3f'), light('#e0c070')];
const houses = [];
{
  const widths = [6.4, 5.6, 6.2, 5.4, 6.6, 5.0, 6.0, 5.6, 7.0, 5.2, 6.2, 5.6, 6.4, 5.4, 6.4];
  const walls = [9.4, 11.6, 10.2, 8.4, 11.2, 9.0, 12.0, 8.2, 10.0, 11.4, 8.8, 10.6, 9.2, 11.2, 9.0];
  const kinds = ['bell', 'plain', 'step', 'bell', 'plain', 'step', 'neck', 'plain', 'step', 'bell', 'plain', 'neck', 'step', 'plain', 'bell'];
  let x = -29.5;
  widths.forEach((width, i) => {
    houses.push({
      x0: x, width, wall: walls[i] + QUAY, kind: kinds[i], colour: plaster[((i + 8) * 7 + 2) % 10], seed: i,
      storeys: walls[i] > 9.6 ? 3 : 2 + (i % 2), columns: width > 6.1 ? 3 : width > 5.5 ? 3 : 2, depth: 0.28 * hash(i, 5), roof: [light('#a24a32'), light('#4a5560'), light('#8c3f30')][i % 3],
    });
    x += width;
  });
}
function houseAt(x) {
  for (const h of houses) if (x < h.x0 + h.width) return h;
  return houses.at(-1);
}

/** Height of a gable's outline above the wall top, at `u` metres from the middle. */
function gable(h, u) {
  const half = h.width / 2;
  const a = Math.abs(u);
  if (a > half) return -9;
  const rise = h.width * 0.56;
  if (h.kind === 'step') return rise + 0.5 - Math.floor((a - 0.5) / 0.62 + 1) * ((rise + 0.4) / (Math.floor((half - 0.5) / 0.62) + 1));
  if (h.kind === 'neck') return a < half * 0.42 ? rise + 0.5 + 0.55 * Math.sqrt(Math.max(0, 1 - (a / (half * 0.42)) ** 2)) : 0.35 + rise * 0.62 * (1 - smooth(half * 0.42, half * 0.98, a)) ** 1.4;
  if (h.kind === 'bell') return a < half * 0.34 ? rise + 0.35 + 0.4 * Math.sqrt(Math.max(0, 1 - (a / (half * 0.34)) ** 2)) : 0.3 + (rise) * (1 - smooth(half * 0.2, half, a));
  return rise * (1 - a / half) + 0.15;
}

const box = (x, y, z, a, b, c) => {
  const dx = Math.abs(x) - a;
  const dy = Math.abs(y) - b;
  const dz = Math.abs(z) - c;
  return Math.min(Math.max(dx, dy, dz), 0) + length(Math.max(dx, 0), Math.max(dy, 0), Math.max(dz, 0));
};

/** Windows and doors of a facade: which opening a point lies in, with its own coordinates. */
function opening(h, x, y) {
  const u = x - h.x0 - h.width / 2;
  const base = QUAY + 0.15;
  const storey = (h.wall - base - 0.35) / h.storeys;
  const level = Math.floor((y - base) / storey);
  const inner = h.width - 0.9;
  if (level >= 0 && level < h.storeys) {
    const pitch = inner / h.columns;
    const column = clamp(Math.floor((u + inner / 2) / pitch), 0, h.columns - 1);
    const cx = -inner / 2 + (column + 0.5) * pitch;
    const ground = level === 0;
    const door = ground && column === h.seed % h.columns;
    const halfW = door ? 0.62 : Math.min(0.62, pitch * 0.34);
    const low = door ? 0.05 : ground ? 0.75 : 0.62;
    const high = storey - (door ? 0.42 : 0.42);
    const cy = base + level * storey + (low + high) / 2;
    return { dx: u - cx, dy: y - cy, halfW, halfH: (high - low) / 2, door, id: column + level * 8, level };
  }
  const cy = h.wall + h.width * 0.16;
  return { dx: u, dy: y - cy, halfW: 0.5, halfH: 0.62, door: false, id: 99, level: 9 };
}

const AIR = 0;
const FACADE = 1;
const ROOF = 2;
const STONE = 3;
const CHIMNEY = 4;
const HULL = 5;
const TREE = 6;
const LAMP = 7;
const TOWERED = 8;
let material = AIR;

const TREES = [[-9.6, 2.1], [5.2, 2.3], [19.5, 2.5], [34, 2.4]];
const TOWER = [37.5, 27];
const BOATS = [[-1.5, -6.1, 0], [13.2, -5.6, 1]];

/** Distance to the nearest surface but the water; sets `material`. */
function scene(x, y, z) {
  let best = 1e9;
  const take = (d, m) => {
    if (d < best) {
      best = d;
      material = m;
    }
  };
  // The quay, with a coping.
  take(Math.max(y - QUAY, -(z + 4.2)), STONE);
  take(box(0, y - QUAY + 0.06, z + 4.28, 1, 0.12, 0.2), STONE);
  if (z > -2 || best > 1) {
    if (y > 20 || z < -1.6) take(Math.max(0.8, length(Math.max(0, y - 18), Math.max(0, -z - 0.9))), AIR);
    else {
      const own = houseAt(x);
      const i = own.seed;
      for (let k = Math.max(0, i - 1); k <= Math.min(houses.length - 1, i + 1); k++) {
        const h = houses[k];
        const half = h.width / 2;
        const u = x - h.x0 - half;
        const front = z - h.depth;
        // Facade: a slab with the gable's outline.
        const outline = Math.max(Math.abs(u) - half + 0.02, (y - h.wall - gable(h, u)) * (h.kind === 'step' ? 0.55 : 0.62));
        let d = Math.max(outline, -front, front - 0.45);
        if (k === i && d < 0.6) {
          const o = opening(h, x, y);
          const hole = Math.max(Math.abs(o.dx) - o.halfW, Math.abs(o.dy) - o.halfH);
          d = Math.max(d, -Math.max(hole, front - 0.16));
          // Sills and lintels.
          if (!o.door) d = Math.min(d, box(o.dx, o.dy + o.halfH + 0.05, front + 0.02, o.halfW + 0.12, 0.05, 0.1));
          d = Math.min(d, box(u, y - h.wall - 0.02, front + 0.03, half - 0.03, 0.1, 0.1));
        }
        take(d, FACADE);
        // Roof behind the gable and the body of the house.
        const rise = h.width * 0.56;
        const slope = (y - h.wall - rise * (1 - Math.abs(u) / half) + 0.12) * 0.66;
        take(Math.max(slope, Math.abs(u) - half + 0.05, 0.3 - front, front - 11), ROOF);
        const cx = u - half * (k % 2 ? 0.55 : -0.55);
        const chimney = box(cx, y - h.wall - rise * 0.75, front - 3.2, 0.42, 1.5, 0.42);
        take(chimney, CHIMNEY);
      }
    }
  }
  for (const [tx, r] of TREES) {
    const dx = x - tx;
    const dz = z + 2.6;
    const dy = y - QUAY - 5.0;
    const d = length(dx, dy * 0.85, dz) - r;
    if (d < 1.2) {
      let crown = 1e9;
      for (let k = 0; k < 14; k++) {
        const lift = 1 - (2 * k + 1) / 14;
        const ring = Math.sqrt(1 - lift * lift) * 0.66 * r;
        const a = k * 2.39996 + tx;
        crown = Math.min(crown, length(dx - ring * Math.cos(a), dy - lift * 0.82 * r, dz - ring * Math.sin(a)) - r * (0.36 + 0.14 * hash(k, tx | 0)));
      }
      const leaves = 0.2 * noise(x * 2.1 + z, y * 2.1 - z) + 0.17 * noise(x * 4.6 - y, z * 4.6 + y * 2) + 0.1 * noise(x * 10 + z * 6, y * 10);
      take((crown - leaves) * 0.55, TREE);
    } else take(d - 0.8, TREE);
    if (y < QUAY + 4.5) take(Math.max(length(dx + 0.08 * Math.sin(y * 1.6), dz) - 0.17 - 0.12 * smooth(0.8, 0, y - QUAY), y - QUAY - 4.5), CHIMNEY);
  }
  // A church tower behind the row: brick shaft, belfry, slate spire.
  {
    const dx = x - TOWER[0];
    const dz = z - TOWER[1];
    const high = y * 0.78;
    const near = Math.max(Math.abs(dx), Math.abs(dz)) - 3.2;
    if (near > 1.5) take(length(near, Math.max(0, high - 36)), TOWERED);
    else {
      const shaft = Math.max(Math.abs(dx) - 2.3, Math.abs(dz) - 2.3, high - 20);
      const bay = Math.max(Math.abs(Math.abs(dx) - 0.95) - 0.5, Math.abs(high - 17.3) - 1.3 + 0.4 * Math.abs(Math.abs(dx) - 0.95));
      const deep = Math.max(shaft, -Math.max(bay, Math.abs(dz) - 9, -(Math.abs(dz) - 2.0)));
      take(deep, TOWERED);
      for (const level of [11.5, 14.9, 20]) take(box(dx, high - level, dz, 2.5, 0.16, 2.5), TOWERED);
      const eight = Math.max(Math.abs(dx), Math.abs(dz), (Math.abs(dx) + Math.abs(dz)) * 0.7071);
      take(Math.max(eight - 1.75, high - 23, 20 - high), TOWERED);
      take(Math.max((eight - 2.05 * clamp((34 - high) / 11) ** 1.15) * 0.8, 22.9 - high, high - 34), TOWERED);
      take(Math.max(length(dx, dz) - 0.07, Math.abs(high - 34.4) - 1.1), LAMP);
    }
  }
  for (const [bx, bz, kind] of BOATS) {
    const dx = x - bx;
    const dz = z - bz;
    if (Math.abs(dx) > 5 || Math.abs(dz) > 3) {
      take(Math.max(0.8, length(Math.max(0, Math.abs(dx) - 4), Math.max(0, Math.abs(dz) - 1.5))), HULL);
      continue;
    }
    const t = clamp(Math.abs(dx) / 3.1);
    const beam = 0.95 * Math.sqrt(1 - t ** 2.6 * 0.98);
    const sheer = 0.62 + 0.35 * t * t;
    const shell = Math.max(Math.abs(dz) - beam * (0.82 + 0.2 * y), y - sheer, Math.abs(dx) - 3.05) * 0.75;
    const hollow = Math.max(Math.abs(dz) - beam * 0.84, 0.32 - y, Math.abs(dx) - 2.7);
    take(Math.max(shell, -hollow), HULL);
    if (kind) take(box(dx + 0.5, y - 0.85, dz, 0.85, 0.45, 0.55) - 0.05, HULL);
    else for (const s of [-1.2, 0.3, 1.6]) take(box(dx - s, y - 0.5, dz, 0.14, 0.04, 0.75), HULL);
  }
  for (const lx of [-13.2, -1.4, 11.6, 26]) {
    const dx = x - lx;
    const dz = z + 3.7;
    if (y < QUAY + 3.2) take(Math.max(length(dx, dz) - 0.055, y - QUAY - 3.2), LAMP);
    take(box(dx, y - QUAY - 3.45, dz, 0.15, 0.24, 0.15), LAMP);
  }
  return best;
}

function normalAt(x, y, z) {
  const e = 0.004;
  return normalise([scene(x + e, y, z) - scene(x - e, y, z), scene(x, y + e, z) - scene(x, y - e, z), scene(x, y, z + e) - scene(x, y, z - e)]);
}

function march(o, d, far) {
  let t = 0.02;
  for (let i = 0; i < 220 && t < far; i++) {
    const s = scene(o[0] + d[0] * t, o[1] + d[1] * t, o[2] + d[2] * t);
    if (s < 0.0006 * (1 + t * 0.2)) return t;
    t += s * 0.88;
  }
  return t < far ? t : -1;
}

function sunshine(x, y, z) {
  let open = 1;
  for (let t = 0.06; t < 26;) {
    const s = scene(x + SUN[0] * t, y + SUN[1] * t, z + SUN[2] * t);
    open = Math.min(open, 0.5 + 0.5 * ((s * 26) / t));
    if (open < 0.02) return 0;
    t += clamp(s * 0.8, 0.03, 1.2);
  }
  return open * open * (3 - 2 * open);
}

function occlusion(x, y, z, n) {
  let sum = 0;
  let weight = 1;
  for (let i = 1; i <= 5; i++) {
    const h = 0.1 * i * i * 0.75;
    sum += weight * Math.max(0, h - scene(x + n[0] * h, y + n[1] * h, z + n[2] * h));
    weight *= 0.56;
  }
  return clamp(1 - 0.62 * sum);
}

function sky(d) {
  const up = clamp(d[1]);
  let c = ramp([light('#f6e3c4'), light('#d3dfe2'), light('#9cc3df'), light('#6ba4d6'), light('#4a86c6'), light('#3b74b8')], (up * 1.5) ** 0.8).map((v) => v * 1.25);
  const px = d[0] / (up + 0.22);
  const pz = d[2] / (up + 0.22);
  const puff = (a, b) => fbm(a * 0.95 + 4.2, b * 1.25 + 1.1, 7, 0.53);
  const here = puff(px, pz);
  const cover = smooth(0.04, 0.2, here) * smooth(0.03, 0.16, up);
  const towards = puff(px + 0.12, pz - 0.1);
  const body = mix([0.78, 0.8, 0.88], [2.1, 1.95, 1.75], clamp(0.55 + 2.2 * (here - towards)));
  c = mix(c, body, cover * 0.92);
  return c;
}

/** Colour and gloss of a surface point. */
function surface(m, x, y, z, n) {
  const h = houseAt(x);
  if (m === FACADE) {
    const front = z - h.depth;
    const o = opening(h, x, y);
    const inside = Math.abs(o.dx) < o.halfW + 0.005 && Math.abs(o.dy) < o.halfH + 0.005;
    if (inside && front > 0.12) {
      if (o.door) {
        const panel = Math.min(Math.abs(Math.abs(o.dx) - 0.3), Math.abs(((o.dy + 5) % 0.7) - 0.35));
        const c = [light('#1f4a3c'), light('#7a2420'), light('#22365c')][h.seed % 3];
        return { albedo: scale(c, panel < 0.03 ? 0.55 : 1), gloss: 0.06 };
      }
      const bar = Math.abs(o.dx) < 0.04 || Math.abs(o.dy - o.halfH * 0.24) < 0.04 || o.halfW - Math.abs(o.dx) < 0.075 || o.halfH - Math.abs(o.dy) < 0.075
        || Math.abs(Math.abs(o.dy - o.halfH * 0.24) - o.halfH * 0.52) < 0.022;
      if (bar) return { albedo: [0.82, 0.8, 0.74], gloss: 0 };
      const curtain = o.dx * (hash(o.id, h.seed) > 0.5 ? 1 : -1) > o.halfW * 0.25 && hash(o.id, h.seed, 2) > 0.35;
      const lamp = hash(o.id, h.seed, 8) > 0.86 ? [0.55, 0.33, 0.1] : null;
      return { albedo: curtain ? [0.36, 0.33, 0.29] : [0.03, 0.035, 0.045], gloss: 0.62, glow: lamp };
    }
    if (Math.abs(y - h.wall - 0.02) < 0.11 && front < 0 || front < -0.025) return { albedo: [0.8, 0.77, 0.7], gloss: 0 };
    const frame = Math.max(Math.abs(o.dx) - o.halfW, Math.abs(o.dy) - o.halfH);
    if (frame > 0 && frame < 0.11 && Math.abs(n[2]) > 0.8) return { albedo: [0.8, 0.77, 0.69], gloss: 0 };
    if (y < QUAY + 0.6) return { albedo: scale([0.36, 0.35, 0.34], 1 + 0.15 * noise(x * 3, y * 6)), gloss: 0 };
    const edge = h.wall + gable(h, x - h.x0 - h.width / 2) - y;
    if (edge < 0.16 && y > h.wall) return { albedo: [0.82, 0.79, 0.72], gloss: 0 };
    // Brick courses on some fronts, plaster on the others.
    let c = h.colour;
    const weather = 1 + 0.1 * fbm(x * 0.8, y * 0.5, 4) - 0.12 * smooth(0.6, 0, o.halfH + 0.1 + o.dy) * smooth(0.2, 0.9, noise(x * 5, 3)) ;
    if (h.seed % 3 !== 1) {
      const row = Math.floor(y / 0.13);
      const brick = Math.floor((x + (row % 2) * 0.15) / 0.3);
      const joint = Math.min(y / 0.13 - row, 1 - (y / 0.13 - row)) < 0.09;
      c = scale(c, joint ? 0.9 : 0.93 + 0.17 * hash(brick, row, h.seed));
    }
    return { albedo: scale(c, weather), gloss: 0 };
  }
  if (m === ROOF) {
    const row = Math.floor((y + 0.02 * Math.sin(z * 20)) / 0.21);
    const lap = y / 0.21 - row;
    return { albedo: scale(h.roof, (0.72 + 0.4 * lap) * (0.85 + 0.3 * hash(Math.floor(z / 0.3), row, h.seed))), gloss: 0.02 };
  }
  if (m === CHIMNEY) return { albedo: y < QUAY + 4.1 && z < -1 ? [0.09, 0.07, 0.055] : scale([0.36, 0.17, 0.12], 0.9 + 0.2 * noise(x * 4, y * 9)), gloss: 0 };
  if (m === STONE) {
    if (n[1] > 0.7) return { albedo: scale([0.5, 0.45, 0.38], 0.92 + 0.16 * noise(x * 2.2, z * 2.2)), gloss: 0 };
    const row = Math.floor(y / 0.42);
    const block = Math.floor((x + (row % 2) * 0.45) / 0.9);
    const joint = y / 0.42 - row < 0.08 || (x + (row % 2) * 0.45) / 0.9 - block < 0.035;
    const moss = smooth(0.75, 0.1, y + 0.2 * noise(x * 2, 1));
    const c = scale([0.36, 0.32, 0.275], (joint ? 0.6 : 1) * (0.84 + 0.3 * hash(block, row, 3)));
    return { albedo: mix(c, [0.07, 0.095, 0.045], moss * 0.75), gloss: 0 };
  }
  if (m === HULL) {
    const first = x < 6;
    if (y > 0.38 && y < 1.5 && !first && Math.abs(z + 5.6) < 0.64 && x < 13.7 && x > 11.7) return { albedo: Math.abs(y - 0.95) < 0.17 && Math.abs(((x + 20) % 0.56) - 0.28) < 0.19 ? [0.03, 0.04, 0.05] : [0.8, 0.77, 0.68], gloss: 0.1 };
    if (y > (first ? 0.5 : 0.54) + 0.03 * Math.abs(x - (first ? -1.5 : 13.2)) && Math.abs(n[1]) < 0.8) return { albedo: first ? [0.85, 0.8, 0.68] : [0.7, 0.5, 0.14], gloss: 0.04 };
    return { albedo: first ? (n[1] > 0.6 ? [0.4, 0.24, 0.12] : [0.09, 0.22, 0.3]) : (n[1] > 0.6 ? [0.42, 0.27, 0.14] : [0.42, 0.06, 0.045]), gloss: 0.05 };
  }
  if (m === TOWERED) {
    const high = y * 0.78;
    if (high > 22.9) return { albedo: scale([0.15, 0.25, 0.24], 0.9 + 0.2 * noise(x * 2, y * 2.5)), gloss: 0.08 };
    const trim = [11.5, 14.9, 20].some((level) => Math.abs(high - level) < 0.18);
    return { albedo: trim ? [0.62, 0.57, 0.48] : scale([0.42, 0.23, 0.15], 0.9 + 0.2 * noise(x * 1.3, y * 5)), gloss: 0 };
  }
  if (m === TREE) {
    const f = noise(x * 6 + z * 3, y * 6) * 0.5 + 0.5;
    return { albedo: mix([0.055, 0.11, 0.025], [0.2, 0.25, 0.05], f), gloss: 0 };
  }
  return { albedo: [0.03, 0.04, 0.038], gloss: 0.1, glow: y > QUAY + 3.25 ? [0.5, 0.46, 0.36] : null };
}

/** Light along a ray; `bounces` left for water and window panes. */
function trace(o, d, bounces) {
  const water = d[1] < 0 && bounces > 0 ? -o[1] / d[1] : 1e9;
  const far = Math.min(water, 110);
  const t = march(o, d, far);
  if (t < 0) {
    if (water > 110) return sky(d);
    const x = o[0] + d[0] * water;
    const z = o[2] + d[2] * water;
    const dist = water;
    const calm = 1 / (1 + dist * 0.02);
    const wave = (a, b) => 0.62 * noise(a * 0.5, b * 1.05) + 0.2 * noise(a * 1.2 + 3, b * 2.6) + 0.05 * noise(a * 3.2, b * 6.3);
    const e = 0.05;
    const amp = 0.04 * calm * (0.45 + 0.6 * smooth(-0.3, 0.5, fbm(x * 0.1, z * 0.2, 3)));
    const n = normalise([(-(wave(x + e, z) - wave(x - e, z)) / (2 * e)) * amp * 0.6, 1, (-(wave(x, z + e) - wave(x, z - e)) / (2 * e)) * amp]);
    const cos = -(d[0] * n[0] + d[1] * n[1] + d[2] * n[2]);
    const r = [d[0] + 2 * cos * n[0], Math.abs(d[1] + 2 * cos * n[1]), d[2] + 2 * cos * n[2]];
    const mirrored = trace([x, 0.002, z], r, 0);
    const fresnel = 0.1 + 0.9 * (1 - clamp(cos)) ** 3.4;
    return mix([0.022, 0.062, 0.058], mirrored, clamp(fresnel * 1.15));
  }
  const p = [o[0] + d[0] * t, o[1] + d[1] * t, o[2] + d[2] * t];
  scene(...p);
  const m = material;
  const n = normalAt(...p);
  const look = surface(m, p[0], p[1], p[2], n);
  const facing = clamp(n[0] * SUN[0] + n[1] * SUN[1] + n[2] * SUN[2]);
  const q = [p[0] + n[0] * 0.012, p[1] + n[1] * 0.012, p[2] + n[2] * 0.012];
  const direct = facing > 0 ? facing * sunshine(...q) : 0;
  const open = occlusion(...p, n);
  const up = 0.55 + 0.45 * n[1];
  const bounce = clamp(0.5 - 0.5 * n[1]) * 0.35 + (m === TREE ? 0.2 : 0.1);
  let c = look.albedo.map((a, k) => a * (SUNLIGHT[k] * direct + open * (SKYLIGHT[k] * up * 0.95 + [0.5, 0.42, 0.3][k] * bounce)));
  if (look.glow) c = c.map((v, k) => v + look.glow[k]);
  if (look.gloss > 0) {
    const cos = -(d[0] * n[0] + d[1] * n[1] + d[2] * n[2]);
    const wobble = look.gloss > 0.3 ? 0.03 : 0;
    const r = normalise([d[0] + 2 * cos * n[0] + wobble * noise(p[0] * 3, p[1] * 3), Math.abs(d[1] + 2 * cos * n[1]) + 0.12, d[2] + 2 * cos * n[2]]);
    c = mix(c, scale(sky(r), 0.75), look.gloss * (0.3 + 0.7 * (1 - clamp(cos)) ** 4));
  }
  const haze = 1 - Math.exp(-((t / 130) ** 1.5));
  return mix(c, [0.95, 0.95, 0.95], haze * 0.8);
}

const RIGHTWARDS = normalise([LOOK[2], 0, -LOOK[0]]);
function ray(px, py) {
  // Verticals stay vertical: the view is level and the frame is shifted upwards.
  const u = (px - WIDTH / 2) / HEIGHT / 0.86;
  const v = (HEIGHT * 0.655 - py) / HEIGHT / 0.86;
  const f = normalise([LOOK[0], 0, LOOK[2]]);
  return normalise([f[0] + RIGHTWARDS[0] * u, v, f[2] + RIGHTWARDS[2] * u]);
}

const film = (v) => clamp((v * (2.51 * v + 0.03)) / (v * (2.43 * v + 0.59) + 0.14)) ** (1 / 2.2);
const shot = (x, y) => scale(trace(EYE, ray(x, y), 1), 0.56).map(film);
const quick = process.argv.includes('--quick');
const picture = new Picture(WIDTH, HEIGHT);
picture.each((x, y) => (quick && (x % 2 || y % 2) ? picture.get(x - (x % 2), y - (y % 2)) : shot(x + 0.5, y + 0.5)));
// Four more rays wherever the neighbours differ.
const edges = new Picture(WIDTH, HEIGHT);
edges.data.set(picture.data);
if (!quick) {
  picture.each((x, y, c) => {
    let contrast = 0;
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      const o = edges.get(x + dx, y + dy);
      contrast = Math.max(contrast, Math.abs(o[0] - c[0]), Math.abs(o[1] - c[1]), Math.abs(o[2] - c[2]));
    }
    if (contrast < 0.06) return c;
    let sum = c;
    const offsets = [[0.375, 0.125], [0.875, 0.375], [0.625, 0.875], [0.125, 0.625]];
    for (const [dx, dy] of offsets) sum = shot(x + dx, y + dy).map((v, k) => v + sum[k]);
    return scale(sum, 0.2);
  });
}
picture.save(output('houses'), { bits: 7 });

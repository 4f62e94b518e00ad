// houses.png: a row of gabled houses along a canal on a summer afternoon.
// Ray-marched signed distances with a soft-edged sun, ambient occlusion and a rippled canal that
// mirrors the row. Facade detail (windows, brick, doors) is part of the distance where it casts
// shadows and of the colour where it does not. All arithmetic is in light.
import { Picture, clamp, light, mix, output, ramp, scale, smooth } from './canvas.mjs';
import { fbm, hash, noise } from './noise.mjs';
import {
  CHIMNEY,
  FACADE,
  HULL,
  QUAY,
  ROOF,
  STONE,
  TOWERED,
  TREE,
  gable,
  houseAt,
  material,
  normalise,
  opening,
  scene,
} from './town.mjs';

const WIDTH = 768;
const HEIGHT = 576;

const SUN = normalise([0.62, 0.6, -0.56]);
const SUNLIGHT = [3.0, 2.5, 1.85];
const SKYLIGHT = [0.5, 0.62, 0.86];
const EYE = [-10.5, 3.9, -26];
const LOOK = normalise([0.36, 0.085, 1]);

function normalAt(x, y, z) {
  const e = 0.004;
  return normalise([
    scene(x + e, y, z) - scene(x - e, y, z),
    scene(x, y + e, z) - scene(x, y - e, z),
    scene(x, y, z + e) - scene(x, y, z - e),
  ]);
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
  let c = ramp(
    [
      light('#f6e3c4'),
      light('#d3dfe2'),
      light('#9cc3df'),
      light('#6ba4d6'),
      light('#4a86c6'),
      light('#3b74b8'),
    ],
    (up * 1.5) ** 0.8,
  ).map((v) => v * 1.25);
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
      const bar =
        Math.abs(o.dx) < 0.04 ||
        Math.abs(o.dy - o.halfH * 0.24) < 0.04 ||
        o.halfW - Math.abs(o.dx) < 0.075 ||
        o.halfH - Math.abs(o.dy) < 0.075 ||
        Math.abs(Math.abs(o.dy - o.halfH * 0.24) - o.halfH * 0.52) < 0.022;
      if (bar) return { albedo: [0.82, 0.8, 0.74], gloss: 0 };
      const curtain =
        o.dx * (hash(o.id, h.seed) > 0.5 ? 1 : -1) > o.halfW * 0.25 && hash(o.id, h.seed, 2) > 0.35;
      const lamp = hash(o.id, h.seed, 8) > 0.86 ? [0.55, 0.33, 0.1] : null;
      return {
        albedo: curtain ? [0.36, 0.33, 0.29] : [0.03, 0.035, 0.045],
        gloss: 0.62,
        glow: lamp,
      };
    }
    if ((Math.abs(y - h.wall - 0.02) < 0.11 && front < 0) || front < -0.025)
      return { albedo: [0.8, 0.77, 0.7], gloss: 0 };
    const frame = Math.max(Math.abs(o.dx) - o.halfW, Math.abs(o.dy) - o.halfH);
    if (frame > 0 && frame < 0.11 && Math.abs(n[2]) > 0.8)
      return { albedo: [0.8, 0.77, 0.69], gloss: 0 };
    if (y < QUAY + 0.6)
      return { albedo: scale([0.36, 0.35, 0.34], 1 + 0.15 * noise(x * 3, y * 6)), gloss: 0 };
    const edge = h.wall + gable(h, x - h.x0 - h.width / 2) - y;
    if (edge < 0.16 && y > h.wall) return { albedo: [0.82, 0.79, 0.72], gloss: 0 };
    // Brick courses on some fronts, plaster on the others.
    let c = h.colour;
    const weather =
      1 +
      0.1 * fbm(x * 0.8, y * 0.5, 4) -
      0.12 * smooth(0.6, 0, o.halfH + 0.1 + o.dy) * smooth(0.2, 0.9, noise(x * 5, 3));
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
    return {
      albedo: scale(
        h.roof,
        (0.72 + 0.4 * lap) * (0.85 + 0.3 * hash(Math.floor(z / 0.3), row, h.seed)),
      ),
      gloss: 0.02,
    };
  }
  if (m === CHIMNEY)
    return {
      albedo:
        y < QUAY + 4.1 && z < -1
          ? [0.09, 0.07, 0.055]
          : scale([0.36, 0.17, 0.12], 0.9 + 0.2 * noise(x * 4, y * 9)),
      gloss: 0,
    };
  if (m === STONE) {
    if (n[1] > 0.7)
      return { albedo: scale([0.5, 0.45, 0.38], 0.92 + 0.16 * noise(x * 2.2, z * 2.2)), gloss: 0 };
    const row = Math.floor(y / 0.42);
    const block = Math.floor((x + (row % 2) * 0.45) / 0.9);
    const joint = y / 0.42 - row < 0.08 || (x + (row % 2) * 0.45) / 0.9 - block < 0.035;
    const moss = smooth(0.75, 0.1, y + 0.2 * noise(x * 2, 1));
    const c = scale([0.36, 0.32, 0.275], (joint ? 0.6 : 1) * (0.84 + 0.3 * hash(block, row, 3)));
    return { albedo: mix(c, [0.07, 0.095, 0.045], moss * 0.75), gloss: 0 };
  }
  if (m === HULL) {
    const first = x < 6;
    if (y > 0.38 && y < 1.5 && !first && Math.abs(z + 5.6) < 0.64 && x < 13.7 && x > 11.7)
      return {
        albedo:
          Math.abs(y - 0.95) < 0.17 && Math.abs(((x + 20) % 0.56) - 0.28) < 0.19
            ? [0.03, 0.04, 0.05]
            : [0.8, 0.77, 0.68],
        gloss: 0.1,
      };
    if (
      y > (first ? 0.5 : 0.54) + 0.03 * Math.abs(x - (first ? -1.5 : 13.2)) &&
      Math.abs(n[1]) < 0.8
    )
      return { albedo: first ? [0.85, 0.8, 0.68] : [0.7, 0.5, 0.14], gloss: 0.04 };
    return {
      albedo: first
        ? n[1] > 0.6
          ? [0.4, 0.24, 0.12]
          : [0.09, 0.22, 0.3]
        : n[1] > 0.6
          ? [0.42, 0.27, 0.14]
          : [0.42, 0.06, 0.045],
      gloss: 0.05,
    };
  }
  if (m === TOWERED) {
    const high = y * 0.78;
    if (high > 22.9)
      return { albedo: scale([0.15, 0.25, 0.24], 0.9 + 0.2 * noise(x * 2, y * 2.5)), gloss: 0.08 };
    const trim = [11.5, 14.9, 20].some((level) => Math.abs(high - level) < 0.18);
    return {
      albedo: trim
        ? [0.62, 0.57, 0.48]
        : scale([0.42, 0.23, 0.15], 0.9 + 0.2 * noise(x * 1.3, y * 5)),
      gloss: 0,
    };
  }
  if (m === TREE) {
    const f = noise(x * 6 + z * 3, y * 6) * 0.5 + 0.5;
    return { albedo: mix([0.055, 0.11, 0.025], [0.2, 0.25, 0.05], f), gloss: 0 };
  }
  return {
    albedo: [0.03, 0.04, 0.038],
    gloss: 0.1,
    glow: y > QUAY + 3.25 ? [0.5, 0.46, 0.36] : null,
  };
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
    const wave = (a, b) =>
      0.62 * noise(a * 0.5, b * 1.05) +
      0.2 * noise(a * 1.2 + 3, b * 2.6) +
      0.05 * noise(a * 3.2, b * 6.3);
    const e = 0.05;
    const amp = 0.04 * calm * (0.45 + 0.6 * smooth(-0.3, 0.5, fbm(x * 0.1, z * 0.2, 3)));
    const n = normalise([
      (-(wave(x + e, z) - wave(x - e, z)) / (2 * e)) * amp * 0.6,
      1,
      (-(wave(x, z + e) - wave(x, z - e)) / (2 * e)) * amp,
    ]);
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
  let c = look.albedo.map(
    (a, k) =>
      a * (SUNLIGHT[k] * direct + open * (SKYLIGHT[k] * up * 0.95 + [0.5, 0.42, 0.3][k] * bounce)),
  );
  if (look.glow) c = c.map((v, k) => v + look.glow[k]);
  if (look.gloss > 0) {
    const cos = -(d[0] * n[0] + d[1] * n[1] + d[2] * n[2]);
    const wobble = look.gloss > 0.3 ? 0.03 : 0;
    const r = normalise([
      d[0] + 2 * cos * n[0] + wobble * noise(p[0] * 3, p[1] * 3),
      Math.abs(d[1] + 2 * cos * n[1]) + 0.12,
      d[2] + 2 * cos * n[2],
    ]);
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
picture.each((x, y) =>
  quick && (x % 2 || y % 2) ? picture.get(x - (x % 2), y - (y % 2)) : shot(x + 0.5, y + 0.5),
);
// Four more rays wherever the neighbours differ.
const edges = new Picture(WIDTH, HEIGHT);
edges.data.set(picture.data);
if (!quick) {
  picture.each((x, y, c) => {
    let contrast = 0;
    for (const [dx, dy] of [
      [1, 0],
      [-1, 0],
      [0, 1],
      [0, -1],
    ]) {
      const o = edges.get(x + dx, y + dy);
      contrast = Math.max(
        contrast,
        Math.abs(o[0] - c[0]),
        Math.abs(o[1] - c[1]),
        Math.abs(o[2] - c[2]),
      );
    }
    if (contrast < 0.06) return c;
    let sum = c;
    const offsets = [
      [0.375, 0.125],
      [0.875, 0.375],
      [0.625, 0.875],
      [0.125, 0.625],
    ];
    for (const [dx, dy] of offsets) sum = shot(x + dx, y + dy).map((v, k) => v + sum[k]);
    return scale(sum, 0.2);
  });
}
picture.save(output('houses'), { bits: 7 });

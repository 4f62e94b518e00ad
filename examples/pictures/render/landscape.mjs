// landscape.png: a mountain lake in evening light.
// The camera has no tilt, so all rays of one pixel column share a vertical plane and are marched
// over the height field together, front to back. The lake shows the scene from a mirrored camera.
// All arithmetic is in light; the film curve at the end makes sRGB.
import { Picture, clamp, lerp, mix, output, ramp, scale, smooth } from './canvas.mjs';
import { eroded, fbm, hash, noise, stream } from './noise.mjs';

const LARGE = 2;
const W = 768 * LARGE;
const H = 576 * LARGE;
const FOCAL = 1.18 * H;
const HORIZON = 0.585 * H;
const EYE = 7.5;
const FAR = 11000;

// Distances in metres: x to the right, z ahead, heights above the lake.
const SUN = normalise([-0.8, 0.37, 0.1]);
const SUNLIGHT = [3.3, 2.2, 1.28];
const SKYLIGHT = [0.32, 0.46, 0.78];

function normalise(v) {
  const n = Math.hypot(...v);
  return v.map((c) => c / n);
}
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const bump = (x, z, cx, cz, rx, rz) => Math.exp(-(((x - cx) / rx) ** 2) - ((z - cz) / rz) ** 2);

/** Height of the ground in metres; below zero is lake. */
function ground(x, z, octaves) {
  // Ridges run down from the summits: the ground is bent by noise before the mountains are raised.
  const bentX = x + 420 * noise(x / 1300 + 3.1, z / 1300) + 150 * noise(x / 430, z / 430 + 8);
  const bentZ = z + 420 * noise(x / 1300 + 7.7, z / 1300 + 2) + 150 * noise(x / 430 + 4, z / 430);
  const rough = eroded(x / 1250 + 11.4, z / 1250 + 3.2, octaves);
  const crag = 1 - Math.abs(noise(bentX / 900 + 5.5, bentZ / 900 + 1.5)) * 1.9;
  const buttress = 1 - Math.abs(noise(bentX / 380 + 1.5, bentZ / 460 + 6.5)) * 1.9;
  const massif =
    1120 * bump(bentX, bentZ, 900, 5700, 760, 1000) +
    800 * bump(bentX, bentZ, -120, 6300, 800, 900) +
    620 * bump(bentX, bentZ, 1750, 6100, 700, 800) +
    1200 * bump(bentX, bentZ, -2350, 6800, 950, 1200) +
    900 * bump(bentX, bentZ, -1100, 8200, 900, 900) +
    1150 * bump(bentX, bentZ, 3000, 7000, 950, 1100) +
    1100 * bump(bentX, bentZ, 1700, 9000, 1200, 900);
  const shoulders =
    520 * bump(bentX, bentZ, -1750, 2900, 700, 1000) +
    380 * bump(bentX, bentZ, 1950, 3100, 800, 950);
  const basin =
    -5 + 16 * smooth(1500, 2700, z + 0.25 * Math.abs(x) + 190 * noise(x / 520, z / 520 + 9));
  const banks =
    13 *
    smooth(7, 38, Math.abs(x - 3) - 0.16 * z + 7 * noise(x / 24, z / 24 + 2)) *
    smooth(150, 70, z);
  const headland = 34 * bump(x, z, 430, 900, 260, 90) + 30 * bump(x, z, -420, 610, 230, 60);
  const far = massif + shoulders;
  const rise = smooth(0, 260, far);
  return (
    basin +
    far * (0.6 + 0.42 * rough + 0.36 * crag + 0.15 * buttress) +
    rise * 110 * rough +
    3.5 * rough * (1 - rise) +
    banks +
    headland
  );
}

// A coarse grid of heights for shadows and tree roots.
const GRID = 640;
const CELL = 18;
const heights = new Float32Array(GRID * GRID);
for (let j = 0; j < GRID; j++) {
  for (let i = 0; i < GRID; i++) heights[j * GRID + i] = ground((i - GRID / 2) * CELL, j * CELL, 7);
}
function coarse(x, z) {
  const fx = clamp(x / CELL + GRID / 2, 0, GRID - 2);
  const fz = clamp(z / CELL, 0, GRID - 2);
  const i = fx | 0;
  const j = fz | 0;
  const at = j * GRID + i;
  const top = lerp(heights[at], heights[at + 1], fx - i);
  return lerp(top, lerp(heights[at + GRID], heights[at + GRID + 1], fx - i), fz - j);
}

/** Share of the sun that reaches a point, with a soft edge. */
function sunshine(x, y, z) {
  let open = 1;
  for (let t = 30; t < 3200; t *= 1.13) {
    const clearance = y + SUN[1] * t - coarse(x + SUN[0] * t, z + SUN[2] * t);
    open = Math.min(open, 0.5 + (clearance / t) * 16);
    if (open <= 0) return 0;
  }
  return clamp(open);
}

/** Light from the sky in a direction: gradient, glow, and two layers of cloud. */
function sky(dx, dy, dz) {
  const up = clamp(dy, 0, 1);
  const base = ramp(
    [
      [1.12, 0.72, 0.42],
      [0.86, 0.66, 0.52],
      [0.4, 0.5, 0.64],
      [0.16, 0.3, 0.56],
      [0.085, 0.19, 0.44],
      [0.06, 0.14, 0.36],
    ],
    (up * 1.9) ** 0.72,
  );
  const toSun = clamp(dx * SUN[0] + dy * SUN[1] + dz * SUN[2], 0, 1);
  let colour = base.map((c, k) => c + [0.9, 0.5, 0.22][k] * (0.4 * toSun ** 5 + 0.5 * toSun ** 24));
  // High streaks.
  const sx = dx / (up + 0.09);
  const sz = dz / (up + 0.09);
  const streak =
    smooth(0.08, 0.62, fbm(sx * 0.55 + 4, sz * 1.5 + 0.2 * sx, 5)) * smooth(0.02, 0.2, up);
  colour = mix(colour, [1.05, 0.72, 0.56], 0.5 * streak);
  // Cumulus as a band of billows above the ranges; density falls upwards.
  const azimuth = Math.atan2(dx, dz) * 4.2;
  const density = (a, h) => {
    const billow = fbm(a * 1.5 + 3.3, h * 13 + 1.7, 7, 0.55);
    const mass =
      0.62 * Math.exp(-(((a + 1.05) / 0.85) ** 2)) +
      0.42 * Math.exp(-(((a - 1.9) / 0.8) ** 2)) -
      0.22;
    return billow * 0.85 + mass - Math.abs(h - 0.205) * 4.6 * (h < 0.205 ? 1.5 : 1);
  };
  const here = density(azimuth, up);
  if (here > 0) {
    const towards = density(azimuth - 0.14, up + 0.02);
    const lit = clamp(0.52 + 1.5 * (here - towards));
    const body = mix([0.36, 0.36, 0.47], [1.75, 1.22, 0.8], lit);
    colour = mix(colour, body, smooth(0, 0.1, here) * 0.96);
  }
  return colour;
}

/** Blue-gold air between the eye and a point. */
function air(colour, distance, height, direction) {
  const thickness = 1 - Math.exp(-((distance / 12500) ** 1.2) * Math.exp(-height / 2100));
  const toSun = clamp(direction[0] * SUN[0] + direction[2] * SUN[2], 0, 1);
  const haze = mix([0.36, 0.46, 0.66], [0.98, 0.7, 0.47], 0.25 + 0.6 * toSun);
  return mix(colour, haze, thickness * 0.9);
}

/** Colour of bare ground. */
function land(x, y, z, distance) {
  const octaves = distance > 3500 ? 9 : distance > 900 ? 10 : 11;
  const e = Math.max(0.6, distance * 0.0011);
  const normal = normalise([
    ground(x - e, z, octaves) - ground(x + e, z, octaves),
    2 * e,
    ground(x, z - e, octaves) - ground(x, z + e, octaves),
  ]);
  const grain = fbm(x / 70, z / 70 + y / 60, 4);
  const strata = noise(x / 900, y / 34 + grain);
  let albedo = mix(
    [0.2, 0.165, 0.15],
    [0.36, 0.31, 0.275],
    clamp(0.5 + 0.5 * strata + 0.4 * grain),
  );
  const grass = smooth(0.5, 0.78, normal[1] + 0.15 * grain) * smooth(760, 380, y + 160 * grain);
  albedo = mix(albedo, mix([0.075, 0.1, 0.032], [0.19, 0.165, 0.05], clamp(0.5 + grain)), grass);
  const snow =
    smooth(0.34, 0.56, normal[1] + 0.12 * grain) *
    smooth(760, 1120, y + 260 * grain + 120 * noise(x / 300, z / 300));
  albedo = mix(albedo, [0.86, 0.88, 0.93], snow);
  if (distance < 400) {
    const tuft = fbm(x / 1.1, z / 1.6, 4);
    albedo = scale(mix(albedo, [0.05, 0.065, 0.022], clamp(0.35 + 1.3 * tuft)), 0.9 + 0.5 * tuft);
  }
  if (y < 2.4 && distance < 1200)
    albedo = mix(
      albedo,
      scale([0.15, 0.135, 0.115], 1 + 0.5 * noise(x * 1.7, z * 1.7)),
      smooth(1.5, 0.5, y),
    );
  const direct = clamp(dot(normal, SUN)) * sunshine(x, y + 4, z);
  const ambient = 0.55 + 0.45 * normal[1];
  return albedo.map((a, k) => a * (SUNLIGHT[k] * direct + SKYLIGHT[k] * ambient + 0.06));
}

/** The whole view from a camera at `eye` metres; `way` -1 looks up out of the mirrored world. */
function view(eye, way) {
  const picture = new Picture(W, H);
  const depth = new Float32Array(W * H).fill(Infinity);
  for (let px = 0; px < W; px++) {
    const side = (px + 0.5 - W / 2) / FOCAL;
    let row = H; // first row already covered, counted downwards from the horizon upwards
    let lastY = 0;
    let lastZ = 4;
    for (let z = 4; z < FAR; z *= z < 300 ? 1.008 : z < 1500 ? 1.0038 : 1.0016) {
      const y = ground(side * z, z, z > 3500 ? 8 : 9);
      const above = y > 0;
      const screen = HORIZON - (FOCAL * ((above ? y : 0) - eye)) / z;
      if (above && screen < row) {
        const top = Math.max(0, Math.ceil(screen - 0.5));
        const base = HORIZON - (FOCAL * (Math.max(0, lastY) - eye)) / lastZ;
        for (let py = Math.min(row, H) - 1; py >= top; py--) {
          const t = clamp((py + 0.5 - base) / (screen - base - 1e-6));
          const zz = lerp(lastZ, z, t);
          const yy = eye + ((HORIZON - py - 0.5) / FOCAL) * zz;
          if (yy < 0) continue;
          const xx = side * zz;
          const distance = zz * Math.hypot(1, side);
          const direction = normalise([side, 0.1, 1]);
          picture.set(px, py, air(land(xx, yy, zz, distance), distance, yy, direction));
          depth[py * W + px] = zz;
        }
        row = top;
      }
      if (!above && way > 0) {
        const water = Math.max(0, Math.ceil(screen - 0.5));
        if (water < row) row = water;
      }
      lastY = y;
      lastZ = z;
      if (row <= 0) break;
    }
    for (let py = 0; py < H; py++) {
      if (depth[py * W + px] < Infinity) continue;
      const rise = (HORIZON - py - 0.5) / FOCAL;
      if (rise < -0.02) continue;
      const n = Math.hypot(side, rise, 1);
      picture.set(px, py, sky(side / n, rise / n, 1 / n));
    }
  }
  return { picture, depth };
}

// Conifers: forest on the lower slopes, groups on the headlands, tall ones on the near banks.
const trees = [];
{
  const random = stream(5);
  const plant = (x, z, height, root = ground(x, z, 9)) => {
    if (root > 0.4) trees.push({ x, z, root, height, seed: trees.length });
  };
  for (let i = 0; i < 60000; i++) {
    const z = 420 + 3200 * random() ** 1.4;
    const x = random.between(-0.66, 0.66) * z;
    const root = coarse(x, z);
    if (root < 3 || root > 520 || fbm(x / 300, z / 300, 3) < -0.22 + root / 900) continue;
    plant(x, z, random.between(17, 34));
  }
  for (const [x, z, height] of [
    [-21, 44, 21],
    [-26, 47, 26],
    [-24.5, 55, 19],
    [-31, 52, 30],
    [-18.5, 50, 12],
    [-34, 60, 25],
    [-29, 66, 22],
    [-23, 70, 13],
    [26, 50, 17],
    [31, 54, 24],
    [35, 60, 20],
    [29, 63, 12],
    [39, 66, 28],
    [34, 74, 16],
  ])
    plant(x, z, height, Math.max(0.5, ground(x, z, 10)));
  for (let i = 0; i < 700; i++) {
    const z = random.between(58, 190);
    const x = random.between(-0.62, 0.62) * z;
    const root = ground(x, z, 9);
    if (root > 1.1 && noise(x / 9, z / 9) > -0.05)
      plant(x, z, random.between(1.6, 5) + (random() < 0.16 ? 6 : 0), root);
  }
  trees.sort((a, b) => b.z - a.z);
}

function drawTrees({ picture, depth }, eye) {
  for (const tree of trees) {
    const size = FOCAL / tree.z;
    const cx = W / 2 + tree.x * size;
    const foot = HORIZON - (tree.root - 0.6 - eye) * size;
    const tall = tree.height * size;
    const wide = tall * (0.17 + 0.05 * hash(tree.seed, 1));
    if (tall < 1.5 || cx + wide < 0 || cx - wide > W) continue;
    const open = sunshine(tree.x, tree.root + tree.height * 0.7, tree.z);
    const distance = Math.hypot(tree.x, tree.z);
    const direction = [tree.x / distance, 0, tree.z / distance];
    const tiers = 12 + tree.height * 0.8;
    for (let py = Math.max(0, Math.floor(foot - tall)); py < Math.min(H, foot); py++) {
      const up = (foot - py - 0.5) / tall;
      const core = clamp(1 - up) ** 0.9;
      for (let px = Math.max(0, Math.floor(cx - wide)); px <= Math.min(W - 1, cx + wide); px++) {
        if (depth[py * W + px] < tree.z - 2) continue;
        const across = (px + 0.5 - cx) / wide;
        // Branches hang in tiers, lower at the tips, and every branch has its own length.
        const tier =
          (1 - up) * tiers -
          1.5 * Math.abs(across) +
          0.7 * noise(tree.seed * 7.7 + across * 2.2, up * 5);
        const inTier = tier - Math.floor(tier);
        const branch = 0.62 + 0.5 * hash(Math.floor(tier), tree.seed, across > 0 ? 1 : 2);
        const ragged =
          tall > 50 ? 0.24 * noise(across * 13 + tree.seed * 3.1, up * tiers * 3.4) : 0;
        const reach =
          core * (0.58 + 0.42 * inTier) * branch + ragged * (0.35 + 0.65 * core) + 0.015;
        const inside = across / (reach + 0.01);
        if (up < 0.04 ? Math.abs(across) > 0.06 : Math.abs(across) > reach) continue;
        const needles =
          tall > 40
            ? 0.45 +
              1.0 *
                clamp(
                  0.5 +
                    0.55 * noise(px * 0.2 + tree.seed, py * 0.27) +
                    0.35 * noise(px * 0.5, py * 0.55),
                )
            : 0.95;
        const lit = clamp(0.2 - 0.75 * inside + 0.3 * (1 - inTier)) * open * needles;
        const green = mix([0.026, 0.05, 0.03], [0.05, 0.066, 0.026], hash(tree.seed, 5));
        const shade = 0.55 + 0.45 * inTier;
        const c = green.map(
          (g, k) =>
            g * (SUNLIGHT[k] * 1.45 * lit * lit * 1.5 + SKYLIGHT[k] * 0.8 * needles * shade),
        );
        picture.set(px, py, air(c, distance, tree.root, direction));
        depth[py * W + px] = Math.min(depth[py * W + px], tree.z);
      }
    }
  }
}

const scene = view(EYE, 1);
drawTrees(scene, EYE);
const mirror = view(-EYE, -1);
drawTrees(mirror, -EYE);

// Water: the mirrored picture, moved by ripples whose rows shrink with distance.
for (let py = Math.ceil(HORIZON + 1); py < H; py++) {
  const z = (FOCAL * EYE) / (py + 0.5 - HORIZON);
  for (let px = 0; px < W; px++) {
    if (scene.depth[py * W + px] < z) continue;
    const x = ((px + 0.5 - W / 2) / FOCAL) * z;
    const breeze = smooth(0, 0.42, fbm(x / 70 + 3, z / 150 + 1, 4)) * smooth(26, 60, z);
    const ripple =
      (0.35 + 0.9 * breeze) *
      (noise(x / 2.4, z / 2.6) * 0.55 +
        noise(x / 0.9, z / 1.1) * 0.32 +
        noise(x / 9, z / 14) * 0.4);
    const fall = clamp(EYE / z, 0, 1);
    const shift = ripple * H * 0.016 * (0.3 + 0.9 * smooth(0, 0.3, fall));
    const my = clamp(Math.round(2 * HORIZON - py - Math.abs(shift) * 1.5 - shift), 0, H - 1);
    const mx = px + Math.round(shift * 0.35);
    let reflected = mirrorAt(mx, my);
    if (breeze > 0.05) {
      const above = mirrorAt(mx, Math.max(0, my - 0.03 * H * breeze * LARGE));
      reflected = mix(reflected, above, 0.5 * breeze);
    }
    const fresnel = 0.06 + 0.94 * (1 - fall / Math.hypot(1, fall)) ** 3.2;
    const deep = mix([0.012, 0.04, 0.05], [0.03, 0.075, 0.075], smooth(30, 12, z));
    const c = mix(deep, reflected, fresnel * 0.93);
    scene.picture.set(px, py, air(c, z, 0, normalise([x, 0, z])));
  }
}
function mirrorAt(x, y) {
  return mirror.picture.get(clamp(x, 0, W - 1), clamp(y, 0, H - 1));
}

const film = (v) => clamp((v * (2.51 * v + 0.03)) / (v * (2.43 * v + 0.59) + 0.14)) ** (1 / 2.2);
scene.picture
  .shrink(LARGE)
  .each((x, y, c) => {
    const corner = 1 - 0.16 * ((x / 768 - 0.5) ** 2 + (y / 576 - 0.5) ** 2) * 2;
    return [c[0] * 1.03, c[1], c[2] * 0.97]
      .map((v) => film(v * 0.92 * corner))
      .map((v) => lerp(v, smooth(0, 1, v), 0.35));
  })
  .save(output('landscape'), { bits: 7 });

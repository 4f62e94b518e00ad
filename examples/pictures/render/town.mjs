// The town of houses.png as signed distances in metres: houses, quay, trees, boats, lamps, a tower.
import { clamp, light, smooth } from './canvas.mjs';
import { hash, noise } from './noise.mjs';

// x along the row, y up from the water, z away from the viewer; the facades stand at z = 0.

// Several times faster than Math.hypot, and nothing here overflows.
export const length = (a, b, c = 0) => Math.sqrt(a * a + b * b + c * c);
export const normalise = (v) => {
  const n = length(v[0], v[1], v[2]);
  return [v[0] / n, v[1] / n, v[2] / n];
};
export const QUAY = 1.7;

// Each house: left edge, width, wall height, kind of gable, colours, storeys, windows, setback.
const plaster = [
  light('#c8452f'),
  light('#e5b04a'),
  light('#3f6f8f'),
  light('#e8dcc0'),
  light('#a8543a'),
  light('#6f8f6a'),
  light('#d98a5a'),
  light('#b9c4cc'),
  light('#c23f3f'),
  light('#e0c070'),
];
const houses = [];
{
  const widths = [6.4, 5.6, 6.2, 5.4, 6.6, 5.0, 6.0, 5.6, 7.0, 5.2, 6.2, 5.6, 6.4, 5.4, 6.4];
  const walls = [9.4, 11.6, 10.2, 8.4, 11.2, 9.0, 12.0, 8.2, 10.0, 11.4, 8.8, 10.6, 9.2, 11.2, 9.0];
  const kinds = [
    'bell',
    'plain',
    'step',
    'bell',
    'plain',
    'step',
    'neck',
    'plain',
    'step',
    'bell',
    'plain',
    'neck',
    'step',
    'plain',
    'bell',
  ];
  let x = -29.5;
  widths.forEach((width, i) => {
    houses.push({
      x0: x,
      width,
      wall: walls[i] + QUAY,
      kind: kinds[i],
      colour: plaster[((i + 8) * 7 + 2) % 10],
      seed: i,
      storeys: walls[i] > 9.6 ? 3 : 2 + (i % 2),
      columns: width > 6.1 ? 3 : width > 5.5 ? 3 : 2,
      depth: 0.28 * hash(i, 5),
      roof: [light('#a24a32'), light('#4a5560'), light('#8c3f30')][i % 3],
    });
    x += width;
  });
}
export function houseAt(x) {
  for (const h of houses) if (x < h.x0 + h.width) return h;
  return houses.at(-1);
}

/** Height of a gable's outline above the wall top, at `u` metres from the middle. */
export function gable(h, u) {
  const half = h.width / 2;
  const a = Math.abs(u);
  if (a > half) return -9;
  const rise = h.width * 0.56;
  if (h.kind === 'step')
    return (
      rise +
      0.5 -
      Math.floor((a - 0.5) / 0.62 + 1) * ((rise + 0.4) / (Math.floor((half - 0.5) / 0.62) + 1))
    );
  if (h.kind === 'neck')
    return a < half * 0.42
      ? rise + 0.5 + 0.55 * Math.sqrt(Math.max(0, 1 - (a / (half * 0.42)) ** 2))
      : 0.35 + rise * 0.62 * (1 - smooth(half * 0.42, half * 0.98, a)) ** 1.4;
  if (h.kind === 'bell')
    return a < half * 0.34
      ? rise + 0.35 + 0.4 * Math.sqrt(Math.max(0, 1 - (a / (half * 0.34)) ** 2))
      : 0.3 + rise * (1 - smooth(half * 0.2, half, a));
  return rise * (1 - a / half) + 0.15;
}

const box = (x, y, z, a, b, c) => {
  const dx = Math.abs(x) - a;
  const dy = Math.abs(y) - b;
  const dz = Math.abs(z) - c;
  return (
    Math.min(Math.max(dx, dy, dz), 0) + length(Math.max(dx, 0), Math.max(dy, 0), Math.max(dz, 0))
  );
};

/** Windows and doors of a facade: which opening a point lies in, with its own coordinates. */
export function opening(h, x, y) {
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
    return {
      dx: u - cx,
      dy: y - cy,
      halfW,
      halfH: (high - low) / 2,
      door,
      id: column + level * 8,
      level,
    };
  }
  const cy = h.wall + h.width * 0.16;
  return { dx: u, dy: y - cy, halfW: 0.5, halfH: 0.62, door: false, id: 99, level: 9 };
}

const AIR = 0;
export const FACADE = 1;
export const ROOF = 2;
export const STONE = 3;
export const CHIMNEY = 4;
export const HULL = 5;
export const TREE = 6;
export const LAMP = 7;
export const TOWERED = 8;
export let material = AIR;

const TREES = [
  [-9.6, 2.1],
  [5.2, 2.3],
  [19.5, 2.5],
  [34, 2.4],
];
const TOWER = [37.5, 27];
const BOATS = [
  [-1.5, -6.1, 0],
  [13.2, -5.6, 1],
];

/** Distance to the nearest surface but the water; sets `material`. */
export function scene(x, y, z) {
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
    if (y > 20 || z < -1.6)
      take(Math.max(0.8, length(Math.max(0, y - 18), Math.max(0, -z - 0.9))), AIR);
    else {
      const own = houseAt(x);
      const i = own.seed;
      for (let k = Math.max(0, i - 1); k <= Math.min(houses.length - 1, i + 1); k++) {
        const h = houses[k];
        const half = h.width / 2;
        const u = x - h.x0 - half;
        const front = z - h.depth;
        // Facade: a slab with the gable's outline.
        const outline = Math.max(
          Math.abs(u) - half + 0.02,
          (y - h.wall - gable(h, u)) * (h.kind === 'step' ? 0.55 : 0.62),
        );
        let d = Math.max(outline, -front, front - 0.45);
        if (k === i && d < 0.6) {
          const o = opening(h, x, y);
          const hole = Math.max(Math.abs(o.dx) - o.halfW, Math.abs(o.dy) - o.halfH);
          d = Math.max(d, -Math.max(hole, front - 0.16));
          // Sills and lintels.
          if (!o.door)
            d = Math.min(
              d,
              box(o.dx, o.dy + o.halfH + 0.05, front + 0.02, o.halfW + 0.12, 0.05, 0.1),
            );
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
        crown = Math.min(
          crown,
          length(dx - ring * Math.cos(a), dy - lift * 0.82 * r, dz - ring * Math.sin(a)) -
            r * (0.36 + 0.14 * hash(k, tx | 0)),
        );
      }
      const leaves =
        0.2 * noise(x * 2.1 + z, y * 2.1 - z) +
        0.17 * noise(x * 4.6 - y, z * 4.6 + y * 2) +
        0.1 * noise(x * 10 + z * 6, y * 10);
      take((crown - leaves) * 0.55, TREE);
    } else take(d - 0.8, TREE);
    if (y < QUAY + 4.5)
      take(
        Math.max(
          length(dx + 0.08 * Math.sin(y * 1.6), dz) - 0.17 - 0.12 * smooth(0.8, 0, y - QUAY),
          y - QUAY - 4.5,
        ),
        CHIMNEY,
      );
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
      const bay = Math.max(
        Math.abs(Math.abs(dx) - 0.95) - 0.5,
        Math.abs(high - 17.3) - 1.3 + 0.4 * Math.abs(Math.abs(dx) - 0.95),
      );
      const deep = Math.max(shaft, -Math.max(bay, Math.abs(dz) - 9, -(Math.abs(dz) - 2.0)));
      take(deep, TOWERED);
      for (const level of [11.5, 14.9, 20])
        take(box(dx, high - level, dz, 2.5, 0.16, 2.5), TOWERED);
      const eight = Math.max(Math.abs(dx), Math.abs(dz), (Math.abs(dx) + Math.abs(dz)) * 0.7071);
      take(Math.max(eight - 1.75, high - 23, 20 - high), TOWERED);
      take(
        Math.max((eight - 2.05 * clamp((34 - high) / 11) ** 1.15) * 0.8, 22.9 - high, high - 34),
        TOWERED,
      );
      take(Math.max(length(dx, dz) - 0.07, Math.abs(high - 34.4) - 1.1), LAMP);
    }
  }
  for (const [bx, bz, kind] of BOATS) {
    const dx = x - bx;
    const dz = z - bz;
    if (Math.abs(dx) > 5 || Math.abs(dz) > 3) {
      take(
        Math.max(0.8, length(Math.max(0, Math.abs(dx) - 4), Math.max(0, Math.abs(dz) - 1.5))),
        HULL,
      );
      continue;
    }
    const t = clamp(Math.abs(dx) / 3.1);
    const beam = 0.95 * Math.sqrt(1 - t ** 2.6 * 0.98);
    const sheer = 0.62 + 0.35 * t * t;
    const shell =
      Math.max(Math.abs(dz) - beam * (0.82 + 0.2 * y), y - sheer, Math.abs(dx) - 3.05) * 0.75;
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

// Seeded randomness and noise, all from one PCG hash: every picture is the same on every run.

/** PCG output function (O'Neill 2014, the 32-bit RXS-M-XS form): one uint32 to another. */
export function pcg(value) {
  const state = (Math.imul(value, 747796405) + 2891336453) | 0;
  const word = Math.imul((state >>> ((state >>> 28) + 4)) ^ state, 277803737);
  return ((word >>> 22) ^ word) >>> 0;
}

/** A number in [0, 1) that depends only on its three integers. */
export function hash(x, y = 0, seed = 0) {
  return pcg(x + pcg(y + pcg(seed))) / 4294967296;
}

/** Counter-based stream: the n-th call returns the hash of n. `between(a, b)` for ranges. */
export function stream(seed) {
  let counter = 0;
  const next = () => hash(counter++, 0x51ed, seed);
  next.between = (a, b) => a + (b - a) * next();
  next.pick = (list) => list[Math.floor(next() * list.length)];
  return next;
}

const PERMUTATION = new Uint8Array(512);
{
  const order = Array.from({ length: 256 }, (_, i) => i);
  order.sort((a, b) => pcg(a) - pcg(b) || a - b);
  for (let i = 0; i < 512; i++) PERMUTATION[i] = order[i & 255];
}
const GRADIENT_X = new Float64Array(256);
const GRADIENT_Y = new Float64Array(256);
const VALUE = new Float64Array(256);
for (let i = 0; i < 256; i++) {
  GRADIENT_X[i] = Math.cos((i / 256) * 2 * Math.PI);
  GRADIENT_Y[i] = Math.sin((i / 256) * 2 * Math.PI);
  VALUE[i] = hash(i, 7, 99) * 2 - 1;
}

const fade = (t) => t * t * t * (t * (t * 6 - 15) + 10);

/** Gradient noise (Perlin 2002) at a point, about -1..1. */
export function noise(x, y) {
  const xi = Math.floor(x);
  const yi = Math.floor(y);
  const fx = x - xi;
  const fy = y - yi;
  const a = PERMUTATION[xi & 255];
  const b = PERMUTATION[(xi + 1) & 255];
  const j = yi & 255;
  const i00 = PERMUTATION[a + j];
  const i10 = PERMUTATION[b + j];
  const i01 = PERMUTATION[a + j + 1];
  const i11 = PERMUTATION[b + j + 1];
  const n00 = GRADIENT_X[i00] * fx + GRADIENT_Y[i00] * fy;
  const n10 = GRADIENT_X[i10] * (fx - 1) + GRADIENT_Y[i10] * fy;
  const n01 = GRADIENT_X[i01] * fx + GRADIENT_Y[i01] * (fy - 1);
  const n11 = GRADIENT_X[i11] * (fx - 1) + GRADIENT_Y[i11] * (fy - 1);
  const u = fade(fx);
  const v = fade(fy);
  const top = n00 + (n10 - n00) * u;
  return (top + (n01 + (n11 - n01) * u - top) * v) * 1.5;
}

/** Sum of `octaves` gradient noises, each twice as fine and half as strong, about -1..1. */
export function fbm(x, y, octaves = 5, gain = 0.5) {
  let sum = 0;
  let weight = 1;
  let total = 0;
  for (let i = 0; i < octaves; i++) {
    sum += weight * noise(x, y);
    total += weight;
    weight *= gain;
    const turned = 1.6 * x + 1.2 * y + 17.3;
    y = -1.2 * x + 1.6 * y + 5.1;
    x = turned;
  }
  return sum / total;
}

/** Terrain noise: octaves damped where the slope is already steep (Quilez), about -0.6..1.2. */
export function eroded(x, y, octaves) {
  let height = 0;
  let weight = 1;
  let slopeX = 0;
  let slopeY = 0;
  for (let i = 0; i < octaves; i++) {
    const xi = Math.floor(x);
    const yi = Math.floor(y);
    const fx = x - xi;
    const fy = y - yi;
    const left = PERMUTATION[xi & 255];
    const right = PERMUTATION[(xi + 1) & 255];
    const j = yi & 255;
    const a = VALUE[PERMUTATION[left + j]];
    const b = VALUE[PERMUTATION[right + j]];
    const c = VALUE[PERMUTATION[left + j + 1]];
    const d = VALUE[PERMUTATION[right + j + 1]];
    const u = fade(fx);
    const v = fade(fy);
    const du = 30 * fx * fx * (fx * (fx - 2) + 1);
    const dv = 30 * fy * fy * (fy * (fy - 2) + 1);
    const k = a - b - c + d;
    slopeX += du * (b - a + k * v);
    slopeY += dv * (c - a + k * u);
    height +=
      (weight * (a + (b - a) * u + (c - a) * v + k * u * v)) /
      (1 + 0.25 * (slopeX * slopeX + slopeY * slopeY));
    weight *= 0.5;
    const turned = 1.6 * x + 1.2 * y;
    y = -1.2 * x + 1.6 * y;
    x = turned;
  }
  return height;
}

// Random numbers that are the same on every machine: Philox4x32-10, a counter-based generator (Salmon et al., "Parallel
// random numbers: as easy as 1, 2, 3", SC 2011). Block n of a seed is a pure function of the two, so that any part of
// a sequence can be made by itself.

const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const;
const WEYL = [0x9e3779b9, 0xbb67ae85] as const;

/** The upper 32 bits of the product of two unsigned 32-bit numbers; Math.imul gives the lower ones. */
function upperHalf(a: number, b: number): number {
  const [a1, a0, b1, b0] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const middle = a1 * b0 + ((a0 * b0) >>> 16); // both terms are below 2^32: exact
  const carry = (middle % 0x10000) + a0 * b1;
  return (a1 * b1 + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
}

/** Four random 32-bit numbers for a counter of four words and a key of two: ten rounds of Philox. */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  let [x0, x1, x2, x3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const upper0 = upperHalf(MULTIPLIERS[0], x0);
    const lower0 = Math.imul(MULTIPLIERS[0], x0) >>> 0;
    const upper1 = upperHalf(MULTIPLIERS[1], x2);
    const lower1 = Math.imul(MULTIPLIERS[1], x2) >>> 0;
    [x0, x1, x2, x3] = [(upper1 ^ x1 ^ k0) >>> 0, lower1, (upper0 ^ x3 ^ k1) >>> 0, lower0];
    k0 = (k0 + WEYL[0]) >>> 0;
    k1 = (k1 + WEYL[1]) >>> 0;
  }
  return [x0, x1, x2, x3];
}

/** Calls `use(index of the first of four, four random words)` for `count` numbers. */
function everyBlock(seed: number, count: number, use: (at: number, words: readonly number[]) => void): void {
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0] as const;
  for (let block = 0; 4 * block < count; block++) {
    use(4 * block, philox([block >>> 0, Math.floor(block / 2 ** 32), 0, 0], key));
  }
}

/** `count` numbers in [0, 1), multiples of 2⁻²⁴. `seed` is a whole number up to 2⁵³. */
export function uniform(seed: number, count: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(count);
  everyBlock(seed, count, (at, words) => {
    for (let i = 0; i < 4 && at + i < count; i++) values[at + i] = (words[i]! >>> 8) / 2 ** 24;
  });
  return values;
}

/** `count` numbers from the normal distribution of mean 0 and variance 1, by Box and Muller's transform. */
export function normal(seed: number, count: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(count);
  everyBlock(seed, count, (at, words) => {
    for (let i = 0; i < 4 && at + i < count; i++) {
      const pair = i & 2;
      // (0, 1]: the logarithm of 0 is not wanted.
      const radius = Math.sqrt(-2 * Math.log((words[pair]! + 1) / 2 ** 32));
      const angle = (2 * Math.PI * words[pair + 1]!) / 2 ** 32;
      values[at + i] = radius * (i & 1 ? Math.sin(angle) : Math.cos(angle));
    }
  });
  return values;
}

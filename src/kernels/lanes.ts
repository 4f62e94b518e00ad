// The width of rows in memory. A file of its own: what only reckons with sizes needs no kernels.

/** `channels` rounded up to a multiple of 4: the stride of one row in floats. */
export function lanes(channels: number): number {
  return Math.ceil(channels / 4) * 4;
}

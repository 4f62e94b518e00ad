// Where the axes of the loss plot are marked. Pure.

/** More labels than these do not fit on the logarithmic axis. */
const mostLabels = 8;

/** Powers of ten in range, every second or further one where there are many; 2 and 5 between where there are few. */
export function logTicks(
  low: number,
  high: number,
): readonly { readonly value: number; readonly isPower: boolean }[] {
  const step = Math.ceil((high - low) / mostLabels);
  const factors = high - low < 1.6 ? [1, 2, 5] : [1];
  const ticks = [];
  for (let power = Math.floor(low); power <= high; power++) {
    if (step > 1 && ((power % step) + step) % step !== 0) continue;
    for (const factor of factors) {
      const value = factor * 10 ** power;
      const at = power + Math.log10(factor);
      if (at >= low && at <= high) ticks.push({ value, isPower: factor === 1 });
    }
  }
  return ticks;
}

/** 1, 2 or 5 times a power of ten, so that `count` steps or fewer reach `length`. */
export function niceStep(length: number, count: number): number {
  const raw = length / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  return Math.max(1, power * ([1, 2, 5, 10].find((factor) => factor * power >= raw * 0.9999) ?? 10));
}

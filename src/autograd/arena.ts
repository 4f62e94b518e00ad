// Where the values of a program live.
//
// Each value has a lifetime [first, last] in dispatches. Values whose lifetimes do not overlap may share memory. An
// arena is a small set of slots, each one GPU buffer: a slot per buffer rather than one buffer with offsets, because
// WebGPU forbids to bind one buffer as read-only and as writable in the same dispatch, and read-only bindings are
// what compilers optimise. The placement is a pure function of sizes and lifetimes.

/** A value that wants memory from dispatch `first` to dispatch `last`, both included. */
export interface Lifetime {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

/** Which slot each value got, and how large each slot is. */
export interface Placement {
  readonly slotOf: readonly number[];
  readonly slotBytes: readonly number[];
}

/**
 * Places values into slots, largest first, each into the smallest slot that is free during its lifetime. With
 * activations of a convolutional network, whose sizes are few, this comes within a few per cent of the lower bound.
 */
export function placeValues(values: readonly Lifetime[]): Placement {
  const order = values
    .map((_, i) => i)
    .sort((a, b) => values[b]!.bytes - values[a]!.bytes || values[a]!.first - values[b]!.first);
  const slots: { bytes: number; tenants: Lifetime[] }[] = [];
  const slotOf = new Array<number>(values.length).fill(-1);
  for (const i of order) {
    const value = values[i]!;
    let best = -1;
    slots.forEach((slot, s) => {
      const free = slot.tenants.every((t) => t.last < value.first || value.last < t.first);
      if (free && (best < 0 || slot.bytes < slots[best]!.bytes)) best = s;
    });
    if (best < 0) best = slots.push({ bytes: value.bytes, tenants: [] }) - 1;
    slots[best]!.tenants.push(value);
    slotOf[i] = best;
  }
  return { slotOf, slotBytes: slots.map((slot) => slot.bytes) };
}

/** The most bytes alive at any one dispatch: no placement can need less. */
export function peakLiveBytes(values: readonly Lifetime[]): number {
  const changes = new Map<number, number>();
  for (const { bytes, first, last } of values) {
    changes.set(first, (changes.get(first) ?? 0) + bytes);
    changes.set(last + 1, (changes.get(last + 1) ?? 0) - bytes);
  }
  let live = 0;
  let peak = 0;
  for (const at of [...changes.keys()].sort((a, b) => a - b)) {
    live += changes.get(at)!;
    peak = Math.max(peak, live);
  }
  return peak;
}

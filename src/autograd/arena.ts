// Where the values of a program live.
//
// Each value has a lifetime [first, last] in dispatches. Values whose lifetimes do not overlap may share memory. An
// arena is a small set of slots, each one GPU buffer; a value lies in one slot at one offset. WebGPU forbids to bind
// one buffer as read-only and as writable in the same dispatch, even at different offsets, and read-only bindings are
// what compilers optimise: so a value that a dispatch reads never shares its slot with one that the dispatch writes.
// The placement is a pure function of sizes, lifetimes and uses.

/** Offsets of bindings are multiples of this: the default of `minStorageBufferOffsetAlignment`, never exceeded. */
const ALIGNMENT = 256;

/** A value that wants memory from dispatch `first` to dispatch `last`, both included. */
export interface Lifetime {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
  /** Dispatches that read it, and that write it. */
  readonly reads?: ReadonlySet<number>;
  readonly writes?: ReadonlySet<number>;
  /** True for a result, whose buffer is handed out: it lies at offset 0. */
  readonly isResult?: boolean;
}

/** Which slot each value got and where in it, and how large each slot is. */
export interface Placement {
  readonly slotOf: readonly number[];
  readonly offsetOf: readonly number[];
  readonly slotBytes: readonly number[];
}

interface Tenant extends Lifetime {
  readonly offset: number;
}

interface Slot {
  readonly bytes: number;
  readonly tenants: Tenant[];
}

function meet(a: ReadonlySet<number> | undefined, b: ReadonlySet<number> | undefined): boolean {
  if (!a || !b) return false;
  for (const dispatch of a) if (b.has(dispatch)) return true;
  return false;
}

/** The tightest gap in a slot that holds `value` during its life; undefined where there is none. */
function gapIn(slot: Slot, value: Lifetime): { offset: number; bytes: number } | undefined {
  const present = slot.tenants.filter((t) => t.first <= value.last && value.first <= t.last);
  if (present.some((t) => meet(t.reads, value.writes) || meet(t.writes, value.reads))) return undefined;
  present.sort((a, b) => a.offset - b.offset);
  let best: { offset: number; bytes: number } | undefined;
  let offset = 0;
  for (const { offset: end, bytes: next } of [...present, { offset: slot.bytes, bytes: 0 }]) {
    const bytes = end - offset;
    const fits = bytes >= value.bytes && (offset === 0 || !value.isResult);
    if (fits && (!best || bytes < best.bytes)) best = { offset, bytes };
    offset = Math.max(offset, Math.ceil((end + next) / ALIGNMENT) * ALIGNMENT);
  }
  return best;
}

/**
 * Places values into slots, largest first, each into the tightest gap that is free during its lifetime; a value that
 * fits nowhere opens a slot of its own size. For VGG-19 to conv5_1 and its reverse pass this comes within a few per
 * cent of the lower bound (test/autograd/arena.test.ts).
 */
export function placeValues(values: readonly Lifetime[]): Placement {
  const order = values
    .map((_, i) => i)
    .sort((a, b) => values[b]!.bytes - values[a]!.bytes || values[a]!.first - values[b]!.first);
  const slots: Slot[] = [];
  const slotOf = new Array<number>(values.length).fill(-1);
  const offsetOf = new Array<number>(values.length).fill(0);
  for (const i of order) {
    const value = values[i]!;
    let chosen = -1;
    let gap: { offset: number; bytes: number } | undefined;
    slots.forEach((slot, s) => {
      const candidate = gapIn(slot, value);
      if (!candidate || (gap && candidate.bytes >= gap.bytes)) return;
      gap = candidate;
      chosen = s;
    });
    const offset = gap?.offset ?? 0;
    if (chosen < 0) chosen = slots.push({ bytes: value.bytes, tenants: [] }) - 1;
    slots[chosen]!.tenants.push({ ...value, offset });
    slotOf[i] = chosen;
    offsetOf[i] = offset;
  }
  return { slotOf, offsetOf, slotBytes: slots.map((slot) => slot.bytes) };
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

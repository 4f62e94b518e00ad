// Tiles over several devices. The first device leads: it has the picture, the style's terms and the optimiser, and tiles of
// its own; the others help with theirs. What tiles need to know of each other is little, and goes through the host:
//   to helpers    the picture; dL/d(sums)
//   from helpers  their share of the sums; of the terms; of the picture's gradient
// Contributions are added in the order of the devices: the same devices give the same bytes.

import { Sequence, type BufferRange, type Dispatch } from '../gpu/dispatch.ts';
import { badOption } from '../gpu/errors.ts';
import { readBuffer } from '../gpu/readback.ts';
import type { Work } from '../gpu/slicer.ts';
import { Submits } from '../gpu/submits.ts';
import type { Tensor } from '../autograd/index.ts';
import { copyBox } from '../kernels/copy.ts';
import { bytesOf, vectorsOf } from '../kernels/shape.ts';
import type { Belongings } from './belongings.ts';
import type { Evaluation, EvaluationParts } from './evaluation.ts';
import type { Guidance } from './regions.ts';
import { checkTileable, evaluationOf, gridOf, tileCrew, type Crew, type Tiling } from './tiled-evaluation.ts';

/** A crew on a device that helps, and what it is doing. */
interface Helper {
  readonly crew: Crew;
  readonly submits: Submits;
  readonly own: readonly number[];
  /** Settles when what was given to it last is submitted; rejects with what went wrong. */
  busy: Promise<unknown>;
}

/** Something that several devices have a share of: where the leader adds it up, and where each helper has its own. */
interface Shared {
  readonly of: (crew: Crew) => Tensor;
  /** Brings the helpers' shares into the leader's. */
  readonly work: readonly Work[];
}

/** Builds the evaluation; `belongings` gives it back, the devices stay. Throws `aborted` when the signal fires meanwhile. */
export async function spreadEvaluation(
  parts: EvaluationParts & { readonly helpers: readonly GPUDevice[] },
  guidance: Guidance,
  tiling: Tiling,
  belongings: Belongings,
): Promise<Evaluation> {
  checkTileable(parts);
  const devices = [parts.device, ...parts.helpers];
  const count = gridOf(parts, tiling).tiles.length;
  const bandBytes = Math.min(...devices.flatMap(({ limits }) => [limits.maxBufferSize, limits.maxStorageBufferBindingSize]));
  const alike = { ...tiling, bandBytes: tiling.bandBytes ?? bandBytes };
  const crews: Crew[] = [];
  for (const [i, device] of devices.entries()) {
    const own = sharesOf(count, devices.length)[i]!;
    crews.push(await tileCrew({ ...parts, device }, guidance, alike, belongings, own));
  }
  const [leader, ...others] = crews as [Crew, ...Crew[]];
  const helpers = others.map((crew): Helper => {
    return { crew, submits: new Submits(crew.ground.tape.device, 'helper'), own: crew.ground.own, busy: Promise.resolve() };
  });
  let isGone = false;
  belongings.keep({ destroy: () => void (isGone = true) });
  const work = new Exchange(leader, helpers, () => isGone, belongings);
  const evaluations = crews.map(evaluationOf);
  return {
    ...evaluations[0]!,
    isSpread: true,
    ready: Promise.all(evaluations.map(({ ready }) => ready)).then(() => work.ready),
    cost: evaluations.map(({ cost }) => cost).reduce((a, b) => ({
      dispatches: a.dispatches + b.dispatches,
      flops: a.flops + b.flops,
      bytes: a.bytes + b.bytes,
      arenaBytes: a.arenaBytes + b.arenaBytes,
      foldedBytes: a.foldedBytes + b.foldedBytes,
    })),
    next: () => work.next(),
    setWeights: (weights) => evaluations.forEach((evaluation) => evaluation.setWeights(weights)),
  };
}

/** Tiles 0 to `count` for each of `devices`: runs of neighbours, of nearly one length. */
function sharesOf(count: number, devices: number): number[][] {
  return Array.from({ length: devices }, (_, i) => {
    const [begin, end] = [Math.floor((count * i) / devices), Math.floor((count * (i + 1)) / devices)];
    return Array.from({ length: end - begin }, (__, k) => begin + k);
  });
}

/** Who tells what to whom, and when. */
class Exchange {
  readonly ready: Promise<void>;
  readonly #leader: Crew;
  readonly #helpers: readonly Helper[];
  /** True from the end of the session on: nothing may touch its buffers any more. */
  readonly #isGone: () => boolean;
  readonly #sums: readonly Shared[];
  readonly #gradients: readonly Shared[];

  constructor(leader: Crew, helpers: readonly Helper[], isGone: () => boolean, belongings: Belongings) {
    this.#isGone = isGone;
    this.#leader = leader;
    this.#helpers = helpers;
    const { tape, sums, terms } = leader.ground;
    const sequences: Sequence[] = [];
    const shared = (of: (crew: Crew) => Tensor): Shared => {
      const { shape, buffer } = of(leader);
      const received = tape.variable(shape, undefined, 'from helpers');
      const added = belongings.keep(new Sequence(tape.device, 'add shares', [addInto(shape, received.buffer!, buffer!)]));
      sequences.push(added);
      return { of, work: [{ meet: () => this.#receive(of, received.buffer!) }, added] };
    };
    this.#sums = sums.flatMap(({ second }, i) => (second ? [shared((crew) => crew.ground.sums[i]!.second!)] : []));
    this.#gradients = [
      ...leader.gradient.tensors.map((_, i) => shared((crew) => crew.gradient.tensors[i]!)),
      ...(terms.direct ? [shared((crew) => crew.ground.terms.direct!)] : []),
    ];
    this.ready = Promise.all(sequences.map((sequence) => sequence.ready)).then(() => undefined);
    this.ready.catch(() => undefined); // reported to whoever awaits it
  }

  /** One evaluation. */
  next(): readonly Work[] {
    const { replay, ground } = this.#leader;
    const hasStyle = ground.sums.length > 0;
    return [
      { meet: () => this.#sendPicture() },
      ...replay.forward(),
      ...(hasStyle
        ? [...this.#sums.flatMap(({ work }) => work), { meet: () => this.#receiveMoments() }, ...replay.middle(), { meet: () => this.#sendPulled() }]
        : []),
      ...replay.backward(),
      ...this.#gradients.flatMap(({ work }) => work),
      ...replay.end(),
    ];
  }

  /** The picture to every helper, which begins its first pass, or its only one. */
  async #sendPicture(): Promise<void> {
    const { image, ground } = this.#leader;
    for (const { busy } of this.#helpers) await busy.catch(() => undefined); // of an evaluation that was broken off
    // One band after another: there need not be room for the whole picture twice.
    for (const [i, { buffer }] of image.tensors.entries()) {
      const band = await this.#read(ground.tape.device, buffer!);
      for (const { crew } of this.#helpers) crew.ground.tape.device.queue.writeBuffer(crew.image.tensors[i]!.buffer!, 0, band);
    }
    for (const helper of this.#helpers) {
      const { replay } = helper.crew;
      this.#begin(helper, ground.sums.length > 0 ? replay.forward() : [...replay.forward(), ...replay.backward()]);
    }
  }

  /** dL/d(sums) to every helper, which begins its second pass. */
  async #sendPulled(): Promise<void> {
    const { tape, terms } = this.#leader.ground;
    for (const [i, { second, table }] of terms.pulled.entries()) {
      for (const name of ['second', 'table'] as const) {
        const tensor = { second, table }[name];
        if (!tensor) continue;
        const bytes = await this.#read(tape.device, tensor.buffer!);
        for (const { crew } of this.#helpers) {
          crew.ground.tape.device.queue.writeBuffer(crew.ground.terms.pulled[i]![name]!.buffer!, 0, bytes);
        }
      }
    }
    for (const helper of this.#helpers) this.#begin(helper, helper.crew.replay.backward());
  }

  /** Adds the helpers' shares up and puts them into `received`. */
  async #receive(of: (crew: Crew) => Tensor, received: GPUBuffer): Promise<void> {
    const reads = this.#helpers.map(async ({ crew, busy }) => {
      await busy;
      const { buffer, shape } = of(crew);
      return new Float32Array(await this.#read(crew.ground.tape.device, buffer!, 0, bytesOf(shape)));
    });
    const [first, ...more] = await Promise.all(reads);
    for (const share of more) share.forEach((value, i) => (first![i]! += value));
    this.#leader.ground.tape.device.queue.writeBuffer(received, 0, first!);
  }

  /** The moments of the helpers' tiles into the leader's tables: each has rows of its own. */
  async #receiveMoments(): Promise<void> {
    const { sums, tape } = this.#leader.ground;
    for (const { crew, own, busy } of this.#helpers) {
      await busy;
      const [begin] = own;
      if (begin === undefined) continue;
      for (const [i, { table, channels }] of sums.entries()) {
        if (!table) continue;
        const row = bytesOf([2, channels]);
        const bytes = await this.#read(crew.ground.tape.device, crew.ground.sums[i]!.table!.buffer!, begin * row, own.length * row);
        tape.device.queue.writeBuffer(table.buffer!, begin * row, bytes);
      }
    }
  }

  /** Gives a helper work. What goes wrong is told to whoever waits for it. */
  #begin(helper: Helper, work: readonly Work[]): void {
    this.#alive();
    helper.busy = helper.submits.submitWork(work, () => undefined, this.#isGone);
    helper.busy.catch(() => undefined);
  }

  async #read(...range: Parameters<typeof readBuffer>): Promise<ArrayBuffer> {
    this.#alive();
    const bytes = await readBuffer(...range);
    this.#alive();
    return bytes;
  }

  #alive(): void {
    if (this.#isGone()) throw badOption('session', 'it was destroyed while it worked', 'Create another one');
  }
}

/** y += x, all of it. */
function addInto(shape: readonly number[], x: GPUBuffer, y: GPUBuffer): Dispatch<BufferRange> {
  const flat = [4 * vectorsOf(shape)];
  return copyBox<BufferRange>({ from: flat, to: flat, begin: [0], size: flat, shift: [0] }, { x, y }, true);
}

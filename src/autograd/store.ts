// Which values of a plan are stored in half the memory: activations [h, w, c] as half floats, their gradients as bfloat16,
// where every dispatch that touches them can. What is read after a run, what is derived from constants, matrices, sums and
// scratch stay f32.

import type { Dispatch } from '../gpu/dispatch.ts';
import { UNREAD, type Storage } from '../gpu/storage.ts';
import { bytesOf } from '../kernels/shape.ts';
import type { PartsPlan } from './parts.ts';
import type { Tensor } from './tensor.ts';

/** Each binding with its type in the shader's text; undefined where it must be f32. */
function bindings({ inputs, outputs, stored }: Dispatch<Tensor>): (readonly [Tensor, string | undefined])[] {
  return [
    ...inputs.map((tensor, i) => [tensor, stored?.inputs[i]] as const),
    ...outputs.map((tensor, i) => [tensor, stored?.outputs[i]] as const),
  ];
}

/** The same plan with half the memory for what can be stored so. */
export function storeHalves(plan: PartsPlan): PartsPlan {
  const kept = new Set(plan.parts.flatMap((part) => [...part.kept]));
  const folded = new Set(plan.once.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]));
  const storage = new Map<Tensor, Storage>();
  const full = new Set<Tensor>([...kept, ...folded]);
  const dispatches = plan.parts.flatMap((part) => part.dispatches);
  for (const [tensor, type] of dispatches.flatMap(bindings)) {
    const isImage = tensor.shape.length === 3 && (tensor.op !== undefined || tensor.isGradient);
    const canBe = type !== undefined && tensor.kind === 'value' && isImage;
    if (!canBe) full.add(tensor);
    storage.set(tensor, tensor.isGradient ? 'bf16' : 'f16');
  }
  for (const tensor of full) storage.delete(tensor);
  const parts = plan.parts.map((part) => ({ ...part, dispatches: part.dispatches.map((d) => storedAs(d, storage)) }));
  return { ...plan, parts, storage };
}

/** A dispatch by the shader for how its buffers are stored, which moves fewer bytes. */
function storedAs(dispatch: Dispatch<Tensor>, storage: ReadonlyMap<Tensor, Storage>): Dispatch<Tensor> {
  const halves = bindings(dispatch).filter(([tensor, type]) => type !== UNREAD && storage.has(tensor));
  if (halves.length === 0) return dispatch;
  const ways = Object.fromEntries(halves.map(([tensor, type]) => [type!, storage.get(tensor)!] as const));
  const { flops, bytes } = dispatch.cost;
  const saved = halves.reduce((sum, [tensor]) => sum + bytesOf(tensor.shape) / 2, 0);
  return { ...dispatch, shader: dispatch.stored!.shader(ways), cost: { flops, bytes: bytes - saved } };
}

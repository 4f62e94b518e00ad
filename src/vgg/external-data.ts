// Tensors whose numbers lie in another file (external data): ONNX names the file, an offset and a
// length; onnx/docs/ExternalData.md.

import { WgpuStyleError } from '../gpu/errors.ts';
import { readFully, type OpenBeside } from './byte-source.ts';
import type { OnnxTensor } from './onnx-types.ts';

const external = 1;

/** The tensor itself, or one whose `load` reads the other file. */
export function externalTensor(
  tensor: OnnxTensor,
  openBeside: OpenBeside | undefined,
  where: string,
): OnnxTensor {
  const place = tensor.dataLocation as number | null | undefined;
  if (place !== external && !tensor.externalData?.length) return tensor;
  const entries = new Map((tensor.externalData ?? []).map(({ key, value }) => [key, value ?? '']));
  const name = entries.get('location') ?? '';
  const [offset, length] = ['offset', 'length'].map((key) =>
    Number(entries.get(key) ?? Number.NaN),
  );
  const { externalData: _data, dataLocation: _place, load: _load, ...rest } = tensor;
  const load = async (): Promise<OnnxTensor> => {
    const source = await openBeside?.(name);
    if (!source) throw unreachable(tensor.name ?? '', name, where);
    const start = Number.isNaN(offset) ? 0 : offset!;
    const wanted = Number.isNaN(length) ? (source.size ?? 2 ** 31) - start : length!;
    const isPossible = [start, wanted].every((n) => Number.isSafeInteger(n) && n >= 0);
    const rawData = isPossible ? await readFully(source, start, wanted) : new Uint8Array(0);
    if (!isPossible || rawData.length < wanted) {
      throw new WgpuStyleError('bad-model', {
        what:
          `tensor '${tensor.name ?? ''}' should be ${wanted} bytes at ${start} of '${name}', ` +
          `got ${rawData.length}`,
        where,
        fix: 'Give the external data file that was exported along with the model',
      });
    }
    return { ...rest, rawData };
  };
  return { ...rest, load };
}

function unreachable(tensor: string, name: string, where: string): WgpuStyleError {
  return new WgpuStyleError('bad-model', {
    what: `tensor '${tensor}' keeps its numbers in another file (external data): '${name}'`,
    where,
    fix:
      'Give the path or address of the model with that file beside it, hand it over as ' +
      'externalData, or export the model with its weights inside one .onnx file',
  });
}

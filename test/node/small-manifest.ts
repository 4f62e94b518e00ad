// A manifest that speaks of the small network. It imports nothing of what it stands in for, which would
// wait for it.

type Module = typeof import('../../src/node/known-networks.ts');

/** The manifest as tests want it. */
export const entry = {
  name: 'vgg19',
  title: 'A small VGG',
  urls: [] as string[],
  bytes: 0 as number | null,
  sha256: null as string | null,
  sha256Published: null as string | null,
  weightsSha256: {} as Record<string, string>,
  preprocessing: 'bgr-255' as const,
  licence: 'CC0-1.0',
};

/** For `vi.mock` of known-networks.ts: `vgg19` is the small network. */
export async function withSmallNetwork(original: () => Promise<Module>): Promise<Module> {
  const module = await original();
  return {
    ...module,
    knownNetwork: (name, where) => (name === 'vgg19' ? entry : module.knownNetwork(name, where)) as never,
    isKnownName: (name) => name === 'vgg19',
    recognise: async (file) => (file.endsWith('known.onnx') ? (entry as never) : undefined),
  };
}

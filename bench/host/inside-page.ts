// The page's side of headless Chrome.

import { requestDevice } from 'wgpu-style';
import { obey, type Answer, type Order } from './inside.ts';

/** Called by the host through the driver, which puts `printLine` on the page. */
export async function answer(order: Order): Promise<Answer | { readonly error: string }> {
  const { printLine } = globalThis as unknown as { printLine: (line: string) => void };
  try {
    return await obey(order, {
      requestDevice: () => requestDevice(),
      prepare: async () => ({ wasmPaths: `${location.origin}/onnxruntime/` }),
      print: printLine,
    });
  } catch (error) {
    // Thrown, it would arrive wrapped in the driver's words.
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

// The Node side: a child process that gets its order and sends its answer through the channel to its parent.

import { requestDevice } from 'wgpu-style/node';
import { obey, type Order } from './inside.ts';
import { installNavigatorGpu } from './navigator-gpu.ts';

process.once('message', (order: Order) => {
  void run(order);
});

async function run(order: Order): Promise<void> {
  let message: object;
  try {
    message = await obey(order, {
      requestDevice: () => requestDevice(),
      async prepare() {
        // Loads Dawn, which makes waiting nap: for peers as for us.
        (await requestDevice({ log: () => undefined })).destroy();
        await installNavigatorGpu();
        return { wasmPaths: undefined };
      },
      print: (line) => process.send!({ line }),
    });
  } catch (error) {
    message = { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  // Kilobytes on Linux, bytes on macOS.
  const resident = process.resourceUsage().maxRSS * (process.platform === 'darwin' ? 1 : 1024);
  process.send!({ answer: { ...message, resident } }, () => process.exit(0)); // Dawn need not be waited for
}

// Prints the results of the adapter that the environment names. A process of its own: SwiftShader ends a process that has
// another driver beside it with an exception of its threads (SwiftShader 5.0.0 beside lavapipe, 2026-11-27).

import { requestDevice } from '../../src/node/device.ts';
import { adapterResults } from './adapter-results.ts';

const results = await adapterResults(await requestDevice({ log: () => undefined }));
process.stdout.write(`${JSON.stringify(results)}\n`, () => process.exit(0));

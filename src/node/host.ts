// What Node brings for the library's host: Dawn, the file system, sharp.

import { host } from '../gpu/host.ts';
import { loadNames, requestDevice } from './device.ts';
import { openPath, readPath } from './files.ts';
import { decodeWithSharp } from './images.ts';

/**
 * Fills in the host's services. A function to call, not a side effect of importing: bundlers may drop the latter.
 * `log` takes the sentence that says which adapter was taken; by default it goes to stderr.
 */
export function installHost(log?: (message: string) => void): void {
  host.requestDevice = () => requestDevice(log ? { log } : {});
  host.loadNames = loadNames;
  host.readFile = readPath;
  host.openFile = openPath;
  host.decodeImage = decodeWithSharp;
}

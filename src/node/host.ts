// What Node brings for the library's host: Dawn, the file system, sharp.

import { host } from '../gpu/host.ts';
import { fetchedDepth } from '../vgg/known-networks.ts';
import { loadNames, requestDevice } from './device.ts';
import { openPath, readPath } from './files.ts';
import { isKnownName } from './known-networks.ts';
import { decodeWithSharp } from './images.ts';
import { fileStorage } from './storage.ts';

/**
 * Fills in the host's services. A function to call, not a side effect of importing: bundlers may drop the latter.
 * `log` takes the sentence that says which adapter was taken; by default it goes to stderr.
 */
export function installHost(log?: (message: string) => void, platform: string = process.platform): void {
  host.requestDevice = (request) => requestDevice({ ...request, ...(log && { log }) });
  host.loadNames = loadNames;
  host.storage = fileStorage();
  host.seesRedirects = true;
  host.hasServerPaths = platform === 'win32';
  host.readFile = readPath;
  host.openFile = openPath;
  host.findNetwork = async (name) => {
    if (!isKnownName(name)) return undefined;
    return async (options) => {
      const { fetchNetwork } = await import('./fetch-network.ts');
      const wish = { ...options, upTo: fetchedDepth(options.upTo) };
      return (await fetchNetwork(name, wish, `network '${name}'`)).bytes;
    };
  };
  host.decodeImage = decodeWithSharp;
}

// A server of files on this machine: for the page, the examples, the benchmarks, and tests in browsers.

import { createServer } from 'node:http';
import path from 'node:path';

/** By the end of the address; one without is a page. */
const TYPES = {
  '': 'text/html; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
};

/**
 * Serves what `find` has for an address (`/`, `/main.js`, decoded); 404 for undefined. Resolves to the origin when it
 * listens on `port`, or on a free one. Rejects where the port is taken.
 */
export async function serve(find, { port = 0, headers = {} } = {}) {
  const server = createServer((request, response) => {
    const address = addressOf(request.url);
    const body = address && find(address);
    if (body === undefined) {
      response.writeHead(404, headers).end();
      return;
    }
    const type = TYPES[path.posix.extname(address)] ?? 'application/octet-stream';
    response.writeHead(200, { ...headers, 'content-type': type, 'content-length': Buffer.byteLength(body) });
    response.end(request.method === 'HEAD' ? undefined : body);
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { origin: `http://localhost:${server.address().port}`, close };
}

/** The path of a request, decoded; undefined for one that is none. */
function addressOf(url) {
  try {
    return decodeURIComponent(new URL(url, 'http://localhost').pathname);
  } catch {
    return undefined;
  }
}

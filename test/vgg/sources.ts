// What the tests of streaming share: sources that count what is taken from them, and servers that
// behave and misbehave.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A stream of small chunks that knows how much was pulled and whether it was let go. */
export function countedStream(
  bytes: Uint8Array,
  chunk: number = 1000,
): {
  readonly stream: ReadableStream<Uint8Array>;
  readonly pulled: () => number;
  readonly isCancelled: () => boolean;
} {
  let offset = 0;
  let isCancelled = false;
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (offset >= bytes.length) return controller.close();
        controller.enqueue(bytes.slice(offset, offset + chunk));
        offset += chunk;
      },
      cancel() {
        isCancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, pulled: () => Math.min(offset, bytes.length), isCancelled: () => isCancelled };
}

/** A running server. */
export interface TestServer {
  readonly address: string;
  /** Requests so far: method, path, range. */
  readonly requests: { readonly url: string; readonly range: string | undefined }[];
  /** Bytes of bodies sent so far. */
  readonly sent: () => number;
  readonly close: () => Promise<void>;
}

/** A server on a free port; `answer` says what to do. */
export async function startServer(
  answer: (
    request: IncomingMessage,
    response: ServerResponse,
    send: (bytes: Uint8Array) => void,
  ) => void,
): Promise<TestServer> {
  const requests: { url: string; range: string | undefined }[] = [];
  let sent = 0;
  const server = createServer((request, response) => {
    requests.push({ url: request.url ?? '', range: request.headers.range });
    answer(request, response, (bytes) => {
      sent += bytes.length;
      response.write(bytes);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    sent: () => sent,
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** Answers with the part asked for, as RFC 9110 says. */
export function sendRange(
  bytes: Uint8Array,
  request: IncomingMessage,
  response: ServerResponse,
  send: (bytes: Uint8Array) => void = (part) => void response.write(part),
): void {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  if (from === undefined) {
    response.writeHead(200, { 'content-length': bytes.length });
    send(bytes);
    response.end();
    return;
  }
  const end = Math.min(Number(to) + 1, bytes.length);
  if (Number(from) >= end) {
    response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
    return;
  }
  const part = bytes.subarray(Number(from), end);
  response.writeHead(206, {
    'content-length': part.length,
    'content-range': `bytes ${from}-${end - 1}/${bytes.length}`,
  });
  send(part);
  response.end();
}

// After the first visit the page works offline: all of its files are kept, under the version that they make together.

/** Put in by scripts/web.mjs: every file of the page, and a hash of them all. */
declare const FILES: readonly string[];
declare const VERSION: string;

/** What of a service worker's events is used here. */
interface LifetimeEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface RequestEvent extends LifetimeEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
interface ServiceWorkerScope {
  readonly location: Location;
  readonly clients: { claim(): Promise<void> };
  addEventListener(type: 'install' | 'activate', listener: (event: LifetimeEvent) => void): void;
  addEventListener(type: 'fetch', listener: (event: RequestEvent) => void): void;
}

const scope = globalThis as unknown as ServiceWorkerScope;

/** The library keeps networks in a cache of its own, which is not ours to clear. */
const PREFIX: string = 'wgpu-style-page-';
const NAME: string = PREFIX + VERSION;

scope.addEventListener('install', (event) => {
  // Past the browser's own cache, where files of two versions may stand beside each other.
  const requests = FILES.map((file) => new Request(file, { cache: 'reload' }));
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(requests)));
});

// A new version waits until the last page of the old one is closed: its chunks are asked for late.
scope.addEventListener('activate', (event) => {
  const tidy = async (): Promise<void> => {
    const names = await caches.keys();
    await Promise.all(names.filter((name) => name.startsWith(PREFIX) && name !== NAME).map((name) => caches.delete(name)));
    await scope.clients.claim();
  };
  event.waitUntil(tidy());
});

scope.addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin } = new URL(request.url);
  if (request.method === 'GET' && origin === scope.location.origin) event.respondWith(answer(request));
});

async function answer(request: Request): Promise<Response> {
  const cache = await caches.open(NAME);
  const kept = await cache.match(request, { ignoreSearch: true, ignoreVary: true });
  return kept ?? fetch(request);
}

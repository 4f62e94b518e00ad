// Addresses: which servers may be asked, and how often they may send on to another one. Everything that the library fetches goes
// through here, and so does the name of every file that it reads.

import { WgpuStyleError } from './errors.ts';
import { host } from './host.ts';

/** Redirects that are followed where they can be seen; browsers have a limit of their own. */
const MOST_REDIRECTS = 5;

/** Answers that name another address for the same thing. */
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** The ports that addresses leave out. */
const PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/** Why a server may not be asked; undefined where it may. */
function refusalOf({ protocol, hostname, port: stated, origin }: URL, where: string): WgpuStyleError | undefined {
  const { allowedHosts: allowed } = host;
  // Origins of files and the like are the word "null", and none is another's.
  const isOwn = protocol === 'data:' || protocol === 'blob:' || (origin !== 'null' && origin === globalThis.location?.origin);
  if (isOwn || !allowed) return undefined;
  const usual = PORTS[protocol];
  const server = `${hostname}:${stated || usual}`;
  if (usual && (allowed.includes(server) || (stated === '' && allowed.includes(hostname)))) return undefined;
  return new WgpuStyleError('network', {
    what: `an address that is not allowed: got one of ${usual ? server : `${protocol}//${hostname}`}, need one of ${allowed.join(', ') || 'no server'}`,
    where,
    fix: 'Give the bytes, or allow the server with allowHosts',
  });
}

/**
 * Refuses paths and `file:` URLs that name another server, while hosts are restricted: reading them asks that server by SMB, which
 * tells it who asks. A list of hosts is none of file servers, so that one which is on it is refused as well.
 *
 * @throws `network`.
 */
export function refuseServerFile(location: string, where: string): void {
  if (!host.allowedHosts) return;
  const url = /^file:/i.test(location) && URL.canParse(location) ? new URL(location) : undefined;
  const isServers = host.hasServerPaths === true && /^[\\/]{2}/.test(url?.pathname ?? location);
  if (!isServers && !url?.host) return;
  throw new WgpuStyleError('network', {
    what: `a file of a server, while allowHosts restricts them: got "${location}", need a path on this machine`,
    where,
    fix: 'Read the file yourself and hand over its bytes',
  });
}

/**
 * Fetches an address as `fetch` does, with the answer of the last redirect.
 *
 * @throws `network` for servers that are not allowed, more redirects than five, and redirects to what is no server; else what `fetch`
 *   throws.
 */
export async function fetchAllowed(address: string, init: RequestInit, where: string): Promise<Response> {
  let url = new URL(address, globalThis.location?.href);
  for (let redirects = 0; ; redirects++) {
    const refusal = refusalOf(url, where);
    if (refusal) throw refusal;
    const response = await fetch(url, host.seesRedirects ? { ...init, redirect: 'manual' } : init);
    const next = host.seesRedirects && REDIRECTS.includes(response.status) ? response.headers.get('location') : null;
    const late = response.redirected ? refusalOf(new URL(response.url), where) : undefined;
    if (next === null && !late) return response;
    await response.body?.cancel();
    if (late) throw late;
    url = nextUrl(next!, url, redirects, where);
  }
}

function nextUrl(next: string, from: URL, redirects: number, where: string): URL {
  const url = URL.canParse(next, from.href) ? new URL(next, from) : undefined;
  const isServer = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (url && isServer && redirects < MOST_REDIRECTS) return url;
  throw new WgpuStyleError('network', {
    what: isServer ? `more than ${MOST_REDIRECTS} redirects: got another one from ${from.host}` : `a redirect from ${from.host} to what is no server`,
    where,
    fix: 'Check the address, or download the file and give its path or bytes',
  });
}

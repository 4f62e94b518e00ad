// Which servers the library may ask: a rule of the whole page, worker or process, so that no way in can forget it.

import { badOption } from './errors.ts';
import { host } from './host.ts';

/**
 * From now on only these servers are asked by this page, worker or process, for pictures and for networks, known ones included: hosts
 * as they stand in addresses, `example.org` for the scheme's own port (80 or 443), `example.org:8080` for another or for that one alone.
 * No others are asked, nor is a redirect to them followed; in pages, which do not see redirects, what comes from them is thrown away. A
 * page may always ask its own server. `undefined` allows all again, which is the default.
 *
 * Every thread has a rule of its own: call it in each worker, too. Files are read wherever they lie on this machine, but not those
 * of other servers: `file:` URLs that name one and, on Windows, paths that begin with two slashes of either kind are refused.
 *
 * @throws `bad-option` for what is no host.
 */
export function allowHosts(hosts: readonly string[] | undefined): void {
  if (hosts !== undefined && !Array.isArray(hosts)) throw refused(hosts);
  host.allowedHosts = hosts?.map(hostOf);
}

/** A host as `URL` gives it, in letters of ASCII; with its port where one was given. */
function hostOf(name: unknown): string {
  // Schemes leave out the port that is theirs: each tells the other's.
  const [http, https] = ['http', 'https'].map((scheme) => {
    const isHost = typeof name === 'string' && /^[^\s/?#@*\\]*[^\s/?#@*\\:]$/.test(name);
    return isHost && URL.canParse(`${scheme}://${name}`) ? new URL(`${scheme}://${name}`) : undefined;
  });
  if (!http || !https) throw refused(name);
  const port = http.port || https.port;
  return http.hostname + (port && `:${port}`);
}

function refused(given: unknown): Error {
  return badOption('allowHosts', `got ${JSON.stringify(given)}`, "Give a list of hosts such as 'example.org' or 'example.org:8080'");
}

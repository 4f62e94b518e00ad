// Which servers the library may ask: a rule of the whole page or process, so that no way in can forget it.

import { badOption } from './errors.ts';
import { host } from './host.ts';

/**
 * From now on only these servers are asked by this page or process, for pictures and for networks, known ones included: hosts as
 * they stand in addresses, `example.org` or, where the port is not the scheme's, `example.org:8080`. No others are asked, nor is a
 * redirect to them followed; in pages, which do not see redirects, what comes from them is thrown away. A page may always ask its own
 * server. `undefined` allows all again, which is the default.
 *
 * @throws `bad-option` for what is no host.
 */
export function allowHosts(hosts: readonly string[] | undefined): void {
  const isHost = (name: unknown): boolean => typeof name === 'string' && /^(\[[\da-f:.]+\]|[^\s/?#@:[\]\\]+)(:\d+)?$/i.test(name);
  const given: unknown = hosts;
  if (given !== undefined && !(Array.isArray(given) && given.every(isHost))) {
    throw badOption('allowHosts', `got ${JSON.stringify(given)}`, "Give a list of hosts such as 'example.org' or 'example.org:8080'");
  }
  host.allowedHosts = hosts?.map((name) => name.toLowerCase());
}

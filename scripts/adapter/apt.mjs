// Installing with apt on Debian and Ubuntu: what to install and from where are pure functions (tested), running the
// commands is the rest. Only ever called as root.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Dawn refuses older lavapipes: Mesa 22.3 lacks dynamic indexing of uniform arrays. */
const OLDEST_MESA = 23;
const BACKPORTS_FILE = '/etc/apt/sources.list.d/wgpu-style-backports.sources';
const APT_TIMEOUT = 10 * 60_000;

/** The fields of /etc/os-release. */
export function parseOsRelease(text) {
  const fields = {};
  for (const line of text.split('\n')) {
    const match = /^([A-Z_]+)=("?)(.*)\2$/.exec(line.trim());
    if (match) fields[match[1]] = match[3];
  }
  return fields;
}

/** Entries of an apt source file in either format: [{ uri, suite, components, signedBy, trusted }]. */
export function parseSources(text, isDeb822) {
  return isDeb822 ? parseStanzas(text) : parseLines(text);
}

function parseLines(text) {
  const entries = [];
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (!match) continue;
    const options = Object.fromEntries((match[1] ?? '').split(/\s+/).map((option) => option.split('=')));
    entries.push({
      uri: match[2],
      suite: match[3],
      components: match[4].trim().split(/\s+/).filter(Boolean),
      signedBy: options['signed-by'],
      trusted: options['trusted'],
    });
  }
  return entries;
}

function parseStanzas(text) {
  const entries = [];
  for (const stanza of text.split(/\n\s*\n/)) {
    const lines = stanza.split('\n').filter((line) => !line.startsWith('#'));
    const fields = {};
    let name;
    for (const line of lines) {
      const match = /^([A-Za-z0-9-]+):\s*(.*)$/.exec(line);
      if (match) fields[(name = match[1].toLowerCase())] = match[2].trim();
      else if (name && /^\s/.test(line)) fields[name] += `\n${line}`;
    }
    if (!/\bdeb\b/.test(fields['types'] ?? '') || /^(no|false)$/i.test(fields['enabled'] ?? '')) continue;
    for (const uri of (fields['uris'] ?? '').split(/\s+/).filter(Boolean)) {
      for (const suite of (fields['suites'] ?? '').split(/\s+/).filter(Boolean)) {
        const components = (fields['components'] ?? '').split(/\s+/).filter(Boolean);
        entries.push({ uri, suite, components, signedBy: fields['signed-by'], trusted: fields['trusted'] });
      }
    }
  }
  return entries;
}

/**
 * The source file to write so that apt knows the backports suite, from the mirror that the machine already uses for
 * its release. `undefined` when the suite is known already or no mirror of the release is found.
 */
export function backportsSource(entries, codename) {
  if (entries.some(({ suite }) => suite === `${codename}-backports`)) return undefined;
  const main = entries.find(({ suite, components }) => suite === codename && components.includes('main'));
  if (!main) return undefined;
  const lines = ['Types: deb', `URIs: ${main.uri}`, `Suites: ${codename}-backports`, 'Components: main'];
  if (main.signedBy) lines.push(`Signed-By: ${main.signedBy}`);
  if (main.trusted) lines.push(`Trusted: ${main.trusted}`);
  return `# Written by wgpu-style's ensure-adapter, for Mesa ${OLDEST_MESA} or newer.\n${lines.join('\n')}\n`;
}

/** The major version that `apt-cache policy` offers for installation; 0 when there is none. */
export function candidateMajor(policy) {
  return Number(/Candidate:\s*(?:\d+:)?(\d+)/.exec(policy)?.[1] ?? 0);
}

/** Where Mesa is to come from: the release itself, its backports, or (undefined) nowhere that is new enough. */
export function mesaOrigin({ id, codename, major }) {
  if (major >= OLDEST_MESA) return 'release';
  return id === 'debian' && codename ? 'backports' : undefined;
}

/** What this machine is, if apt can be used on it. */
export function aptMachine() {
  if (process.platform !== 'linux' || !existsSync('/etc/os-release')) return undefined;
  const { ID = '', ID_LIKE = '', VERSION_CODENAME } = parseOsRelease(readFileSync('/etc/os-release', 'utf8'));
  const isKnown = [ID, ...ID_LIKE.split(' ')].some((id) => id === 'debian' || id === 'ubuntu');
  if (!isKnown || !existsSync('/usr/bin/apt-get')) return undefined;
  return { id: ID, codename: VERSION_CODENAME, isRoot: process.getuid?.() === 0 };
}

/** Installs lavapipe and the Vulkan loader; true when apt says it did. */
export function installMesa(machine, say) {
  aptGet(['update'], say);
  const policy = spawnSync('apt-cache', ['policy', 'mesa-vulkan-drivers'], { encoding: 'utf8' }).stdout ?? '';
  const origin = mesaOrigin({ ...machine, major: candidateMajor(policy) });
  if (origin === 'release') return install(['mesa-vulkan-drivers', 'libvulkan1'], [], say);
  if (origin === undefined) {
    say(`This release has no Mesa ${OLDEST_MESA} or newer.`);
    return false;
  }
  const suite = `${machine.codename}-backports`;
  const source = backportsSource(readSources(), machine.codename);
  if (source) {
    say(`Adding the suite ${suite} of this machine's mirror in ${BACKPORTS_FILE}, because Dawn needs a newer Mesa.`);
    writeFileSync(BACKPORTS_FILE, source);
    aptGet(['update'], say);
  }
  if (install(['mesa-vulkan-drivers', 'libvulkan1'], ['-t', suite], say)) return true;
  // A source that does not work would spoil every later use of apt.
  if (source) rmSync(BACKPORTS_FILE, { force: true });
  return false;
}

/** Installs packages; true when apt says it did. */
export function install(packages, options, say) {
  say(`Installing ${packages.join(' and ')} with apt.`);
  const choices = ['--yes', '--no-install-recommends', ...options];
  return aptGet(['install', ...choices, ...packages], say);
}

function aptGet(args, say) {
  const child = spawnSync('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=120', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    encoding: 'utf8',
    timeout: APT_TIMEOUT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (child.status === 0) return true;
  const lines = `${child.stdout ?? ''}${child.stderr ?? ''}`.split('\n').filter((line) => /^[EW]:/.test(line));
  say(`apt-get ${args[0]} failed: ${lines.slice(0, 3).join(' ') || child.error?.message || child.status}`);
  return false;
}

function readSources() {
  const folder = '/etc/apt/sources.list.d';
  const files = existsSync(folder) ? readdirSync(folder).map((name) => path.join(folder, name)) : [];
  files.unshift('/etc/apt/sources.list');
  return files
    .filter((file) => /\.(list|sources)$/.test(file) && existsSync(file))
    .flatMap((file) => parseSources(readFileSync(file, 'utf8'), file.endsWith('.sources')));
}

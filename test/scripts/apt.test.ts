// The parts of installing that only decide; running apt is left to real fresh machines.

import { expect, test } from 'vitest';
import {
  backportsSource,
  candidateMajor,
  mesaOrigin,
  parseOsRelease,
  parseSources,
} from '../../scripts/adapter/apt.mjs';
import { adapterAdvice } from '../../scripts/adapter/ensure.mjs';

const STANZAS = `# made by the image
Types: deb
# an older address
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main
`;

test('os-release is read with and without quotes', () => {
  const fields = parseOsRelease('PRETTY_NAME="Debian GNU/Linux 12"\nVERSION_CODENAME=bookworm\nID=debian\n');
  expect(fields).toMatchObject({ ID: 'debian', VERSION_CODENAME: 'bookworm' });
});

test('backports come from the mirror and key that the machine uses for its release', () => {
  const source = backportsSource(parseSources(STANZAS, true), 'bookworm');
  expect(source?.split('\n').slice(1)).toEqual([
    'Types: deb',
    'URIs: http://mirror.example/debian',
    'Suites: bookworm-backports',
    'Components: main',
    'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg',
    '',
  ]);
});

test('one-line sources are read with their options, comments and source packages left out', () => {
  const text = [
    '# deb http://old.example/debian bookworm main',
    'deb-src http://mirror.example/debian bookworm main',
    'deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib # ours',
  ].join('\n');
  expect(parseSources(text, false)).toEqual([
    {
      uri: 'http://mirror.example/debian',
      suite: 'bookworm',
      components: ['main', 'contrib'],
      signedBy: '/k.gpg',
      trusted: undefined,
    },
  ]);
  expect(backportsSource(parseSources(text, false), 'bookworm')).toContain('Signed-By: /k.gpg\n');
});

test('no source is written where backports are known already or no mirror of the release is', () => {
  const known = parseSources('deb http://m.example/debian bookworm-backports main', false);
  expect(backportsSource([...parseSources(STANZAS, true), ...known], 'bookworm')).toBeUndefined();
  expect(backportsSource(parseSources(STANZAS, true), 'trixie')).toBeUndefined();
});

test('Mesa comes from the release where it is new enough for Dawn, else from backports on Debian', () => {
  expect(candidateMajor('  Candidate: 22.3.6-1+deb12u2\n')).toBe(22);
  expect(candidateMajor('  Candidate: 1:25.0.7-2\n')).toBe(25);
  expect(candidateMajor('  Candidate: (none)\n')).toBe(0);
  expect(mesaOrigin({ id: 'debian', codename: 'trixie', major: 25 })).toBe('release');
  expect(mesaOrigin({ id: 'debian', codename: 'bookworm', major: 22 })).toBe('backports');
  expect(mesaOrigin({ id: 'ubuntu', codename: 'focal', major: 21 })).toBeUndefined();
});

test('where nothing may be installed, one command is named', () => {
  expect(adapterAdvice('linux', { ID: 'debian' })).toBe('Run: sudo env "PATH=$PATH" npm run ensure-adapter');
  expect(adapterAdvice('linux', { ID: 'debian' }, true)).toBe('Run: npx puppeteer browsers install chrome');
  expect(adapterAdvice('linux', { ID: 'fedora' })).toMatch(/^Run: sudo dnf install /);
  expect(adapterAdvice('linux', { ID: 'nixos' })).toBe('Run: npx puppeteer browsers install chrome');
});

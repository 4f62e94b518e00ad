// Makes sure that Dawn has an adapter on this machine: finds one, or as root on Debian and Ubuntu installs one.

import { existsSync, readFileSync } from 'node:fs';
import { aptMachine, install, installMesa, parseOsRelease } from './apt.mjs';
import { findAdapter } from './find.mjs';

/**
 * The adapter that child processes will get with the returned `env`: { kind, sentence, env }, or undefined when there
 * is none; what was done and what to do is told to `say`, in sentences.
 */
export async function ensureAdapter(say = console.log) {
  let search = await findAdapter();
  const machine = aptMachine();
  if (!search.adapter && !search.isMissing && machine?.isRoot) {
    say('No graphics adapter was found on this machine.');
    if (installMesa(machine, say)) search = await findAdapter();
    if (!search.adapter && machine.id !== 'ubuntu' && install(['chromium', 'libvulkan1'], [], say)) {
      search = await findAdapter();
    }
  }
  if (search.adapter) {
    say(search.adapter.sentence);
    return search.adapter;
  }
  say('No usable graphics adapter:');
  for (const attempt of search.tried) say(`  ${attempt}`);
  say(search.isMissing ? packageAdvice() : adapterAdvice(process.platform, osRelease(), machine?.isRoot === true));
  return undefined;
}

function packageAdvice() {
  return 'The optional package "webgpu" (Dawn for Node) is not installed. Run: npm install --include=optional';
}

/** The one command to run where we may not or cannot install by ourselves. */
export function adapterAdvice(platform, { ID = '', ID_LIKE = '' } = {}, isRoot = false) {
  if (platform === 'darwin') return 'Dawn needs Metal: macOS 12 or newer on a Mac or a virtual machine with a GPU.';
  if (platform === 'win32') return 'Dawn needs Direct3D 12 or Vulkan. Run: winget install Google.Chrome';
  const family = [ID, ...ID_LIKE.split(' ')];
  const command = family.some((id) => id === 'debian' || id === 'ubuntu')
    ? // The path is handed on because sudo often does not know where node is.
      'sudo env "PATH=$PATH" npm run ensure-adapter'
    : family.includes('fedora')
      ? 'sudo dnf install mesa-vulkan-drivers vulkan-loader'
      : family.includes('arch')
        ? 'sudo pacman -S vulkan-swrast vulkan-icd-loader'
        : family.some((id) => id === 'suse' || id === 'opensuse')
          ? 'sudo zypper install libvulkan_lvp libvulkan1'
          : 'npx puppeteer browsers install chrome';
  // As root on Debian the command has just been tried.
  const isTried = isRoot && command.includes('ensure-adapter');
  return `Run: ${isTried ? 'npx puppeteer browsers install chrome' : command}`;
}

function osRelease() {
  return existsSync('/etc/os-release') ? parseOsRelease(readFileSync('/etc/os-release', 'utf8')) : {};
}

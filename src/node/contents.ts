// Many contents: which files a word of the command line means, and what their results are called.

import { lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { badOption, WgpuStyleError } from '../gpu/errors.ts';
import type { Job } from './report.ts';
import { isUrl } from './settings.ts';

const pictures = /\.(png|jpe?g|webp|avif|tiff?|gif)$/i;

/** What to paint, and whether the words meant several. */
export interface Contents {
  readonly files: readonly string[];
  /** True for a folder, a pattern or several words: results then go into a folder. */
  readonly isMany: boolean;
}

/** In the order of their numbers, not of their digits: frame-9 before frame-10. */
function sorted(files: readonly string[]): readonly string[] {
  return [...files].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }) || (a < b ? -1 : 1));
}

/**
 * One part of a pattern, between two slashes, as a regular expression: `*` and `?` for letters, `[a-c]` for one of some,
 * `{jpg,png}` for either.
 */
function partPattern(part: string): RegExp {
  let source = '';
  for (let i = 0; i < part.length; i++) {
    const letter = part[i]!;
    const end = letter === '[' ? part.indexOf(']', i + 2) : letter === '{' ? part.indexOf('}', i) : -1;
    if (letter === '*') source += '[^/]*';
    else if (letter === '?') source += '[^/]';
    else if (end > 0 && letter === '[') {
      source += `[${part
        .slice(i + 1, end)
        .replace(/^!/, '^')
        .replace(/[\\\]]/g, '\\$&')}]`;
      i = end;
    } else if (end > 0) {
      const either = part
        .slice(i + 1, end)
        .split(',')
        .map((text) => partPattern(text).source.slice(1, -1));
      source += `(?:${either.join('|')})`;
      i = end;
    } else source += letter.replace(/[\\^$.|+(){}[\]]/g, '\\$&');
  }
  // As in a shell, a leading dot is only met by a dot.
  return new RegExp(`^${/^[*?[]/.test(part) ? '(?!\\.)' : ''}${source}$`);
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder === '' ? '.' : folder);
  } catch {
    return [];
  }
}

/** Files that a pattern meets; `**` stands for any folders in between. */
export function glob(pattern: string): readonly string[] {
  const parts = pattern.replaceAll('\\', path.sep === '\\' ? '/' : '\\').split('/');
  let found = [''];
  for (const [i, part] of parts.entries()) {
    const isLast = i === parts.length - 1;
    const join = (folder: string, name: string): string =>
      folder === '' ? name : folder === '/' ? `/${name}` : `${folder}/${name}`;
    if (part === '') found = i === 0 ? ['/'] : found;
    else if (part === '**') found = found.flatMap(foldersUnder);
    else if (!/[*?[{]/.test(part)) found = found.map((folder) => join(folder, part));
    else {
      const matches = partPattern(part);
      found = found.flatMap((folder) =>
        namesIn(folder)
          .filter((name) => matches.test(name))
          .map((name) => join(folder, name)),
      );
    }
    found = found.filter(
      (file) => file === '' || kindOf(file) === 'folder' || (isLast && kindOf(file) === 'file'),
    );
  }
  return sorted([...new Set(found)].filter((file) => kindOf(file) === 'file'));
}

function foldersUnder(folder: string): readonly string[] {
  const inner = namesIn(folder)
    .filter((name) => !name.startsWith('.'))
    .map((name) => (folder === '' ? name : `${folder === '/' ? '' : folder}/${name}`))
    // A link to a folder above would never end.
    .filter((file) => kindOf(file) === 'folder' && !lstatSync(file).isSymbolicLink());
  return [folder, ...inner.flatMap(foldersUnder)];
}

function kindOf(file: string): 'file' | 'folder' | undefined {
  try {
    return statSync(file).isDirectory() ? 'folder' : 'file';
  } catch {
    return undefined;
  }
}

function none(what: string): WgpuStyleError {
  return new WgpuStyleError('bad-image', { what, where: 'content', fix: 'Check the path' });
}

/** The files of words that are paths, URLs, folders or patterns. Throws `bad-image` where a folder or pattern has none. */
export function expandContents(words: readonly string[]): Contents {
  let isMany = words.length > 1;
  const files = words.flatMap((word) => {
    const kind = isUrl(word) && kindOf(word) === undefined ? 'file' : kindOf(word);
    if (kind === 'folder') {
      isMany = true;
      const inside = namesIn(word).filter((name) => pictures.test(name) && !name.startsWith('.'));
      if (inside.length === 0) throw none(`no pictures in the folder "${word}"`);
      return sorted(inside).map((name) => path.join(word, name));
    }
    if (kind === 'file' || !/[*?[{]/.test(word)) return [word];
    isMany = true;
    const found = glob(word);
    if (found.length === 0) throw none(`no file matches "${word}"`);
    return found;
  });
  return { files, isMany };
}

/** True where an output means a folder. */
export function isFolder(output: string): boolean {
  return /[/\\]$/.test(output);
}

/** A file name for the result of a content: its own, without anything that could lead elsewhere. */
function nameOf(content: string): string {
  const last = isUrl(content) && /^https?:/i.test(content) ? new URL(content).pathname : content;
  const stem = path.parse(path.basename(last.replaceAll('\\', '/'))).name;
  const safe = stem
    .replace(/^\.+/, '')
    .replace(/[\u0000-\u001f<>:"/\\|?*%]/g, '_')
    .slice(0, 100);
  return safe.trim() === '' ? 'picture' : safe;
}

/**
 * The results of contents in a folder: each by its content's name, numbered where two have the same. Throws `bad-option`
 * where one would replace a content, or go through a link out of the folder.
 */
export function jobsIn(folder: string, contents: readonly string[], extension: string): readonly Job[] {
  const taken = new Set<string>();
  const sources = new Set(contents.filter((file) => !isUrl(file)).map((file) => path.resolve(file)));
  return contents.map((content) => {
    const name = nameOf(content);
    let output = path.join(folder, `${name}.${extension}`);
    // Some file systems take a.png and A.png for one.
    for (let i = 2; taken.has(output.toLowerCase()); i++)
      output = path.join(folder, `${name}-${i}.${extension}`);
    taken.add(output.toLowerCase());
    if (sources.has(path.resolve(output))) {
      throw badOption('-o', `"${output}" would replace a content`, 'Give another folder');
    }
    if (leadsOut(folder, output))
      throw badOption('-o', `"${output}" is a link out of the folder`, 'Remove it');
    return { content, output };
  });
}

function leadsOut(folder: string, file: string): boolean {
  try {
    return lstatSync(file).isSymbolicLink() && path.dirname(realpathSync(file)) !== realpathSync(folder);
  } catch (error) {
    // A link to nowhere would be made a file there.
    return (
      (error as { code?: string }).code === 'ENOENT' &&
      lstatSync(file, { throwIfNoEntry: false }) !== undefined
    );
  }
}

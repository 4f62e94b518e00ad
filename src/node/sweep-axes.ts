// The axes of a sweep: `--vary "styleWeight=0.1,1,10"` to an option and its values, each with what it changes. Pure.

import { badOption } from '../gpu/errors.ts';
import { nearestName } from './nearest.ts';
import type { PlainOptions } from '../style/settings.ts';
import { plainNames, plainOptions } from './plain-options.ts';

/** What one value of an axis changes of a run; pictures and network are paths. */
export interface Change {
  readonly options?: PlainOptions;
  readonly content?: string;
  readonly style?: string;
  readonly network?: string;
  readonly init?: string;
}

/** One axis: columns or rows of the sheet. */
export interface Axis {
  /** The option's name. */
  readonly name: string;
  /** For the sheet: the name in words. */
  readonly title: string;
  readonly values: readonly { readonly label: string; readonly change: Change }[];
}

const files = ['content', 'style', 'network', 'init'] as const;
const names: readonly string[] = [...plainNames, ...files];
/** More cells than a sheet can show. */
const mostCells = 400;

const example = 'Give --vary "styleWeight=0.1,1,10"';

function isFile(name: string): name is (typeof files)[number] {
  return (files as readonly string[]).includes(name);
}

/** The option's own name for what may be spelled as its flag. */
function optionName(given: string): string {
  const name = given
    .trim()
    .replace(/^--/, '')
    .replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  if (names.includes(name)) return name;
  const nearest = nearestName(name, names);
  const fix = nearest ? `Did you mean ${nearest}` : `These can: ${names.join(', ')}`;
  throw badOption('--vary', `"${given}" is no option that can vary`, fix);
}

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function readAxis(text: string): Axis {
  const [given = '', list] = text.split(/=(.*)/s);
  if (list === undefined || list.trim() === '')
    throw badOption('--vary', `got "${text}", need a name and values`, example);
  const name = optionName(given);
  // Values that have commas themselves (lists of layers) are set apart by semicolons.
  const values = list.split(list.includes(';') ? ';' : ',').map((value) => value.trim());
  if (values.some((value) => value === '')) throw badOption('--vary', `an empty value in "${text}"`, example);
  return {
    name,
    title: kebab(name).replaceAll('-', ' '),
    values: values.map((value) => ({
      label: isFile(name)
        ? value.slice(Math.max(value.lastIndexOf('/'), value.lastIndexOf('\\')) + 1)
        : value,
      change: isFile(name) ? { [name]: value } : { options: plainOptions(new Map([[kebab(name), value]])) },
    })),
  };
}

/**
 * The axes of a sweep, columns first. Throws `bad-option` for none or more than two, for options that cannot vary, and
 * for values that the option's flag would refuse.
 */
export function readAxes(texts: readonly string[]): readonly Axis[] {
  if (texts.length === 0 || texts.length > 2) {
    throw badOption('--vary', `got ${texts.length} axes, need one or two`, example);
  }
  const axes = texts.map(readAxis);
  if (axes[0]!.name === axes[1]?.name)
    throw badOption('--vary', `both axes are ${axes[0]!.name}`, 'Vary two options, or one');
  const cells = axes.reduce((product, { values }) => product * values.length, 1);
  if (cells > mostCells)
    throw badOption(
      '--vary',
      `${cells} pictures on one sheet, need at most ${mostCells}`,
      'Give fewer values',
    );
  return axes;
}

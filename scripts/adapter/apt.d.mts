// Types of the parts of apt.mjs that are under test.

export interface Source {
  uri: string;
  suite: string;
  components: string[];
  signedBy?: string | undefined;
  trusted?: string | undefined;
}

export function parseOsRelease(text: string): Record<string, string>;
export function parseSources(text: string, isDeb822: boolean): Source[];
export function backportsSource(entries: readonly Source[], codename: string): string | undefined;
export function candidateMajor(policy: string): number;
export function mesaOrigin(machine: {
  id: string;
  codename?: string;
  major: number;
}): 'release' | 'backports' | undefined;

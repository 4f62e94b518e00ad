// Types of browser.mjs for the tests.

export function findBrowser(): Promise<string | undefined>;
export function ensureBrowser(
  say: (sentence: string) => void,
): Promise<{ executable: string; reason?: undefined } | { executable?: undefined; reason: string }>;

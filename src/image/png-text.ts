// Texts in a PNG: words that travel with the picture and change no pixel of it. Written as iTXt (UTF-8) throughout, read
// from tEXt (Latin-1) too. (PNG specification, third edition, sections 11.3.3.2 and 11.3.3.4.)
import { badOption } from '../gpu/errors.ts';
import { readChunks, type PngChunk } from './png-chunks.ts';

/** The texts (tEXt, iTXt without compression) of a PNG by keyword. Throws `bad-image` for a damaged container. */
export function readPngText(bytes: Uint8Array, where: string = 'image'): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const { type, data } of readChunks(bytes, where)) {
    const end = data.indexOf(0);
    if (end < 1) continue;
    const keyword = new TextDecoder('latin1').decode(data.subarray(0, end));
    if (type === 'tEXt') texts[keyword] = new TextDecoder('latin1').decode(data.subarray(end + 1));
    if (type === 'iTXt' && data[end + 1] === 0) {
      const language = data.indexOf(0, end + 3);
      const translated = data.indexOf(0, language + 1);
      if (language > 0 && translated > 0) texts[keyword] = new TextDecoder().decode(data.subarray(translated + 1));
    }
  }
  return texts;
}

function textChunk(keyword: string, text: string): PngChunk {
  if (!/^[\x21-\x7e](?:[\x20-\x7e]{0,77}[\x21-\x7e])?$/.test(keyword)) {
    throw badOption('text', `no PNG keyword: got "${keyword}", need 1 to 79 printable ASCII characters`, 'Rename it');
  }
  // Keyword, no compression (two zeros), no language, no translated keyword, then UTF-8.
  return { type: 'iTXt', data: new TextEncoder().encode(`${keyword}\0\0\0\0\0${text}`) };
}

/** One text chunk per entry. Throws `bad-option` for what is no keyword. */
export function textChunks(text: Readonly<Record<string, string>>): readonly PngChunk[] {
  return Object.entries(text).map(([key, value]) => textChunk(key, value));
}

/** The chunks of a file with one text chunk per entry put before the image data. */
export function withTexts(chunks: readonly PngChunk[], text: Readonly<Record<string, string>>): readonly PngChunk[] {
  const at = chunks.findIndex(({ type }) => type === 'IDAT');
  return [...chunks.slice(0, at), ...textChunks(text), ...chunks.slice(at)];
}

// The network of a run: a file, an address or a known name, read as a stream of which only what is
// needed is kept. Told before any GPU work when it is wrong.

import { badOption, WgpuStyleError } from '../gpu/errors.ts';
import type { VggOptions } from '../vgg/load.ts';
import { Vgg } from '../vgg/vgg.ts';
import type { TransferCommand } from './commands.ts';
import { isKnownName, recognise } from './known-networks.ts';
import type { ProgressPrinter } from './progress.ts';

const flag = '--network';

/**
 * The network that a command names; undefined where it leaves that to the library. The printer
 * shows its download, and says what preprocessing had to be assumed. Throws as `Vgg.load` does, naming the flag.
 */
export async function readNetwork(
  { network, preprocessing }: Pick<TransferCommand, 'network' | 'preprocessing'>,
  signal: AbortSignal,
  { say, download }: Pick<ProgressPrinter, 'say' | 'download'>,
): Promise<Vgg | 'default' | undefined> {
  if (network === undefined || network === 'default') {
    if (preprocessing === undefined) return network;
    const what = 'preprocessing was given for the embedded network';
    throw badOption('--preprocessing', what, `Leave it out: that network carries its own`);
  }
  const vgg = await load(network, preprocessing, { signal, onDownload: download, onWarning: say });
  if (vgg.preprocessingSource === 'assumed') {
    say(
      `Nothing in ${network} says what its input looks like: ${vgg.report.preprocessing} was assumed. ` +
        'Give --preprocessing rgb-mean-std or bgr-255 if you know better.',
    );
  }
  return vgg;
}

async function load(
  network: string,
  preprocessing: TransferCommand['preprocessing'],
  options: Pick<VggOptions, 'signal' | 'onDownload' | 'onWarning'>,
): Promise<Vgg> {
  const isName = isKnownName(network);
  const isPath = !/^[a-z][a-z0-9+.-]+:/i.test(network) && !isName;
  const known = isPath && preprocessing === undefined ? await recognise(network) : undefined;
  try {
    return await Vgg.load(network, {
      ...(preprocessing !== undefined && { preprocessing }),
      ...(known && { preprocessing: known.preprocessing, preprocessingFrom: 'manifest' as const }),
      ...options,
      // What had to be assumed of a file is said above, with the flag instead of the option.
      ...(!isName && { onWarning: () => undefined }),
    });
  } catch (error) {
    if (!(error instanceof WgpuStyleError) || error.where !== 'Vgg.load') throw error;
    // The user knows the flag, not the function.
    const { code, where, fix, message, cause } = error;
    const what = message.slice(where.length + 2, -(fix.length + 3));
    throw new WgpuStyleError(code, { what, where: flag, fix, cause });
  }
}

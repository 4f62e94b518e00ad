// The command line of npm run bench, as plain data: nothing is started here.

import { parseArgs } from 'node:util';
import { PEER_PACKAGES, type PeerName } from '../peers/names.ts';
import { DEFAULT_REQUEST, FAMILIES, type BenchRequest, type Family } from '../request.ts';

/** Peers take their time: tfjs alone computes a first iteration for half a minute on SwiftShader. */
const PEER_MINUTES = 60;

/** What the command line asks for. */
export interface Command {
  readonly request: BenchRequest;
  /** Time to the first iteration and memory, in fresh pages or processes. */
  readonly wantsStart: boolean;
  /** Peers that take part in the families `peers` and `start`. */
  readonly peers: readonly PeerName[];
  /** Python with PyTorch, for rows of torch_step.py. */
  readonly torch: string | undefined;
  readonly isNode: boolean;
  /** `gpu` refuses a software adapter, `software` takes none else; undefined takes what there is. */
  readonly adapter: 'gpu' | 'software' | undefined;
  readonly note: string;
  readonly writes: boolean;
  /** Write the problem to this file instead of measuring anything. */
  readonly exportTo: string | undefined;
  /** The words of the result's name that say what was asked for; none when everything was. */
  readonly words: readonly string[];
}

/** A command, a wrong one, or a cry for help. */
export type Parsed = { readonly command: Command } | { readonly wrong: string } | { readonly help: string };

export const HELP: string = `npm run bench -- [what …] [flags]

What (default: everything but peers):
  ${FAMILIES.join(' ')}
  start     time from the call to the end of the first iteration, and memory, in fresh pages or processes
  peers     one iteration and one forward pass of VGG-19 beside ${Object.keys(PEER_PACKAGES).join(', ')}
  all       everything, peers too
  export    write the problem (weights, pictures) for bench/peers/torch_step.py

Where:
  --node            Node on Dawn instead of headless Chrome
  --gpu             fail where there is only a software adapter
  --software        take a software adapter (lavapipe, SwiftShader) even where there is a GPU

How much:
  --side <px,…>     sides of the picture; default 32,64 on software adapters, 32,64,128,256,512 on GPUs
  --seconds <s>     sampling of a row stops after so long; default ${DEFAULT_REQUEST.seconds}; 0 only checks results
  --minutes <m>     begin nothing that would end later; default ${DEFAULT_REQUEST.minutes}, with peers ${PEER_MINUTES}
  --pooling <kind>  max (default) or average, of the whole iterations
  --slim <n>        peers: divide the network's channels by 2, 4, 8 or 16

Peers:
  --peers <a,b>     which; default all of them. With start: these too
  --torch <python>  also run torch_step.py with this Python

Output:
  --note <text>     goes into the JSON
  --no-write        only print
  --out <file>      of export; default out/bench-problem.safetensors`;

/** Parses arguments as npm hands them over. */
export function parseCommand(argv: readonly string[]): Parsed {
  let given: ReturnType<typeof parse>;
  try {
    given = parse(argv);
  } catch (error) {
    return { wrong: (error as Error).message };
  }
  const { values, positionals } = given;
  if (values.help) return { help: HELP };
  const known: readonly string[] = [...FAMILIES, 'peers', 'start', 'all', 'export'];
  const unknown = positionals.find((word) => !known.includes(word));
  if (unknown !== undefined) return { wrong: `there is no ${unknown}: ${known.join(', ')}` };
  const sides = values.side.split(',').filter(Boolean).map(Number);
  if (!sides.every((side) => Number.isInteger(side) && side >= 16 && side <= 4096)) {
    return { wrong: `--side takes whole pixels from 16 to 4096, got ${values.side}` };
  }
  const isExport = positionals.includes('export');
  if (positionals.length > 1 && (isExport || positionals.includes('all'))) return { wrong: 'all and export go alone' };
  const hasPeers = positionals.includes('peers') || positionals.includes('all');
  const [seconds, slim] = [Number(values.seconds), Number(values.slim)];
  const minutes = Number(values.minutes ?? (hasPeers ? PEER_MINUTES : DEFAULT_REQUEST.minutes));
  if (!(seconds >= 0)) return { wrong: `--seconds takes a number from 0, got ${values.seconds}` };
  if (!(minutes > 0)) return { wrong: `--minutes takes a number above 0, got ${values.minutes ?? ''}` };
  if (![1, 2, 4, 8, 16].includes(slim)) return { wrong: `--slim takes 1, 2, 4, 8 or 16, got ${values.slim}` };
  const { pooling } = values;
  if (pooling !== 'max' && pooling !== 'average') return { wrong: `--pooling takes max or average, got ${pooling}` };
  if (values.gpu && values.software) return { wrong: '--gpu and --software exclude each other' };
  const everyPeer = hasPeers ? Object.keys(PEER_PACKAGES) : [];
  const names = values.peers?.split(',').filter(Boolean) ?? everyPeer;
  const stranger = names.find((name) => !(name in PEER_PACKAGES));
  if (stranger !== undefined) return { wrong: `there is no peer ${stranger}: ${Object.keys(PEER_PACKAGES).join(', ')}` };
  // `start` by itself measures nothing else.
  const named = positionals.filter((word): word is Family => word !== 'start' && !isExport);
  const isEverything = positionals.length === 0 || positionals.includes('all');
  const everything: readonly Family[] = hasPeers ? [...FAMILIES, 'peers'] : FAMILIES;
  return {
    command: {
      request: { families: isEverything ? everything : named, sides, seconds, minutes, pooling, slim },
      wantsStart: isEverything || positionals.includes('start'),
      peers: names as PeerName[],
      torch: values.torch,
      isNode: values.node,
      adapter: values.gpu ? 'gpu' : values.software ? 'software' : undefined,
      note: values.note,
      writes: values.write,
      exportTo: isExport ? values.out : undefined,
      words: isEverything ? [] : [...positionals],
    },
  };
}

function parse(argv: readonly string[]) {
  return parseArgs({
    args: [...argv],
    allowPositionals: true,
    allowNegative: true,
    options: {
      node: { type: 'boolean', default: false },
      gpu: { type: 'boolean', default: false },
      software: { type: 'boolean', default: false },
      side: { type: 'string', default: '' },
      seconds: { type: 'string', default: String(DEFAULT_REQUEST.seconds) },
      minutes: { type: 'string' },
      pooling: { type: 'string', default: DEFAULT_REQUEST.pooling },
      slim: { type: 'string', default: String(DEFAULT_REQUEST.slim) },
      peers: { type: 'string' },
      torch: { type: 'string' },
      note: { type: 'string', default: '' },
      write: { type: 'boolean', default: true },
      out: { type: 'string', default: 'out/bench-problem.safetensors' },
      help: { type: 'boolean', default: false },
    },
  });
}

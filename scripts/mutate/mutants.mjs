// Mutants of a shader: its text with one small mistake, of the kind that people make. Chosen by a seed, a few of each
// kind, so that a shader full of additions has not only mutants of additions.

/** Each kind finds a token and gives what may stand in its place. */
const KINDS = [
  { kind: 'comparison', pattern: /(?<![<>=!-])(<=|>=|==|!=|<|>)(?![<>=])/g, change: (token) => COMPARISONS[token] },
  { kind: 'sign', pattern: /(?<=[\w)\]] )([+-])(?= )/g, change: (token) => (token === '+' ? '-' : '+') },
  { kind: 'accumulation', pattern: /([+-])=(?!=)/g, change: (token) => (token[0] === '+' ? '-=' : '+=') },
  { kind: 'product', pattern: /(?<= )([*/%])(?= )/g, change: (token) => ({ '*': '+', '/': '*', '%': '/' })[token] },
  { kind: 'constant', pattern: /(?<![\w.@])(\d+)u?\b(?![.\w])/g, change: (token) => token.replace(/\d+/, (n) => String(Number(n) + 1)) },
  { kind: 'factor', pattern: /(?<![\w.])(\d+\.\d+)f?\b/g, change: (token) => (Number(token) === 0 ? '1.0' : `(${token} * 1.5)`) },
  { kind: 'axis', pattern: /\.(x|y|z|w)\b(?!\w)/g, change: (token) => ({ '.x': '.y', '.y': '.x', '.z': '.w', '.w': '.z' })[token] },
  { kind: 'bound', pattern: /\b(min|max)\(/g, change: (token) => (token === 'min(' ? 'max(' : 'min(') },
  { kind: 'logic', pattern: /(&&|\|\|)/g, change: (token) => (token === '&&' ? '||' : '&&') },
];

const COMPARISONS = { '<': '<=', '<=': '<', '>': '>=', '>=': '>', '==': '!=', '!=': '==' };

/** Lines that say how a shader is bound and launched, or what its blocks look like: no arithmetic to get wrong. */
const DECLARATION = /^\s*(@group|@compute|override |enable |requires |diagnostic|struct |\w+: [\w<>, ]+,?$|var<)|->/;

/** Types and template lists look like comparisons: `array<vec4f, 8>`, `bitcast<u32>(x)`. */
const TEMPLATE = /\b(array|vec[234]|mat\dx\d|bitcast|ptr|atomic)<[^;=]*?>(?=[\s(),;{]|$)/g;

/** Everything that could be changed: { line, column, kind, before, after }, `line` counted from 0. */
export function sitesOf(text) {
  const sites = [];
  text.split('\n').forEach((whole, line) => {
    const code = whole.replace(/\/\/.*$/, '');
    if (DECLARATION.test(code)) return;
    const templates = [...code.matchAll(TEMPLATE)].map(({ index, 0: match }) => [index, index + match.length]);
    for (const { kind, pattern, change } of KINDS) {
      for (const { index, 0: token } of code.matchAll(pattern)) {
        if (templates.some(([from, to]) => index >= from && index < to)) continue;
        const after = change(token);
        if (after !== undefined) sites.push({ line, column: index, kind, before: token, after });
      }
    }
  });
  return sites;
}

/** The text with one change. */
export function mutated(text, { line, column, before, after }) {
  const lines = text.split('\n');
  const old = lines[line];
  lines[line] = old.slice(0, column) + after + old.slice(column + before.length);
  return lines.join('\n');
}

/** All sites in an order in which kinds take turns and their members are shuffled by the seed. */
export function shuffled(sites, seed) {
  const random = mulberry(seed);
  const kinds = new Map();
  for (const site of sites) kinds.set(site.kind, [...(kinds.get(site.kind) ?? []), site]);
  const queues = [...kinds.values()].map((queue) =>
    queue.map((site) => [random(), site]).sort(([a], [b]) => a - b).map(([, site]) => site),
  );
  const order = [];
  while (queues.some((queue) => queue.length > 0)) {
    for (const queue of queues) if (queue.length > 0) order.push(queue.shift());
  }
  return order;
}

function mulberry(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

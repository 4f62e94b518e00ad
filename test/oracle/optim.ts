// Optimisers in float64 with plain loops, after torch.optim (SGD, Adam, LBFGS without line search, tolerances off) and
// Keras' Adam. Each takes the gradient at x and moves x in place.
//
// Compared by hand with torch 1.13.0 in float64 on 2026-11-24: the twelve-dimensional Rosenbrock function of
// test/optim/problems.ts, 40 steps. Losses agree within 7e-16 for SGD (lr 1e-4, momentum 0.9) and Adam (lr 0.05, betas
// 0.9 and 0.99), within 1.4e-10 for LBFGS (lr 0.5, history 7, max_iter 40, both tolerances -1), where rounding grows.
// With line_search_fn 'strong_wolfe' (torch 1.13.1, 2026-11-27; lr and history 1 and 10, 0.5 and 7, 1 and 3): the losses of 60
// evaluations agree within 7.4e-7, 8.5e-9 and 2.1e-10, the first thirty within 1e-9.

export interface OracleOptimizer {
  /** `damping` multiplies the learning rate of this step. */
  step(x: Float64Array, g: ArrayLike<number>, damping?: number): void;
  /** The last step was cut to this part of it (rules that remember their step). */
  cut?(part: number): void;
}

export interface OracleClamp {
  readonly min: readonly number[];
  readonly max: readonly number[];
}

function project(x: Float64Array, clamp: OracleClamp | undefined): void {
  if (!clamp) return;
  for (let i = 0; i < x.length; i++) {
    x[i] = Math.min(clamp.max[i % 4]!, Math.max(clamp.min[i % 4]!, x[i]!));
  }
}

/** torch.optim.SGD; `decay` is Keras' ExponentialDecay. */
export function descent(settings: {
  learningRate: number;
  momentum?: number;
  nesterov?: boolean;
  decay?: { rate: number; steps: number };
  clamp?: OracleClamp;
}): OracleOptimizer {
  const { learningRate, momentum = 0, nesterov = false, decay, clamp } = settings;
  let t = 0;
  let velocity: Float64Array | undefined;
  return {
    step(x, g, damping = 1) {
      const rate = damping * (decay ? learningRate * decay.rate ** (t / decay.steps) : learningRate);
      velocity ??= new Float64Array(x.length);
      for (let i = 0; i < x.length; i++) {
        velocity[i] = momentum * velocity[i]! + g[i]!;
        x[i]! -= rate * (nesterov ? g[i]! + momentum * velocity[i]! : velocity[i]!);
      }
      project(x, clamp);
      t++;
    },
  };
}

/** torch.optim.Adam, or Keras' Adam (epsilon added to the uncorrected root). */
export function adam(settings: {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  keras?: boolean;
  decay?: { rate: number; steps: number };
  clamp?: OracleClamp;
}): OracleOptimizer {
  const { learningRate, beta1, beta2, epsilon, keras = false, decay, clamp } = settings;
  let t = 0;
  let m: Float64Array | undefined;
  let v: Float64Array | undefined;
  return {
    step(x, g, damping = 1) {
      const rate = damping * (decay ? learningRate * decay.rate ** (t / decay.steps) : learningRate);
      t++;
      m ??= new Float64Array(x.length);
      v ??= new Float64Array(x.length);
      const c1 = 1 - beta1 ** t;
      const c2 = 1 - beta2 ** t;
      for (let i = 0; i < x.length; i++) {
        m[i] = beta1 * m[i]! + (1 - beta1) * g[i]!;
        v[i] = beta2 * v[i]! + (1 - beta2) * g[i]! ** 2;
        x[i]! -= keras
          ? ((rate * Math.sqrt(c2)) / c1) * (m[i]! / (Math.sqrt(v[i]!) + epsilon))
          : (rate * (m[i]! / c1)) / (Math.sqrt(v[i]! / c2) + epsilon);
      }
      project(x, clamp);
    },
  };
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** What the rules `relative` have in place of torch's constants: see LbfgsRules. */
const FIRST_MEAN = 1e-3;
const SHARE = 1e-6;

/**
 * torch.optim.LBFGS, one closure a step, line_search_fn None, both tolerances −1. The box is not torch's, nor are the rules
 * for losses of any size.
 */
export function lbfgs(settings: { learningRate: number; history: number; clamp?: OracleClamp; isRelative?: boolean; range?: number }): OracleOptimizer {
  const { learningRate, history, clamp, isRelative = false, range = 1 } = settings;
  let pairs: { s: Float64Array; y: Float64Array; rho: number }[] = [];
  let scaling = 1;
  let previous: Float64Array | undefined;
  let lastStep: Float64Array | undefined;
  return {
    cut(part) {
      lastStep = lastStep?.map((value) => part * value);
    },
    step(x, gradient, damping = 1) {
      const g = Float64Array.from(gradient);
      const d = g.map((value) => -value);
      let t = learningRate * damping;
      if (!previous || !lastStep) {
        const norm = g.reduce((sum, value) => sum + Math.abs(value), 0);
        const part = isRelative ? (FIRST_MEAN * range * x.length) / norm : Math.min(1, 1 / norm);
        t = part * learningRate;
        scaling = isRelative ? part : 1;
      } else {
        const y = g.map((value, i) => value - previous![i]!);
        const s = lastStep;
        const ys = dot(y, s);
        if (ys > (isRelative ? SHARE * Math.abs(dot(previous, s)) : 1e-10)) {
          pairs = [...pairs.slice(pairs.length === history ? 1 : 0), { s, y, rho: 1 / ys }];
          scaling = ys / dot(y, y);
        }
        const alphas: number[] = [];
        for (let k = pairs.length - 1; k >= 0; k--) {
          const { s, y, rho } = pairs[k]!;
          const alpha = rho * dot(s, d);
          alphas[k] = alpha;
          for (let i = 0; i < d.length; i++) d[i]! -= alpha * y[i]!;
        }
        for (let i = 0; i < d.length; i++) d[i]! *= scaling;
        pairs.forEach(({ s, y, rho }, k) => {
          const beta = rho * dot(y, d);
          for (let i = 0; i < d.length; i++) d[i]! += (alphas[k]! - beta) * s[i]!;
        });
      }
      const old = x.slice();
      for (let i = 0; i < x.length; i++) x[i]! += t * d[i]!;
      project(x, clamp);
      previous = g;
      lastStep = clamp ? x.map((value, i) => value - old[i]!) : d.map((value) => t * value);
    },
  };
}

interface Point {
  readonly t: number;
  readonly f: number;
  readonly g: Float64Array;
  readonly slope: number;
}

/** torch.optim.lbfgs._cubic_interpolate. */
function cubicInterpolate(p: Point, q: Point, bounds?: readonly [number, number]): number {
  const [least, most] = bounds ?? [Math.min(p.t, q.t), Math.max(p.t, q.t)];
  const d1 = p.slope + q.slope - (3 * (p.f - q.f)) / (p.t - q.t);
  const square = d1 ** 2 - p.slope * q.slope;
  if (square < 0) return (least + most) / 2;
  const d2 = Math.sqrt(square);
  const at =
    p.t <= q.t
      ? q.t - (q.t - p.t) * ((q.slope + d2 - d1) / (q.slope - p.slope + 2 * d2))
      : p.t - (p.t - q.t) * ((p.slope + d2 - d1) / (p.slope - q.slope + 2 * d2));
  return Math.min(Math.max(at, least), most);
}

/** torch.optim.lbfgs._strong_wolfe, line by line; `evaluate` is called for each t in order. */
function strongWolfe(evaluate: (t: number) => Point, start: Point, first: number, largest: number): Point {
  const [c1, c2, most] = [1e-4, 0.9, 25];
  const slope = start.slope;
  let now = evaluate(first);
  let before = start;
  let bracket: Point[] = [];
  let done = false;
  let iteration = 0;
  while (iteration < most) {
    if (now.f > start.f + c1 * now.t * slope || (iteration > 1 && now.f >= before.f)) {
      bracket = [before, now];
      break;
    }
    if (Math.abs(now.slope) <= -c2 * slope) {
      bracket = [now];
      done = true;
      break;
    }
    if (now.slope >= 0) {
      bracket = [before, now];
      break;
    }
    const next = cubicInterpolate(before, now, [now.t + 0.01 * (now.t - before.t), now.t * 10]);
    before = now;
    now = evaluate(next);
    iteration++;
  }
  if (iteration === most) bracket = [start, now];
  let stuck = false;
  let [low, high] = bracket[0]!.f <= bracket.at(-1)!.f ? [0, 1] : [1, 0];
  while (!done && iteration < most) {
    const [a, b] = bracket as [Point, Point];
    if (Math.abs(b.t - a.t) * largest < 1e-9) break;
    let t = cubicInterpolate(a, b);
    const [least, greatest] = [Math.min(a.t, b.t), Math.max(a.t, b.t)];
    const margin = 0.1 * (greatest - least);
    if (Math.min(greatest - t, t - least) < margin) {
      if (stuck || t >= greatest || t <= least) {
        t = Math.abs(t - greatest) < Math.abs(t - least) ? greatest - margin : least + margin;
        stuck = false;
      } else stuck = true;
    } else stuck = false;
    now = evaluate(t);
    iteration++;
    if (now.f > start.f + c1 * now.t * slope || now.f >= bracket[low]!.f) {
      bracket[high] = now;
      [low, high] = bracket[0]!.f <= bracket[1]!.f ? [0, 1] : [1, 0];
    } else {
      if (Math.abs(now.slope) <= -c2 * slope) done = true;
      else if (now.slope * (bracket[high]!.t - bracket[low]!.t) >= 0) bracket[high] = bracket[low]!;
      bracket[low] = now;
    }
  }
  return bracket[low]!;
}

/**
 * torch.optim.LBFGS with line_search_fn 'strong_wolfe': every x that the closure is called at, and its loss. The rules for losses
 * of any size are not torch's.
 */
export function searchedLbfgs(
  evaluate: (x: Float64Array) => { loss: number; gradient: Float64Array },
  start: ArrayLike<number>,
  { learningRate, history, evaluations, isRelative = false }: { learningRate: number; history: number; evaluations: number; isRelative?: boolean },
): { x: Float64Array; loss: number }[] {
  const seen: { x: Float64Array; loss: number }[] = [];
  const look = (x: Float64Array): { loss: number; gradient: Float64Array } => {
    const found = evaluate(x);
    seen.push({ x, loss: found.loss });
    return found;
  };
  let x = Float64Array.from(start);
  let { loss, gradient: g } = look(x);
  let pairs: { s: Float64Array; y: Float64Array; rho: number }[] = [];
  let scaling = 1;
  for (let iteration = 0; seen.length < evaluations; iteration++) {
    const d = g.map((value) => -value);
    const alphas: number[] = [];
    for (let k = pairs.length - 1; k >= 0; k--) {
      alphas[k] = pairs[k]!.rho * dot(pairs[k]!.s, d);
      for (let i = 0; i < d.length; i++) d[i]! -= alphas[k]! * pairs[k]!.y[i]!;
    }
    for (let i = 0; i < d.length; i++) d[i]! *= scaling;
    pairs.forEach(({ s, y, rho }, k) => {
      const beta = rho * dot(y, d);
      for (let i = 0; i < d.length; i++) d[i]! += (alphas[k]! - beta) * s[i]!;
    });
    const norm = g.reduce((sum, v) => sum + Math.abs(v), 0);
    const part = isRelative ? (FIRST_MEAN * x.length) / norm : Math.min(1, 1 / norm);
    const t = learningRate * (iteration === 0 ? part : 1);
    if (iteration === 0 && isRelative) scaling = part;
    const along = (at: number): Point => {
      const found = look(x.map((value, i) => value + at * d[i]!));
      return { t: at, f: found.loss, g: found.gradient, slope: dot(found.gradient, d) };
    };
    const largest = d.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const end = strongWolfe(along, { t: 0, f: loss, g, slope: dot(g, d) }, t, largest);
    const s = d.map((value) => end.t * value);
    const y = end.g.map((value, i) => value - g[i]!);
    const ys = dot(y, s);
    if (ys > (isRelative ? SHARE * Math.abs(dot(s, end.g) - ys) : 1e-10)) {
      pairs = [...pairs.slice(pairs.length === history ? 1 : 0), { s, y, rho: 1 / ys }];
      scaling = ys / dot(y, y);
    }
    x = x.map((value, i) => value + s[i]!);
    [loss, g] = [end.f, end.g];
  }
  return seen.slice(0, evaluations);
}

// L-BFGS: the two-loop recursion (Nocedal 1980) with the step sizes of torch.optim.LBFGS. lbfgs_take.wgsl begins an
// update: it brings in the gradient, makes the newest pair s, y, sets q = -g, and leaves partial sums. Then, by `kind`:
//   firstStep   t = learningRate·min(1, 1/‖g‖₁) by the rules of torch, else learningRate·length/‖g‖₁; previous = g; before = x;
//               q = t·q; x += q; scaling = 1 by the rules of torch, else t / learningRate
//   curvature   later updates: rho = 1/(y·s), scaling = (y·s)/(y·y), if the pair counts; else rho = 0.   1 group
//               It counts if y·s > 1e-10 by the rules of torch, else if y·s > share·|previous·s|
//   firstLoop   newest to second oldest: alpha = rho·(s·q); q -= alpha·y; partial of the next older s·q
//   turn        oldest: the same, then q = scaling·q; partial y·q
//   secondLoop  oldest to second newest: beta = rho·(y·q); q += (alpha - beta)·s; partial of the next newer y·q
//   finish      newest: the same, then previous = g; before = x; q = learningRate·damping·q; x += q
// Where a number was not finite the last step is cut instead: ratio = 4^-failures, the loops do nothing, and finish goes to
// q = ratio·s; x = before + q. Numbers are looked at as bits: shaders may take it that no NaN exists.
// Each kernel sums its predecessor's partials by itself: `allGroups` of them, in one order, in every workgroup. Where x is
// several buffers a kernel is dispatched for each, with partials of its own behind those of the buffers before.
// Shapes: x, g, previous, before, q, s, y any, the same, as vec4s; loss a scalar [1]. `state`: see Params for places.
// Stands in front of lbfgs_sums.wgsl. Dispatch: `groups` groups (of all buffers at most 256) of 128 threads; a thread takes every (128·groups)-th vec4.

struct Params {
  vectors: u32,
  groups: u32,
  rho: u32,     // places in `state` of this pair's rho and alpha
  alpha: u32,
  readAt: u32,  // where the predecessor's partials begin, and where this kernel's go
  writeAt: u32,
  ys: u32,      // where the partials of y·s (of ‖g‖₁ in the first update) and y·y begin
  yy: u32,
  odd: u32,     // … and of the count of numbers that are not finite
  clamps: u32,  // 1: put x into the box; the step is then what is left of it
  kind: u32,
  allGroups: u32, // of all buffers: partials of each sum
  length: f32,    // ‖q‖₁ of the first step, and the share of the slope that counts; 0: the rules of torch
  share: f32,
  low: vec4f,
  high: vec4f,
}

const FIRST_STEP = 1u; // kinds; 0 and 2 are those of lbfgs_take.wgsl
const CURVATURE = 3u;
const FIRST_LOOP = 4u;
const TURN = 5u;
const SECOND_LOOP = 6u;
const FINISH = 7u;
const LEARNING_RATE = 0u; // places in `state` of the scalars that all pairs share
const DAMPING = 1u;
const FAILURES = 2u;      // updates in a row that met a number that is not finite
const SCALING = 3u;
const LOSS = 5u;
const START = 8u;         // of a line search (lbfgs_search.wgsl): the loss at its start, …
const PHASE = 10u;        // … how far it is, its evaluations, its t
const RATIO = 4u;         // what is left of the last step; 0: it stands

// The recursion. `a` is what q moves along, `b` what it is multiplied with next; at the end `b` is g.
@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> direction: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> state: array<f32>;
@group(0) @binding(4) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> before: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> previous: array<vec4f>;
@group(0) @binding(7) var<uniform> params: Params;

fn partials(at: u32, lane: u32) -> f32 {
  var mine = 0.0;
  if (lane < params.allGroups) { mine = state[at + lane]; }
  if (lane + LANES < params.allGroups) { mine += state[at + lane + LANES]; }
  return mine;
}

// q = scaling·(q + factor·a), and this group's partial of b·q.
fn moveAlong(factor: f32, scaling: f32, lane: u32, group: u32) {
  var product = vec4f(0.0);
  let vectors = select(params.vectors, 0u, state[RATIO] > 0.0);
  for (var i = group * LANES + lane; i < vectors; i += params.groups * LANES) {
    var v = direction[i];
    if (factor != 0.0) { v += factor * a[i]; } // what a rejected pair holds may not be a number
    v *= scaling;
    direction[i] = v;
    product += b[i] * v;
  }
  let sum = sumOverLanes(vec4f(sumOfVector(product), 0.0, 0.0, 0.0), lane).x;
  if (lane == 0u) { state[params.writeAt + group] = sum; }
}

// `sq` is -s·g, so that sq + ys = -s·previous.
fn curvature(ys: f32, yy: f32, odd: f32, sq: f32) {
  let least = select(1e-10, params.share * abs(sq + ys), params.share > 0.0);
  let counts = odd == 0.0 && ys > least && yy > 0.0 && !any(isOdd(vec4f(ys, yy, 0.0, 0.0)));
  state[params.rho] = select(0.0, 1.0 / ys, counts);
  if (counts) { state[SCALING] = ys / yy; }
  let failures = select(0.0, state[FAILURES] + 1.0, odd > 0.0);
  let ratio = select(0.0, exp2(-2.0 * failures), odd > 0.0);
  state[FAILURES] = failures;
  state[RATIO] = ratio;
  state[DAMPING] = select(min(1.0, 1.1 * state[DAMPING]), max(1e-20, ratio * state[DAMPING]), odd > 0.0);
}

// x moves by rate·(q + factor·a) and the step stays in q for the next pair; or what is left of the last one, a, is taken.
fn takeStep(rate: f32, factor: f32, ratio: f32, lane: u32, group: u32) {
  for (var i = group * LANES + lane; i < params.vectors; i += params.groups * LANES) {
    if (ratio > 0.0) {
      let less = ratio * a[i];
      direction[i] = less;
      x[i] = before[i] + less;
      continue;
    }
    var v = direction[i];
    if (factor != 0.0) { v += factor * a[i]; }
    let old = x[i];
    before[i] = old;
    previous[i] = b[i];
    let moved = old + rate * v;
    let boxed = clamp(moved, params.low, params.high);
    let leaves = (boxed != moved) & vec4<bool>(params.clamps != 0u);
    let stays = isOdd(moved) | vec4<bool>(rate == 0.0);
    x[i] = select(select(moved, boxed, leaves), old, stays);
    direction[i] = select(select(rate * v, boxed - old, leaves), vec4f(0.0), stays);
  }
}

@compute @workgroup_size(128)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  let isFirst = params.kind == FIRST_STEP;
  let isCurvature = params.kind == CURVATURE;
  var mine = vec4f(0.0);
  if (isFirst || isCurvature) {
    mine = vec4f(partials(params.ys, lane), partials(params.yy, lane), partials(params.odd, lane), partials(params.readAt, lane));
  } else {
    mine.x = partials(params.readAt, lane);
  }
  let all = sumOverLanes(mine, lane);
  let leads = lane == 0u && group.x == 0u;
  if (isFirst) { // all.x = ‖g‖₁; with a number that is not finite there is no step, and nothing to go back to
    var scaling = 1.0 / max(1.0, all.x);
    if (params.length > 0.0) { scaling = select(1.0, params.length / all.x, all.x > 0.0); }
    takeStep(select(state[LEARNING_RATE] * scaling, 0.0, all.z > 0.0), 0.0, 0.0, lane, group.x);
    if (leads) {
      state[DAMPING] = 1.0;
      state[FAILURES] = select(0.0, 1.0, all.z > 0.0);
      state[SCALING] = select(1.0, scaling, params.length > 0.0);
      state[RATIO] = 0.0;
      state[START] = state[LOSS];
      state[PHASE] = 0.0;
      state[PHASE + 1u] = 0.0;
      state[PHASE + 2u] = 1.0;
    }
    return;
  }
  if (isCurvature) {
    if (leads) { curvature(all.x, all.y, all.z, all.w); }
    return;
  }
  let rho = state[params.rho];
  let coefficient = select(rho * all.x, 0.0, rho == 0.0); // 0 for a pair that does not count, whatever its sum
  switch params.kind {
    case FIRST_LOOP, TURN: {
      if (leads) { state[params.alpha] = coefficient; } // nobody reads it in this dispatch
      moveAlong(-coefficient, select(1.0, state[SCALING], params.kind == TURN), lane, group.x);
    }
    case SECOND_LOOP: { moveAlong(state[params.alpha] - coefficient, 1.0, lane, group.x); }
    default: {
      let factor = select(state[params.alpha] - coefficient, 0.0, rho == 0.0);
      takeStep(state[LEARNING_RATE] * state[DAMPING], factor, state[RATIO], lane, group.x);
    }
  }
}

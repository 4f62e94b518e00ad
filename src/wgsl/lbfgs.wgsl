// L-BFGS without line search: the two-loop recursion (Nocedal 1980) with the step sizes of torch.optim.LBFGS.
// Two entry points, `take` for what begins an update and `advance` for the rest; `kind` says which of these it is:
//   begin       first update: q = -g; previous = g; partial ‖g‖₁
//   firstStep   t = learningRate·min(1, 1/‖g‖₁); q = t·q; x += q; scaling = 1
//   pair        later ones: y = g - previous; s = q (the last step); q = -g; previous = g; partials s·q, y·s, y·y
//   curvature   rho = 1/(y·s), scaling = (y·s)/(y·y), if y·s > 1e-10; else rho = 0: the pair does not count.   1 group
//   firstLoop   newest to second oldest: alpha = rho·(s·q); q -= alpha·y; partial of the next older s·q
//   turn        oldest: the same, then q = scaling·q; partial y·q
//   secondLoop  oldest to second newest: beta = rho·(y·q); q += (alpha - beta)·s; partial of the next newer y·q
//   finish      newest: the same, then q = learningRate·q; x += q
// Each kernel sums its predecessor's partials by itself: `groups` of them, in one order, in every workgroup.
// Shapes: x, g, previous, q, s, y any, the same, as vec4s. `state`: see Params for the places of its scalars.
// Dispatch: `groups` (at most 256) groups of 128 threads; a thread takes every (128·groups)-th vec4.

struct Params {
  vectors: u32,
  groups: u32,
  rho: u32,     // places in `state` of this pair's rho and alpha
  alpha: u32,
  readAt: u32,  // where the predecessor's partials begin, and where this kernel's go
  writeAt: u32,
  ys: u32,      // where the partials of y·s (of ‖g‖₁ in the first update) and y·y begin
  yy: u32,
  clamps: u32,  // 1: put x into the box; the step is then what is left of it
  kind: u32,
  low: vec4f,
  high: vec4f,
}

const BEGIN = 0u; // kinds
const FIRST_STEP = 1u;
const PAIR = 2u;
const CURVATURE = 3u;
const FIRST_LOOP = 4u;
const TURN = 5u;
const SECOND_LOOP = 6u;
const FINISH = 7u;
const LANES = 128u;       // threads of a workgroup
const LEARNING_RATE = 0u; // places in `state` of the scalars that all pairs share
const SCALING = 1u;

var<workgroup> runs: array<f32, 128>; // one value a lane, then sums of eight lanes
var<workgroup> sums: array<f32, 16>;

// The sum over the workgroup's lanes, always in the same order, known to every lane.
fn sumOverLanes(value: f32, lane: u32) -> f32 {
  runs[lane] = value;
  workgroupBarrier(); // `runs` is complete; everybody has read the `sums` of the call before
  if (lane < 16u) {
    var sum = 0.0;
    for (var k = 0u; k < 8u; k++) { sum += runs[lane * 8u + k]; }
    sums[lane] = sum;
  }
  workgroupBarrier(); // `sums` is complete; `runs` may be overwritten
  var total = 0.0;
  for (var k = 0u; k < 16u; k++) { total += sums[k]; }
  return total;
}

fn sumOfVector(v: vec4f) -> f32 { return (v.x + v.y) + (v.z + v.w); }
// The new gradient comes in.
@group(0) @binding(0) var<storage, read> g: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> q: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> newState: array<f32>;
@group(0) @binding(3) var<storage, read_write> previous: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> s: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(6) var<uniform> taken: Params;

@compute @workgroup_size(128)
fn take(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  var sq = vec4f(0.0);
  var ys = vec4f(0.0);
  var yy = vec4f(0.0);
  for (var i = group.x * LANES + lane; i < taken.vectors; i += taken.groups * LANES) {
    let gradient = g[i];
    if (taken.kind == BEGIN) {
      ys += abs(gradient);
    } else {
      let change = gradient - previous[i];
      let step = q[i];
      y[i] = change;
      s[i] = step;
      sq -= step * gradient;
      ys += change * step;
      yy += change * change;
    }
    q[i] = -gradient;
    previous[i] = gradient;
  }
  let ysSum = sumOverLanes(sumOfVector(ys), lane);
  if (lane == 0u) { newState[taken.ys + group.x] = ysSum; }
  if (taken.kind == BEGIN) { return; }
  let sqSum = sumOverLanes(sumOfVector(sq), lane);
  let yySum = sumOverLanes(sumOfVector(yy), lane);
  if (lane != 0u) { return; }
  newState[taken.writeAt + group.x] = sqSum;
  newState[taken.yy + group.x] = yySum;
}

// The recursion. `a` is what q moves along, `b` what it is multiplied with next.
@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> direction: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> state: array<f32>;
@group(0) @binding(4) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

fn sumOfPartials(at: u32, lane: u32) -> f32 {
  var mine = 0.0;
  if (lane < params.groups) { mine = state[at + lane]; }
  if (lane + LANES < params.groups) { mine += state[at + lane + LANES]; }
  return sumOverLanes(mine, lane);
}

// q = scaling·(q + factor·a), and this group's partial of b·q.
fn moveAlong(factor: f32, scaling: f32, lane: u32, group: u32) {
  var product = vec4f(0.0);
  for (var i = group * LANES + lane; i < params.vectors; i += params.groups * LANES) {
    var v = direction[i];
    if (factor != 0.0) { v += factor * a[i]; } // what a rejected pair holds may not be a number
    v *= scaling;
    direction[i] = v;
    product += b[i] * v;
  }
  let sum = sumOverLanes(sumOfVector(product), lane);
  if (lane == 0u) { state[params.writeAt + group] = sum; }
}

fn curvature(ys: f32, yy: f32, lane: u32) {
  if (lane != 0u) { return; }
  let counts = ys > 1e-10 && yy > 0.0;
  state[params.rho] = select(0.0, 1.0 / ys, counts);
  if (counts) { state[SCALING] = ys / yy; }
}

// x moves by rate·(q + factor·a), and the step stays in q for the next pair.
fn takeStep(rate: f32, factor: f32, lane: u32, group: u32) {
  for (var i = group * LANES + lane; i < params.vectors; i += params.groups * LANES) {
    var v = direction[i];
    if (factor != 0.0) { v += factor * a[i]; }
    let step = rate * v;
    let old = x[i];
    let moved = old + step;
    let boxed = clamp(moved, params.low, params.high);
    let leaves = (boxed != moved) & vec4<bool>(params.clamps != 0u);
    x[i] = select(moved, boxed, leaves);
    direction[i] = select(step, boxed - old, leaves);
  }
}

@compute @workgroup_size(128)
fn advance(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  let isFirst = params.kind == FIRST_STEP;
  let isCurvature = params.kind == CURVATURE;
  let sum = sumOfPartials(select(params.readAt, params.ys, isFirst || isCurvature), lane);
  if (isFirst) { // sum = ‖g‖₁
    takeStep(state[LEARNING_RATE] / max(1.0, sum), 0.0, lane, group.x);
    if (lane == 0u && group.x == 0u) { state[SCALING] = 1.0; }
    return;
  }
  if (isCurvature) {
    curvature(sum, sumOfPartials(params.yy, lane), lane);
    return;
  }
  let rho = state[params.rho];
  let coefficient = select(rho * sum, 0.0, rho == 0.0); // 0 for a pair that does not count, whatever its sum
  switch params.kind {
    case FIRST_LOOP, TURN: {
      if (lane == 0u && group.x == 0u) { state[params.alpha] = coefficient; } // nobody reads it in this dispatch
      moveAlong(-coefficient, select(1.0, state[SCALING], params.kind == TURN), lane, group.x);
    }
    case SECOND_LOOP: { moveAlong(state[params.alpha] - coefficient, 1.0, lane, group.x); }
    default: {
      let factor = select(state[params.alpha] - coefficient, 0.0, rho == 0.0);
      takeStep(state[LEARNING_RATE], factor, lane, group.x);
    }
  }
}

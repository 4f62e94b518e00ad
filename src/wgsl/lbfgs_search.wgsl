// L-BFGS with a line search: does the last step end its search? In place of `curvature` of lbfgs.wgsl, before its loops.
// The strong Wolfe conditions and the search of torch.optim.LBFGS (after minFunc, Schmidt 2005; Nocedal and Wright,
// algorithms 3.5 and 3.6), as a machine that takes one evaluation at a time: f and g at x + t·d, where d is the first
// step that this search tried and t = 1 there.
//   accepted      ratio = 0; rho and scaling as in lbfgs.wgsl: the loops and `finish` take a new step
//   else          ratio = (next t) / t, rho = 0: the loops do nothing, `finish` goes to the next t
//   not finite    ratio = 4^-failures, and a search begins anew with that step
// Shapes: `state` as in lbfgs.wgsl, its scalars those of State. Dispatch: one group of 128 threads.

struct Params {
  vectors: u32,
  groups: u32, // of all buffers: partials of each sum
  rho: u32,
  alpha: u32,
  readAt: u32, // where the partials of -g·(t·d) begin
  writeAt: u32,
  ys: u32,
  yy: u32,
  odd: u32,
  clamps: u32,
  kind: u32,
  allGroups: u32,
  length: f32,
  share: f32,  // of the slope: what y·s has to be above, as in lbfgs.wgsl
}

@group(0) @binding(0) var<storage, read_write> state: array<f32>;
@group(0) @binding(1) var<uniform> params: Params;

const DAMPING = 1u; // places in `state`
const FAILURES = 2u;
const SCALING = 3u;
const RATIO = 4u;
const LOSS = 5u;
const START = 8u;       // f and its slope along d at t = 0
const PHASE = 10u;
const EVALUATIONS = 11u; // of this search after its first
const NOW = 12u;        // t
const LOW = 13u;        // t, f, slope: of the point before; once there is a bracket, of its lower end
const HIGH = 16u;       // … and of its other end
const IS_STUCK = 19u;   // the last step of the zoom was near an end of the bracket

const BRACKETING = 0.0; // phases
const ZOOMING = 1.0;
const RETURNING = 2.0;  // to the lower end: whatever is found there is accepted

const C1 = 1e-4;
const C2 = 0.9;
const MOST_EVALUATIONS = 25.0;

var<workgroup> runs: array<vec4f, 128>;

fn partials(at: u32, lane: u32) -> f32 {
  var mine = 0.0;
  for (var i = lane; i < params.groups; i += 128u) { mine += state[at + i]; }
  return mine;
}

fn pointAt(place: u32) -> vec3f { return vec3f(state[place], state[place + 1u], state[place + 2u]); }

fn setPoint(place: u32, point: vec3f) {
  state[place] = point.x;
  state[place + 1u] = point.y;
  state[place + 2u] = point.z;
}

// Where the cubic through two points (t, f, slope) has its minimum, put between `least` and `most`.
fn cubicMinimum(p: vec3f, q: vec3f, least: f32, most: f32) -> f32 {
  let left = select(q, p, p.x <= q.x);
  let right = select(p, q, p.x <= q.x);
  let d1 = left.z + right.z - 3.0 * (left.y - right.y) / (left.x - right.x);
  let square = d1 * d1 - left.z * right.z;
  if (square < 0.0) { return 0.5 * (least + most); }
  let d2 = sqrt(square);
  return clamp(right.x - (right.x - left.x) * ((right.z + d2 - d1) / (right.z - left.z + 2.0 * d2)), least, most);
}

fn goTo(t: f32, phase: f32) {
  state[RATIO] = max(t, 1e-30) / state[NOW]; // 0 would say that the step stands
  state[NOW] = max(t, 1e-30);
  state[PHASE] = phase;
}

// The next t inside the bracket.
fn zoom() {
  let low = pointAt(LOW);
  let high = pointAt(HIGH);
  let least = min(low.x, high.x);
  let most = max(low.x, high.x);
  if (state[EVALUATIONS] >= MOST_EVALUATIONS || most - least <= 1e-6 * most) { // no float of use lies between
    goTo(low.x, RETURNING);
    return;
  }
  var t = cubicMinimum(low, high, least, most);
  let margin = 0.1 * (most - least);
  let isNear = min(most - t, t - least) < margin;
  let isStuck = isNear && state[IS_STUCK] == 0.0 && t < most && t > least;
  if (isNear && !isStuck) { t = select(least + margin, most - margin, abs(t - most) < abs(t - least)); }
  state[IS_STUCK] = select(0.0, 1.0, isStuck);
  goTo(t, ZOOMING);
}

fn bracket(a: vec3f, b: vec3f) {
  let isOrdered = a.y <= b.y;
  setPoint(LOW, select(b, a, isOrdered));
  setPoint(HIGH, select(a, b, isOrdered));
}

// True when `now` ends the search; else where to go is decided.
fn ends(now: vec3f, slopeBefore: f32) -> bool {
  let phase = state[PHASE];
  if (phase == RETURNING) { return true; }
  if (phase == BRACKETING && state[EVALUATIONS] == 0.0) {
    state[START + 1u] = slopeBefore;
    setPoint(LOW, vec3f(0.0, state[START], slopeBefore));
    state[IS_STUCK] = 0.0;
  }
  let f0 = state[START];
  let slope = state[START + 1u];
  if (slope >= 0.0) { return true; } // no descent: nothing to search
  let falls = now.y <= f0 + C1 * now.x * slope;
  let isFlat = abs(now.z) <= -C2 * slope;
  let low = pointAt(LOW);
  if (phase == BRACKETING) {
    if (state[EVALUATIONS] >= MOST_EVALUATIONS) {
      if (now.y < f0) { return true; }
      goTo(0.0, RETURNING);
      return false;
    }
    let rises = !falls || (state[EVALUATIONS] > 1.0 && now.y >= low.y);
    if (!rises && isFlat) { return true; }
    if (rises || now.z >= 0.0) {
      bracket(low, now);
      zoom();
      return false;
    }
    setPoint(LOW, now);
    goTo(cubicMinimum(low, now, now.x + 0.01 * (now.x - low.x), 10.0 * now.x), BRACKETING);
    return false;
  }
  if (!falls || now.y >= low.y) {
    bracket(low, now);
  } else {
    if (isFlat) { return true; }
    if (now.z * (state[HIGH] - low.x) >= 0.0) { setPoint(HIGH, low); }
    setPoint(LOW, now);
  }
  zoom();
  return false;
}

@compute @workgroup_size(128)
fn main(@builtin(local_invocation_index) lane: u32) {
  runs[lane] = vec4f(partials(params.readAt, lane), partials(params.ys, lane), partials(params.yy, lane), partials(params.odd, lane));
  for (var half = 64u; half > 0u; half /= 2u) {
    workgroupBarrier(); // the sums of the level above are written
    if (lane < half) { runs[lane] += runs[lane + half]; }
  }
  if (lane != 0u) { return; }
  let all = runs[0];
  state[params.rho] = 0.0;
  if (all.w > 0.0) {
    let failures = state[FAILURES] + 1.0;
    let ratio = exp2(-2.0 * failures);
    state[FAILURES] = failures;
    state[RATIO] = ratio;
    state[DAMPING] = max(1e-20, ratio * state[DAMPING]);
    state[PHASE] = BRACKETING;
    state[EVALUATIONS] = 0.0;
    state[NOW] = 1.0;
    return;
  }
  state[FAILURES] = 0.0;
  let t = state[NOW];
  // g·d now, and before: y·(t·d) = g·(t·d) - g0·(t·d)
  if (!ends(vec3f(t, state[LOSS], -all.x / t), (-all.x - all.y) / t)) {
    state[EVALUATIONS] += 1.0;
    return;
  }
  if (all.y > select(1e-10, params.share * abs(all.x + all.y), params.share > 0.0) && all.z > 0.0) {
    state[params.rho] = 1.0 / all.y;
    state[SCALING] = all.y / all.z;
  }
  state[RATIO] = 0.0;
  state[DAMPING] = min(1.0, 1.1 * state[DAMPING]);
  state[START] = state[LOSS];
  state[PHASE] = BRACKETING;
  state[EVALUATIONS] = 0.0;
  state[NOW] = 1.0;
}

// Adam (Kingma and Ba 2015); counters, bias corrections and step size live on the GPU.
//   advance  t += 1; c1 = 1 - beta1^t; c2 = 1 - beta2^t; rate = learningRate · 2^((t - 1)·decay)     one thread
//            stepSize = rate·√c2 / c1; epsilonNow = epsilon·√c2 (torch's form) or epsilon (Keras' form)
//   update   m = beta1·m + (1 - beta1)·g; v = beta2·v + (1 - beta2)·g²; x -= stepSize·m / (√v + epsilonNow)
// With epsilon·√c2 the quotient is torch's rate · (m / c1) / (√(v / c2) + epsilon).
// Shapes: x, g, m, v any, the same, as vec4s. One thread, one vec4.
// Dispatch: advance 1 group of 1; update linear, 64 threads a group, ceil(vectors / 64) groups folded into x and y.

struct Scalars {
  learningRate: f32,
  t: f32, // updates so far; whole, exact up to 2^24
  c1: f32,
  c2: f32,
  stepSize: f32,
  epsilonNow: f32,
}

struct AdvanceParams {
  beta1: f32,
  beta2: f32,
  rest1: f32, // 1 - beta1, rounded once from float64: 1 - 0.999 in f32 is off by 5e-5
  rest2: f32,
  epsilon: f32,
  keras: u32, // 1: epsilon is added to the uncorrected root
  decay: f32, // log2 of what one update multiplies the learning rate by
}

@group(0) @binding(0) var<storage, read_write> scalars: Scalars;
@group(0) @binding(1) var<uniform> schedule: AdvanceParams;

@compute @workgroup_size(1)
fn advance() {
  let t = scalars.t;
  // 1 - beta^(t+1) = (1 - beta) + beta·(1 - beta^t): no cancellation, no pow. At t = 0 what was there is not read.
  let c1 = schedule.rest1 + select(schedule.beta1 * scalars.c1, 0.0, t == 0.0);
  let c2 = schedule.rest2 + select(schedule.beta2 * scalars.c2, 0.0, t == 0.0);
  var rate = scalars.learningRate;
  if (schedule.decay != 0.0) { rate *= exp2(t * schedule.decay); }
  scalars.t = t + 1.0;
  scalars.c1 = c1;
  scalars.c2 = c2;
  scalars.stepSize = rate * sqrt(c2) / c1;
  scalars.epsilonNow = schedule.epsilon * select(sqrt(c2), 1.0, schedule.keras != 0u);
}

struct Params {
  vectors: u32,
  clamps: u32, // 1: put x into the box
  beta1: f32,
  beta2: f32,
  rest1: f32,
  rest2: f32,
  low: vec4f,
  high: vec4f,
}

@group(0) @binding(0) var<storage, read> g: array<vec4f>;
@group(0) @binding(1) var<storage, read> now: Scalars;
@group(0) @binding(2) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn update(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  if (i >= params.vectors) { return; }
  let gradient = g[i];
  // At t = 1 what the moments hold is not read: a reset need not clear them.
  let first = now.t == 1.0;
  let mean = params.rest1 * gradient + select(params.beta1 * m[i], vec4f(0.0), first);
  let square = params.rest2 * gradient * gradient + select(params.beta2 * v[i], vec4f(0.0), first);
  m[i] = mean;
  v[i] = square;
  let moved = x[i] - now.stepSize * mean / (sqrt(square) + now.epsilonNow);
  x[i] = select(moved, clamp(moved, params.low, params.high), params.clamps != 0u);
}

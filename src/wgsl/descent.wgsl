// Gradient descent, with or without momentum; the step size lives on the GPU and may decay.
//   advance            t += 1; stepSize = learningRate · 2^((t - 1)·decay)                      one thread
//   update             x -= stepSize·g                                                          then x into the box
//   updateWithMomentum v = momentum·v + g (v = g at t = 1); x -= stepSize·v: torch.optim.SGD     then x into the box
// Shapes: x, g, v any, the same, as vec4s. One thread, one vec4.
// Dispatch: advance 1 group of 1; updates linear, 64 threads a group, ceil(vectors / 64) groups folded into x and y.

struct Scalars {
  learningRate: f32,
  t: f32, // updates so far; whole, exact up to 2^24
  stepSize: f32,
}

struct AdvanceParams {
  decay: f32, // log2 of what one update multiplies the learning rate by
}

@group(0) @binding(0) var<storage, read_write> scalars: Scalars;
@group(0) @binding(1) var<uniform> schedule: AdvanceParams;

@compute @workgroup_size(1)
fn advance() {
  var stepSize = scalars.learningRate;
  if (schedule.decay != 0.0) { stepSize *= exp2(scalars.t * schedule.decay); }
  scalars.t += 1.0;
  scalars.stepSize = stepSize;
}

struct Params {
  vectors: u32,
  clamps: u32, // 1: put x into the box
  momentum: f32,
  low: vec4f,
  high: vec4f,
}

@group(0) @binding(0) var<storage, read> g: array<vec4f>;
@group(0) @binding(1) var<storage, read> now: Scalars;
@group(0) @binding(2) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn update(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  if (i >= params.vectors) { return; }
  let moved = x[i] - now.stepSize * g[i];
  x[i] = select(moved, clamp(moved, params.low, params.high), params.clamps != 0u);
}

@group(0) @binding(3) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(4) var<uniform> momentumParams: Params;

@compute @workgroup_size(64)
fn updateWithMomentum(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  if (i >= momentumParams.vectors) { return; }
  // At t = 1 what v holds is not read: a reset need not clear it.
  let velocity = g[i] + select(momentumParams.momentum * v[i], vec4f(0.0), now.t == 1.0);
  v[i] = velocity;
  let moved = x[i] - now.stepSize * velocity;
  x[i] = select(moved, clamp(moved, momentumParams.low, momentumParams.high), momentumParams.clamps != 0u);
}

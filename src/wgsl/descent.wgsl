// Gradient descent, with or without momentum; the step size is that of schedule.wgsl.
//   update             x -= stepSize·g                                                                 then into the box
//   updateWithMomentum v = momentum·v + g (v = g at t = 1); x -= stepSize·v: torch.optim.SGD           then into the box
//                      nesterov: x -= stepSize·(g + momentum·v), the same as torch's
// Where the loss or the gradient was not finite: x goes back most of the way to where it was before, nothing else.
// Shapes: x, g, before, v any, the same, as vec4s. One thread, one vec4.
// Dispatch: linear, 64 threads a group, ceil(vectors / 64) groups folded into x and y.

struct Scalars {
  learningRate: f32,
  damping: f32,
  failures: f32,
  t: f32,
  c1: f32,
  c2: f32,
  stepSize: f32,
  epsilonNow: f32,
  cut: f32,
  arrivals: u32,
}

struct Params {
  vectors: u32,
  clamps: u32, // 1: put x into the box
  momentum: f32,
  nesterov: u32,
  low: vec4f,
  high: vec4f,
}

@group(0) @binding(0) var<storage, read> g: array<vec4f>;
@group(0) @binding(1) var<storage, read> now: Scalars;
@group(0) @binding(2) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> before: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

fn isFinite(v: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7f800000u)) != vec4u(0x7f800000u);
}

// Where x goes from `old` along `direction`.
fn stepped(old: vec4f, direction: vec4f, p: Params) -> vec4f {
  let moved = old - now.stepSize * direction;
  let boxed = select(moved, clamp(moved, p.low, p.high), p.clamps != 0u);
  return select(old, boxed, isFinite(moved));
}

// Where x goes when what it led to is not finite.
fn cutBack(old: vec4f, good: vec4f) -> vec4f {
  return select(old, good + now.cut * (old - good), now.t > 0.0);
}

@compute @workgroup_size(64)
fn update(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  if (i >= params.vectors) { return; }
  let old = x[i];
  if (now.failures != 0.0) {
    x[i] = cutBack(old, before[i]);
    return;
  }
  before[i] = old;
  x[i] = stepped(old, g[i], params);
}

@group(0) @binding(4) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(5) var<uniform> momentumParams: Params;

@compute @workgroup_size(64)
fn updateWithMomentum(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  let p = momentumParams;
  if (i >= p.vectors) { return; }
  let old = x[i];
  if (now.failures != 0.0) {
    x[i] = cutBack(old, before[i]);
    return;
  }
  before[i] = old;
  // At t = 1 what v holds is not read: a reset need not clear it.
  let velocity = g[i] + select(p.momentum * v[i], vec4f(0.0), now.t == 1.0);
  v[i] = velocity;
  x[i] = stepped(old, select(velocity, g[i] + p.momentum * velocity, p.nesterov != 0u), p);
}

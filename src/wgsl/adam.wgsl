// Adam (Kingma and Ba 2015); counters, bias corrections and step size are those of schedule.wgsl.
//   m = beta1·m + (1 - beta1)·g; v = beta2·v + (1 - beta2)·g²; x -= stepSize·m / (√v + epsilonNow), then into the box
// With epsilonNow = epsilon·√c2 the quotient is torch's rate · (m / c1) / (√(v / c2) + epsilon).
// Where the loss or the gradient was not finite: x goes back most of the way to where it was before, nothing else.
// Shapes: x, g, before, m, v any, the same, as vec4s. One thread, one vec4.
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
  beta1: f32,
  beta2: f32,
  rest1: f32, // 1 - beta1, rounded once
  rest2: f32,
  low: vec4f,
  high: vec4f,
}

@group(0) @binding(0) var<storage, read> g: array<vec4f>;
@group(0) @binding(1) var<storage, read> now: Scalars;
@group(0) @binding(2) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> before: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(6) var<uniform> params: Params;

fn isFinite(v: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7f800000u)) != vec4u(0x7f800000u);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  if (i >= params.vectors) { return; }
  let old = x[i];
  if (now.failures != 0.0) {
    if (now.t > 0.0) { x[i] = before[i] + now.cut * (old - before[i]); }
    return;
  }
  before[i] = old;
  let gradient = g[i];
  // At t = 1 what the moments hold is not read: a reset need not clear them.
  let first = now.t == 1.0;
  let mean = params.rest1 * gradient + select(params.beta1 * m[i], vec4f(0.0), first);
  let square = params.rest2 * gradient * gradient + select(params.beta2 * v[i], vec4f(0.0), first);
  m[i] = mean;
  v[i] = square;
  let moved = old - now.stepSize * mean / (sqrt(square) + now.epsilonNow);
  let boxed = select(moved, clamp(moved, params.low, params.high), params.clamps != 0u);
  x[i] = select(old, boxed, isFinite(moved));
}

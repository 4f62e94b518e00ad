// Adam as a library of elementwise operations does it: one dispatch for each moment, one for the step, every vector read
// and written again, bias corrections (1 - beta^t, for this one t) as numbers from the host.
//   mean    m = beta1 * m + (1 - beta1) * g
//   square  v = beta2 * v + (1 - beta2) * g²
//   step    x -= rate * (m / c1) / (sqrt(v / c2) + epsilon)
// All of them [count]. Dispatch: linear over count threads, groups of 64 folded into x and y.

struct Params { count: u32, beta1: f32, beta2: f32, c1: f32, c2: f32, rate: f32, epsilon: f32 }

@group(0) @binding(0) var<storage, read> g: array<f32>;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> m: array<f32>;
@group(0) @binding(3) var<storage, read_write> v: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn mean(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  if (i < params.count) { m[i] = params.beta1 * m[i] + (1.0 - params.beta1) * g[i]; }
}

@compute @workgroup_size(64)
fn square(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  if (i < params.count) { v[i] = params.beta2 * v[i] + (1.0 - params.beta2) * g[i] * g[i]; }
}

@compute @workgroup_size(64)
fn step(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  if (i < params.count) {
    x[i] -= params.rate * (m[i] / params.c1) / (sqrt(v[i] / params.c2) + params.epsilon);
  }
}

// Elementwise kernels, one float a thread.
//   relu   result = max(a, 0)
//   gate   result = b where a > 0, else 0: the gradient of a ReLU
//   blend  result = a + b
// a, b, result [count]. Dispatch: linear over count threads, groups of 64 folded into x and y.

struct Params { count: u32 }

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> result: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn relu(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  if (i < params.count) { result[i] = max(a[i], 0.0); }
}

@compute @workgroup_size(64)
fn gate(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  if (i < params.count) { result[i] = select(0.0, b[i], a[i] > 0.0); }
}

@compute @workgroup_size(64)
fn blend(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  if (i < params.count) { result[i] = a[i] + b[i]; }
}

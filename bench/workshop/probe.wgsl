// What the adapter can do at best, for "percent of peak".
//   fma_vectors   8 independent chains of vec4 multiply-adds in registers: 4 * 8 * 2 * steps flops a thread
//   copy_vectors  y[i] = x[i], 32 bytes a thread
// x, y: one vec4 a thread (scalars are in probe_scalars.wgsl). Dispatch: linear, groups of 64 folded into x and y.

struct Params { count: u32, steps: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn fma_vectors(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= params.count) { return; }
  let m = x[index];
  var a = m; var b = m + 1.0; var c = m + 2.0; var d = m + 3.0;
  var e = m + 4.0; var f = m + 5.0; var g = m + 6.0; var h = m + 7.0;
  for (var i = 0u; i < params.steps; i++) {
    a = fma(a, m, m); b = fma(b, m, m); c = fma(c, m, m); d = fma(d, m, m);
    e = fma(e, m, m); f = fma(f, m, m); g = fma(g, m, m); h = fma(h, m, m);
  }
  y[index] = a + b + c + d + e + f + g + h;
}

@compute @workgroup_size(64)
fn copy_vectors(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index < params.count) { y[index] = x[index]; }
}

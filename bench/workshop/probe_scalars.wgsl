// The probes of probe.wgsl on scalars.
//   fma_scalars   16 independent chains of multiply-adds in registers: 16 * 2 * steps flops a thread
//   copy_scalars  y[i] = x[i], 8 bytes a thread
// x, y: one float a thread. Dispatch: linear, groups of 64 folded into x and y.

struct Params { count: u32, steps: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn fma_scalars(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= params.count) { return; }
  let m = x[index];
  var a = m; var b = m + 1.0; var c = m + 2.0; var d = m + 3.0;
  var e = m + 4.0; var f = m + 5.0; var g = m + 6.0; var h = m + 7.0;
  var p = m + 8.0; var q = m + 9.0; var r = m + 10.0; var s = m + 11.0;
  var t = m + 12.0; var u = m + 13.0; var v = m + 14.0; var w = m + 15.0;
  for (var i = 0u; i < params.steps; i++) {
    a = fma(a, m, m); b = fma(b, m, m); c = fma(c, m, m); d = fma(d, m, m);
    e = fma(e, m, m); f = fma(f, m, m); g = fma(g, m, m); h = fma(h, m, m);
    p = fma(p, m, m); q = fma(q, m, m); r = fma(r, m, m); s = fma(s, m, m);
    t = fma(t, m, m); u = fma(u, m, m); v = fma(v, m, m); w = fma(w, m, m);
  }
  y[index] = a + b + c + d + e + f + g + h + p + q + r + s + t + u + v + w;
}

@compute @workgroup_size(64)
fn copy_scalars(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index < params.count) { y[index] = x[index]; }
}

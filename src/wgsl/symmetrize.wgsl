// s = g + gᵀ, what the gradient of a Gram matrix multiplies the features with.
// g, s [c, c], rows padded to vec4s. One thread, one vec4 of s. Dispatch: linear over c * ceil(c / 4), 64 a group.

struct Params { c: u32 }

@group(0) @binding(0) var<storage, read> g: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> s: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  let stride = (params.c + 3u) / 4u;
  if (i >= params.c * stride) { return; }
  let row = i / stride;
  let column = i % stride * 4u;
  var v = g[i];
  for (var lane = 0u; lane < 4u; lane++) {
    if (column + lane < params.c) { v[lane] += g[(column + lane) * stride + row / 4u][row % 4u]; }
  }
  s[i] = v;
}

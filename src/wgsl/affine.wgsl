// y (+)= (x - center) * gain per channel: an image in the range that a network expects; without center its gradient.
// x, y [.., c], center and gain [c], channels padded to vec4s; padding lanes stay 0. One thread, one vec4.
// Dispatch: linear, 64 threads a group, ceil(vectors / 64) groups folded into x and y.

struct Params {
  vectors: u32,
  perRow: u32, // vec4s in a row
  hasCenter: u32,
  accumulate: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> center: array<vec4f>;
@group(0) @binding(2) var<storage, read> gain: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  if (i >= params.vectors) { return; }
  let c = i % params.perRow;
  var v = x[i];
  if (params.hasCenter != 0u) { v -= center[c]; }
  v *= gain[c];
  if (params.accumulate != 0u) { v += y[i]; }
  y[i] = v;
}

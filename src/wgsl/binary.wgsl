// Elementwise functions of two tensors, one of which may be broadcast.
//   blend     y (+)= alpha * a + beta * b
//   multiply  y (+)= alpha * a * b
// Shapes: y any, as vec4s; a and b each of y's shape, a vector over the last axis [c], a scalar [1], or a value for each
// row [.., 1].
// One thread, one vec4. Dispatch: linear, 64 threads a group, ceil(vectors / 64) groups folded into x and y.

override MULTIPLY: bool = false;

struct Params {
  vectors: u32,
  perRow: u32,     // vec4s in a row
  channels: u32,   // channels of a row without padding
  kindA: u32,      // 0 same shape, 1 per channel, 2 scalar, 3 per row
  kindB: u32,
  accumulate: u32,
  alpha: f32,
  beta: f32,
}

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  if (i >= params.vectors) { return; }
  let column = i % params.perRow;
  let row = i / params.perRow;
  // A scalar reaches the padding lanes too: they are put back to zero.
  let inside = vec4u(column * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.channels);
  var u: vec4f;
  switch params.kindA {
    case 0u: { u = a[i]; }
    case 1u: { u = a[column]; }
    default: { u = select(vec4f(0.0), vec4f(a[select(0u, row, params.kindA == 3u)].x), inside); }
  }
  var v: vec4f;
  switch params.kindB {
    case 0u: { v = b[i]; }
    case 1u: { v = b[column]; }
    default: { v = select(vec4f(0.0), vec4f(b[select(0u, row, params.kindB == 3u)].x), inside); }
  }
  var r: vec4f;
  if (MULTIPLY) { r = params.alpha * u * v; } else { r = params.alpha * u + params.beta * v; }
  if (params.accumulate != 0u) { r += y[i]; }
  y[i] = r;
}

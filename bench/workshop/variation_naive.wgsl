// Total variation of an RGBA picture and its gradient, one float a thread.
//   partial   part[row] = sum over a row of (x_ij - x_i,j+1)² + (x_ij - x_i+1,j)²     one thread a row
//   finish    result = sum of part                                                  one thread
//   backward  dX = dY * the stencil of 2 (x - neighbour) over the neighbours that exist   one thread a value
// x, dX [h, w, 4], part [h rounded up to a multiple of 4], result [4], dY [4] (the scalar in its first lane).
// `a` is x (part for finish), `b` is dY.
// Dispatch: linear over rows, one thread, or values; groups of 64 folded into x and y.

struct Params { h: u32, w: u32 }

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> result: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn partial(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  if (row >= params.h) { return; }
  let width = params.w * 4u;
  var sum = 0.0;
  for (var i = 0u; i < width; i++) {
    let value = a[row * width + i];
    if (i + 4u < width) { let d = value - a[row * width + i + 4u]; sum += d * d; }
    if (row + 1u < params.h) { let d = value - a[(row + 1u) * width + i]; sum += d * d; }
  }
  result[row] = sum;
}

@compute @workgroup_size(64)
fn finish(@builtin(global_invocation_id) id: vec3u) {
  if (id.x > 0u) { return; }
  var sum = 0.0;
  for (var row = 0u; row < params.h; row++) { sum += a[row]; }
  result[0] = sum; result[1] = 0.0; result[2] = 0.0; result[3] = 0.0;
}

@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let width = params.w * 4u;
  if (index >= params.h * width) { return; }
  let value = a[index];
  var sum = 0.0;
  if (index % width >= 4u) { sum += value - a[index - 4u]; }
  if (index % width + 4u < width) { sum += value - a[index + 4u]; }
  if (index >= width) { sum += value - a[index - width]; }
  if (index + width < params.h * width) { sum += value - a[index + width]; }
  result[index] = 2.0 * b[0] * sum;
}

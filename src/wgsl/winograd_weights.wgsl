// Winograd F(4x4, 3x3), weights: u[.., i, o] = G g G' of the 3x3 weights g = w[.., i, o] (Lavin and Gray, 2016; nodes
// 0, 1, -1, 2, -2 and infinity).
// w [3, 3, ci, co], u [36, ci, co]; rows of the last axis padded to vec4s.
// Thread: one input channel x 4 output channels. Dispatch: linear over ci * ceil(co / 4), 64 threads a group, folded
// into x and y.

struct Params { ci: u32, co: u32 }

@group(0) @binding(0) var<storage, read> w: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> u: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

// G times a column of three.
fn spread(a: vec4f, b: vec4f, c: vec4f) -> array<vec4f, 6> {
  let even = -(a + c) / 6.0;
  let far = a / 24.0 + c / 6.0;
  return array(a / 4.0, even - b / 6.0, even + b / 6.0, far + b / 12.0, far - b / 12.0, c);
}

fn putRow(at: u32, step: u32, a: vec4f, b: vec4f, c: vec4f) {
  let row = spread(a, b, c);
  u[at] = row[0]; u[at + step] = row[1]; u[at + 2u * step] = row[2];
  u[at + 3u * step] = row[3]; u[at + 4u * step] = row[4]; u[at + 5u * step] = row[5];
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let step = params.ci * ((params.co + 3u) / 4u); // from one tap, or one of the 36, to the next
  let at = id.x + id.y * groups.x * 64u;
  if (at >= step) { return; }
  let left = spread(w[at], w[at + 3u * step], w[at + 6u * step]);
  let middle = spread(w[at + step], w[at + 4u * step], w[at + 7u * step]);
  let right = spread(w[at + 2u * step], w[at + 5u * step], w[at + 8u * step]);
  putRow(at, step, left[0], middle[0], right[0]);
  putRow(at + 6u * step, step, left[1], middle[1], right[1]);
  putRow(at + 12u * step, step, left[2], middle[2], right[2]);
  putRow(at + 18u * step, step, left[3], middle[3], right[3]);
  putRow(at + 24u * step, step, left[4], middle[4], right[4]);
  putRow(at + 30u * step, step, left[5], middle[5], right[5]);
}

// 2x2 pooling with stride 2 and its gradient, one float a thread.
//   forward   y = max or mean of the window
//   backward  dX from dY: to the first maximum in scan order, found again, or a quarter to each
// x, dX [h, w, c], y, dY [h / 2, w / 2, c]; h and w even. `b` is dY for backward and not read by forward.
// Dispatch: linear over the values of the result, groups of 64 folded into x and y.

struct Params { h: u32, w: u32, c: u32, mean: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> result: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

fn place(row: u32, column: u32, i: u32) -> u32 { return (row * params.w + column) * params.c + i; }

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= params.h * params.w * params.c / 4u) { return; }
  let i = index % params.c;
  let column = (index / params.c) % (params.w / 2u) * 2u;
  let row = index / (params.c * (params.w / 2u)) * 2u;
  let p = x[place(row, column, i)]; let q = x[place(row, column + 1u, i)];
  let r = x[place(row + 1u, column, i)]; let s = x[place(row + 1u, column + 1u, i)];
  result[index] = select(max(max(p, q), max(r, s)), 0.25 * (p + q + r + s), params.mean != 0u);
}

@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= params.h * params.w * params.c) { return; }
  let i = index % params.c;
  let column = (index / params.c) % params.w;
  let row = index / (params.c * params.w);
  let gradient = b[((row / 2u) * (params.w / 2u) + column / 2u) * params.c + i];
  var best = 0u;
  var largest = x[place(row & ~1u, column & ~1u, i)];
  for (var cell = 1u; cell < 4u; cell++) {
    let value = x[place((row & ~1u) + cell / 2u, (column & ~1u) + cell % 2u, i)];
    if (value > largest) { largest = value; best = cell; }
  }
  let mine = (row & 1u) * 2u + (column & 1u);
  result[index] = select(select(0.0, gradient, mine == best), 0.25 * gradient, params.mean != 0u);
}

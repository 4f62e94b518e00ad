// Total variation: differences of horizontal and vertical neighbours, squared or absolute, summed over an image.
//   partial   part[t] = sum over pixels t, t + T, … of f(x[i, j] - x[i, j + 1]) + f(x[i, j] - x[i + 1, j]), per lane
//   backward  dx[i, j] (+)= dy * sum over the four neighbours n of f'(x[i, j] - x[n])
//   together  both: part from threads t, t + T, … as in partial, dx as in backward
// x, dx [h, w, c], padded to vec4s; part [T, 4]; dy a scalar [1]. The sum of the parts is reduce.wgsl's `finish`.
// Dispatch: partial, together: linear over T threads / 64. backward: linear over vec4s of x / 64 folded into x and y.

override ABSOLUTE: bool = false; // f(d) = |d| instead of d²

struct Params {
  h: u32, w: u32,
  perRow: u32,      // vec4s of a pixel
  threads: u32,     // T
  accumulate: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> part: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

fn f(d: vec4f) -> vec4f {
  if (ABSOLUTE) { return abs(d); }
  return d * d;
}

fn slope(d: vec4f) -> vec4f {
  if (ABSOLUTE) { return sign(d); }
  return 2.0 * d;
}

@compute @workgroup_size(64)
fn partial(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.threads) { return; }
  let row = params.w * params.perRow;
  var sum = vec4f();
  for (var i = id.x; i < params.h * row; i += params.threads) {
    if (i % row + params.perRow < row) { sum += f(x[i] - x[i + params.perRow]); }
    if (i / row + 1u < params.h) { sum += f(x[i] - x[i + row]); }
  }
  part[id.x] = sum;
}

@group(0) @binding(0) var<storage, read> image: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(3) var<uniform> backwardParams: Params;

// dx at i, without dy.
fn gradient(p: Params, i: u32) -> vec4f {
  let row = p.w * p.perRow;
  let v = image[i];
  var g = vec4f();
  if (i % row >= p.perRow) { g += slope(v - image[i - p.perRow]); }
  if (i % row + p.perRow < row) { g += slope(v - image[i + p.perRow]); }
  if (i >= row) { g += slope(v - image[i - row]); }
  if (i / row + 1u < p.h) { g += slope(v - image[i + row]); }
  return g;
}

@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  if (i >= backwardParams.h * backwardParams.w * backwardParams.perRow) { return; }
  var g = gradient(backwardParams, i) * dy[0].x;
  if (backwardParams.accumulate != 0u) { g += dx[i]; }
  dx[i] = g;
}

@group(0) @binding(3) var<storage, read_write> sums: array<vec4f>;
@group(0) @binding(4) var<uniform> togetherParams: Params;

@compute @workgroup_size(64)
fn together(@builtin(global_invocation_id) id: vec3u) {
  let p = togetherParams;
  if (id.x >= p.threads) { return; }
  let row = p.w * p.perRow;
  var sum = vec4f();
  for (var i = id.x; i < p.h * row; i += p.threads) {
    if (i % row + p.perRow < row) { sum += f(image[i] - image[i + p.perRow]); }
    if (i / row + 1u < p.h) { sum += f(image[i] - image[i + row]); }
    var g = gradient(p, i) * dy[0].x;
    if (p.accumulate != 0u) { g += dx[i]; }
    dx[i] = g;
  }
  sums[id.x] = sum;
}

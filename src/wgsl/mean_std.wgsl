// Mean and standard deviation of every channel over the rows of an image, and the gradient.
//   partial   part[chunk, 0, c] = sum over the chunk's rows of d, part[chunk, 1, c] = sum of d², d = x[row, c] - x[0, c]
//   finish    y[0, c] = mean of x,  y[1, c] = sqrt(variance + epsilon), the variance biased
//   backward  dx[row, c] (+)= (dy[0, c] + dy[1, c] * (x[row, c] - y[0, c]) / y[1, c]) / rows
// x, dx [rows, c]; y, dy [2, c]; part [chunks, 2, c]; rows padded to vec4s, padding lanes stay 0. Differences from the
// first row, so that a mean far from zero takes no digits from the variance. Stands in front of what says how x and dx are
// stored (stored_f32.wgsl).
// Dispatch: partial: linear over chunks * vec4s of a row; finish: over vec4s of a row; backward: over vec4s of x; / 64
// folded into x and y.

struct Params {
  rows: u32,
  perRow: u32,   // vec4s in a row
  channels: u32,
  chunk: u32,    // rows in a chunk
  accumulate: u32,
  epsilon: f32,
}

@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read_write> part: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn partial(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = params;
  let i = id.x + id.y * groups.x * 64u;
  let column = i % p.perRow;
  let chunk = i / p.perRow;
  let end = min((chunk + 1u) * p.chunk, p.rows);
  if (chunk * p.chunk >= end) { return; }
  let first = fromX(x[column]);
  var sum = vec4f();
  var squares = vec4f();
  for (var row = chunk * p.chunk; row < end; row++) {
    let d = fromX(x[row * p.perRow + column]) - first;
    sum += d;
    squares += d * d;
  }
  part[2u * chunk * p.perRow + column] = sum;
  part[(2u * chunk + 1u) * p.perRow + column] = squares;
}

fn inside(p: Params, column: u32) -> vec4<bool> {
  return vec4u(column * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(p.channels);
}

@group(0) @binding(1) var<storage, read> parts: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> finishParams: Params;

@compute @workgroup_size(64)
fn finish(@builtin(global_invocation_id) id: vec3u) {
  let p = finishParams;
  let column = id.x;
  if (column >= p.perRow) { return; }
  var sum = vec4f();
  var squares = vec4f();
  for (var chunk = 0u; chunk * p.chunk < p.rows; chunk++) {
    sum += parts[2u * chunk * p.perRow + column];
    squares += parts[(2u * chunk + 1u) * p.perRow + column];
  }
  let shift = sum / f32(p.rows);
  let variance = max(squares / f32(p.rows) - shift * shift, vec4f());
  y[column] = fromX(x[column]) + shift;
  y[p.perRow + column] = select(vec4f(), sqrt(variance + p.epsilon), inside(p, column));
}

@group(0) @binding(1) var<storage, read> statistics: array<vec4f>;
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dx: array<DX>;
@group(0) @binding(4) var<uniform> backwardParams: Params;

@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = backwardParams;
  let i = id.x + id.y * groups.x * 64u;
  if (i >= p.rows * p.perRow) { return; }
  let column = i % p.perRow;
  let spread = select(vec4f(1.0), statistics[p.perRow + column], inside(p, column));
  var g = (dy[column] + dy[p.perRow + column] * (fromX(x[i]) - statistics[column]) / spread) / f32(p.rows);
  if (p.accumulate != 0u) { g += fromDX(dx[i]); }
  dx[i] = toDX(g);
}

// 3x3 patches of features: which patch of a source each one is most like, and how far it is from that.
//   nearest   best[row] = the largest x[row, k] and `first` + its k, the first of equals; or `before[row]` where that is as large
//   partial   part[t] = sum over (patch, vec4 of channels) t, t + T, … of weight[patch] * |x[patch + tap] - match[tap]|² over its taps
//   backward  dx[q] (+)= 2 * factor * dy * sum over the patches that q is in of weight[patch] * (x[q] - match[tap of q])
// A patch lies at its upper left pixel; match[tap] is source[base + tap.y * width + tap.x] with base and width from the table at
// the patch's index in `best`.
// x: scores [rows, n] (nearest), features [h, w, c]; best, before [rows, 2]; source [pixels, c]; table [patches of the source, 2];
// weight [h - 2, w - 2, 1]; part [T, 4]; dy [1]. Numbers of rows and patches are below 2^24, exact in f32.
// Dispatch: nearest: linear over rows / 64; partial: T threads / 64; backward: over vec4s of x / 64; folded into x and y.

const SIDE: u32 = 3;

struct Params {
  h: u32, w: u32,   // of x; nearest: rows, n
  perRow: u32,      // vec4s of a pixel, or of a row of scores
  threads: u32,     // T; nearest: `first`
  accumulate: u32,  // nearest: 1 where there is a `before`
  factor: f32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> before: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> nearestOut: array<vec4f>;
@group(0) @binding(3) var<uniform> nearestParams: Params;

@compute @workgroup_size(64)
fn nearest(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = nearestParams;
  let row = id.x + id.y * groups.x * 64u;
  if (row >= p.h) { return; }
  var value = x[row * p.perRow].x;
  var index = 0u;
  for (var column = 0u; column < p.perRow; column++) {
    let v = x[row * p.perRow + column];
    for (var lane = 0u; lane < min(4u, p.w - 4u * column); lane++) { // padding lanes are no scores
      if (v[lane] > value) { value = v[lane]; index = 4u * column + lane; }
    }
  }
  var found = vec4f(value, f32(p.threads + index), 0.0, 0.0);
  if (p.accumulate != 0u) { found = select(found, before[row], before[row].x >= value); }
  nearestOut[row] = found;
}

@group(0) @binding(1) var<storage, read> source: array<vec4f>;
@group(0) @binding(2) var<storage, read> places: array<vec4f>;
@group(0) @binding(3) var<storage, read> best: array<vec4f>;
@group(0) @binding(4) var<storage, read> weight: array<vec4f>;

// x at a pixel less the match of the patch at `at`, which sees it under `tap`.
fn difference(p: Params, pixel: u32, column: u32, at: u32, tap: vec2u) -> vec4f {
  let place = places[u32(best[at].y)];
  let match_ = u32(place.x) + tap.y * u32(place.y) + tap.x;
  return x[pixel * p.perRow + column] - source[match_ * p.perRow + column];
}

@group(0) @binding(5) var<storage, read_write> part: array<vec4f>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(64)
fn partial(@builtin(global_invocation_id) id: vec3u) {
  let p = params;
  if (id.x >= p.threads) { return; }
  let columns = p.w + 1u - SIDE;
  var sum = vec4f();
  for (var i = id.x; i < (p.h + 1u - SIDE) * columns * p.perRow; i += p.threads) {
    let at = i / p.perRow;
    for (var tap = 0u; tap < SIDE * SIDE; tap++) {
      let t = vec2u(tap % SIDE, tap / SIDE);
      let d = difference(p, (at / columns + t.y) * p.w + at % columns + t.x, i % p.perRow, at, t);
      sum += weight[at].x * d * d;
    }
  }
  part[id.x] = sum;
}

@group(0) @binding(5) var<storage, read> dy: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(7) var<uniform> backwardParams: Params;

@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = backwardParams;
  let i = id.x + id.y * groups.x * 64u;
  if (i >= p.h * p.w * p.perRow) { return; }
  let pixel = i / p.perRow;
  let columns = p.w + 1u - SIDE;
  var g = vec4f();
  for (var tap = 0u; tap < SIDE * SIDE; tap++) {
    let t = vec2u(tap % SIDE, tap / SIDE);
    let q = vec2u(pixel % p.w, pixel / p.w);
    if (any(q < t)) { continue; }
    let corner = q - t;
    if (corner.x >= columns || corner.y >= p.h + 1u - SIDE) { continue; }
    let at = corner.y * columns + corner.x;
    g += weight[at].x * difference(p, pixel, i % p.perRow, at, t);
  }
  g *= 2.0 * p.factor * dy[0].x;
  if (p.accumulate != 0u) { g += dx[i]; }
  dx[i] = g;
}

// Rows and columns added around an image, and the adjoint of it.
//   forward    y[p] = x[source(p - pad)]                        y [ph, pw, c]; zero where there is no source
//   backward   dx[s] (+)= sum of dy[p] over all p with source(p - pad) = s, p in scan order
// x, dx [h, w, c]; y, dy [ph, pw, c]; NHWC, channels padded to vec4s. Pads may be negative: they cut off.
// One thread, one vec4 of the output. Dispatch: linear, 64 threads a group, folded into x and y.

struct Params {
  h: u32, w: u32,            // image
  ph: u32, pw: u32,          // padded image
  vectors: u32,              // ceil(c / 4)
  top: i32, left: i32,       // rows above, columns left
  mode: u32,                 // what lies outside: 0 zero, 1 replicate, 2 reflect, 3 wrap
  accumulate: u32,           // backward: add to dx
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;  // backward: dy
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>; // backward: dx
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= params.ph * params.pw * params.vectors) { return; }
  let pixel = index / params.vectors;
  let row = source(i32(pixel / params.pw) - params.top, i32(params.h));
  let column = source(i32(pixel % params.pw) - params.left, i32(params.w));
  var value = vec4f();
  if (row >= 0 && column >= 0) {
    value = x[(u32(row) * params.w + u32(column)) * params.vectors + index % params.vectors];
  }
  y[index] = value;
}

// The padded positions along one axis that show element s of n: candidate 0, 1, … `count` - 1 in rising order, each
// first + k * step; under reflection the steps differ and a candidate may lie outside, see `position`.
struct Candidates { first: i32, step: i32, count: i32 }

fn candidates(s: i32, n: i32, pad: i32, padded: i32) -> Candidates {
  let here = s + pad;
  switch params.mode {
    case 1u: { // the border elements fill the margins
      let lower = select(here, 0, s == 0);
      return Candidates(lower, 1, select(here, padded - 1, s == n - 1) - lower + 1);
    }
    case 2u: { return Candidates(here, 0, 3); }
    case 3u: { // every n-th position
      let lower = ((here % n) + n) % n;
      return Candidates(lower, n, (padded - 1 - lower + n) / n);
    }
    default: { return Candidates(here, 1, 1); }
  }
}

// Candidate k, or -1 if it is none. A border element is its own mirror image and counts once.
fn position(c: Candidates, k: i32, s: i32, n: i32, pad: i32, padded: i32) -> i32 {
  var p = c.first + k * c.step;
  if (params.mode == 2u && k == 0) { p = select(-1, pad - s, s > 0); }
  if (params.mode == 2u && k == 2) { p = select(-1, pad + 2 * (n - 1) - s, s < n - 1); }
  return select(-1, p, p < padded);
}

@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= params.h * params.w * params.vectors) { return; }
  let pixel = index / params.vectors;
  let row = i32(pixel / params.w);
  let column = i32(pixel % params.w);
  let rows = candidates(row, i32(params.h), params.top, i32(params.ph));
  let columns = candidates(column, i32(params.w), params.left, i32(params.pw));
  var total = vec4f();
  for (var j = 0; j < rows.count; j++) {
    let py = position(rows, j, row, i32(params.h), params.top, i32(params.ph));
    if (py < 0) { continue; }
    var line = vec4f();
    for (var k = 0; k < columns.count; k++) {
      let px = position(columns, k, column, i32(params.w), params.left, i32(params.pw));
      if (px < 0) { continue; }
      line += x[(u32(py) * params.pw + u32(px)) * params.vectors + index % params.vectors];
    }
    total += line;
  }
  if (params.accumulate != 0u) { total += y[index]; }
  y[index] = total;
}

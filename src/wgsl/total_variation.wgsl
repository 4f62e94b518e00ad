// Total variation: differences of neighbours, measured and summed over an image; see total-variation.ts for the forms.
//   partial   part[t] = sum over pixels t, t + T, … of the pixel's share of the variation, per lane
//   backward  dx[i, j] (+)= dy * d variation / d x[i, j], gathered from the differences that pixel i, j is in
//   together  both: part from threads t, t + T, … as in partial, dx as in backward
// x, dx [h, w, c], padded to vec4s; part [T, 4]; dy a scalar [1]. The sum of the parts is reduce.wgsl's `finish`.
// Only pixels inside the window count: their shares and their slopes. Those of the others are 0.
// Dispatch: partial, together: linear over T threads / 64. backward: linear over vec4s of x / 64 folded into x and y.

// 0 squared   right * d² to the right + down * d² downwards
// 1 absolute  the same of |d|
// 2 power     right * (dx² + dy²)^1.25 where there are both a right and a lower neighbour
// 3 nine      squared, and diagonal * d² along the diagonals of the image with its border repeated once
override FORM: u32 = 0;
// The first row is the neighbour of the last, and the first column of the last: the variation of a torus.
override WRAP: bool = false;

struct Params {
  h: u32, w: u32,
  perRow: u32,      // vec4s of a pixel
  threads: u32,     // T
  accumulate: u32,
  top: u32, left: u32, bottom: u32, end: u32, // the window: rows [top, bottom), columns [left, end)
  right: f32, down: f32, diagonal: f32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;

// What vec4 i adds to the value, and d value / d x[i].
struct Variation { value: vec4f, slope: vec4f }

// Neighbours of vec4 i, round the border where there is one between them.
fn right(p: Params, i: u32) -> u32 { return select(i + p.perRow, i + p.perRow - p.w * p.perRow, i / p.perRow % p.w + 1u == p.w); }
fn left(p: Params, i: u32) -> u32 { return select(i - p.perRow, i + (p.w - 1u) * p.perRow, i / p.perRow % p.w == 0u); }
fn below(p: Params, i: u32) -> u32 { return (i + p.w * p.perRow) % (p.h * p.w * p.perRow); }
fn above(p: Params, i: u32) -> u32 { return (i + (p.h - 1u) * p.w * p.perRow) % (p.h * p.w * p.perRow); }

fn straight(p: Params, i: u32) -> Variation {
  let row = p.w * p.perRow;
  let v = x[i];
  var across = Variation();
  var along = Variation();
  if (WRAP || i % row + p.perRow < row) { across = ahead(v - x[right(p, i)]); }
  if (WRAP || i / row + 1u < p.h) { along = ahead(v - x[below(p, i)]); }
  if (WRAP || i % row >= p.perRow) { across.slope += ahead(v - x[left(p, i)]).slope; }
  if (WRAP || i >= row) { along.slope += ahead(v - x[above(p, i)]).slope; }
  return Variation(p.right * across.value + p.down * along.value, p.right * across.slope + p.down * along.slope);
}

fn ahead(d: vec4f) -> Variation {
  if (FORM == 1u) { return Variation(abs(d), sign(d)); }
  return Variation(d * d, 2.0 * d);
}

// Differences to the right and downwards of a cell, and d e^1.25 / d difference per difference, e = dx² + dy².
struct Cell { dx: vec4f, dy: vec4f, steepness: vec4f }

fn cell(p: Params, i: u32) -> Cell {
  let v = x[i];
  let dx = x[right(p, i)] - v;
  let dy = x[below(p, i)] - v;
  return Cell(dx, dy, 2.5 * sqrt(sqrt(dx * dx + dy * dy)));
}

fn power(p: Params, i: u32) -> Variation {
  let row = p.w * p.perRow;
  let isLeft = WRAP || i % row + p.perRow < row;
  let isUpper = WRAP || i / row + 1u < p.h;
  var r = Variation();
  if (isLeft && isUpper) {
    let own = cell(p, i);
    r.value = 0.4 * own.steepness * (own.dx * own.dx + own.dy * own.dy);
    r.slope = -own.steepness * (own.dx + own.dy);
  }
  if (isUpper && (WRAP || i % row >= p.perRow)) {
    let beside = cell(p, left(p, i));
    r.slope += beside.steepness * beside.dx;
  }
  if (isLeft && (WRAP || i >= row)) {
    let over = cell(p, above(p, i));
    r.slope += over.steepness * over.dy;
  }
  return Variation(p.right * r.value, p.right * r.slope);
}

// The diagonals that a pixel is in, by itself or as a copy in the margin; each is met from both of its ends.
fn diagonals(p: Params, i: u32) -> Variation {
  let last = vec2i(vec2u(p.h, p.w)) - 1;
  let pixel = vec2i(vec2u(i / p.perRow / p.w, i / p.perRow % p.w));
  let v = x[i];
  var r = Variation();
  if (WRAP) {
    for (var corner = 0u; corner < 4u; corner++) {
      let aside = select(left(p, i), right(p, i), corner % 2u == 1u);
      let d = v - x[select(above(p, aside), below(p, aside), corner / 2u == 1u)];
      r.value += 0.5 * d * d;
      r.slope += 2.0 * d;
    }
    return Variation(p.diagonal * r.value, p.diagonal * r.slope);
  }
  for (var row = select(pixel.x, -1, pixel.x == 0); row <= select(pixel.x, last.x + 1, pixel.x == last.x); row++) {
    for (var column = select(pixel.y, -1, pixel.y == 0); column <= select(pixel.y, last.y + 1, pixel.y == last.y); column++) {
      for (var corner = 0; corner < 4; corner++) {
        let other = vec2i(row, column) + vec2i(corner / 2, corner % 2) * 2 - 1;
        if (any(other < vec2i(-1)) || any(other > last + 1)) { continue; }
        let at = clamp(other, vec2i(), last);
        let d = v - x[u32(at.x * i32(p.w) + at.y) * p.perRow + i % p.perRow];
        r.value += 0.5 * d * d;
        r.slope += 2.0 * d;
      }
    }
  }
  return Variation(p.diagonal * r.value, p.diagonal * r.slope);
}

fn variation(p: Params, i: u32) -> Variation {
  let row = i / p.perRow / p.w;
  let column = i / p.perRow % p.w;
  if (row < p.top || row >= p.bottom || column < p.left || column >= p.end) { return Variation(); }
  if (FORM == 2u) { return power(p, i); }
  var r = straight(p, i);
  if (FORM == 3u) {
    let more = diagonals(p, i);
    r.value += more.value;
    r.slope += more.slope;
  }
  return r;
}

@group(0) @binding(1) var<storage, read_write> part: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn partial(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.threads) { return; }
  var sum = vec4f();
  for (var i = id.x; i < params.h * params.w * params.perRow; i += params.threads) { sum += variation(params, i).value; }
  part[id.x] = sum;
}

@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(3) var<uniform> backwardParams: Params;

@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * 64u;
  if (i >= backwardParams.h * backwardParams.w * backwardParams.perRow) { return; }
  var g = variation(backwardParams, i).slope * dy[0].x;
  if (backwardParams.accumulate != 0u) { g += dx[i]; }
  dx[i] = g;
}

@group(0) @binding(3) var<storage, read_write> sums: array<vec4f>;
@group(0) @binding(4) var<uniform> togetherParams: Params;

@compute @workgroup_size(64)
fn together(@builtin(global_invocation_id) id: vec3u) {
  let p = togetherParams;
  if (id.x >= p.threads) { return; }
  var sum = vec4f();
  for (var i = id.x; i < p.h * p.w * p.perRow; i += p.threads) {
    let v = variation(p, i);
    sum += v.value;
    var g = v.slope * dy[0].x;
    if (p.accumulate != 0u) { g += dx[i]; }
    dx[i] = g;
  }
  sums[id.x] = sum;
}

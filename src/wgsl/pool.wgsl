// Maximum or mean over windows of an image, forward and backward.
//   main, forward  y[o] = max or mean over the window of o of x; cells outside the image are skipped by the maximum
//                  and count as zeros in the mean (as nothing if !countPadding)
//   maxBackward    dx[s] (+)= sum of dy[o] over the windows whose first maximum in scan order is s
//   main, backward dx[s] (+)= sum of dy[o] / cells of o over the windows that hold s
// Windows in scan order; dx is gathered, so that overlapping windows add up in a fixed order without atomics.
// x, dx [h, w, c]; y, dy [oh, ow, c]; NHWC, channels padded to vec4s. Window o starts at o * stride - pad.
// Stands in front of what says how they are stored (stored_f32.wgsl).
// One thread, one vec4 of the output. Dispatch: linear, 64 threads a group, folded into x and y.

struct Params {
  h: i32, w: i32,                 // image
  oh: i32, ow: i32,               // pooled image
  vectors: u32,                   // ceil(c / 4)
  sizeY: i32, sizeX: i32,
  strideY: i32, strideX: i32,
  top: i32, left: i32,            // padding above and left
  countPadding: u32,              // mean: divide by all cells of the window
  accumulate: u32,                // backward: add to dx
  op: u32,                        // main: 0 maximum, 1 mean, 2 meanBackward
}

@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read_write> y: array<Y>;
@group(0) @binding(2) var<uniform> params: Params;

// The part of a window that lies in the image: rows x..y-1, columns z..w-1.
fn window(p: Params, row: i32, column: i32) -> vec4i {
  let y0 = row * p.strideY - p.top;
  let x0 = column * p.strideX - p.left;
  return vec4i(max(y0, 0), min(y0 + p.sizeY, p.h), max(x0, 0), min(x0 + p.sizeX, p.w));
}

fn reciprocalOfCells(p: Params, cells: vec4i) -> f32 {
  let inside = (cells.y - cells.x) * (cells.w - cells.z);
  return 1.0 / f32(select(inside, p.sizeY * p.sizeX, p.countPadding != 0u));
}

fn forward(index: u32) {
  let p = params;
  let isMean = p.op == 1u;
  if (index >= u32(p.oh * p.ow) * p.vectors) { return; }
  let pixel = i32(index / p.vectors);
  let channel = index % p.vectors;
  let cells = window(p, pixel / p.ow, pixel % p.ow);
  var result = fromX(x[u32(cells.x * p.w + cells.z) * p.vectors + channel]);
  if (isMean) { result = vec4f(); }
  for (var row = cells.x; row < cells.y; row++) {
    var line = vec4f(); // rows are summed by themselves first: large windows stay accurate
    for (var column = cells.z; column < cells.w; column++) {
      let v = fromX(x[u32(row * p.w + column) * p.vectors + channel]);
      if (isMean) { line += v; } else { result = max(result, v); }
    }
    if (isMean) { result += line; }
  }
  if (isMean) { result *= reciprocalOfCells(p, cells); }
  y[index] = toY(result);
}

// The windows that hold cell s of an axis: x..y-1.
fn windowsOf(s: i32, size: i32, stride: i32, pad: i32, count: i32) -> vec2i {
  let first = s + pad - size + 1;
  return vec2i(max(0, (first + stride - 1) / stride), min(count, (s + pad) / stride + 1));
}

// x is the gradient of the means, y that of the image.
fn meanBackward(index: u32) {
  let p = params;
  if (index >= u32(p.h * p.w) * p.vectors) { return; }
  let pixel = i32(index / p.vectors);
  let rows = windowsOf(pixel / p.w, p.sizeY, p.strideY, p.top, p.oh);
  let columns = windowsOf(pixel % p.w, p.sizeX, p.strideX, p.left, p.ow);
  var total = vec4f();
  for (var row = rows.x; row < rows.y; row++) {
    for (var column = columns.x; column < columns.y; column++) {
      let d = fromX(x[u32(row * p.ow + column) * p.vectors + index % p.vectors]);
      total += d * reciprocalOfCells(p, window(p, row, column));
    }
  }
  if (p.accumulate != 0u) { total += fromY(y[index]); }
  y[index] = toY(total);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (params.op == 2u) { meanBackward(index); } else { forward(index); }
}

@group(0) @binding(0) var<storage, read> image: array<X>;
@group(0) @binding(1) var<storage, read> pooled: array<Y>;
@group(0) @binding(2) var<storage, read> dy: array<DY>;
@group(0) @binding(3) var<storage, read_write> dx: array<DX>;
@group(0) @binding(4) var<uniform> maxParams: Params;

@compute @workgroup_size(64)
fn maxBackward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = maxParams;
  let index = id.x + id.y * groups.x * 64u;
  if (index >= u32(p.h * p.w) * p.vectors) { return; }
  let pixel = i32(index / p.vectors);
  let channel = index % p.vectors;
  let at = vec2i(pixel / p.w, pixel % p.w);
  let mine = fromX(image[index]);
  let rows = windowsOf(at.x, p.sizeY, p.strideY, p.top, p.oh);
  let columns = windowsOf(at.y, p.sizeX, p.strideX, p.left, p.ow);
  var total = vec4f();
  for (var row = rows.x; row < rows.y; row++) {
    for (var column = columns.x; column < columns.y; column++) {
      let o = u32(row * p.ow + column) * p.vectors + channel;
      let best = fromY(pooled[o]);
      var first = mine == best;
      if (!any(first)) { continue; }
      // Cells before this one in scan order must not hold the maximum too.
      let cells = window(p, row, column);
      for (var r = cells.x; r <= at.x; r++) {
        let end = select(cells.w, at.y, r == at.x);
        for (var c = cells.z; c < end; c++) {
          first = first & (fromX(image[u32(r * p.w + c) * p.vectors + channel]) != best);
        }
      }
      total += select(vec4f(), fromDY(dy[o]), first);
    }
  }
  if (p.accumulate != 0u) { total += fromDX(dx[index]); }
  dx[index] = toDX(total);
}

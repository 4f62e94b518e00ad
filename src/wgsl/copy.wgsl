// Elements moved from one layout to another: boxes of a tensor (concat, slice and their adjoints) and reshaping.
//   vectors, elements   y[p] (+)= x[p + shift] for every p in a box of y; zero where p + shift lies outside x
//   reshape             n-th element of y (+)= n-th element of x, in row-major order
// Tensors of four axes (leading ones of size 1), rows of the last axis padded to vec4s.
// `vectors` is for boxes whose last axis moves as whole vec4s, `elements` for all others: in a vec4 that sticks out of
// the box, lanes below it keep their values (an earlier copy into y wrote them), lanes above become zero.
// Stands in front of what says how x and y are stored (stored_f32.wgsl).
// One thread, one vec4 of y. Dispatch: linear over the vec4s that the box touches (reshape: all of y), 64 threads a
// group, folded into x and y.

struct Params {
  xSize: vec4i,    // shape of x
  ySize: vec4i,    // shape of y
  begin: vec4i,    // first element of the box in y
  size: vec4i,     // elements of the box along each axis
  shift: vec4i,    // from a place in y to its source in x
  accumulate: u32, // 1: add to y
}

@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read_write> y: array<Y>;
@group(0) @binding(2) var<uniform> params: Params;

fn vectorsIn(channels: i32) -> i32 { return (channels + 3) / 4; }

// The vec4 of y that belongs to a thread: three outer indices, and the vec4 in its row; x is -1 beyond the box.
fn place(index: i32) -> vec4i {
  let firstVector = params.begin.w / 4;
  let vectors = vectorsIn(params.begin.w + params.size.w) - firstVector;
  let size = params.size;
  if (index >= size.x * size.y * size.z * vectors) { return vec4i(-1); }
  let row = index / vectors;
  let outer = vec3i(row / (size.y * size.z), row / size.z % size.y, row % size.z);
  return vec4i(params.begin.xyz + outer, firstVector + index % vectors);
}

fn rowOf(p: vec3i, size: vec4i) -> i32 { return (p.x * size.y + p.y) * size.z + p.z; }

fn isInside(p: vec3i, size: vec4i) -> bool { return all(p >= vec3i(0)) && all(p < size.xyz); }

@compute @workgroup_size(64)
fn vectors(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = place(i32(id.x + id.y * groups.x * 64u));
  if (p.x < 0) { return; }
  let q = vec4i(p.xyz + params.shift.xyz, p.w + params.shift.w / 4); // the shift is whole vec4s here
  let xVectors = vectorsIn(params.xSize.w);
  var value = vec4f();
  if (isInside(q.xyz, params.xSize) && q.w >= 0 && q.w < xVectors) {
    value = fromX(x[rowOf(q.xyz, params.xSize) * xVectors + q.w]);
  }
  let at = rowOf(p.xyz, params.ySize) * vectorsIn(params.ySize.w) + p.w;
  if (params.accumulate != 0u) { value += fromY(y[at]); }
  y[at] = toY(value);
}

@compute @workgroup_size(64)
fn elements(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = place(i32(id.x + id.y * groups.x * 64u));
  if (p.x < 0) { return; }
  let q = p.xyz + params.shift.xyz;
  let isRow = isInside(q, params.xSize);
  let row = rowOf(q, params.xSize) * vectorsIn(params.xSize.w);
  let at = rowOf(p.xyz, params.ySize) * vectorsIn(params.ySize.w) + p.w;
  let end = params.begin.w + params.size.w;
  var old = vec4f();
  if (params.accumulate != 0u || 4 * p.w < params.begin.w) { old = fromY(y[at]); }
  var value = vec4f();
  for (var lane = 0; lane < 4; lane++) {
    let c = 4 * p.w + lane;
    let origin = c + params.shift.w;
    let isBelow = c < params.begin.w;
    if (isBelow || params.accumulate != 0u) { value[lane] = old[lane]; }
    if (!isBelow && c < end && isRow && origin >= 0 && origin < params.xSize.w) {
      value[lane] += fromX(x[row + origin / 4])[origin % 4];
    }
  }
  y[at] = toY(value);
}

@compute @workgroup_size(64)
fn reshape(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = i32(id.x + id.y * groups.x * 64u);
  let yVectors = vectorsIn(params.ySize.w);
  let rows = params.ySize.x * params.ySize.y * params.ySize.z;
  if (index >= rows * yVectors) { return; }
  let xVectors = vectorsIn(params.xSize.w);
  let c = index % yVectors * 4;
  let first = index / yVectors * params.ySize.w + c;
  var value = vec4f();
  for (var lane = 0; lane < 4; lane++) {
    if (c + lane >= params.ySize.w) { break; }
    let n = first + lane;
    let channel = n % params.xSize.w;
    value[lane] = fromX(x[n / params.xSize.w * xVectors + channel / 4])[channel % 4];
  }
  if (params.accumulate != 0u) { value += fromY(y[index]); }
  y[index] = toY(value);
}

// Winograd F(4x4, 3x3), input: v[.., t, i] = B' d B of the 6x6 pixels d that the 4x4 outputs of tile t depend on.
// x [h, w, ci] or, where it is unpooled on load, [h / 2, w / 2, ci] with gate words of [h, w, ci]; v [36, tiles, ci] of
// a band, whole rows of tiles; NHWC, channels padded to vec4s.
// Stands in front of gate_word.wgsl, outside.wgsl and what says how x is stored (stored_f32.wgsl).
// Thread: one tile x 1 channel, neighbours read neighbours. Dispatch: linear over tiles * 4 * ceil(ci / 4), THREADS a
// group, folded into x and y.

override THREADS: u32 = 64; // 8 on the CPU

struct Params {
  h: u32, w: u32, ci: u32,
  padTop: i32, padLeft: i32,
  mode: u32,       // what lies outside: 0 zero, 1 replicate, 2 reflect, 3 wrap
  across: u32,     // tiles in a row
  firstRow: u32,   // of tiles, in this band
  tiles: u32,      // in this band
  unpool: u32,     // x holds gradients of 1: maxima, 2: means of 2x2 pixels
}

@group(0) @binding(0) var<storage, read> x: array<XWord>;
@group(0) @binding(1) var<storage, read> unpoolWords: array<u32>;
@group(0) @binding(2) var<storage, read_write> v: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

fn load(row: i32, column: i32, channel: u32, ci4: u32) -> f32 {
  let half = vec2u(min(params.unpool, 1u));
  let at = vec2u(vec2i(max(row, 0), max(column, 0)));
  let size = vec2u(params.h, params.w) >> half; // an odd last row or column was not pooled
  let p = at >> half;
  let isInside = row >= 0 && column >= 0 && p.x < size.x && p.y < size.y;
  let i = select(0u, (p.x * size.y + p.y) * 4u * ci4 + channel, isInside);
  var value = pickX(x[wordOfX(i)], i);
  if (params.unpool != 0u) {
    let word = gateWordAt(at.x, at.y, params.w, ci4, channel / 4u);
    let bit = (at.x % 2u * 4u + at.y % 4u) * 4u + channel % 4u;
    let isOpen = ((unpoolWords[word] >> bit) & 1u) != 0u;
    value = select(0.0, value * select(1.0, 0.25, params.unpool == 2u), isOpen);
  }
  return select(0.0, value, isInside);
}

// B' times a column of six.
fn spread(d: array<f32, 6>) -> array<f32, 6> {
  let p = d[4] - 4.0 * d[2];
  let q = d[3] - 4.0 * d[1];
  let r = d[4] - d[2];
  let s = 2.0 * (d[3] - d[1]);
  return array(
    4.0 * d[0] - 5.0 * d[2] + d[4], p + q, p - q, r + s, r - s,
    4.0 * d[1] - 5.0 * d[3] + d[5]);
}

fn rowOf(line: i32, columns: array<i32, 6>, channel: u32, ci4: u32) -> array<f32, 6> {
  let row = source(line, i32(params.h));
  return spread(array(
    load(row, columns[0], channel, ci4), load(row, columns[1], channel, ci4), load(row, columns[2], channel, ci4),
    load(row, columns[3], channel, ci4), load(row, columns[4], channel, ci4), load(row, columns[5], channel, ci4)));
}

fn putColumn(at: u32, step: u32, a: f32, b: f32, c: f32, d: f32, e: f32, f: f32) {
  let column = spread(array(a, b, c, d, e, f));
  v[at] = column[0]; v[at + 6u * step] = column[1]; v[at + 12u * step] = column[2];
  v[at + 18u * step] = column[3]; v[at + 24u * step] = column[4]; v[at + 30u * step] = column[5];
}

@compute @workgroup_size(THREADS)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let ci4 = (params.ci + 3u) / 4u;
  let step = params.tiles * ci4 * 4u; // from one of the 36 to the next
  let index = id.x + id.y * groups.x * THREADS;
  if (index >= step) { return; }
  let tile = index / (4u * ci4);
  let channel = index % (4u * ci4);
  let top = i32((params.firstRow + tile / params.across) * 4u) - params.padTop;
  let left = i32(tile % params.across * 4u) - params.padLeft;
  let w = i32(params.w);
  let columns = array(
    source(left, w), source(left + 1, w), source(left + 2, w),
    source(left + 3, w), source(left + 4, w), source(left + 5, w));
  let a = rowOf(top, columns, channel, ci4);
  let b = rowOf(top + 1, columns, channel, ci4);
  let c = rowOf(top + 2, columns, channel, ci4);
  let d = rowOf(top + 3, columns, channel, ci4);
  let e = rowOf(top + 4, columns, channel, ci4);
  let f = rowOf(top + 5, columns, channel, ci4);
  putColumn(index, step, a[0], b[0], c[0], d[0], e[0], f[0]);
  putColumn(index + step, step, a[1], b[1], c[1], d[1], e[1], f[1]);
  putColumn(index + 2u * step, step, a[2], b[2], c[2], d[2], e[2], f[2]);
  putColumn(index + 3u * step, step, a[3], b[3], c[3], d[3], e[3], f[3]);
  putColumn(index + 4u * step, step, a[4], b[4], c[4], d[4], e[4], f[4]);
  putColumn(index + 5u * step, step, a[5], b[5], c[5], d[5], e[5], f[5]);
}

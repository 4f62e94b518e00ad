// The columns of a matrix sorted upwards, as the rows that their values come from: a bitonic network (Batcher, Sorting networks
// and their applications, 1968) over a power of two of rows, those beyond the last of x behind all others.
//   blocks    keys, places = x and its row numbers, each BLOCK rows sorted, upwards and downwards in turn
//   compare   puts rows that are `stride` apart in order, towards sorted runs of `run` rows
//   merge     all further steps towards such runs: those that stay within BLOCK rows
//   take      y[i, c] = x[places[i, c], c] for `count` rows i
//   scatter   dx[places[i, c], c] (+)= dy[i, c] for `count` rows i, 0 for the others
// Equal values stay in the order of their rows; what is not finite, and rows where mask is 0, come last.
// x, dx [rows, c]; mask [rows, 1]; keys, places [size, c], size a power of two; y, dy [count, c]; rows padded to vec4s, padding
// lanes of places are 0. Row numbers are below 2^24, exact in f32. One thread compares four columns.
// Dispatch: blocks, merge: a workgroup for each block of each vec4 of a row; compare: linear over size / 2 * vec4s of a row; take:
// over count * vec4s of a row; scatter: over rows * vec4s of a row; / 64; all folded into x and y.

const BLOCK: u32 = 512;
const MOST: f32 = 0x1.fffffep+127f;

struct Params {
  rows: u32,
  size: u32,
  perRow: u32,     // vec4s in a row
  channels: u32,
  run: u32,
  stride: u32,
  count: u32,
  isMasked: u32,
  accumulate: u32,
}

fn inside(p: Params, column: u32) -> vec4<bool> {
  return vec4u(4u * column) + vec4u(0u, 1u, 2u, 3u) < vec4u(p.channels);
}

// Whether each pair has to change places for its order.
fn swaps(key: vec4f, other: vec4f, place: vec4f, otherPlace: vec4f, isUp: bool) -> vec4<bool> {
  let isAfter = (key > other) | ((key == other) & (place > otherPlace));
  return isAfter == vec4<bool>(isUp);
}

// The upper row of pair `t` at `stride`.
fn upper(t: u32, stride: u32) -> u32 {
  return 2u * stride * (t / stride) + t % stride;
}

var<workgroup> blockKeys: array<vec4f, BLOCK>;
var<workgroup> blockPlaces: array<vec4f, BLOCK>;

// Steps from `first` down to 1 within the block whose first row is `base`.
fn sweep(p: Params, base: u32, run: u32, first: u32, thread: u32) {
  for (var stride = first; stride > 0u; stride /= 2u) {
    workgroupBarrier(); // the rows are loaded, or the step before has written them
    if (2u * thread < min(p.size, BLOCK)) {
      let i = upper(thread, stride);
      let l = i + stride;
      let isUp = ((base + i) & run) == 0u;
      let swap = swaps(blockKeys[i], blockKeys[l], blockPlaces[i], blockPlaces[l], isUp);
      let key = blockKeys[i];
      let place = blockPlaces[i];
      blockKeys[i] = select(key, blockKeys[l], swap);
      blockPlaces[i] = select(place, blockPlaces[l], swap);
      blockKeys[l] = select(blockKeys[l], key, swap);
      blockPlaces[l] = select(blockPlaces[l], place, swap);
    }
  }
  workgroupBarrier(); // the last step is written
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> mask: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> keysOut: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> placesOut: array<vec4f>;
@group(0) @binding(4) var<uniform> blocksParams: Params;

@compute @workgroup_size(256)
fn blocks(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let p = blocksParams;
  let block = min(p.size, BLOCK);
  let index = group.x + group.y * groups.x;
  let column = index % p.perRow;
  let base = index / p.perRow * block;
  if (base >= p.size) { return; }
  for (var i = thread; i < block; i += 256u) {
    let row = base + i;
    var key = vec4f(MOST);
    if (row < p.rows && (p.isMasked == 0u || mask[row].x > 0.0)) {
      let value = x[row * p.perRow + column];
      let isFinite = (bitcast<vec4u>(value) & vec4u(0x7fffffffu)) < vec4u(0x7f800000u);
      key = select(key, value, isFinite);
    }
    blockKeys[i] = key;
    blockPlaces[i] = select(vec4f(), vec4f(f32(row)), inside(p, column));
  }
  for (var run = 2u; run <= block; run *= 2u) { sweep(p, base, run, run / 2u, thread); }
  workgroupBarrier(); // a block of one row is loaded
  for (var i = thread; i < block; i += 256u) {
    keysOut[(base + i) * p.perRow + column] = blockKeys[i];
    placesOut[(base + i) * p.perRow + column] = blockPlaces[i];
  }
}

@group(0) @binding(0) var<storage, read_write> keys: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> places: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(256)
fn merge(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let p = params;
  let index = group.x + group.y * groups.x;
  let column = index % p.perRow;
  let base = index / p.perRow * BLOCK;
  if (base >= p.size) { return; }
  for (var i = thread; i < BLOCK; i += 256u) {
    blockKeys[i] = keys[(base + i) * p.perRow + column];
    blockPlaces[i] = places[(base + i) * p.perRow + column];
  }
  sweep(p, base, p.run, BLOCK / 2u, thread);
  for (var i = thread; i < BLOCK; i += 256u) {
    keys[(base + i) * p.perRow + column] = blockKeys[i];
    places[(base + i) * p.perRow + column] = blockPlaces[i];
  }
}

@compute @workgroup_size(64)
fn compare(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = params;
  let t = (id.x + id.y * groups.x * 64u) / p.perRow;
  if (2u * t >= p.size) { return; }
  let row = upper(t, p.stride);
  let i = row * p.perRow + (id.x + id.y * groups.x * 64u) % p.perRow;
  let l = i + p.stride * p.perRow;
  let swap = swaps(keys[i], keys[l], places[i], places[l], (row & p.run) == 0u);
  let key = keys[i];
  let place = places[i];
  keys[i] = select(key, keys[l], swap);
  places[i] = select(place, places[l], swap);
  keys[l] = select(keys[l], key, swap);
  places[l] = select(places[l], place, swap);
}

@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read> rowsOf: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> takeParams: Params;

@compute @workgroup_size(64)
fn take(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = takeParams;
  let i = id.x + id.y * groups.x * 64u;
  if (i >= p.count * p.perRow) { return; }
  let column = i % p.perRow;
  var found = vec4f();
  for (var lane = 0u; lane < min(4u, p.channels - 4u * column); lane++) {
    found[lane] = values[4u * (u32(rowsOf[i][lane]) * p.perRow + column) + lane];
  }
  y[i] = found;
}

@group(0) @binding(0) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(64)
fn scatter(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let p = takeParams;
  let i = id.x + id.y * groups.x * 64u;
  if (i >= p.rows * p.perRow) { return; }
  let column = i % p.perRow;
  let isInside = inside(p, column);
  var g = vec4f();
  if (i < p.count * p.perRow) { g = select(g, dy[i], isInside); }
  // A padding lane belongs to its own row: each is written once.
  let to = select(vec4u(i / p.perRow), vec4u(rowsOf[i]), isInside);
  for (var lane = 0u; lane < 4u; lane++) {
    let at = 4u * (to[lane] * p.perRow + column) + lane;
    if (p.accumulate != 0u) { dx[at] += g[lane]; } else { dx[at] = g[lane]; }
  }
}

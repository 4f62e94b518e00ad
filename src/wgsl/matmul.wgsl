// Matrix products: y[split] (+)= alpha * scale * op(a) * op(b) over the split's chunk of K; op transposes where told so.
//   registers  each thread owns 8 rows x 8 columns, no workgroup memory: CPUs, narrow matrices
//   tiled      each workgroup owns 64 x 64, K in steps of 16 through 8.5 KiB of workgroup memory: GPUs
// a [m, k] or transposed [k, m], b [k, n] or transposed [n, k], y [m, n], or [splits, m, n] where K is split: then
// alpha is 1, nothing accumulates, and the parts are added up by reduce.wgsl's `columns`. Rows are padded to vec4s.
// Stands in front of matmul_store.wgsl and gate_word.wgsl. scale [1]; gate of y's shape, or gate words (gate.wgsl) of y as an image [h, w, n].
// Dispatch: blocks of rows folded into x and y, z = blocks of columns * splits. A block is 64 x 64 (tiled), or 8 rows x
// 8 columns a thread (registers; 8 rows a thread x 8 columns with ALONG_ROWS): threads of a group share the loads of
// the other operand, on a CPU one load for all lanes.

override TRANSPOSE_A: bool = false;
override TRANSPOSE_B: bool = false;
override ALONG_ROWS: bool = false; // threads of a workgroup lie along m instead of n: for narrow y
override THREADS: u32 = 8;

// Four rows of op(a) from `row`, elements k .. k+3 of each: one row per column of the matrix. Zero beyond K, so that
// whatever blockB gives there does not matter; rows beyond m repeat the last.
fn blockA(row: u32, k: u32) -> mat4x4f {
  let s = params.strideA;
  if (TRANSPOSE_A) {
    let column = min(row / 4u, s - 1u);
    let last = params.k - 1u;
    var r = mat4x4f(
      fromA(a[k * s + column]), fromA(a[min(k + 1u, last) * s + column]),
      fromA(a[min(k + 2u, last) * s + column]), fromA(a[min(k + 3u, last) * s + column]));
    if (k + 3u > last) {
      if (k + 1u > last) { r[1] = vec4f(); }
      if (k + 2u > last) { r[2] = vec4f(); }
      r[3] = vec4f();
    }
    return transpose(r);
  }
  let last = params.m - 1u;
  let column = k / 4u;
  return mat4x4f(
    fromA(a[min(row, last) * s + column]), fromA(a[min(row + 1u, last) * s + column]),
    fromA(a[min(row + 2u, last) * s + column]), fromA(a[min(row + 3u, last) * s + column]));
}

// Rows k .. k+3 of op(b), columns `column` .. column+3 of each: one row of b per column of the matrix.
fn blockB(k: u32, column: u32) -> mat4x4f {
  let s = params.strideB;
  if (TRANSPOSE_B) {
    let last = params.n - 1u;
    let at = k / 4u;
    return transpose(mat4x4f(
      fromB(b[min(column, last) * s + at]), fromB(b[min(column + 1u, last) * s + at]),
      fromB(b[min(column + 2u, last) * s + at]), fromB(b[min(column + 3u, last) * s + at])));
  }
  let last = params.k - 1u;
  let at = min(column / 4u, s - 1u);
  return mat4x4f(
    fromB(b[k * s + at]), fromB(b[min(k + 1u, last) * s + at]),
    fromB(b[min(k + 2u, last) * s + at]), fromB(b[min(k + 3u, last) * s + at]));
}

fn storeBlock(split: u32, row: u32, column: u32, sums: mat4x4f) {
  let alpha = factor();
  let block = column / 4u;
  store(split, row, block, alpha, sums[0]);
  store(split, row + 1u, block, alpha, sums[1]);
  store(split, row + 2u, block, alpha, sums[2]);
  store(split, row + 3u, block, alpha, sums[3]);
}

@compute @workgroup_size(THREADS)
fn registers(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  var row = group.x + group.y * groups.x;
  var column = group.z % params.columnGroups;
  let split = group.z / params.columnGroups;
  if (ALONG_ROWS) { row = row * THREADS + thread; } else { column = column * THREADS + thread; }
  row *= 8u;
  column *= 8u;
  if (row >= params.m || column >= params.n) { return; }
  let end = min((split + 1u) * params.chunk, params.k);
  var y00 = mat4x4f(); var y01 = mat4x4f();
  var y10 = mat4x4f(); var y11 = mat4x4f();
  for (var k = split * params.chunk; k < end; k += 4u) {
    let a0 = blockA(row, k);
    let a1 = blockA(row + 4u, k);
    let b0 = blockB(k, column);
    let b1 = blockB(k, column + 4u);
    y00 += b0 * a0;
    y01 += b1 * a0;
    y10 += b0 * a1;
    y11 += b1 * a1;
  }
  storeBlock(split, row, column, y00);
  storeBlock(split, row, column + 4u, y01);
  storeBlock(split, row + 4u, column, y10);
  storeBlock(split, row + 4u, column + 4u, y11);
}

const STRIDE = 17u; // vec4s in a row of a tile: 64 values, and one vec4 that spreads the rows over the banks

var<workgroup> tileA: array<vec4f, 272>; // [16 of k][64 of m]
var<workgroup> tileB: array<vec4f, 272>; // [16 of k][64 of n]

// Where thread `i` of 64 finds its 4 x 4 block of a 16 x 64 tile: x of 4 along k, y of 16 across. Neighbouring threads
// go along whichever axis is contiguous in memory.
fn blockOf(i: u32, alongK: bool) -> vec2u {
  if (alongK) { return vec2u(i % 4u, i / 4u); }
  return vec2u(i / 16u, i % 16u);
}

@compute @workgroup_size(128)
fn tiled(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = (group.x + group.y * groups.x) * 64u;
  let column = group.z % params.columnGroups * 64u;
  let split = group.z / params.columnGroups;
  let end = min((split + 1u) * params.chunk, params.k);
  let own = blockOf(thread % 64u, select(TRANSPOSE_B, !TRANSPOSE_A, thread < 64u));
  let slot = own.x * 4u * STRIDE + own.y;
  let tx = thread % 16u;
  let ty = thread / 16u * 2u;
  var y0 = vec4f(); var y1 = vec4f(); var y2 = vec4f(); var y3 = vec4f();
  var y4 = vec4f(); var y5 = vec4f(); var y6 = vec4f(); var y7 = vec4f();
  for (var k0 = split * params.chunk; k0 < end; k0 += 16u) {
    let k = k0 + own.x * 4u;
    var block = mat4x4f();
    if (thread < 64u) {
      if (k < end) { block = transpose(blockA(row + own.y * 4u, k)); }
    } else {
      if (k < end) { block = blockB(k, column + own.y * 4u); }
    }
    workgroupBarrier(); // everybody has read the tiles of the step before
    if (thread < 64u) {
      tileA[slot] = block[0]; tileA[slot + STRIDE] = block[1];
      tileA[slot + 2u * STRIDE] = block[2]; tileA[slot + 3u * STRIDE] = block[3];
    } else {
      tileB[slot] = block[0]; tileB[slot + STRIDE] = block[1];
      tileB[slot + 2u * STRIDE] = block[2]; tileB[slot + 3u * STRIDE] = block[3];
    }
    workgroupBarrier(); // the tiles are written
    for (var i = 0u; i < 16u; i++) {
      let b4 = tileB[i * STRIDE + tx];
      let p = tileA[i * STRIDE + ty];
      let q = tileA[i * STRIDE + ty + 1u];
      y0 += p.x * b4; y1 += p.y * b4; y2 += p.z * b4; y3 += p.w * b4;
      y4 += q.x * b4; y5 += q.y * b4; y6 += q.z * b4; y7 += q.w * b4;
    }
  }
  storeBlock(split, row + ty * 4u, column + tx * 4u, mat4x4f(y0, y1, y2, y3));
  storeBlock(split, row + ty * 4u + 4u, column + tx * 4u, mat4x4f(y4, y5, y6, y7));
}

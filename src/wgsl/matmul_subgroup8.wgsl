enable subgroups;

// The matrix products of matmul.wgsl for adapters whose subgroups have exactly 8 lanes (Mesa lavapipe), b not transposed:
//   y[split] (+)= alpha * scale * op(a) * b over the split's chunk of K, then gated
// a [m, k] or transposed [k, m], b [k, n], y [m, n] or [splits, m, n], scale [1], gate as in matmul.wgsl; rows are padded
// to vec4s. A workgroup is one subgroup and owns 16 rows x 32 columns, a lane 16 rows x 4 columns = 16 accumulators. What
// is loaded of a is loaded by one lane and handed to all: a load costs such adapters a dozen multiply-adds.
// Stands in front of matmul_store.wgsl and gate_word.wgsl. Dispatch: blocks of 16 rows folded into x and y, z = blocks of 32 columns * splits.

override TRANSPOSE_A: bool = false;

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let row = (group.x + group.y * groups.x) * 16u;
  let split = group.z / params.columnGroups;
  let block = group.z % params.columnGroups * 8u + lane; // lanes beyond the last column compute and store nothing
  let end = min((split + 1u) * params.chunk, params.k);
  let lastK = params.k - 1u;
  let column = min(block, params.strideB - 1u);
  var y0 = vec4f(); var y1 = vec4f(); var y2 = vec4f(); var y3 = vec4f();
  var y4 = vec4f(); var y5 = vec4f(); var y6 = vec4f(); var y7 = vec4f();
  var y8 = vec4f(); var y9 = vec4f(); var y10 = vec4f(); var y11 = vec4f();
  var y12 = vec4f(); var y13 = vec4f(); var y14 = vec4f(); var y15 = vec4f();
  if (TRANSPOSE_A) {
    for (var k = split * params.chunk; k < end; k += 2u) {
      // Lane i loads four rows from row + i % 4 * 4 at k + i / 4.
      let ownK = k + lane / 4u;
      var own = vec4f();
      if (ownK < end) { own = fromA(a[ownK * params.strideA + min(row / 4u + lane % 4u, params.strideA - 1u)]); }
      let b0 = fromB(b[k * params.strideB + column]);
      let b1 = fromB(b[min(k + 1u, lastK) * params.strideB + column]);
      var v: vec4f; var w: vec4f;
      v = subgroupBroadcast(own, 0u); w = subgroupBroadcast(own, 4u);
      y0 += v.x * b0 + w.x * b1; y1 += v.y * b0 + w.y * b1; y2 += v.z * b0 + w.z * b1; y3 += v.w * b0 + w.w * b1;
      v = subgroupBroadcast(own, 1u); w = subgroupBroadcast(own, 5u);
      y4 += v.x * b0 + w.x * b1; y5 += v.y * b0 + w.y * b1; y6 += v.z * b0 + w.z * b1; y7 += v.w * b0 + w.w * b1;
      v = subgroupBroadcast(own, 2u); w = subgroupBroadcast(own, 6u);
      y8 += v.x * b0 + w.x * b1; y9 += v.y * b0 + w.y * b1; y10 += v.z * b0 + w.z * b1; y11 += v.w * b0 + w.w * b1;
      v = subgroupBroadcast(own, 3u); w = subgroupBroadcast(own, 7u);
      y12 += v.x * b0 + w.x * b1; y13 += v.y * b0 + w.y * b1; y14 += v.z * b0 + w.z * b1; y15 += v.w * b0 + w.w * b1;
    }
  } else {
    // Lane i loads four k of row + i and row + 8 + i; lanes of a beyond K are zeros.
    let lowRow = min(row + lane, params.m - 1u) * params.strideA;
    let highRow = min(row + lane + 8u, params.m - 1u) * params.strideA;
    for (var k = split * params.chunk; k < end; k += 4u) {
      let low = fromA(a[lowRow + k / 4u]);
      let high = fromA(a[highRow + k / 4u]);
      let b0 = fromB(b[k * params.strideB + column]);
      let b1 = fromB(b[min(k + 1u, lastK) * params.strideB + column]);
      let b2 = fromB(b[min(k + 2u, lastK) * params.strideB + column]);
      let b3 = fromB(b[min(k + 3u, lastK) * params.strideB + column]);
      var v: vec4f;
      v = subgroupBroadcast(low, 0u); y0 += v.x * b0 + v.y * b1 + v.z * b2 + v.w * b3;
      v = subgroupBroadcast(low, 1u); y1 += v.x * b0 + v.y * b1 + v.z * b2 + v.w * b3;
      v = subgroupBroadcast(low, 2u); y2 += v.x * b0 + v.y * b1 + v.z * b2 + v.w * b3;
      v = subgroupBroadcast(low, 3u); y3 += v.x * b0 + v.y * b1 + v.z * b2 + v.w * b3;
      v = subgroupBroadcast(low, 4u); y4 += v.x * b0 + v.y * b1 + v.z * b2 + v.w * b3;
      v = subgroupBroadcast(low, 5u); y5 += v.x * b0 + v.y * b1 + v.z * b2 + v.w * b3;
      v = subgroupBroadcast(low, 6u); y6 += v.x * b0 + v.y * b1 + v.z * b2 + v.w * b3;
      v = subgroupBroadcast(low, 7u); y7 += v.x * b0 + v.y * b1 + v.z * b2 + v.w * b3;
      v = subgroupBroadcast(high, 0u); y8 += v.x * b0 + v.y * b1 + v.z * b2 + v.w * b3;
      v = subgroupBroadcast(high, 1u); y9 += v.x * b0 + v.y * b1 + v.z * b2 + v.w * b3;
      v = subgroupBroadcast(high, 2u); y10 += v.x * b0 + v.y * b1 + v.z * b2 + v.w * b3;
      v = subgroupBroadcast(high, 3u); y11 += v.x * b0 + v.y * b1 + v.z * b2 + v.w * b3;
      v = subgroupBroadcast(high, 4u); y12 += v.x * b0 + v.y * b1 + v.z * b2 + v.w * b3;
      v = subgroupBroadcast(high, 5u); y13 += v.x * b0 + v.y * b1 + v.z * b2 + v.w * b3;
      v = subgroupBroadcast(high, 6u); y14 += v.x * b0 + v.y * b1 + v.z * b2 + v.w * b3;
      v = subgroupBroadcast(high, 7u); y15 += v.x * b0 + v.y * b1 + v.z * b2 + v.w * b3;
    }
  }
  let alpha = factor();
  store(split, row + 0u, block, alpha, y0); store(split, row + 1u, block, alpha, y1);
  store(split, row + 2u, block, alpha, y2); store(split, row + 3u, block, alpha, y3);
  store(split, row + 4u, block, alpha, y4); store(split, row + 5u, block, alpha, y5);
  store(split, row + 6u, block, alpha, y6); store(split, row + 7u, block, alpha, y7);
  store(split, row + 8u, block, alpha, y8); store(split, row + 9u, block, alpha, y9);
  store(split, row + 10u, block, alpha, y10); store(split, row + 11u, block, alpha, y11);
  store(split, row + 12u, block, alpha, y12); store(split, row + 13u, block, alpha, y13);
  store(split, row + 14u, block, alpha, y14); store(split, row + 15u, block, alpha, y15);
}

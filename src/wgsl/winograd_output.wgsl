// Winograd F(4x4, 3x3), output: the sums of a tile are A' m A of its 36 products m. Stands in front of
// conv_epilogue.wgsl, which has the other bindings and all that follows on the sums.
// m [36, tiles, co] of a band, whole rows of tiles; channels padded to vec4s.
// Thread: one tile x 4 channels, two gate words. Dispatch: linear over tiles * ceil(co / 4), THREADS a group, folded
// into x and y.

override THREADS: u32 = 64; // 8 on the CPU

@group(0) @binding(0) var<storage, read> m: array<vec4f>;

// A' times a column of six.
fn gather(a: vec4f, b: vec4f, c: vec4f, d: vec4f, e: vec4f, f: vec4f) -> array<vec4f, 4> {
  let p = b + c;
  let q = b - c;
  let r = d + e;
  let s = d - e;
  return array(a + p + r, q + 2.0 * s, p + 4.0 * r, q + 8.0 * s + f);
}

fn column(at: u32, step: u32) -> array<vec4f, 4> {
  return gather(
    m[at], m[at + 6u * step], m[at + 12u * step], m[at + 18u * step], m[at + 24u * step], m[at + 30u * step]);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let co4 = (params.co + 3u) / 4u;
  let step = params.tiles * co4; // from one of the 36 to the next
  let index = id.x + id.y * groups.x * THREADS;
  if (index >= step) { return; }
  let across = (params.ow + 3u) / 4u;
  let tile = index / co4;
  let at = vec2u(params.firstRow + tile / across, tile % across) * 4u;
  let block = index % co4;
  let c0 = column(index, step); let c1 = column(index + step, step); let c2 = column(index + 2u * step, step);
  let c3 = column(index + 3u * step, step); let c4 = column(index + 4u * step, step);
  let c5 = column(index + 5u * step, step);
  var r0 = gather(c0[0], c1[0], c2[0], c3[0], c4[0], c5[0]);
  var r1 = gather(c0[1], c1[1], c2[1], c3[1], c4[1], c5[1]);
  let r2 = gather(c0[2], c1[2], c2[2], c3[2], c4[2], c5[2]);
  let r3 = gather(c0[3], c1[3], c2[3], c3[3], c4[3], c5[3]);
  for (var half = 0u; half < 4u; half += 2u) {
    storeBlock(at + vec2u(half, 0u), block, 1.0, r0[0], r0[1], r0[2], r0[3], r1[0], r1[1], r1[2], r1[3]);
    r0 = r2;
    r1 = r3;
  }
}

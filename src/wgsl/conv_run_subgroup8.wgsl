enable subgroups;

// The register-run convolution of conv_run.wgsl for adapters whose subgroups have exactly 8 lanes (Mesa lavapipe):
//   y[p, o] (+)= bias[o] + sum over taps t and channels i of x[p + t - pad, i] * weights[t, i, o]
// x [h, w, ci], weights [kh, kw, ci, co], bias [co], gate and y [oh, ow, co]; NHWC, channels padded to vec4s.
// Stands in front of conv_runs.wgsl, which has the bindings and what follows on the sums, and of outside.wgsl.
// A workgroup is one subgroup. Its lanes work on 8 different runs of 8 pixels with the same 4 x 8 block of weights:
// each lane loads one vec4 of the block and the others get it by broadcast. On such adapters a load costs a dozen
// multiply-adds, so this is 2.3 times as fast as loading 8 weights a lane (2026-11, lavapipe 25.0.7, 64 -> 64 at 64x64).
// Dispatch: linear over runs, ceil(oh * ceil(ow / 8) / 8) groups folded into x and y; z = ceil(co / 8).

// Four input channels c of the pixel at column `column` of the row that starts at `row`; -1 means outside.
fn load(row: i32, column: i32, c: u32, ci4: u32) -> vec4f {
  let at = source(column, i32(params.w));
  if (row < 0 || at < 0) { return vec4f(); }
  return fromX(x[u32(row + at) * ci4 + c]);
}

@compute @workgroup_size(8)
fn main(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let runs = (params.ow + 7u) / 8u;
  let index = id.x + id.y * groups.x * 8u;
  let column = (index % runs) * 8u;
  let line = index / runs; // lanes beyond the last line compute on nothing and store nothing: broadcasts need all 8
  let ci4 = (params.ci + 3u) / 4u;
  let co4 = (params.co + 3u) / 4u;
  let block = id.z * 2u;
  let first = i32(column) - params.padLeft;
  // This lane's share of the weight block: row lane / 2 of four, column lane % 2 of two.
  let ownRow = lane / 2u;
  let ownBlock = min(block + lane % 2u, co4 - 1u);
  var a0 = vec4f(); var b0 = vec4f();
  var a1 = vec4f(); var b1 = vec4f();
  var a2 = vec4f(); var b2 = vec4f();
  var a3 = vec4f(); var b3 = vec4f();
  var a4 = vec4f(); var b4 = vec4f();
  var a5 = vec4f(); var b5 = vec4f();
  var a6 = vec4f(); var b6 = vec4f();
  var a7 = vec4f(); var b7 = vec4f();

  for (var ky = 0u; ky < params.kh; ky++) {
    let lineIn = source(i32(line + ky) - params.padTop, i32(params.h));
    let row = select(lineIn * i32(params.w), -1, lineIn < 0 || line >= params.oh);
    for (var c = 0u; c < ci4; c++) {
      // Slides by one at the start of each tap: x0 is filled by the first slide.
      var x0 = vec4f();
      var x1 = load(row, first + 0, c, ci4);
      var x2 = load(row, first + 1, c, ci4);
      var x3 = load(row, first + 2, c, ci4);
      var x4 = load(row, first + 3, c, ci4);
      var x5 = load(row, first + 4, c, ci4);
      var x6 = load(row, first + 5, c, ci4);
      var x7 = load(row, first + 6, c, ci4);
      for (var kx = 0u; kx < params.kw; kx++) {
        x0 = x1; x1 = x2; x2 = x3; x3 = x4; x4 = x5; x5 = x6; x6 = x7; 
        x7 = load(row, first + 7 + i32(kx), c, ci4);
        // Rows beyond ci belong to the next tap: their pixels' lanes are zero, any finite weight will do.
        let tap = (ky * params.kw + kx) * params.ci + c * 4u + ownRow;
        let own = weights[min(tap, params.kh * params.kw * params.ci - 1u) * co4 + ownBlock];
        let u0 = subgroupBroadcast(own, 0u); let v0 = subgroupBroadcast(own, 1u);
        let u1 = subgroupBroadcast(own, 2u); let v1 = subgroupBroadcast(own, 3u);
        let u2 = subgroupBroadcast(own, 4u); let v2 = subgroupBroadcast(own, 5u);
        let u3 = subgroupBroadcast(own, 6u); let v3 = subgroupBroadcast(own, 7u);
        a0 += x0.x * u0; b0 += x0.x * v0;
        a1 += x1.x * u0; b1 += x1.x * v0;
        a2 += x2.x * u0; b2 += x2.x * v0;
        a3 += x3.x * u0; b3 += x3.x * v0;
        a4 += x4.x * u0; b4 += x4.x * v0;
        a5 += x5.x * u0; b5 += x5.x * v0;
        a6 += x6.x * u0; b6 += x6.x * v0;
        a7 += x7.x * u0; b7 += x7.x * v0;
        a0 += x0.y * u1; b0 += x0.y * v1;
        a1 += x1.y * u1; b1 += x1.y * v1;
        a2 += x2.y * u1; b2 += x2.y * v1;
        a3 += x3.y * u1; b3 += x3.y * v1;
        a4 += x4.y * u1; b4 += x4.y * v1;
        a5 += x5.y * u1; b5 += x5.y * v1;
        a6 += x6.y * u1; b6 += x6.y * v1;
        a7 += x7.y * u1; b7 += x7.y * v1;
        a0 += x0.z * u2; b0 += x0.z * v2;
        a1 += x1.z * u2; b1 += x1.z * v2;
        a2 += x2.z * u2; b2 += x2.z * v2;
        a3 += x3.z * u2; b3 += x3.z * v2;
        a4 += x4.z * u2; b4 += x4.z * v2;
        a5 += x5.z * u2; b5 += x5.z * v2;
        a6 += x6.z * u2; b6 += x6.z * v2;
        a7 += x7.z * u2; b7 += x7.z * v2;
        a0 += x0.w * u3; b0 += x0.w * v3;
        a1 += x1.w * u3; b1 += x1.w * v3;
        a2 += x2.w * u3; b2 += x2.w * v3;
        a3 += x3.w * u3; b3 += x3.w * v3;
        a4 += x4.w * u3; b4 += x4.w * v3;
        a5 += x5.w * u3; b5 += x5.w * v3;
        a6 += x6.w * u3; b6 += x6.w * v3;
        a7 += x7.w * u3; b7 += x7.w * v3;
      }
    }
  }

  if (line >= params.oh) { return; }
  // The eight pixels in turn through one place: code that is there once compiles faster.
  for (var k = 0u; k < 8u; k++) {
    store(line, column + k, block, a0, b0);
    a0 = a1; a1 = a2; a2 = a3; a3 = a4; a4 = a5; a5 = a6; a6 = a7;
    b0 = b1; b1 = b2; b2 = b3; b3 = b4; b4 = b5; b5 = b6; b6 = b7;
  }
}

// 2-D convolution, stride 1, dilation 1, any kernel and padding mode, as a run of registers: no workgroup memory.
//   y[p, o] (+)= bias[o] + sum over taps t and channels i of x[p + t - pad, i] * weights[t, i, o]
// x [h, w, ci], weights [kh, kw, ci, co], bias [co], gate and y [oh, ow, co]; NHWC, channels padded to vec4s.
// Stands in front of conv_runs.wgsl, which has the bindings and what follows on the sums, and of outside.wgsl.
// One thread: a run of 8 pixels of one row x 8 channels (2 vec4s). Along a kernel row the run slides by one pixel,
// so each tap costs one pixel load and 8 weight loads for 256 multiply-adds.
// Dispatch: linear over runs, ceil(oh * ceil(ow / 8) / THREADS) groups folded into x and y; z = ceil(co / 8).

override THREADS: u32 = 8; // 8 on the CPU, where lanes are few; 64 on a GPU

// Four input channels c of the pixel at column `column` of the row that starts at `row`; -1 means outside.
fn load(row: i32, column: i32, c: u32, ci4: u32) -> vec4f {
  let at = source(column, i32(params.w));
  if (row < 0 || at < 0) { return vec4f(); }
  return fromX(x[u32(row + at) * ci4 + c]);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let runs = (params.ow + 7u) / 8u;
  let index = id.x + id.y * groups.x * THREADS;
  if (index >= runs * params.oh) { return; }
  let column = (index % runs) * 8u;
  let line = index / runs;
  let ci4 = (params.ci + 3u) / 4u;
  let co4 = (params.co + 3u) / 4u;
  let block = id.z * 2u;
  let first = i32(column) - params.padLeft;
  // With an odd number of vec4s the last thread's second half repeats the first; it is not stored.
  let second = select(0u, 1u, block + 1u < co4);
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
    if (lineIn < 0) { continue; }
    let row = lineIn * i32(params.w);
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
        let tap = (ky * params.kw + kx) * params.ci + c * 4u;
        // Rows beyond ci belong to the next tap: their pixels' lanes are zero, any finite weight will do.
        let last = params.kh * params.kw * params.ci - 1u;
        let w0 = tap * co4 + block;
        let w1 = min(tap + 1u, last) * co4 + block;
        let w2 = min(tap + 2u, last) * co4 + block;
        let w3 = min(tap + 3u, last) * co4 + block;
        let u0 = weights[w0]; let v0 = weights[w0 + second];
        let u1 = weights[w1]; let v1 = weights[w1 + second];
        let u2 = weights[w2]; let v2 = weights[w2 + second];
        let u3 = weights[w3]; let v3 = weights[w3 + second];
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

  // The eight pixels in turn through one place: code that is there once compiles faster.
  for (var k = 0u; k < 8u; k++) {
    store(line, column + k, block, a0, b0);
    a0 = a1; a1 = a2; a2 = a3; a3 = a4; a4 = a5; a5 = a6; a6 = a7;
    b0 = b1; b1 = b2; b2 = b3; b3 = b4; b4 = b5; b5 = b6; b6 = b7;
  }
}

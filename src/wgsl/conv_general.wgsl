// 2-D convolution of any kernel, stride, dilation and padding mode, and its transpose, as a register run.
//   y[p, o] (+)= bias[o] + sum over t, i of x[p * stride + t * dilation - pad, i] * weights[t, i, o], or if TRANSPOSE
//   y[q, o] (+)= bias[o] + sum over t, i of x[p, i] * weights[t, i, o], where q = p * stride + t * dilation - pad:
//                backward-data of a strided convolution (weights with their channel axes swapped), and the forward pass
//                of a transposed one. Zero padding only.
// x [h, w, ci], weights [kh, kw, ci, co], bias [co], gate and y [oh, ow, co]; NHWC, channels padded to vec4s.
// Stands in front of conv_runs.wgsl, which has the bindings and what follows on the sums, and of outside.wgsl.
// Thread: 8 pixels of a row x 8 output channels. The pixels are neighbours, or strideX apart if TRANSPOSE: then the same
// taps reach all of them, and they read neighbours of x. Per tap and 4 channels 8 + 8 loads of vec4 for 256
// multiply-adds.
// Dispatch: linear over runs, oh * ceil(ow / 8), or oh * strideX * ceil(ceil(ow / strideX) / 8) if TRANSPOSE, THREADS a
// group, folded into x and y; z = ceil(co / 8).

override TRANSPOSE: bool = false;
override THREADS: u32 = 8; // 8 on the CPU, where lanes are few; 64 on a GPU

// Four channels c of the pixel `at` of x; -1 means outside.
fn load(at: i32, c: u32, ci4: u32) -> vec4f {
  return select(vec4f(), fromX(x[u32(max(at, 0)) * ci4 + c]), at >= 0);
}

// Where pixel `column` of the row that starts at `row` lies, both may be outside.
fn place(row: i32, column: i32) -> i32 {
  let at = source(column, i32(params.w));
  return select(row + at, -1, at < 0);
}

// Which index of x tap k reaches from output index i, which is not negative; -1 where none. Before padding if not TRANSPOSE.
fn reach(i: i32, k: i32, stride: i32, dilation: i32, pad: i32, n: i32) -> i32 {
  let spread = i + pad - k * dilation;
  return select(-1, spread / stride, spread >= 0 && spread % stride == 0 && spread / stride < n);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let ci4 = (params.ci + 3u) / 4u;
  let co4 = (params.co + 3u) / 4u;
  let stride = u32(params.strideX);
  // Pixels of a run lie `apart`; runs that start between them belong to other phases.
  let apart = select(1u, stride, TRANSPOSE);
  let runs = apart * (((params.ow + apart - 1u) / apart + 7u) / 8u);
  let index = id.x + id.y * groups.x * THREADS;
  let line = index / runs;
  if (line >= params.oh) { return; }
  let column = index % runs / apart * 8u * apart + index % runs % apart;
  let block = id.z * 2u;
  // With an odd number of vec4s the last thread's second half repeats the first; it is not stored.
  let second = select(0u, 1u, block + 1u < co4);
  let last = params.kh * params.kw * params.ci - 1u;
  var a0 = vec4f(); var b0 = vec4f(); var a1 = vec4f(); var b1 = vec4f();
  var a2 = vec4f(); var b2 = vec4f(); var a3 = vec4f(); var b3 = vec4f();
  var a4 = vec4f(); var b4 = vec4f(); var a5 = vec4f(); var b5 = vec4f();
  var a6 = vec4f(); var b6 = vec4f(); var a7 = vec4f(); var b7 = vec4f();

  for (var ky = 0; ky < i32(params.kh); ky++) {
    var lineIn = source(i32(line) * params.strideY + ky * params.dilationY - params.padTop, i32(params.h));
    if (TRANSPOSE) { lineIn = reach(i32(line), ky, params.strideY, params.dilationY, params.padTop, i32(params.h)); }
    if (lineIn < 0) { continue; }
    let row = lineIn * i32(params.w);
    for (var kx = 0; kx < i32(params.kw); kx++) {
      var first = i32(column) * params.strideX + kx * params.dilationX - params.padLeft;
      var step = params.strideX;
      if (TRANSPOSE) {
        let spread = i32(column) + params.padLeft - kx * params.dilationX;
        if (spread % params.strideX != 0) { continue; } // also where spread is negative
        first = spread / params.strideX;
        step = 1;
      }
      let p0 = place(row, first + 0 * step); let p1 = place(row, first + 1 * step);
      let p2 = place(row, first + 2 * step); let p3 = place(row, first + 3 * step);
      let p4 = place(row, first + 4 * step); let p5 = place(row, first + 5 * step);
      let p6 = place(row, first + 6 * step); let p7 = place(row, first + 7 * step);
      for (var c = 0u; c < ci4; c++) {
        let x0 = load(p0, c, ci4); let x1 = load(p1, c, ci4); let x2 = load(p2, c, ci4); let x3 = load(p3, c, ci4);
        let x4 = load(p4, c, ci4); let x5 = load(p5, c, ci4); let x6 = load(p6, c, ci4); let x7 = load(p7, c, ci4);
        // Rows beyond ci belong to the next tap: their pixels' lanes are zero, any finite weight will do.
        let tap = u32(ky * i32(params.kw) + kx) * params.ci + c * 4u;
        var w = tap * co4 + block;
        var u = weights[w]; var v = weights[w + second];
        a0 += x0.x * u; b0 += x0.x * v; a1 += x1.x * u; b1 += x1.x * v;
        a2 += x2.x * u; b2 += x2.x * v; a3 += x3.x * u; b3 += x3.x * v;
        a4 += x4.x * u; b4 += x4.x * v; a5 += x5.x * u; b5 += x5.x * v;
        a6 += x6.x * u; b6 += x6.x * v; a7 += x7.x * u; b7 += x7.x * v;
        w = min(tap + 1u, last) * co4 + block;
        u = weights[w]; v = weights[w + second];
        a0 += x0.y * u; b0 += x0.y * v; a1 += x1.y * u; b1 += x1.y * v;
        a2 += x2.y * u; b2 += x2.y * v; a3 += x3.y * u; b3 += x3.y * v;
        a4 += x4.y * u; b4 += x4.y * v; a5 += x5.y * u; b5 += x5.y * v;
        a6 += x6.y * u; b6 += x6.y * v; a7 += x7.y * u; b7 += x7.y * v;
        w = min(tap + 2u, last) * co4 + block;
        u = weights[w]; v = weights[w + second];
        a0 += x0.z * u; b0 += x0.z * v; a1 += x1.z * u; b1 += x1.z * v;
        a2 += x2.z * u; b2 += x2.z * v; a3 += x3.z * u; b3 += x3.z * v;
        a4 += x4.z * u; b4 += x4.z * v; a5 += x5.z * u; b5 += x5.z * v;
        a6 += x6.z * u; b6 += x6.z * v; a7 += x7.z * u; b7 += x7.z * v;
        w = min(tap + 3u, last) * co4 + block;
        u = weights[w]; v = weights[w + second];
        a0 += x0.w * u; b0 += x0.w * v; a1 += x1.w * u; b1 += x1.w * v;
        a2 += x2.w * u; b2 += x2.w * v; a3 += x3.w * u; b3 += x3.w * v;
        a4 += x4.w * u; b4 += x4.w * v; a5 += x5.w * u; b5 += x5.w * v;
        a6 += x6.w * u; b6 += x6.w * v; a7 += x7.w * u; b7 += x7.w * v;
      }
    }
  }

  // The eight pixels in turn through one place: code that is there once compiles faster.
  for (var k = 0u; k < 8u; k++) {
    store(line, column + k * apart, block, a0, b0);
    a0 = a1; a1 = a2; a2 = a3; a3 = a4; a4 = a5; a5 = a6; a6 = a7;
    b0 = b1; b1 = b2; b2 = b3; b3 = b4; b4 = b5; b5 = b6; b6 = b7;
  }
}

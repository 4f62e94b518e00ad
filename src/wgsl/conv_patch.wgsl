enable subgroups;

// 3x3 convolution, stride 1, for software adapters whose subgroups have 4 or 8 lanes: forward, and backward-data with
// rotated weights. Stands in front of conv_epilogue.wgsl, which has the other bindings and all that follows on the sums.
//   sums[p, o] = sum over the 9 taps t and channels i of x[p + t - pad, i] * weights[t, i, o]
// x [h, w, ci], or [h / 2, w / 2, ci] with gate words of [h, w, ci] if UNPOOL; weights [3, 3, ci, co].
// Workgroup: one subgroup; 4 x 8 pixels (4 x 4 unless WIDE) x 4 * L channels. Lane: these pixels x 4 channels = 32
// accumulators, four gate words. A load costs such adapters two dozen multiply-adds, so every value of x is loaded by
// one lane and handed to all: per input channel 60 / L loads of f32 and 9 of vec4 a lane for 1152 multiply-adds.
// Indices of arrays are constants: anything else would put the arrays into memory.
// Dispatch: blocks of pixels folded into x and y, z = ceil(co / (4 * L)).

override L: u32 = 8; // 4 or 8, the lanes of every subgroup
override WIDE: bool = true;
override UNPOOL: bool = false;
override HAS_9: bool = WIDE || L == 4u; // a lane makes up to 9 loads; 5 are enough for 36 values among 8 lanes
override HAS_15: bool = WIDE && L == 4u;

@group(0) @binding(0) var<storage, read> x: array<XWord>;

const OUTSIDE = 0xffffffffu;

// Value k of the halo that begins at `corner`, counted six rows at a time, column by column: where its pixel begins
// in x, and its first bit in unpoolWords or OUTSIDE.
fn place(k: u32, corner: vec2i) -> vec2u {
  let row = source(corner.x + i32(k % 6u), i32(params.h));
  let column = source(corner.y + i32(k / 6u), i32(params.w));
  let p = vec2u(vec2i(max(row, 0), max(column, 0)));
  let half = vec2u(select(0u, 1u, UNPOOL));
  let size = vec2u(params.h, params.w) >> half; // an odd last row or column was not pooled
  let q = p >> half;
  let isInside = row >= 0 && column >= 0 && q.x < size.x && q.y < size.y;
  let ci4 = (params.ci + 3u) / 4u;
  let word = gateWordAt(p.x, p.y, params.w, ci4, 0u);
  let bit = word * 32u + (p.x % 2u * 4u + p.y % 4u) * 4u;
  return vec2u(select(0u, (q.x * size.y + q.y) * ci4 * 4u, isInside), select(OUTSIDE, bit, isInside));
}

// The gate bits of four channels c.
fn gates(at: vec2u, c: u32) -> u32 {
  let isOutside = at.y == OUTSIDE;
  return select(unpoolWords[select(at.y / 32u, 0u, isOutside) + c] >> (at.y % 32u), 0u, isOutside);
}

fn load(at: vec2u, open: u32, i: u32) -> f32 {
  let passes = select(at.y != OUTSIDE, ((open >> (i % 4u)) & 1u) != 0u, UNPOOL);
  return select(0.0, pickX(x[wordOfX(at.x + i)], i), passes);
}

@compute @workgroup_size(L)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let co4 = (params.co + 3u) / 4u;
  let columns = select(4u, 8u, WIDE);
  let across = (params.ow + columns - 1u) / columns;
  let spot = group.x + group.y * groups.x;
  let pixel = vec2u(spot / across * 4u, spot % across * columns);
  let block = group.z * L + lane;
  let corner = vec2i(pixel) - vec2i(params.padTop, params.padLeft);
  var at: array<vec2u, 15>; var open: array<u32, 15>; var v: array<f32, 15>; // the values that this lane loads
  at[0] = place(0 * L + lane, corner); at[1] = place(1 * L + lane, corner); at[2] = place(2 * L + lane, corner);
  at[3] = place(3 * L + lane, corner); at[4] = place(4 * L + lane, corner);
  if (HAS_9) {
    at[5] = place(5 * L + lane, corner); at[6] = place(6 * L + lane, corner); at[7] = place(7 * L + lane, corner);
    at[8] = place(8 * L + lane, corner);
  }
  if (HAS_15) {
    at[9] = place(9 * L + lane, corner); at[10] = place(10 * L + lane, corner); at[11] = place(11 * L + lane, corner);
    at[12] = place(12 * L + lane, corner); at[13] = place(13 * L + lane, corner);
    at[14] = place(14 * L + lane, corner);
  }
  var s00 = vec4f(); var s01 = vec4f(); var s02 = vec4f(); var s03 = vec4f();
  var s04 = vec4f(); var s05 = vec4f(); var s06 = vec4f(); var s07 = vec4f();
  var s10 = vec4f(); var s11 = vec4f(); var s12 = vec4f(); var s13 = vec4f();
  var s14 = vec4f(); var s15 = vec4f(); var s16 = vec4f(); var s17 = vec4f();
  var s20 = vec4f(); var s21 = vec4f(); var s22 = vec4f(); var s23 = vec4f();
  var s24 = vec4f(); var s25 = vec4f(); var s26 = vec4f(); var s27 = vec4f();
  var s30 = vec4f(); var s31 = vec4f(); var s32 = vec4f(); var s33 = vec4f();
  var s34 = vec4f(); var s35 = vec4f(); var s36 = vec4f(); var s37 = vec4f();
  let tap = params.ci * co4; // from one tap's weights to the next's
  var first = min(block, co4 - 1u);
  for (var i = 0u; i < params.ci; i++) {
    if (UNPOOL && i % 4u == 0u) {
      open[0] = gates(at[0], i / 4u); open[1] = gates(at[1], i / 4u); open[2] = gates(at[2], i / 4u);
      open[3] = gates(at[3], i / 4u); open[4] = gates(at[4], i / 4u);
      if (HAS_9) {
        open[5] = gates(at[5], i / 4u); open[6] = gates(at[6], i / 4u); open[7] = gates(at[7], i / 4u);
        open[8] = gates(at[8], i / 4u);
      }
      if (HAS_15) {
        open[9] = gates(at[9], i / 4u); open[10] = gates(at[10], i / 4u); open[11] = gates(at[11], i / 4u);
        open[12] = gates(at[12], i / 4u); open[13] = gates(at[13], i / 4u); open[14] = gates(at[14], i / 4u);
      }
    }
    v[0] = load(at[0], open[0], i); v[1] = load(at[1], open[1], i); v[2] = load(at[2], open[2], i);
    v[3] = load(at[3], open[3], i); v[4] = load(at[4], open[4], i);
    if (HAS_9) {
      v[5] = load(at[5], open[5], i); v[6] = load(at[6], open[6], i); v[7] = load(at[7], open[7], i);
      v[8] = load(at[8], open[8], i);
    }
    if (HAS_15) {
      v[9] = load(at[9], open[9], i); v[10] = load(at[10], open[10], i); v[11] = load(at[11], open[11], i);
      v[12] = load(at[12], open[12], i); v[13] = load(at[13], open[13], i); v[14] = load(at[14], open[14], i);
    }
    let p00 = subgroupShuffle(v[0/L], 0%L); let p10 = subgroupShuffle(v[1/L], 1%L); let p20 = subgroupShuffle(v[2/L], 2%L);
    let p30 = subgroupShuffle(v[3/L], 3%L); let p40 = subgroupShuffle(v[4/L], 4%L); let p50 = subgroupShuffle(v[5/L], 5%L);
    let p01 = subgroupShuffle(v[6/L], 6%L); let p11 = subgroupShuffle(v[7/L], 7%L); let p21 = subgroupShuffle(v[8/L], 8%L);
    let p31 = subgroupShuffle(v[9/L], 9%L); let p41 = subgroupShuffle(v[10/L], 10%L); let p51 = subgroupShuffle(v[11/L], 11%L);
    let p02 = subgroupShuffle(v[12/L], 12%L); let p12 = subgroupShuffle(v[13/L], 13%L); let p22 = subgroupShuffle(v[14/L], 14%L);
    let p32 = subgroupShuffle(v[15/L], 15%L); let p42 = subgroupShuffle(v[16/L], 16%L); let p52 = subgroupShuffle(v[17/L], 17%L);
    let p03 = subgroupShuffle(v[18/L], 18%L); let p13 = subgroupShuffle(v[19/L], 19%L); let p23 = subgroupShuffle(v[20/L], 20%L);
    let p33 = subgroupShuffle(v[21/L], 21%L); let p43 = subgroupShuffle(v[22/L], 22%L); let p53 = subgroupShuffle(v[23/L], 23%L);
    let p04 = subgroupShuffle(v[24/L], 24%L); let p14 = subgroupShuffle(v[25/L], 25%L); let p24 = subgroupShuffle(v[26/L], 26%L);
    let p34 = subgroupShuffle(v[27/L], 27%L); let p44 = subgroupShuffle(v[28/L], 28%L); let p54 = subgroupShuffle(v[29/L], 29%L);
    let p05 = subgroupShuffle(v[30/L], 30%L); let p15 = subgroupShuffle(v[31/L], 31%L); let p25 = subgroupShuffle(v[32/L], 32%L);
    let p35 = subgroupShuffle(v[33/L], 33%L); let p45 = subgroupShuffle(v[34/L], 34%L); let p55 = subgroupShuffle(v[35/L], 35%L);
    let p06 = subgroupShuffle(v[36/L], 36%L); let p16 = subgroupShuffle(v[37/L], 37%L); let p26 = subgroupShuffle(v[38/L], 38%L);
    let p36 = subgroupShuffle(v[39/L], 39%L); let p46 = subgroupShuffle(v[40/L], 40%L); let p56 = subgroupShuffle(v[41/L], 41%L);
    let p07 = subgroupShuffle(v[42/L], 42%L); let p17 = subgroupShuffle(v[43/L], 43%L); let p27 = subgroupShuffle(v[44/L], 44%L);
    let p37 = subgroupShuffle(v[45/L], 45%L); let p47 = subgroupShuffle(v[46/L], 46%L); let p57 = subgroupShuffle(v[47/L], 47%L);
    let p08 = subgroupShuffle(v[48/L], 48%L); let p18 = subgroupShuffle(v[49/L], 49%L); let p28 = subgroupShuffle(v[50/L], 50%L);
    let p38 = subgroupShuffle(v[51/L], 51%L); let p48 = subgroupShuffle(v[52/L], 52%L); let p58 = subgroupShuffle(v[53/L], 53%L);
    let p09 = subgroupShuffle(v[54/L], 54%L); let p19 = subgroupShuffle(v[55/L], 55%L); let p29 = subgroupShuffle(v[56/L], 56%L);
    let p39 = subgroupShuffle(v[57/L], 57%L); let p49 = subgroupShuffle(v[58/L], 58%L); let p59 = subgroupShuffle(v[59/L], 59%L);
    var w0 = weights[first + 0u * tap]; var w1 = weights[first + 1u * tap]; var w2 = weights[first + 2u * tap];
    s00 += p00 * w0 + p01 * w1 + p02 * w2; s01 += p01 * w0 + p02 * w1 + p03 * w2;
    s02 += p02 * w0 + p03 * w1 + p04 * w2; s03 += p03 * w0 + p04 * w1 + p05 * w2;
    s10 += p10 * w0 + p11 * w1 + p12 * w2; s11 += p11 * w0 + p12 * w1 + p13 * w2;
    s12 += p12 * w0 + p13 * w1 + p14 * w2; s13 += p13 * w0 + p14 * w1 + p15 * w2;
    s20 += p20 * w0 + p21 * w1 + p22 * w2; s21 += p21 * w0 + p22 * w1 + p23 * w2;
    s22 += p22 * w0 + p23 * w1 + p24 * w2; s23 += p23 * w0 + p24 * w1 + p25 * w2;
    s30 += p30 * w0 + p31 * w1 + p32 * w2; s31 += p31 * w0 + p32 * w1 + p33 * w2;
    s32 += p32 * w0 + p33 * w1 + p34 * w2; s33 += p33 * w0 + p34 * w1 + p35 * w2;
    if (WIDE) {
      s04 += p04 * w0 + p05 * w1 + p06 * w2; s05 += p05 * w0 + p06 * w1 + p07 * w2;
      s06 += p06 * w0 + p07 * w1 + p08 * w2; s07 += p07 * w0 + p08 * w1 + p09 * w2;
      s14 += p14 * w0 + p15 * w1 + p16 * w2; s15 += p15 * w0 + p16 * w1 + p17 * w2;
      s16 += p16 * w0 + p17 * w1 + p18 * w2; s17 += p17 * w0 + p18 * w1 + p19 * w2;
      s24 += p24 * w0 + p25 * w1 + p26 * w2; s25 += p25 * w0 + p26 * w1 + p27 * w2;
      s26 += p26 * w0 + p27 * w1 + p28 * w2; s27 += p27 * w0 + p28 * w1 + p29 * w2;
      s34 += p34 * w0 + p35 * w1 + p36 * w2; s35 += p35 * w0 + p36 * w1 + p37 * w2;
      s36 += p36 * w0 + p37 * w1 + p38 * w2; s37 += p37 * w0 + p38 * w1 + p39 * w2;
    }
    w0 = weights[first + 3u * tap]; w1 = weights[first + 4u * tap]; w2 = weights[first + 5u * tap];
    s00 += p10 * w0 + p11 * w1 + p12 * w2; s01 += p11 * w0 + p12 * w1 + p13 * w2;
    s02 += p12 * w0 + p13 * w1 + p14 * w2; s03 += p13 * w0 + p14 * w1 + p15 * w2;
    s10 += p20 * w0 + p21 * w1 + p22 * w2; s11 += p21 * w0 + p22 * w1 + p23 * w2;
    s12 += p22 * w0 + p23 * w1 + p24 * w2; s13 += p23 * w0 + p24 * w1 + p25 * w2;
    s20 += p30 * w0 + p31 * w1 + p32 * w2; s21 += p31 * w0 + p32 * w1 + p33 * w2;
    s22 += p32 * w0 + p33 * w1 + p34 * w2; s23 += p33 * w0 + p34 * w1 + p35 * w2;
    s30 += p40 * w0 + p41 * w1 + p42 * w2; s31 += p41 * w0 + p42 * w1 + p43 * w2;
    s32 += p42 * w0 + p43 * w1 + p44 * w2; s33 += p43 * w0 + p44 * w1 + p45 * w2;
    if (WIDE) {
      s04 += p14 * w0 + p15 * w1 + p16 * w2; s05 += p15 * w0 + p16 * w1 + p17 * w2;
      s06 += p16 * w0 + p17 * w1 + p18 * w2; s07 += p17 * w0 + p18 * w1 + p19 * w2;
      s14 += p24 * w0 + p25 * w1 + p26 * w2; s15 += p25 * w0 + p26 * w1 + p27 * w2;
      s16 += p26 * w0 + p27 * w1 + p28 * w2; s17 += p27 * w0 + p28 * w1 + p29 * w2;
      s24 += p34 * w0 + p35 * w1 + p36 * w2; s25 += p35 * w0 + p36 * w1 + p37 * w2;
      s26 += p36 * w0 + p37 * w1 + p38 * w2; s27 += p37 * w0 + p38 * w1 + p39 * w2;
      s34 += p44 * w0 + p45 * w1 + p46 * w2; s35 += p45 * w0 + p46 * w1 + p47 * w2;
      s36 += p46 * w0 + p47 * w1 + p48 * w2; s37 += p47 * w0 + p48 * w1 + p49 * w2;
    }
    w0 = weights[first + 6u * tap]; w1 = weights[first + 7u * tap]; w2 = weights[first + 8u * tap];
    s00 += p20 * w0 + p21 * w1 + p22 * w2; s01 += p21 * w0 + p22 * w1 + p23 * w2;
    s02 += p22 * w0 + p23 * w1 + p24 * w2; s03 += p23 * w0 + p24 * w1 + p25 * w2;
    s10 += p30 * w0 + p31 * w1 + p32 * w2; s11 += p31 * w0 + p32 * w1 + p33 * w2;
    s12 += p32 * w0 + p33 * w1 + p34 * w2; s13 += p33 * w0 + p34 * w1 + p35 * w2;
    s20 += p40 * w0 + p41 * w1 + p42 * w2; s21 += p41 * w0 + p42 * w1 + p43 * w2;
    s22 += p42 * w0 + p43 * w1 + p44 * w2; s23 += p43 * w0 + p44 * w1 + p45 * w2;
    s30 += p50 * w0 + p51 * w1 + p52 * w2; s31 += p51 * w0 + p52 * w1 + p53 * w2;
    s32 += p52 * w0 + p53 * w1 + p54 * w2; s33 += p53 * w0 + p54 * w1 + p55 * w2;
    if (WIDE) {
      s04 += p24 * w0 + p25 * w1 + p26 * w2; s05 += p25 * w0 + p26 * w1 + p27 * w2;
      s06 += p26 * w0 + p27 * w1 + p28 * w2; s07 += p27 * w0 + p28 * w1 + p29 * w2;
      s14 += p34 * w0 + p35 * w1 + p36 * w2; s15 += p35 * w0 + p36 * w1 + p37 * w2;
      s16 += p36 * w0 + p37 * w1 + p38 * w2; s17 += p37 * w0 + p38 * w1 + p39 * w2;
      s24 += p44 * w0 + p45 * w1 + p46 * w2; s25 += p45 * w0 + p46 * w1 + p47 * w2;
      s26 += p46 * w0 + p47 * w1 + p48 * w2; s27 += p47 * w0 + p48 * w1 + p49 * w2;
      s34 += p54 * w0 + p55 * w1 + p56 * w2; s35 += p55 * w0 + p56 * w1 + p57 * w2;
      s36 += p56 * w0 + p57 * w1 + p58 * w2; s37 += p57 * w0 + p58 * w1 + p59 * w2;
    }
    first += co4;
  }

  // Blocks of 2 x 4 pixels in turn, all through the variables of the first.
  let factor = select(1.0, 0.25, params.unpool == 2u);
  for (var q = 0u; q < select(2u, 4u, WIDE); q++) {
    if (q == 1u) {
      s00 = s20; s01 = s21; s02 = s22; s03 = s23; s10 = s30; s11 = s31; s12 = s32; s13 = s33;
    } else if (q == 2u) {
      s00 = s04; s01 = s05; s02 = s06; s03 = s07; s10 = s14; s11 = s15; s12 = s16; s13 = s17;
    } else if (q == 3u) {
      s00 = s24; s01 = s25; s02 = s26; s03 = s27; s10 = s34; s11 = s35; s12 = s36; s13 = s37;
    }
    storeBlock(pixel + vec2u(q % 2u * 2u, q / 2u * 4u), block, factor, s00, s01, s02, s03, s10, s11, s12, s13);
  }
}

enable subgroups;

// The products of winograd_product.wgsl for software adapters whose subgroups have 4 or 8 lanes:
//   m[n] = v[n] u[n], v [36, tiles, ci] of a band, u [36, ci, co], m [36, tiles, co]; rows padded to vec4s.
// Workgroup: one subgroup; 32 tiles (16 unless TALL) x 4 * L output channels. Lane: these tiles x 4 channels. Each value
// of v is loaded by one lane and handed to all: per input channel 32 / L loads of f32 and one of vec4 a lane for 128
// multiply-adds.
// Dispatch: [ceil(tiles / 32), ceil(co / (4 * L)), 36], tiles / 16 unless TALL.

override L: u32 = 8; // 4 or 8, the lanes of every subgroup
override TALL: bool = true;
override ROWS: u32 = select(16u, 32u, TALL);

struct Params { tiles: u32, ci: u32, co: u32 }

@group(0) @binding(0) var<storage, read> v: array<f32>;
@group(0) @binding(1) var<storage, read> u: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

// Where the row of v begins that a lane loads in its slot; beyond the last row the last again.
fn place(matrix: u32, tile: u32) -> u32 {
  return (matrix * params.tiles + min(tile, params.tiles - 1u)) * ((params.ci + 3u) / 4u) * 4u;
}

@compute @workgroup_size(L)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let co4 = (params.co + 3u) / 4u;
  let tile = group.x * ROWS;
  let block = group.y * L + lane;
  var at: array<u32, 8>; var p: array<f32, 8>; // constant indices only: anything else would put them into memory
  at[0] = place(group.z, tile + 0 * L + lane); at[1] = place(group.z, tile + 1 * L + lane);
  if (2 * L < ROWS) {
    at[2] = place(group.z, tile + 2 * L + lane); at[3] = place(group.z, tile + 3 * L + lane);
  }
  if (4 * L < ROWS) {
    at[4] = place(group.z, tile + 4 * L + lane); at[5] = place(group.z, tile + 5 * L + lane);
    at[6] = place(group.z, tile + 6 * L + lane); at[7] = place(group.z, tile + 7 * L + lane);
  }
  var s0 = vec4f(); var s1 = vec4f(); var s2 = vec4f(); var s3 = vec4f();
  var s4 = vec4f(); var s5 = vec4f(); var s6 = vec4f(); var s7 = vec4f();
  var s8 = vec4f(); var s9 = vec4f(); var s10 = vec4f(); var s11 = vec4f();
  var s12 = vec4f(); var s13 = vec4f(); var s14 = vec4f(); var s15 = vec4f();
  var s16 = vec4f(); var s17 = vec4f(); var s18 = vec4f(); var s19 = vec4f();
  var s20 = vec4f(); var s21 = vec4f(); var s22 = vec4f(); var s23 = vec4f();
  var s24 = vec4f(); var s25 = vec4f(); var s26 = vec4f(); var s27 = vec4f();
  var s28 = vec4f(); var s29 = vec4f(); var s30 = vec4f(); var s31 = vec4f();
  var row = group.z * params.ci * co4 + min(block, co4 - 1u);
  for (var i = 0u; i < params.ci; i++) {
    p[0] = v[at[0] + i]; p[1] = v[at[1] + i];
    if (2 * L < ROWS) {
      p[2] = v[at[2] + i]; p[3] = v[at[3] + i];
    }
    if (4 * L < ROWS) {
      p[4] = v[at[4] + i]; p[5] = v[at[5] + i];
      p[6] = v[at[6] + i]; p[7] = v[at[7] + i];
    }
    let w = u[row];
    s0 += subgroupShuffle(p[0 / L], 0 % L) * w; s1 += subgroupShuffle(p[1 / L], 1 % L) * w;
    s2 += subgroupShuffle(p[2 / L], 2 % L) * w; s3 += subgroupShuffle(p[3 / L], 3 % L) * w;
    s4 += subgroupShuffle(p[4 / L], 4 % L) * w; s5 += subgroupShuffle(p[5 / L], 5 % L) * w;
    s6 += subgroupShuffle(p[6 / L], 6 % L) * w; s7 += subgroupShuffle(p[7 / L], 7 % L) * w;
    s8 += subgroupShuffle(p[8 / L], 8 % L) * w; s9 += subgroupShuffle(p[9 / L], 9 % L) * w;
    s10 += subgroupShuffle(p[10 / L], 10 % L) * w; s11 += subgroupShuffle(p[11 / L], 11 % L) * w;
    s12 += subgroupShuffle(p[12 / L], 12 % L) * w; s13 += subgroupShuffle(p[13 / L], 13 % L) * w;
    s14 += subgroupShuffle(p[14 / L], 14 % L) * w; s15 += subgroupShuffle(p[15 / L], 15 % L) * w;
    if (TALL) {
      s16 += subgroupShuffle(p[16 / L], 16 % L) * w; s17 += subgroupShuffle(p[17 / L], 17 % L) * w;
      s18 += subgroupShuffle(p[18 / L], 18 % L) * w; s19 += subgroupShuffle(p[19 / L], 19 % L) * w;
      s20 += subgroupShuffle(p[20 / L], 20 % L) * w; s21 += subgroupShuffle(p[21 / L], 21 % L) * w;
      s22 += subgroupShuffle(p[22 / L], 22 % L) * w; s23 += subgroupShuffle(p[23 / L], 23 % L) * w;
      s24 += subgroupShuffle(p[24 / L], 24 % L) * w; s25 += subgroupShuffle(p[25 / L], 25 % L) * w;
      s26 += subgroupShuffle(p[26 / L], 26 % L) * w; s27 += subgroupShuffle(p[27 / L], 27 % L) * w;
      s28 += subgroupShuffle(p[28 / L], 28 % L) * w; s29 += subgroupShuffle(p[29 / L], 29 % L) * w;
      s30 += subgroupShuffle(p[30 / L], 30 % L) * w; s31 += subgroupShuffle(p[31 / L], 31 % L) * w;
    }
    row += co4;
  }
  if (block >= co4) { return; }
  // Four tiles at a time, all through the variables of the first.
  for (var q = 0u; q < ROWS; q += 4u) {
    let to = (group.z * params.tiles + tile + q) * co4 + block;
    let left = params.tiles - min(tile + q, params.tiles);
    if (left > 0u) { m[to] = s0; }
    if (left > 1u) { m[to + co4] = s1; }
    if (left > 2u) { m[to + 2u * co4] = s2; }
    if (left > 3u) { m[to + 3u * co4] = s3; }
    s0 = s4; s1 = s5; s2 = s6; s3 = s7;
    s4 = s8; s5 = s9; s6 = s10; s7 = s11;
    s8 = s12; s9 = s13; s10 = s14; s11 = s15;
    s12 = s16; s13 = s17; s14 = s18; s15 = s19;
    s16 = s20; s17 = s21; s18 = s22; s19 = s23;
    s20 = s24; s21 = s25; s22 = s26; s23 = s27;
    s24 = s28; s25 = s29; s26 = s30; s27 = s31;
  }
}

// Winograd F(4x4, 3x3), products: 36 matrix products m[n] = v[n] u[n] of tiles x input channels and input x output
// channels, for GPUs. v [36, tiles, ci] of a band, u [36, ci, co], m [36, tiles, co]; rows padded to vec4s.
// Workgroup: 64 tiles x 64 output channels, 128 threads; input channels in steps of 16 through 8.5 KiB of workgroup
// memory. Thread: 8 x 4. Dispatch: [ceil(tiles / 64), ceil(co / 64), 36].

struct Params { tiles: u32, ci: u32, co: u32 }

@group(0) @binding(0) var<storage, read> v: array<vec4f>;
@group(0) @binding(1) var<storage, read> u: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

const STRIDE = 17u; // vec4s in a row of a tile: 64 values, and one vec4 that spreads the rows over the banks

var<workgroup> tileV: array<vec4f, 272>; // [16 channels][64 tiles]
var<workgroup> tileU: array<vec4f, 272>; // [16 channels][64 output channels]

fn put(tile: u32, block: u32, sum: vec4f, matrix: u32) {
  let co4 = (params.co + 3u) / 4u;
  if (tile < params.tiles && block < co4) { m[(matrix * params.tiles + tile) * co4 + block] = sum; }
}

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let ci4 = (params.ci + 3u) / 4u;
  let co4 = (params.co + 3u) / 4u;
  let matrix = group.z;
  // Half of the threads load v, the other half u, each a block of 4 x 4.
  let own = thread % 64u;
  let lastTile = params.tiles - 1u;
  let lastChannel = params.ci - 1u;
  let tx = thread % 16u;
  let ty = thread / 16u * 2u;
  var s0 = vec4f(); var s1 = vec4f(); var s2 = vec4f(); var s3 = vec4f();
  var s4 = vec4f(); var s5 = vec4f(); var s6 = vec4f(); var s7 = vec4f();
  for (var c = 0u; c < ci4; c += 4u) {
    var block = mat4x4f();
    var slot = 0u;
    if (thread < 64u) {
      let k = c + own % 4u; // neighbours go along the channels, which lie side by side
      let row = group.x * 64u + own / 4u * 4u;
      slot = own % 4u * 4u * STRIDE + own / 4u;
      if (k < ci4) {
        let at = matrix * params.tiles;
        block = transpose(mat4x4f(
          v[(at + min(row, lastTile)) * ci4 + k], v[(at + min(row + 1u, lastTile)) * ci4 + k],
          v[(at + min(row + 2u, lastTile)) * ci4 + k], v[(at + min(row + 3u, lastTile)) * ci4 + k]));
      }
    } else {
      let k = (c + own / 16u) * 4u;
      let column = min(group.y * 16u + own % 16u, co4 - 1u);
      slot = own / 16u * 4u * STRIDE + own % 16u;
      let at = matrix * params.ci; // rows beyond ci meet zeros of v
      block = mat4x4f(
        u[(at + min(k, lastChannel)) * co4 + column], u[(at + min(k + 1u, lastChannel)) * co4 + column],
        u[(at + min(k + 2u, lastChannel)) * co4 + column], u[(at + min(k + 3u, lastChannel)) * co4 + column]);
    }
    workgroupBarrier(); // everybody has read the tiles of the step before
    if (thread < 64u) {
      tileV[slot] = block[0]; tileV[slot + STRIDE] = block[1];
      tileV[slot + 2u * STRIDE] = block[2]; tileV[slot + 3u * STRIDE] = block[3];
    } else {
      tileU[slot] = block[0]; tileU[slot + STRIDE] = block[1];
      tileU[slot + 2u * STRIDE] = block[2]; tileU[slot + 3u * STRIDE] = block[3];
    }
    workgroupBarrier(); // the tiles are written
    for (var i = 0u; i < 16u; i++) {
      let w = tileU[i * STRIDE + tx];
      let p = tileV[i * STRIDE + ty];
      let q = tileV[i * STRIDE + ty + 1u];
      s0 += p.x * w; s1 += p.y * w; s2 += p.z * w; s3 += p.w * w;
      s4 += q.x * w; s5 += q.y * w; s6 += q.z * w; s7 += q.w * w;
    }
  }
  let row = group.x * 64u + ty * 4u;
  let column = group.y * 16u + tx;
  put(row, column, s0, matrix); put(row + 1u, column, s1, matrix);
  put(row + 2u, column, s2, matrix); put(row + 3u, column, s3, matrix);
  put(row + 4u, column, s4, matrix); put(row + 5u, column, s5, matrix);
  put(row + 6u, column, s6, matrix); put(row + 7u, column, s7, matrix);
}

// Matrix products as anyone would write them first, and the tile that every textbook takes next.
//   naive   one thread per entry of C, both operands read again for every product
//   tiled   16x16 entries a workgroup; a tile of A and one of B go through workgroup memory, so each value read from
//           memory serves 16 products
// C [m, n] = A [m, k] · B [k, n], row-major; n and k multiples of 4 (the tile handles any).
// Dispatch: naive linear over m * n threads, groups of 64 folded into x and y; tiled (ceil(n / 16), ceil(m / 16)).

struct Params { m: u32, n: u32, k: u32 }

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn naive(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= params.m * params.n) { return; }
  let row = index / params.n;
  let column = index % params.n;
  var sum = 0.0;
  for (var i = 0u; i < params.k; i++) { sum += a[row * params.k + i] * b[i * params.n + column]; }
  c[index] = sum;
}

var<workgroup> tileA: array<f32, 256>;
var<workgroup> tileB: array<f32, 256>;

@compute @workgroup_size(16, 16)
fn tiled(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_id) local: vec3u) {
  var sum = 0.0;
  for (var first = 0u; first < params.k; first += 16u) {
    let inside = local.y * 16u + local.x;
    let ka = first + local.x;
    let kb = first + local.y;
    tileA[inside] = select(0.0, a[min(id.y, params.m - 1u) * params.k + min(ka, params.k - 1u)], ka < params.k);
    tileB[inside] = select(0.0, b[min(kb, params.k - 1u) * params.n + min(id.x, params.n - 1u)], kb < params.k);
    workgroupBarrier(); // both tiles are whole before anyone reads them
    for (var i = 0u; i < 16u; i++) { sum += tileA[local.y * 16u + i] * tileB[i * 16u + local.x]; }
    workgroupBarrier(); // everyone has read them before they are overwritten
  }
  if (id.y < params.m && id.x < params.n) { c[id.y * params.n + id.x] = sum; }
}

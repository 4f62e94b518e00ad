// What lbfgs.wgsl and lbfgs_take.wgsl sum with; stands behind them.

const LANES = 128u; // threads of a workgroup

var<workgroup> runs: array<vec4f, 128>; // one value a lane, then sums of eight lanes
var<workgroup> sums: array<vec4f, 16>;

// The sums over the workgroup's lanes, always in the same order, known to every lane.
fn sumOverLanes(value: vec4f, lane: u32) -> vec4f {
  runs[lane] = value;
  workgroupBarrier(); // `runs` is complete; everybody has read the `sums` of the call before
  if (lane < 16u) {
    var sum = vec4f(0.0);
    for (var k = 0u; k < 8u; k++) { sum += runs[lane * 8u + k]; }
    sums[lane] = sum;
  }
  workgroupBarrier(); // `sums` is complete; `runs` may be overwritten
  var total = vec4f(0.0);
  for (var k = 0u; k < 16u; k++) { total += sums[k]; }
  return total;
}

fn sumOfVector(v: vec4f) -> f32 { return (v.x + v.y) + (v.z + v.w); }

fn isOdd(v: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(v) & vec4u(0x7f800000u)) == vec4u(0x7f800000u);
}

// woodblock.png: a breaking wave in the manner of a Japanese colour print.
// Flat inks with bokashi (a wiped gradient), key-block outlines, foam built of lobes and claws,
// seigaiha scales for the far sea; wood grain and paper fibre over everything.
import { clamp, curve, hex, lerp, mix, output, ribbon, scale, smooth } from './canvas.mjs';
import { fbm, noise } from './noise.mjs';
import {
  BLUE,
  CREAM,
  Foam,
  INDIGO,
  KEY,
  LARGE,
  OCHRE,
  PALE,
  RED,
  ROSE,
  S,
  TEAL,
  fill,
  line,
  print,
  px,
  random,
  ring,
  scales,
  swell,
} from './waves.mjs';

// Sky: indigo wiped down from the top, rose and ochre wiped up from the sea.
print.each((X, Y) => {
  const x = X / S;
  const y = Y / S;
  const wipe = y + 0.018 * noise(x * 2.2, y * 2) + 0.01 * noise(x * 9, 3);
  let c = mix(INDIGO, mix(BLUE, TEAL, 0.5), smooth(-0.02, 0.09, wipe));
  c = mix(c, CREAM, smooth(0.05, 0.3, wipe));
  c = mix(c, ROSE, 0.85 * smooth(0.34, 0.56, wipe));
  return mix(c, OCHRE, 0.75 * smooth(0.48, 0.66, wipe));
});

// Sun with its lower edge wiped away, and bars of mist.
fill(ring(1.0, 0.3, 0.135), (x, y) => {
  const t = smooth(0.3, 0.47, y);
  return mix(mix(RED, hex('#b7352a'), smooth(0.3, 0.16, y)), ROSE, 0.8 * t);
});
function mist(cx, cy, width, height) {
  const r = height / 2;
  const shape = [];
  for (let i = 0; i <= 16; i++)
    shape.push([
      cx - width / 2 - r * Math.sin((i / 16) * Math.PI),
      cy - r * Math.cos((i / 16) * Math.PI),
    ]);
  for (let i = 0; i <= 16; i++)
    shape.push([
      cx + width / 2 + r * Math.sin((i / 16) * Math.PI),
      cy + r * Math.cos((i / 16) * Math.PI),
    ]);
  fill(shape, (x, y) => mix(CREAM, PALE, 0.55 * smooth(cy - r, cy + r, y)));
  line(shape.concat([shape[0]]), 0.0011, mix(KEY, TEAL, 0.35));
}
mist(1.12, 0.345, 0.3, 0.026);
mist(0.98, 0.372, 0.22, 0.024);
mist(1.2, 0.12, 0.2, 0.022);
mist(1.3, 0.144, 0.24, 0.022);

// The far mountain, wiped from indigo to grey-blue, with a cap of snow in points.
{
  const left = curve(
    [
      [0.66, 0.64],
      [0.78, 0.585],
      [0.885, 0.49],
      [0.925, 0.447],
    ],
    14,
  );
  const right = curve(
    [
      [0.965, 0.446],
      [1.01, 0.49],
      [1.12, 0.575],
      [1.34, 0.64],
    ],
    14,
  );
  const body = left.concat(
    [
      [0.937, 0.452],
      [0.948, 0.445],
    ],
    right,
  );
  fill(body, (x, y) => mix(mix(INDIGO, BLUE, 0.35), TEAL, smooth(0.46, 0.64, y)));
  const snow = left.slice(25).concat(
    [
      [0.937, 0.452],
      [0.948, 0.445],
    ],
    right.slice(0, 17),
  );
  const points = [
    [1.02, 0.5],
    [1.004, 0.527],
    [0.99, 0.503],
    [0.974, 0.55],
    [0.957, 0.51],
    [0.94, 0.557],
    [0.925, 0.508],
    [0.905, 0.535],
    [0.893, 0.505],
    [0.875, 0.513],
  ];
  fill(snow.concat(points), CREAM);
  line(body, 0.0014);
}

scales(0.625, 0.72);

swell(
  [
    [-0.05, 0.735],
    [0.1, 0.715],
    [0.3, 0.72],
    [0.52, 0.735],
    [0.68, 0.72],
    [0.8, 0.675],
    [0.88, 0.655],
    [0.96, 0.69],
    [1.08, 0.725],
    [1.2, 0.715],
    [1.38, 0.68],
  ],
  0.2,
  8,
  [TEAL, BLUE, BLUE, INDIGO],
  [
    [121, 7, 0.019, 1],
    [196, 5, 0.016, 1],
  ],
);

// The great breaker: `outer` is its back and lip, `inner` its hollow face, stripes run between.
const outer = curve(
  [
    [-0.12, 0.95],
    [-0.02, 0.53],
    [0.14, 0.25],
    [0.27, 0.135],
    [0.42, 0.085],
    [0.55, 0.115],
    [0.65, 0.2],
    [0.69, 0.3],
  ],
  26,
);
const inner = curve(
  [
    [0.72, 0.97],
    [0.56, 0.85],
    [0.45, 0.7],
    [0.4, 0.54],
    [0.41, 0.4],
    [0.47, 0.31],
    [0.56, 0.285],
    [0.66, 0.32],
  ],
  26,
);
{
  const floor = [
    [0.72, 0.97],
    [0.9, 1.05],
    [-0.1, 1.05],
  ];
  const body = outer.concat([...inner].reverse(), floor.slice(1));
  fill(body, (x, y) => mix(mix(BLUE, INDIGO, 0.55), INDIGO, smooth(0.3, 0.9, y)));
  const between = (t, i) => {
    const a = inner[i];
    const b = outer[i];
    return [lerp(a[0], b[0], t), lerp(a[1], b[1], t)];
  };
  const n = inner.length;
  const bands = 13;
  for (let k = 0; k < bands; k++) {
    const t0 = (k + 0.12) / bands;
    const t1 = (k + (k % 2 ? 0.62 : 0.8)) / bands;
    const stop = Math.floor(n * (k % 3 === 0 ? 1 : k % 3 === 1 ? 0.93 : 0.86));
    const start = k % 4 === 2 ? Math.floor(n * 0.12) : 0;
    const up = [];
    const down = [];
    for (let i = start; i < stop; i++) {
      const u = (i - start) / (stop - start);
      const open = Math.min(1, 6 * (1 - u)) * Math.min(1, 0.04 + (start ? 5 : 9) * u);
      const m = (t0 + t1) / 2 + 0.006 * noise(i * 0.06, k * 5);
      up.push(between(m + ((t1 - t0) / 2) * open, i));
      down.push(between(m - ((t1 - t0) / 2) * open, i));
    }
    const tint = [mix(PALE, CREAM, 0.45), BLUE, TEAL, mix(BLUE, TEAL, 0.4)][k % 4];
    fill(up.concat(down.reverse()), (x, y) => mix(tint, INDIGO, 0.5 * smooth(0.55, 1.02, y)));
  }
  line(outer, (t) => 0.0026 * Math.min(1, 0.4 + 3 * t));
  line(inner, 0.0026);
  const foam = new Foam();
  // Body of the foam lies along the lip and runs back over the crest; claws hang from it.
  for (let i = Math.floor(n * 0.36); i < n; i += 2) {
    const u = (i - n * 0.36) / (n * 0.64);
    const thick = 0.012 + 0.03 * smooth(0, 0.75, u);
    const p = outer[i];
    const q = between(0.86 - 0.2 * u, i);
    foam.lobe(p[0], p[1] + 0.006, thick * random.between(0.5, 0.85));
    foam.lobe(
      lerp(p[0], q[0], random()),
      lerp(p[1], q[1], random()),
      thick * random.between(0.45, 0.8),
    );
  }
  for (let i = Math.floor(n * 0.44); i < n; i += 7) {
    const u = (i - n * 0.44) / (n * 0.56);
    const p = outer[i];
    const q = outer[Math.min(i + 1, n - 1)];
    const along = Math.atan2(q[1] - p[1], q[0] - p[0]);
    foam.claw(p[0], p[1], along - 0.75, 0.019 + 0.019 * u, 1.9, 1);
  }
  for (let i = Math.floor(n * 0.74); i < n; i += 5) {
    const u = (i - n * 0.74) / (n * 0.26);
    const p = between(0.1 + 0.3 * random(), i);
    foam.lobe(p[0], p[1], 0.03 * (0.5 + 0.5 * u));
    foam.claw(p[0], p[1], 1.25 + 0.5 * random(), 0.022 + 0.017 * u, 1.5 - 3.2 * random(), 1);
  }
  foam.claw(0.685, 0.29, 1.0, 0.044, 1.7, 2);
  foam.claw(0.64, 0.31, 1.6, 0.036, 1.2, 1);
  foam.draw();
}

// Spray thrown ahead of the lip.
for (let i = 0; i < 150; i++) {
  const a = random.between(-1.35, 1.3);
  const d = 0.05 + 0.27 * random() ** 1.5;
  const x = 0.64 + Math.cos(a) * d * 1.15;
  const y = 0.25 + Math.sin(a) * d;
  const r = random.between(0.0016, 0.0056) * (1.1 - d);
  print.disc(x * S, y * S, (r + 0.0013) * S, KEY);
  print.disc(x * S, y * S, r * S, CREAM);
}

swell(
  [
    [-0.05, 0.84],
    [0.12, 0.86],
    [0.3, 0.9],
    [0.5, 0.905],
    [0.7, 0.85],
    [0.86, 0.775],
    [0.99, 0.735],
    [1.1, 0.77],
    [1.2, 0.83],
    [1.38, 0.86],
  ],
  0.26,
  10,
  [mix(TEAL, PALE, 0.3), BLUE, INDIGO, INDIGO],
  [[118, 11, 0.031, 1]],
);
swell(
  [
    [-0.05, 0.9],
    [0.1, 0.85],
    [0.22, 0.835],
    [0.34, 0.88],
    [0.52, 0.955],
    [0.75, 0.985],
    [1.0, 0.97],
    [1.2, 0.925],
    [1.38, 0.885],
  ],
  0.2,
  8,
  [BLUE, INDIGO, INDIGO, KEY],
  [
    [44, 9, 0.03, 1],
    [148, 6, 0.024, 1],
  ],
);

// The publisher's seal.
{
  const [x, y, w, h] = [0.045, 0.06, 0.046, 0.075];
  const shape = curve(
    [
      [x, y],
      [x + w, y + 0.002],
      [x + w, y + h],
      [x - 0.001, y + h],
    ],
    1,
    true,
  );
  fill(shape, RED);
  for (const [a, b, c, d] of [
    [0.2, 0.16, 0.8, 0.16],
    [0.5, 0.16, 0.5, 0.46],
    [0.2, 0.32, 0.8, 0.32],
    [0.22, 0.46, 0.78, 0.46],
    [0.25, 0.62, 0.25, 0.86],
    [0.25, 0.62, 0.78, 0.62],
    [0.78, 0.62, 0.78, 0.86],
    [0.25, 0.86, 0.78, 0.86],
    [0.5, 0.62, 0.5, 0.86],
  ]) {
    print.fill(
      ribbon(
        px([
          [x + a * w, y + b * h],
          [x + c * w, y + d * h],
        ]),
        0.0019 * S,
      ),
      CREAM,
    );
  }
}

// Grain of the block in the inks, fibre of the paper, and a little unevenness of the hand.
print.each((X, Y, c) => {
  const x = X / S;
  const y = Y / S;
  const warp = 0.05 * fbm(x * 1.1 + 3, y * 2.2, 3);
  const rings = noise(x * 1.6 + 9, (y + warp) * 88) * 0.65 + noise(x * 5, (y + warp) * 240) * 0.35;
  const ink = 1 - (c[0] + c[1] + c[2]) / 3;
  const fibre = 0.5 * noise(x * 210, y * 260) + 0.5 * noise(x * 60 + y * 35, y * 330);
  const hand = fbm(x * 4, y * 4, 3);
  const v = 1 + (0.105 * ink + 0.014) * rings + 0.028 * fibre + 0.05 * ink * hand;
  const aged = mix(scale(c, v), scale(CREAM, v), 0.055 * ink + 0.05 * ink * clamp(rings));
  return aged;
});
print.shrink(LARGE).save(output('woodblock'), { colours: 256 });

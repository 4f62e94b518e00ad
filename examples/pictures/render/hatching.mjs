// hatching.png: rolling country with a windmill, engraved in ink on cream paper.
// The scene is laid out back to front as areas with a tone and a direction that follows their form;
// then evenly spaced lines are grown along the directions, swelling with the tone as a burin's line
// does, and second and third sets cross them where it is dark.
import { clamp, curve, lerp, mix, output, smooth } from './canvas.mjs';
import { cloud, hill, house, poplar, range, tree, windmill } from './country.mjs';
import {
  HEIGHT,
  LARGE,
  PAPER,
  WIDTH,
  contours,
  ellipse,
  hatch,
  lay,
  page,
  random,
} from './engraving.mjs';
import { fbm, noise } from './noise.mjs';

// Sky: level lines, darker aloft, with beams from a low sun behind the clouds.
const SUN = [0.43, 0.5];
lay(
  [
    [0, 0],
    [1.34, 0],
    [1.34, 0.75],
    [0, 0.75],
  ],
  3.6,
  (x, y) => {
    const a = Math.atan2(y - SUN[1], x - SUN[0]);
    const d = Math.hypot(x - SUN[0], y - SUN[1]);
    const beam =
      smooth(-0.2, 0.3, noise(a * 5.5, 3.3) + 0.35 * noise(a * 15, 1)) *
      smooth(0.04, 0.2, d) *
      smooth(1.1, 0.45, d);
    const depth =
      lerp(0.2, 0.72, smooth(0.5, -0.02, y)) +
      0.1 * fbm(x * 3, y * 6, 3) +
      0.12 * smooth(0.3, 0.9, Math.abs(x - 0.45));
    return {
      tone: clamp(Math.max(depth * (1 - 0.75 * beam), 0.115)) * smooth(0.045, 0.1, d),
      angle: 0.05 * Math.sin(x * 9 + y * 14) + 0.04 * noise(x * 6, y * 8),
    };
  },
);
lay(ellipse(SUN[0], SUN[1], 0.052, 0.052), 3, () => ({ tone: 0, angle: 0 }));

cloud(0.96, 0.225, 0.15, [
  [-0.75, 0.55, 0.4],
  [0.15, 1.15, 0.5],
  [0.95, 0.6, 0.35],
]);
cloud(0.19, 0.29, 0.115, [
  [-0.6, 0.85, 0.45],
  [0.35, 0.6, 0.5],
  [1.1, 0.35, 0.3],
]);
cloud(0.66, 0.385, 0.062, [
  [-0.4, 0.5, 0.5],
  [0.5, 0.9, 0.4],
]);
cloud(1.27, 0.39, 0.07, [
  [-0.5, 0.9, 0.5],
  [0.5, 0.6, 0.5],
]);

// Far range, then hills towards the viewer.
range(0.53, 0.075, 2.2, 3.0, 0.62);

hill(
  [
    [-0.05, 0.535],
    [0.15, 0.5],
    [0.35, 0.53],
    [0.6, 0.56],
    [0.85, 0.52],
    [1.05, 0.475],
    [1.2, 0.5],
    [1.4, 0.53],
  ],
  3.0,
  { turn: 1.6, seed: 1, foot: 0.2, drop: 0.1, lean: 0.3 },
);
for (const x of [0.09, 0.115, 0.14, 0.62, 0.64, 0.665])
  poplar(x, 0.535 + 0.03 * Math.sin(x * 3), 0.05 + 0.02 * random());
hill(
  [
    [-0.05, 0.57],
    [0.12, 0.6],
    [0.3, 0.59],
    [0.5, 0.56],
    [0.68, 0.575],
    [0.9, 0.61],
    [1.1, 0.57],
    [1.25, 0.55],
    [1.4, 0.57],
  ],
  3.2,
  { turn: 1.5, seed: 4, foot: 0.05, drop: 0.1, lean: -0.4 },
);

// A village with its church in the valley.
for (const [x, y, w, h] of [
  [0.5, 0.612, 0.034, 0.02],
  [0.6, 0.608, 0.03, 0.019],
  [0.46, 0.628, 0.036, 0.022],
  [0.64, 0.626, 0.036, 0.022],
])
  house(x, y, w, h);
lay(
  [
    [0.553, 0.63],
    [0.553, 0.54],
    [0.572, 0.54],
    [0.572, 0.63],
  ],
  2.5,
  () => ({ tone: 0.16, angle: 0 }),
);
lay(
  [
    [0.572, 0.63],
    [0.572, 0.54],
    [0.584, 0.544],
    [0.584, 0.63],
  ],
  2.4,
  () => ({ tone: 0.75, angle: 1.57 }),
);
lay(
  [
    [0.55, 0.542],
    [0.567, 0.455],
    [0.587, 0.546],
    [0.572, 0.542],
  ],
  2.4,
  (x) => ({ tone: x > 0.569 ? 0.92 : 0.5, angle: 1.4 }),
);
house(0.545, 0.637, 0.06, 0.026);
for (const [x, y, s] of [
  [0.44, 0.63, 0.022],
  [0.7, 0.63, 0.024],
  [0.74, 0.638, 0.028],
  [0.4, 0.636, 0.03],
  [0.79, 0.64, 0.026],
])
  tree(x, y, s);

hill(
  [
    [-0.05, 0.74],
    [0.1, 0.69],
    [0.25, 0.645],
    [0.36, 0.635],
    [0.5, 0.66],
    [0.7, 0.7],
    [0.9, 0.69],
    [1.1, 0.64],
    [1.25, 0.62],
    [1.4, 0.65],
  ],
  3.5,
  { turn: 1.2, seed: 8, foot: 0.1, drop: 0.2, lean: 0.2, rows: [0.62, 34] },
);
for (const [x, y, s] of [
  [0.97, 0.7, 0.04],
  [1.04, 0.69, 0.048],
  [1.11, 0.675, 0.04],
  [0.06, 0.745, 0.045],
  [0.13, 0.72, 0.036],
])
  tree(x, y, s);
const near = hill(
  [
    [-0.05, 0.86],
    [0.15, 0.83],
    [0.35, 0.8],
    [0.52, 0.815],
    [0.7, 0.83],
    [0.9, 0.775],
    [1.06, 0.735],
    [1.2, 0.74],
    [1.4, 0.79],
  ],
  3.9,
  { turn: 1.7, seed: 12, foot: 0.25, drop: 0.25, lean: 0.45 },
);

windmill(1.085, near(1.085) + 0.012);
tree(0.2, 0.87, 0.135);
tree(0.055, 0.91, 0.1);
tree(0.79, 0.845, 0.05);

// A lane in the foreground and tall grass at the very edge.
lay(
  curve(
    [
      [0.46, 1.03],
      [0.55, 0.93],
      [0.66, 0.875],
      [0.76, 0.85],
      [0.86, 0.815],
      [0.95, 0.785],
    ],
    16,
  ).concat(
    curve(
      [
        [0.965, 0.79],
        [0.89, 0.825],
        [0.82, 0.865],
        [0.75, 0.905],
        [0.72, 0.95],
        [0.76, 1.03],
      ],
      16,
    ),
  ),
  4,
  (x, y) => ({ tone: clamp(0.04 + 0.4 * smooth(0.2, 0.6, noise(x * 22, y * 40))), angle: -0.5 }),
);
for (let i = 0; i < 150; i++) {
  const x = random.between(-0.02, 1.35);
  if (x > 0.47 && x < 0.75) continue;
  const h = random.between(0.03, 0.1) * (1 - 0.6 * smooth(0.25, 0.45, x) * smooth(1.0, 0.8, x));
  const bend = random.between(-0.03, 0.035);
  const w = random.between(0.0022, 0.0045);
  const y = random.between(0.99, 1.04);
  const shade = random.pick([0.05, 0.5, 0.92, 1]);
  lay(
    [
      [x - w, y],
      [x - w * 0.6 + bend * 0.35, y - h * 0.55],
      [x + bend, y - h],
      [x + w * 0.6 + bend * 0.35, y - h * 0.55],
      [x + w, y],
    ],
    2,
    () => ({ tone: shade, angle: 1.5 }),
  );
}

hatch(0, 0.07, 1, 1);
hatch(0.95, 0.46, 0.85, 1.12);
hatch(-0.75, 0.72, 0.85, 1.2);
contours();

// Plate tone, fibre, and ink that sits a little unevenly.
page
  .shrink(LARGE)
  .each((x, y, c) => {
    const fibre = 0.018 * noise(x / 2.3, y / 1.7) + 0.02 * fbm(x / 90, y / 90, 4);
    const edge = 0.05 * smooth(0.36, 0.72, Math.hypot(x / WIDTH - 0.5, y / HEIGHT - 0.5));
    const uneven = 0.05 * (0.5 + 0.5 * noise(x / 40, y / 40));
    return mix(
      c.map((v, k) => v * (1 + fibre - edge * [0.6, 0.9, 1.5][k])),
      PAPER,
      uneven * (1 - c[0]),
    );
  })
  .save(output('hatching'), { colours: 64 });

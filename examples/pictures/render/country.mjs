// Things of the country as areas for the engraver: clouds, hills, trees, houses, a windmill.
import { clamp, curve, lerp, smooth } from './canvas.mjs';
import { ellipse, lay, random } from './engraving.mjs';
import { fbm, noise } from './noise.mjs';

const LIGHT = [-0.62, -0.58, 0.53]; // towards the light; y down, z to the viewer

/** A cumulus: towers of balls on a level foot; each place takes the form of its front ball. */
export function cloud(cx, cy, size, towers) {
  const balls = [];
  for (let t = -1.75; t <= 1.75; t += 0.34)
    balls.push([
      cx + (t + random.between(-0.1, 0.1)) * size,
      cy - 0.05 * size,
      size * random.between(0.17, 0.27),
    ]);
  for (const [t, tall, wide] of towers) {
    for (let k = 0; k < 13; k++) {
      const up = (k + random()) / 13;
      const spread = wide * Math.sqrt(1 - up * up * 0.85);
      balls.push([
        cx + (t + spread * random.between(-1, 1)) * size,
        cy - up * tall * size,
        size * random.between(0.22, 0.36) * (1.05 - 0.35 * up),
      ]);
    }
  }
  const look = (x, y) => {
    let front = balls[0];
    let most = -9;
    for (const b of balls) {
      const height =
        (1 - ((x - b[0]) ** 2 + (y - b[1]) ** 2) / (b[2] * b[2])) * (b[2] / size + 0.1) +
        ((b[1] - cy) / size) * 0.1;
      if (height > most) [front, most] = [b, height];
    }
    const nx = (x - front[0]) / front[2];
    const ny = (y - front[1]) / front[2];
    const nz = Math.sqrt(Math.max(0, 1 - nx * nx - ny * ny));
    const shade = -(nx * LIGHT[0] + ny * LIGHT[1] + nz * LIGHT[2]);
    const below =
      smooth(cy - size * 0.8, cy + size * 0.2, y) *
      (0.7 + 0.3 * smooth(-1.5, 1.5, (x - cx) / size));
    const foot = y > cy - size * 0.13;
    return {
      tone: clamp(0.2 + (foot ? 0.25 : 0.5) * shade + 0.42 * below),
      angle: foot ? 0 : Math.atan2(ny, nx) + Math.PI / 2,
    };
  };
  balls.forEach(([bx, by, r], k) => {
    lay(
      ellipse(bx, by, r, r, 64).map(([x, y]) => [
        x + 0.06 * r * noise(x * 80, y * 80),
        Math.min(y, cy + size * 0.15 + 0.01 * noise(x * 22, 5)),
      ]),
      3,
      look,
      k > 0,
    );
  });
}

// Far range: facets left and right of a wandering ridge line.
export function range(base, height, seed, gap, strength) {
  const crest = [];
  for (let x = -0.02; x <= 1.36; x += 0.004)
    crest.push([
      x,
      base -
        height *
          (0.5 + 0.9 * (1 - Math.abs(noise(x * 3.1, seed)) * 1.7) + 0.22 * fbm(x * 13, seed, 3)),
    ]);
  lay(
    crest.concat([
      [1.36, 0.9],
      [-0.02, 0.9],
    ]),
    gap,
    (x, y) => {
      const fold =
        noise(x * 9 + 2.2 * (y - base), seed + 5 + y * 3) + 0.5 * noise(x * 24 + y * 8, y * 9);
      const lit = fold > 0;
      return {
        tone:
          clamp(strength * (lit ? 0.22 : 0.8) + 0.2 * Math.abs(fold) * strength) *
          smooth(base + 0.03, base - height * 0.5, y),
        angle: lit ? 2.2 + 0.3 * fold : 0.95 - 0.3 * fold,
      };
    },
  );
}

/**
 * A hill: crest curve, slope shading, and grass or, with `rows`, furrows that fan down from the
 * crest. Returns the height of the crest at x.
 */
export function hill(knots, gap, options) {
  const crest = curve(knots, 24);
  const column = new Float32Array(1400);
  for (let i = 0; i < 1400; i++) {
    const x = i / 1000;
    let k = 0;
    while (k < crest.length - 2 && crest[k + 1][0] < x) k++;
    const [x0, y0] = crest[k];
    const [x1, y1] = crest[k + 1];
    column[i] = lerp(y0, y1, clamp((x - x0) / (x1 - x0 || 1)));
  }
  const top = (x) => column[clamp(Math.round(x * 1000), 0, 1399)];
  const slope = (x) => (top(x + 0.025) - top(x - 0.025)) / 0.05;
  lay(
    crest.concat([
      [1.36, 1.05],
      [-0.02, 1.05],
    ]),
    gap,
    (x, y) => {
      const down = y - top(x);
      const s = slope(x);
      // Right-hand slopes fall away from the light.
      const side = clamp(0.5 + 0.95 * s * options.turn);
      const roll = fbm(x * 4 + options.seed, y * 6, 3);
      let t = 0.13 + 0.66 * side ** 1.3 + 0.24 * roll;
      t += options.foot * smooth(0.02, options.drop, down);
      t *= lerp(0.45, 1, smooth(0, 0.03, down));
      if (options.rows) {
        const v = (x - options.rows[0]) / (0.12 + down * 2.2);
        const row = Math.sin(v * options.rows[1]);
        t = 0.12 + 0.3 * side + 0.42 * smooth(-0.1, 0.7, row) + 0.1 * roll;
        return {
          tone: clamp(t),
          angle: Math.atan2(0.12 + down * 2.2, (x - options.rows[0]) * 2.2),
        };
      }
      return {
        tone: clamp(t),
        angle:
          Math.atan(s * (1 - 0.5 * smooth(0, 0.3, down))) +
          options.lean * smooth(0, 0.16, down) +
          0.2 * roll,
      };
    },
  );
  return top;
}

/** A broad-leaved tree: clumps of leaves over a trunk, with its shadow to the right. */
export function tree(x, y, size) {
  lay(ellipse(x + size * 0.62, y + 0.012 * (size / 0.06), size * 0.75, size * 0.12), 2.6, (px) => ({
    tone: 0.85 - 0.5 * clamp((px - x) / (size * 1.3)),
    angle: 0.06,
  }));
  lay(
    [
      [x - size * 0.07, y + size * 0.14],
      [x - size * 0.045, y - size * 0.5],
      [x + size * 0.05, y - size * 0.5],
      [x + size * 0.09, y + size * 0.14],
    ],
    2.4,
    (px) => ({ tone: clamp(0.45 + (px - x) / (size * 0.12)), angle: 1.5 }),
  );
  const clumps = [];
  for (let i = 0; i < 20; i++) {
    const a = random.between(0, 6.283);
    const d = Math.sqrt(random()) * 0.62;
    clumps.push([
      x + Math.cos(a) * d * size,
      y - size * 0.95 + Math.sin(a) * d * size * 0.9,
      size * random.between(0.26, 0.4),
    ]);
  }
  clumps.sort((a, b) => b[1] - b[0] * 0.4 - (a[1] - a[0] * 0.4));
  for (const [cx, cy, r] of clumps) {
    const shape = ellipse(cx, cy, r, r * 0.9, 56).map(([px, py], i) => {
      const f = 1 + 0.13 * Math.sin(i * 2.4 + cx * 90) + 0.07 * noise(i * 0.9, cx * 50);
      return [cx + (px - cx) * f, cy + (py - cy) * f];
    });
    lay(shape, 2.5, (px, py) => {
      const nx = (px - cx) / r;
      const ny = (py - cy) / r;
      const nz = Math.sqrt(Math.max(0, 1 - nx * nx - ny * ny));
      const whole = ((px - x) * 0.55 + (py - (y - size * 0.95)) * 0.6) / size;
      const shade = -(nx * LIGHT[0] + ny * LIGHT[1] + nz * LIGHT[2]);
      return {
        tone: clamp(0.56 + 0.4 * shade + 0.62 * whole + 0.24 * noise(px * 120, py * 120)),
        angle: Math.atan2(ny, nx) + Math.PI / 2 + 1.3 * noise(px * 75, py * 75),
      };
    });
  }
}
export function poplar(x, y, size) {
  const half = size * 0.16;
  const shape = curve(
    [
      [x, y - size],
      [x + half * 0.7, y - size * 0.6],
      [x + half, y - size * 0.28],
      [x + half * 0.4, y],
      [x - half * 0.4, y],
      [x - half, y - size * 0.28],
      [x - half * 0.7, y - size * 0.6],
    ],
    10,
    true,
  ).map(([px, py], i) => [px + half * 0.16 * Math.sin(i * 2.1), py]);
  lay(shape, 2.4, (px, py) => ({
    tone: clamp(0.5 + 0.55 * ((px - x) / half) + 0.25 * noise(px * 90, py * 60)),
    angle: 1.45 - 0.5 * ((px - x) / half) + 0.4 * noise(px * 40, py * 40),
  }));
}

export function house(x, y, w, h) {
  const side = w * 0.45;
  lay(
    [
      [x, y],
      [x, y - h],
      [x + w, y - h],
      [x + w, y],
    ],
    2.6,
    (px, py) => ({ tone: 0.1 + 0.06 * Math.sin(py * 900), angle: 0 }),
  );
  lay(
    [
      [x + w, y],
      [x + w, y - h],
      [x + w + side / 2, y - h * 1.75],
      [x + w + side, y - h],
      [x + w + side, y],
    ],
    2.5,
    () => ({ tone: 0.72, angle: 1.57 }),
  );
  lay(
    [
      [x - w * 0.05, y - h * 0.95],
      [x + side * 0.42, y - h * 1.8],
      [x + w + side / 2, y - h * 1.8],
      [x + w, y - h * 0.95],
    ],
    2.5,
    () => ({ tone: 0.42, angle: 2.15 }),
  );
  for (const f of [0.2, 0.6])
    lay(
      [
        [x + w * f, y - h * 0.35],
        [x + w * f, y - h * 0.7],
        [x + w * (f + 0.17), y - h * 0.7],
        [x + w * (f + 0.17), y - h * 0.35],
      ],
      2,
      () => ({ tone: 0.95, angle: 0.7 }),
    );
}

// The windmill: tower, cap, gallery and four latticed sails, with its shadow.
export function windmill(x, y) {
  lay(ellipse(x + 0.11, y + 0.012, 0.13, 0.018), 2.8, (px) => ({
    tone: 0.9 - 2.2 * Math.abs(px - x - 0.06),
    angle: 0.1,
  }));
  const tower = [
    [x - 0.062, y],
    [x - 0.04, y - 0.235],
    [x + 0.04, y - 0.235],
    [x + 0.062, y],
  ];
  lay(tower, 2.7, (px, py) => {
    const u = (px - x) / lerp(0.062, 0.04, (y - py) / 0.235);
    const brick = Math.sin(py * 560) > 0.82 ? 0.12 : 0;
    return {
      tone: clamp(
        0.08 +
          0.85 * smooth(-0.35, 0.85, u) -
          0.14 * smooth(0.85, 1, u) +
          0.2 * smooth(-0.75, -1, u) +
          brick,
      ),
      angle: 0.1 + 0.14 * u * u,
    };
  });
  lay(
    [
      [x - 0.014, y],
      [x - 0.014, y - 0.05],
      [x, y - 0.06],
      [x + 0.014, y - 0.05],
      [x + 0.014, y],
    ],
    2.2,
    () => ({ tone: 0.95, angle: 1.2 }),
  );
  for (const [wx, wy] of [
    [-0.012, 0.115],
    [0.014, 0.175],
    [-0.01, 0.2],
  ])
    lay(
      [
        [x + wx - 0.007, y - wy],
        [x + wx - 0.007, y - wy - 0.02],
        [x + wx + 0.007, y - wy - 0.02],
        [x + wx + 0.007, y - wy],
      ],
      2,
      () => ({ tone: 0.97, angle: 0.8 }),
    );
  lay(
    [
      [x - 0.078, y - 0.088],
      [x - 0.078, y - 0.096],
      [x + 0.078, y - 0.096],
      [x + 0.078, y - 0.088],
    ],
    2.2,
    (px) => ({ tone: px > x ? 0.9 : 0.5, angle: 0 }),
  );
  lay(
    curve(
      [
        [x - 0.047, y - 0.232],
        [x - 0.04, y - 0.265],
        [x - 0.005, y - 0.292],
        [x + 0.035, y - 0.27],
        [x + 0.05, y - 0.232],
      ],
      12,
    ),
    2.4,
    (px) => ({ tone: clamp(0.35 + (px - x) * 11), angle: 1.57 + (px - x) * 9 }),
  );
  const [hx, hy] = [x - 0.028, y - 0.25];
  for (let k = 0; k < 4; k++) {
    const a = 0.42 + (k * Math.PI) / 2;
    const [ux, uy] = [Math.cos(a), Math.sin(a)];
    const at = (along, across) => [hx + ux * along - uy * across, hy + uy * along + ux * across];
    lay([at(0, -0.0028), at(0.225, -0.0018), at(0.225, 0.0018), at(0, 0.0028)], 2, () => ({
      tone: 1,
      angle: a,
    }));
    lay([at(0.045, 0.003), at(0.222, 0.003), at(0.222, 0.043), at(0.045, 0.036)], 2.3, (px, py) => {
      const along = (px - hx) * ux + (py - hy) * uy;
      const across = -(px - hx) * uy + (py - hy) * ux;
      const frame =
        wrapNear(along - 0.045, 0.0197) < 0.0016 || wrapNear(across - 0.003, 0.0133) < 0.0014;
      return { tone: frame ? 1 : 0.14, angle: a + (frame ? 0 : 1.57) };
    });
  }
  lay(ellipse(hx, hy, 0.008, 0.008), 2, () => ({ tone: 1, angle: 0 }));
}
function wrapNear(v, period) {
  const m = v - period * Math.floor(v / period);
  return Math.min(m, period - m);
}

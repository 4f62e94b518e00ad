// Inside a three.js scene, on its device: a scene is rendered to a target, stylised on the GPU, and shown as the texture
// of a material in another scene. No pixel of it passes through the CPU but once, when the content is read in. To look at
// it: `npm run examples`.
//
// three computes in linear light, so the content says `srgb-linear`; the result goes into an rgba8unorm-srgb texture,
// whose samples are linear light too.

import {
  BoxGeometry,
  Color,
  ExternalTexture,
  HalfFloatType,
  Mesh,
  MeshBasicMaterial,
  MeshNormalMaterial,
  PerspectiveCamera,
  PlaneGeometry,
  RenderTarget,
  Scene,
  TorusKnotGeometry,
  WebGPURenderer,
  type Texture,
} from 'three/webgpu';
import { StyleSession } from 'wgpu-style';

/** What we need of three's WebGPU backend: its device, and the GPUTexture of a texture. */
interface Backend {
  readonly device: GPUDevice;
  get(texture: Texture): { readonly texture: GPUTexture };
}

export interface Show {
  /** Side of what is stylised, in pixels. */
  readonly size?: number;
  readonly iterations?: number;
  /** Where the second scene is rendered to. Default: the canvas, again and again. */
  readonly target?: RenderTarget;
}

/** Renders, stylises, shows; gives the renderer for whoever wants to look at `target`. */
export async function main(canvas: HTMLCanvasElement, { size = 256, iterations = 60, target }: Show = {}): Promise<WebGPURenderer> {
  const renderer = new WebGPURenderer({ canvas });
  await renderer.init();
  const backend = renderer.backend as unknown as Backend;

  const subject = new Scene();
  subject.background = new Color('skyblue');
  subject.add(new Mesh(new TorusKnotGeometry(0.8, 0.3, 96, 16), new MeshNormalMaterial()));
  const rendered = new RenderTarget(size, size, { type: HalfFloatType });
  renderer.setRenderTarget(rendered);
  renderer.render(subject, cameraAt(3.5));

  const { device } = backend;
  const painted = device.createTexture({
    label: 'painted',
    size: [size, size],
    format: 'rgba8unorm-srgb',
    usage: GPUTextureUsage.RENDER_ATTACHMENT | GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_SRC,
  });
  const session = await StyleSession.create({
    device,
    content: { texture: backend.get(rendered.texture).texture, colorSpace: 'srgb-linear' },
    style: 'pictures/glass.png',
    size,
    preview: painted,
  });

  const material = new MeshBasicMaterial({ map: new ExternalTexture(painted) });
  const gallery = new Scene();
  const box = new Mesh(target ? new PlaneGeometry(2, 2) : new BoxGeometry(), material);
  gallery.add(box);
  const camera = cameraAt(target ? 1 : 2);
  renderer.setRenderTarget(target ?? null);
  for (let i = 0; i < iterations; i++) {
    await session.step();
    if (target) continue;
    box.rotation.y += 0.02;
    renderer.render(gallery, camera);
  }
  renderer.render(gallery, camera);
  session.destroy(); // the device and `painted` are the app's, and stay
  return renderer;
}

/** Looks along -z; at distance 1 a plane of side 2 fills the view. */
function cameraAt(distance: number): PerspectiveCamera {
  const camera = new PerspectiveCamera(90, 1, 0.1, 10);
  camera.position.z = distance;
  return camera;
}

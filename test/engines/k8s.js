/** Kubernetes: the file is held to the API of several versions, unknown fields included. No cluster runs it here. */
import { join } from 'node:path';
import { planIn, pythonOf, root, run } from './tool.js';

export const missing = () => undefined;

export async function test() {
  const place = planIn('k8s');
  // The first version that has all fields, and the last that the schemas know.
  for (const version of ['1.29', '1.31', '1.33', '1.35', '1.37'])
    run(pythonOf('k8s'), [join(root, 'test/engines/k8s.py'), version, join(place, 'set.job')], { stdio: 'inherit' });
}

import { renderOnCpu } from '../../src/render/render.ts';
import { testKernel } from './kernel.ts';

await testKernel('cpu');
await testKernel('cpu', renderOnCpu);

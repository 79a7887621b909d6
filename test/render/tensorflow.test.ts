import { testKernel } from './kernel.ts';

await testKernel('tensorflow');

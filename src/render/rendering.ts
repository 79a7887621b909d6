import { cpus } from 'node:os';
import type { Backend } from '../types.ts';
import type { Render } from './render.ts';

/** A backend that files are rendered on. */
export interface RenderingBackend extends Backend {
  readonly render: Render;
}

/** The name of the processor, for people. */
export function cpuModel(): string {
  return cpus()[0]?.model.trim() ?? 'unknown';
}
